-- How far acting may lag behind learning: a3c by 1, 2, 11 and 64 workers, whose gradients are up to 0, 1, 10 and 63 updates old, with
-- and without V-trace. Each worker has 64 users, so that an update is always of 512 requests. Step sizes of a recipe are of all workers
-- together, of which each makes its share: they are as many times larger here, so that an update's is the same in all arms.
-- With several workers two runs differ.
-- Eight arms: about ten minutes on two cores.
--   perilune experiment recipes/shortvideo/live_async.lua [--fast]
local function lag(updates, correction)
  local workers = updates + 1
  local lr = linear {from = 6e-4 * workers, to = 0}
  return extend(require "a3c_adam", {env = {n = 64 * workers}, algorithm = {correction = correction, lr = lr, critic_lr = lr},
    train = {steps = 1.5e6}})
end

local arms = {}
for _, updates in ipairs {0, 1, 10, 63} do
  local workers = updates + 1
  local set = {["env.n"] = 64 * workers} -- also where a world makes another env of it
  arms[#arms + 1] = {name = "lag " .. updates, recipe = lag(updates, false), workers = workers, set = set}
  arms[#arms + 1] = {name = "lag " .. updates .. " vtrace", recipe = lag(updates, {"vtrace"}), workers = workers, set = set}
end

return experiment {
  name = "live_async",
  question = "How old may the policy be that acts, for a3c with and without a correction?",
  control = "lag 0",
  arms = arms,
  responses = {"watch_time", "video_views", "like", "follow", "share", "comment"},
  metrics = {"lag", "clip_rate/rho", "entropy"},
  worlds = {"strong"},
  more_worlds = require "worlds",
  seeds = 3, users = 4096, days = 3,
  fast = {seeds = 2, users = 512, days = 1, set = {["train.steps"] = 2e5, ["eval.every"] = 5e4, ["eval.curve"] = 256}},
}
