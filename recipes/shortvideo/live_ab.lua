-- An A/B test as production runs it: the ranker's own order, a contextual bandit and a2c, each on a quarter of the users, where it learns
-- from these alone; the last quarter has a second a2c. Beside it the paired table of the same arms, trained on all users. About three
-- minutes on two cores.
--   perilune experiment recipes/shortvideo/live_ab.lua [--fast]
-- A share of 1,024 users makes about a million requests in thirty days, over which step sizes fall to 0.
return experiment {
  name = "live_ab",
  question = "What does an A/B test of thirty days see of learners that live on their share of the traffic?",
  control = "ltr",
  arms = {
    {name = "bandit", recipe = require "a2c_bandit"},
    {name = "a2c", recipe = require "a2c"},
  },
  responses = {"watch_time", "video_views", "like", "follow", "share", "comment", "requests", "return_time"},
  ab = {users = 4096, days = 30, from = 16, aa = "a2c", set = {["train.steps"] = 1.03e6},
    fast = {users = 256, days = 4, set = {["train.steps"] = 8000, ["train.warmup"] = 1000}}},
  worlds = {"strong"},
  more_worlds = require "worlds",
  seeds = 5, users = 4096, days = 3,
  fast = {seeds = 2, users = 512, days = 1, set = {["train.steps"] = 2e5, ["eval.every"] = 5e4, ["eval.curve"] = 256}},
}
