-- One critic of the weighted sum, or one of watching and one of interactions with as many parameters together.
--   perilune experiment recipes/shortvideo/live_joint.lua [--fast]
local learner = require("a3c_adam").algorithm

return experiment {
  name = "live_joint",
  question = "Do critics of watching and of interactions, each for itself, know the value better than one critic of their sum?",
  control = "joint",
  arms = {
    {name = "joint", recipe = extend(require "a2c_joint", {algorithm = learner})},
    {name = "separate", recipe = extend(require "a2c_separate", {algorithm = learner})},
  },
  responses = {"watch_time", "video_views", "like", "follow", "share", "comment", "requests", "return_time"},
  values = {users = 1024, steps = 64, horizon = 128},
  worlds = {"strong", "weak"},
  more_worlds = require "worlds",
  seeds = 5, users = 4096, days = 3,
  fast = {seeds = 3, users = 512, days = 1, set = {["train.steps"] = 2e5, ["eval.every"] = 5e4, ["eval.curve"] = 256}},
}
