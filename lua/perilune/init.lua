--- The module: the C functions, and the Lua parts on top of them, loaded when first asked for.
local core = ...

local parts = {
  nn = "perilune.nn",
  optim = "perilune.optim",
  distribution = "perilune.distribution",
  recipe = "perilune.recipe.load",
}

return setmetatable(core, {
  __index = function(self, key)
    local part = parts[key] and require(parts[key])
    self[key] = part
    return part
  end,
})
