-- The same pendulum by the twin delayed deterministic policy gradient, as sac.lua from 20,000 steps.
return {
  env = {"pendulum", n = 1},
  objective = {critics = {swing = {reward = function(r) return r.reward end, gamma = 0.99}}},
  policy = {hidden = {64, 64}, activation = "relu"},
  algorithm = {"td3", minibatch = 100, lr = 1e-3, critic_lr = 1e-3},
  train = {steps = 2e4, seed = 1},
  eval = {every = 5e3, episodes = 500, seed = 900001, action = "mean"},
}
