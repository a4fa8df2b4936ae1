-- Swing a pendulum up and hold it (Pendulum-v1), by the synchronous actor-critic.
return {
  env = {"pendulum", n = 16},
  objective = {critics = {swing = {reward = function(r) return r.reward end, gamma = 0.9}}},
  policy = {hidden = {64, 64}, activation = "tanh", log_std = {init = 0}},
  algorithm = {"a2c", rollout = 16, lr = 1e-3, critic_lr = 1e-3, entropy = 0},
  train = {steps = 1e6, seed = 1},
  eval = {every = 1e5, episodes = 100, seed = 900001, action = "mean"},
}
