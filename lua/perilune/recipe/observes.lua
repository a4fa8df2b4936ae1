--- Which observations networks see: observes = {hide = {"last_*"}} hides some by their names, in which * stands for any letters.

local nearest = require "perilune.nearest"
local values = require "perilune.recipe.values"

local observes = {}

--- Whether a name is of the pattern: its parts between the stars come one after the other.
local function fits(name, pattern)
  local parts, at = {}, 1
  for part in (pattern .. "*"):gmatch "([^*]*)%*" do parts[#parts + 1] = part end
  if #parts == 1 then return name == pattern end
  local last = table.remove(parts)
  for i, part in ipairs(parts) do
    local from, to = name:find(part, at, true)
    if not from or (i == 1 and from > 1) then return false end
    at = to + 1
  end
  return #name - at + 1 >= #last and name:sub(#name - #last + 1) == last
end

--- The places of the observations that are not hidden, a list. given: nil, where none is.
function observes.kept(names, given)
  local places = {}
  for i, name in ipairs(names) do
    local hidden = false
    for _, pattern in ipairs(given and given.hide or {}) do hidden = hidden or fits(name, pattern) end
    if not hidden then places[#places + 1] = i end
  end
  return places
end

--- Refuses (check: of validate.lua) patterns of which there is no observation, and hiding all.
function observes.check(check, given, names, path)
  if not given.hide then return end -- refused already
  for i, pattern in ipairs(given.hide) do
    if #observes.kept(names, {hide = {pattern}}) == #names then
      check.note(("%s.hide.%d"):format(path, i), ("there is no observation %q%s"):format(pattern, nearest.hint_or_list(pattern, names)))
    end
  end
  if #observes.kept(names, given) == 0 then
    check.note(path .. ".hide", ("%s hides every observation"):format(values.show(given.hide)))
  end
end

return observes
