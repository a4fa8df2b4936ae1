-- How far a policy should look ahead: the discount of a2c.lua from one request to a whole session. Each point is
-- trained on the same seeds, and the winner again on seeds that it was not chosen by.
--   perilune sweep recipes/shortvideo/sweep_gamma.lua
return sweep {
  base = require "a2c",
  grid = {["objective.critics.reward.gamma"] = {0, 0.5, 0.9, 0.95, 0.99}},
  seeds = 5,
  metric = "watch_time",
}
