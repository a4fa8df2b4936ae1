-- What is said of three algorithms: that reinforce converges slowly, and that a3c converges faster but is sensitive to the coefficients
-- of the reward. The worlds halve and double what interactions count for.
--   perilune experiment recipes/shortvideo/live_claims.lua [--fast]
local base = extend(require "a2c_separate", {
  objective = {critics = {watching = {scale = "baseline"}, interactions = {scale = "baseline", weight = 0.2}}},
})

local function world(preset, factor)
  return {name = ("%s x %g"):format(preset, factor),
    set = {["env.preset"] = preset, ["objective.critics.interactions.weight"] = 0.2 * factor}}
end

local many = {["env.n"] = 256} -- also where a world makes another env of it

return experiment {
  name = "live_claims",
  question = "Which of reinforce, ppo and a3c is first at its final lift, and how far does the lift depend on the reward's coefficients?",
  control = "a3c",
  arms = {
    {name = "a3c", recipe = extend(base, {algorithm = {"a3c", rollout = 8, entropy = 0, optimizer = {"adam", epsilon = 1e-5},
      lr = linear {from = 6e-4, to = 0}, critic_lr = linear {from = 6e-4, to = 0}, lambda = 0.9}})},
    {name = "reinforce", recipe = extend(base, {env = {n = 256}, algorithm = {"reinforce", rollout = 32, longest = 200,
      lr = linear {from = 6e-4, to = 0}, critic_lr = linear {from = 6e-4, to = 0}}}), set = many},
    {name = "ppo", recipe = extend(base, {env = {n = 256}, algorithm = {"ppo", rollout = 32, minibatch = 1024, epochs = 4,
      lr = linear {from = 6e-4, to = 0}, critic_lr = linear {from = 6e-4, to = 0}, lambda = 0.9}}), set = many},
  },
  responses = {"watch_time", "video_views", "like", "follow", "share", "comment"},
  worlds = {world("strong", 0.5), world("strong", 1), world("strong", 2)},
  more_worlds = require "worlds",
  seeds = 3, users = 4096, days = 3,
  fast = {seeds = 2, users = 512, days = 1, set = {["train.steps"] = 2e5, ["eval.every"] = 5e4, ["eval.curve"] = 256}},
}
