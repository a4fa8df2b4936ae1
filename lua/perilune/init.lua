--- The module: the C functions, and the Lua parts on top of them, loaded when first asked for.
local core = ...

local parts = {
  nn = "perilune.nn",
  optim = "perilune.optim",
  distribution = "perilune.distribution",
  recipe = "perilune.recipe.load",
  run = "perilune.run",
}

-- The executable alone puts them here.
local executable = {catch_interrupt = true, end_with = true, interrupted = true, release_interrupt = true}

--- A name that is not there is a mistake, not nil.
local function refuse(self, key)
  local names = {}
  for name in pairs(parts) do names[name] = true end
  for name in pairs(self) do names[name] = true end
  core.refuse(core.no_name("prl", "function", key, names))
end

return setmetatable(core, {
  __parts = parts, -- for the console, which shows also what is not loaded yet
  __index = function(self, key)
    local part = parts[key] and require(parts[key])
    if part == nil and type(key) == "string" and not executable[key] and key:sub(1, 2) ~= "__" then refuse(self, key) end
    self[key] = part
    return part
  end,
})
