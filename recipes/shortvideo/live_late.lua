-- Feedback that comes late: the time to a user's return is waited for, up to four days, so that the last request of a session is
-- learned from when the policy is another. a3c drops such requests, with V-trace it corrects them; ppo takes them as they are.
--   perilune experiment recipes/shortvideo/live_late.lua [--fast]
local base = extend(require "a2c", {env = {n = 256}, agent = {rows = 5e4}, train = {steps = 2e6}})

local function a3c(correction)
  return extend(base, {algorithm = {"a3c", rollout = 8, entropy = 0, optimizer = {"adam", epsilon = 1e-5}, lr = 6e-4, critic_lr = 6e-4,
    lambda = 0.9, correction = correction}})
end

local function world(name, wait) return {name = name, set = {["env.preset"] = "strong", ["env.return_wait"] = wait}} end

local many = {["env.n"] = 256} -- also where a world makes another env of it

return experiment {
  name = "live_late",
  question = "Do ppo and a3c stand feedback that comes after the policy has changed?",
  control = "ltr",
  arms = {
    {name = "a3c", recipe = a3c(false), set = many},
    {name = "a3c vtrace", recipe = a3c {"vtrace"}, set = many},
    {name = "ppo", recipe = extend(base, {algorithm = {"ppo", rollout = 8, minibatch = 512, epochs = 4, lambda = 0.9}}), set = many},
  },
  responses = {"watch_time", "video_views", "like", "follow", "share", "comment"},
  metrics = {"lag", "stale_steps", "approx_kl", "clip_rate/rho"},
  worlds = {world("at once", 0), world("after four days", 96)},
  more_worlds = require "worlds",
  seeds = 3, users = 4096, days = 3,
  fast = {seeds = 2, users = 512, days = 1, set = {["train.steps"] = 2e5, ["eval.every"] = 5e4, ["eval.curve"] = 256}},
}
