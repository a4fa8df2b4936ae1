-- How two stages learn: watch time and shares over simulated days, beside the ranker's own order.
--   perilune experiment recipes/shortvideo/live_learning_curve.lua [--fast]
return experiment {
  name = "live_learning_curve",
  question = "After how many days are both watch time and shares of a two-stage policy above those of the supervised ranker?",
  control = "ltr",
  arms = {{name = "two_stage", recipe = require "two_stage", set = {["env.n"] = 256, ["eval.every"] = 2.5e5, ["eval.curve"] = 2048},
    fast = {["algorithm.first"] = 1e5}}},
  responses = {"watch_time", "share", "comment"},
  metrics = {"kl/share", "effective"},
  worlds = {"strong", "weak"},
  more_worlds = require "worlds",
  seeds = 5, users = 4096, days = 3,
  fast = {seeds = 3, users = 512, days = 1, set = {["train.steps"] = 3e5, ["eval.every"] = 1e5, ["eval.curve"] = 256}},
}
