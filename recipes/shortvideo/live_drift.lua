-- Sixty simulated days with drift, trends and daily cycles: a policy that goes on learning, and ones that stop.
--   perilune experiment recipes/shortvideo/live_drift.lua [--fast]
-- A user makes about 24 requests a day. Half of the users have twins whom the ranker's own order serves at the same time, so that lifts
-- are of the same days. ppo makes more of few days than a3c.
local users, day = 1024, 1024 * 24

local function learns(days)
  local rate = piecewise {{0, 3e-4}, {days * day, 3e-4}, {days * day + 1, 0}}
  return extend(require "ppo", {
    env = {n = users}, agent = {baseline = {traffic = 0.5, window = 2048}},
    algorithm = {rollout = 8, lr = rate, critic_lr = rate},
    train = {steps = 60 * day},
    eval = {every = 6 * day},
  })
end

local many = {["env.n"] = users} -- also where a world makes another env of it

return experiment {
  name = "live_drift",
  question = "Does a policy that stops learning lose what it has gained, in a world that drifts?",
  control = "goes on",
  arms = {
    {name = "goes on", recipe = learns(60), set = many},
    {name = "stops after 10 days", recipe = learns(10), set = many},
    {name = "stops after 30 days", recipe = learns(30), set = many},
  },
  responses = {"watch_time", "video_views", "like", "follow", "share", "comment", "requests", "return_time"},
  metrics = {"lift/watch_time", "lift/like", "lift/share", "lift/video_views"},
  worlds = {"strong", {name = "strong drift 4", set = {["env.preset"] = "strong", ["env.drift"] = 4}}},
  more_worlds = require "worlds",
  seeds = 3, users = 4096, days = 3,
  fast = {seeds = 2, users = 512, days = 1, set = {["train.steps"] = 15 * day, ["eval.every"] = 5 * day, ["eval.curve"] = 256}},
}
