-- How near to the policies of stage one should the second stage stay? The two stages of live_constrained by their coefficient `pull`,
-- beside a3c, which stays near to nothing, and the policy for shares alone that they are pulled to.
-- Seven arms: about six minutes a world on two cores.
--   perilune experiment recipes/shortvideo/live_pull.lua [--fast]
local many = {["env.n"] = 256} -- also where a world makes another env of it
local base = extend(require "a2c", {env = {n = 256}, algorithm = require("a3c_adam").algorithm, train = {steps = 3e6}})

local arms = {{name = "a3c", recipe = base, set = many}}
for _, pull in ipairs {0.005, 0.01, 0.02, 0.05, 0.1} do
  arms[#arms + 1] = {name = ("two stages %g"):format(pull), recipe = extend(require "two_stage", {algorithm = {pull = pull}}), set = many,
    fast = {["algorithm.first"] = 1e5}}
end
arms[#arms + 1] = {name = "shares alone", set = many, recipe = extend(base, {objective = {critics = {
  reward = remove,
  share = {reward = function(r) return where(gt(r.share, 0), 1, 0) end, gamma = 0.5, scale = "baseline"},
}}})}

return experiment {
  name = "live_pull",
  question = "How near to the policies of stage one should the second stage stay?",
  control = "ltr",
  arms = arms,
  responses = {"watch_time", "video_views", "share", "comment", "return_time"},
  front = {"watch_time", "share"},
  worlds = {"strong", "weak"},
  more_worlds = require "worlds",
  seeds = 3, users = 4096, days = 3,
  fast = {seeds = 2, users = 512, days = 1, set = {["train.steps"] = 3e5, ["eval.every"] = 1e5, ["eval.curve"] = 256}},
}
