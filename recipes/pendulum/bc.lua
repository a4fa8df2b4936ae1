-- Clone the policy of a run that swings the pendulum up, as of
--   perilune train recipes/pendulum/sac.lua
--   perilune train recipes/pendulum/bc.lua --set 'algorithm.from="runs/pendulum-sac-…"'
-- In half of the episodes the clone acts, so that the run's policy also says what to do where the clone errs.
return {
  env = {"pendulum", n = 8},
  objective = {critics = {swing = {reward = function(r) return r.reward end, gamma = 0.9}}},
  policy = {hidden = {64, 64}, bounded = true, log_std = {init = -1}},
  algorithm = {"bc", from = "runs/pendulum-sac", own = 1, label = "mean", loss = "mse", rollout = 64, minibatch = 128, epochs = 20,
    lr = linear {from = 3e-3, to = 0}},
  train = {steps = 4e4, seed = 1},
  eval = {episodes = 100, seed = 900001, action = "mean"},
}
