-- How far a live policy should look: beyond the request or not.
--   perilune experiment recipes/shortvideo/live_bandit.lua [--fast]
local function rate(from) return linear {from = from, to = 0} end

return experiment {
  name = "live_bandit",
  question = "Does a policy that looks beyond a request (γ .95) hold users better than a contextual bandit (γ 0)?",
  control = "bandit",
  arms = {
    {name = "bandit", recipe = extend(require "a3c_adam", {objective = {critics = {reward = {gamma = 0}}}})},
    {name = "a3c", recipe = require "a3c_adam"},
  },
  published = {video_views = {a3c = 0.37}, follow = {a3c = 0}},
  responses = {"watch_time", "video_views", "like", "follow", "share", "comment", "requests", "return_time"},
  tune = {grid = {["algorithm.lr"] = {rate(3e-4), rate(6e-4), rate(1.2e-3)}}, metric = "watch_time", seeds = 2, users = 1024},
  worlds = {"strong", "weak"},
  more_worlds = require "worlds",
  seeds = 5, users = 4096, days = 3,
  groups = {"activity"},
  fast = {seeds = 3, users = 512, days = 1, set = {["train.steps"] = 2e5, ["eval.every"] = 5e4, ["eval.curve"] = 256}},
}
