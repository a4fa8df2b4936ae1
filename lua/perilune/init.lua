--- The module: the C functions, and the Lua parts on top of them, loaded when first asked for.
local core = ...

local parts = {
  nn = "perilune.nn",
  optim = "perilune.optim",
  distribution = "perilune.distribution",
  recipe = "perilune.recipe.load",
}

return setmetatable(core, {
  __parts = parts, -- for the console, which shows also what is not loaded yet
  __index = function(self, key)
    local part = parts[key] and require(parts[key])
    self[key] = part
    return part
  end,
})
