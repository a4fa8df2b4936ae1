-- How old may the policy be that acts? ppo, and a3c by one worker with V-trace, act by the policy of exactly so many updates ago; all
-- updates are of 512 requests, and a training has 2,900 of them. Without a correction a3c drops such requests. Eight arms: about
-- ten minutes on two cores.
--   perilune experiment recipes/shortvideo/live_lag.lua [--fast]
local ppo = extend(require "a2c", {algorithm = {"ppo", rollout = 8, minibatch = 128, epochs = 4, lambda = 0.9,
  lr = linear {from = 6e-4, to = 0}, critic_lr = linear {from = 6e-4, to = 0}}, train = {steps = 1.5e6}})
local a3c = extend(require "a3c_adam", {algorithm = {correction = {"vtrace"}}, train = {steps = 1.5e6}})

local arms = {{name = "ppo", recipe = ppo}, {name = "a3c vtrace", recipe = a3c}}
for _, updates in ipairs {1, 10, 100} do
  arms[#arms + 1] = {name = "ppo lag " .. updates, recipe = ppo, lag = updates}
  arms[#arms + 1] = {name = "a3c vtrace lag " .. updates, recipe = a3c, lag = updates}
end

return experiment {
  name = "live_lag",
  question = "Do ppo and a3c with V-trace stand acting that is 1, 10 or 100 updates behind learning?",
  control = "ltr",
  arms = arms,
  responses = {"watch_time", "video_views", "share"},
  metrics = {"lag", "clip_fraction", "approx_kl", "clip_rate/rho", "entropy"},
  worlds = {"strong"},
  more_worlds = require "worlds",
  seeds = 3, users = 4096, days = 3,
  fast = {seeds = 2, users = 512, days = 1, set = {["train.steps"] = 2e5, ["eval.every"] = 5e4, ["eval.curve"] = 256}},
}
