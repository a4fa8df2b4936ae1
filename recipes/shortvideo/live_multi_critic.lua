-- One critic for the sum of all rewards, or one for each response. Rewards of several critics are in units of their own mean, so that what
-- a response counts for in the one sum is its coefficient × its mean over that of watch time: `same weights` has these, of the preset
-- `strong` (elsewhere they are others by up to a third), and `own weights` those of a2c_multi_critic.lua, three to five times as large.
--   perilune experiment recipes/shortvideo/live_multi_critic.lua [--fast]
local learner = require("a3c_adam").algorithm
local multi = extend(require "a2c_multi_critic", {algorithm = learner})
local same = extend(multi, {objective = {critics = {video_views = {weight = 0.021}, like = {weight = 0.0174}, follow = {weight = 0.006},
  share = {weight = 0.004}, comment = {weight = 0.0057}}}})

local function rate(from) return linear {from = from, to = 0} end

return experiment {
  name = "live_multi_critic",
  question = "Does one critic for each response, with its own discount, beat one critic for their sum?",
  control = "one",
  arms = {
    {name = "one", recipe = require "a3c_adam"},
    {name = "same weights", recipe = same},
    {name = "own weights", recipe = multi},
  },
  published = {watch_time = {["same weights"] = 0.387}, follow = {["same weights"] = -1.97}, video_views = {["same weights"] = 0.15}},
  responses = {"watch_time", "video_views", "like", "follow", "share", "comment", "requests", "return_time"},
  tune = {grid = {["algorithm.lr"] = {rate(3e-4), rate(6e-4), rate(1.2e-3)}}, metric = "watch_time", seeds = 2, users = 1024},
  worlds = {"strong", "weak"},
  more_worlds = require "worlds",
  seeds = 5, users = 4096, days = 3,
  fast = {seeds = 3, users = 512, days = 1, set = {["train.steps"] = 2e5, ["eval.every"] = 5e4, ["eval.curve"] = 256}},
}
