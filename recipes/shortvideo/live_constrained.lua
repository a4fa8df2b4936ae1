-- Watch time with shares that must not be lost: one reward, a learned multiplier, interactions alone, and two stages.
-- Four arms: about ten minutes on two cores.
--   perilune experiment recipes/shortvideo/live_constrained.lua [--fast]
local interactions = {
  reward = remove,
  share = {gamma = 0.5, weight = 1, scale = "baseline"},
  comment = {gamma = 0.5, weight = 1, scale = "baseline"},
}
local learner = require("a3c_adam").algorithm
local base = extend(require "a2c", {env = {n = 256}, train = {steps = 3e6}})

local many = {["env.n"] = 256} -- also where a world makes another env of it

return experiment {
  name = "live_constrained",
  question = "Does a two-stage policy keep the watch time of a3c with most of the interactions that a policy for these alone gains?",
  control = "ltr",
  arms = {
    {name = "a3c", recipe = extend(base, {algorithm = learner}), set = many},
    {name = "rcpo", recipe = extend(require "rcpo", {algorithm = learner, env = {n = 256}, train = {steps = 3e6}}), set = many},
    {name = "interactions", recipe = extend(base, {algorithm = learner, objective = {critics = interactions}}), set = many},
    {name = "two_stage", recipe = require "two_stage", set = many, fast = {["algorithm.first"] = 1e5}},
  },
  published = {
    watch_time = {a3c = 0.309, rcpo = 0.283, interactions = 0.117, two_stage = 0.336},
    share = {a3c = -0.707, rcpo = -1.075, interactions = 5.008, two_stage = 3.324},
    download = {a3c = 0.153, rcpo = -0.519, interactions = 1.952, two_stage = 1.785},
    comment = {a3c = -1.313, rcpo = -0.773, interactions = -0.101, two_stage = -0.618},
  },
  responses = {"watch_time", "video_views", "like", "follow", "share", "download", "comment", "requests", "return_time"},
  front = {"watch_time", "share", "comment"},
  worlds = {"strong", "weak"},
  more_worlds = require "worlds",
  seeds = 5, users = 4096, days = 3,
  groups = {"activity"},
  fast = {seeds = 3, users = 512, days = 1, set = {["train.steps"] = 3e5, ["eval.every"] = 1e5, ["eval.curve"] = 256}},
}
