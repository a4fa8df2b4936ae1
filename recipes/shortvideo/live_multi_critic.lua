-- One critic for the sum of all rewards, or one for each response.
--   perilune experiment recipes/shortvideo/live_multi_critic.lua [--fast]
local learner = require("a3c_adam").algorithm

return experiment {
  name = "live_multi_critic",
  question = "Does one critic for each response, with its own discount, beat one critic for their sum?",
  control = "one",
  arms = {
    {name = "one", recipe = require "a3c_adam"},
    {name = "multi", recipe = extend(require "a2c_multi_critic", {algorithm = learner})},
  },
  published = {watch_time = {multi = 0.387}, follow = {multi = -1.97}, video_views = {multi = 0.15}},
  responses = {"watch_time", "video_views", "like", "follow", "share", "comment", "requests", "return_time"},
  worlds = {"strong", "weak"},
  seeds = 5, users = 4096, days = 3,
  fast = {seeds = 3, users = 512, days = 1, set = {["train.steps"] = 2e5, ["eval.every"] = 5e4, ["eval.curve"] = 256}},
}
