--- How `perilune swap` brings another recipe into force: each mode with what it asks of the training, and a sentence.

local modes = {
  {name = "check", asks = {kind = "check"}, text = "only say whether it can be carried out, what it would change, and what would "
    .. "become of each part of the agent"},
  {name = "apply", asks = {kind = "swap"}, text = "at once, for everybody"},
  {name = "ramp", asks = {kind = "swap", mode = "ramp"}, text = "for the shares of the users that the new recipe's agent.ramp says, "
    .. "one after the other, each when the guards of the one before hold; the others keep the policy before"},
  {name = "shadow", asks = {kind = "swap", mode = "shadow"}, text = "for nobody yet: it learns beside, from the same steps, until perilune "
    .. "confirm brings it into force, or perilune rollback drops it"},
}

--- What a mode asks of the training: {kind, mode}.
function modes.asks(name)
  for _, mode in ipairs(modes) do
    if mode.name == name then return mode.asks end
  end
end

function modes.names()
  local names = {}
  for i, mode in ipairs(modes) do names[i] = mode.name end
  return names
end

--- All of them, in one text.
function modes.text()
  local lines = {}
  for i, mode in ipairs(modes) do lines[i] = ("%s: %s"):format(mode.name, mode.text) end
  return table.concat(lines, "; ")
end

return modes
