-- The worlds that an experiment of this folder has beside its own, one at a time, by `perilune experiment FILE --world NAME`: rankers
-- that are tuned already (tuned.lua), and real users and videos, whose world file is made first, from the same folder:
--   perilune fit recipes/kuairand/world.lua --data FOLDER
-- All videos of these logs are of one age, so that freshness is held. Another env takes no options over from a recipe's own: `n` is
-- given, and an arm that needs another one says so in its `set`. No recipe: experiments take it as their `more_worlds`.
local tuned = require "tuned"

local function world(name, env, more)
  local set = {}
  for option, value in pairs(env) do set["env." .. option] = value end
  for path, value in pairs(more or {}) do set[path] = value end
  return {name = name, set = set}
end

local real = {["env.1"] = "kuairand", ["env.n"] = 64, ["env.world"] = "runs/kuairand/world.safetensors",
  ["policy.action"] = {freshness = 0}}

return {
  world("strong", {preset = "strong"}),
  world("weak", {preset = "weak"}),
  world("strong tuned", tuned.strong),
  world("weak tuned", tuned.weak),
  world("kuairand", {preset = "strong"}, real),
  world("kuairand tuned", tuned.kuairand, real),
}
