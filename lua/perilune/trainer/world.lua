--- The simulated environments of a run.

local prl = require "perilune"

local world = {}

--- A vector env of `about` = {kind, name, path, options} (recipe/environment.lua) with n instances. Returns nil and a
--- message where it cannot be made.
function world.make(about, n, seed)
  if about.kind == "host" then
    return nil, "this recipe's env is driven by its host; there is nothing here to train it in"
  end
  local options = {}
  for key, value in pairs(about.options or {}) do options[key] = value end
  options.n, options.seed = n, seed
  local ok, env = pcall(prl.env, about.kind == "builtin" and about.name or {[about.kind] = about.path}, options)
  if not ok then return nil, tostring(env) end
  return env
end

--- The responses of an environment's spec as runs keep them: {name, unit, combine}, ….
function world.responses(spec)
  local list = {}
  for i, response in ipairs(spec.responses) do
    list[i] = {name = response.name, unit = response.unit or "", combine = response.combine}
  end
  return list
end

return world
