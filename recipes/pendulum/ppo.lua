-- Swing a pendulum up and hold it (Pendulum-v1): a continuous torque, a return near −150 when it is done well.
return {
  env = {"pendulum", n = 4},
  objective = {critics = {swing = {reward = function(r) return r.reward end, gamma = 0.9}}},
  policy = {hidden = {64, 64}, activation = "relu", log_std = {init = 0.69}},
  algorithm = {"ppo", rollout = 1024, minibatch = 256, epochs = 2, lr = 1e-3, critic_lr = 1e-3},
  train = {steps = 3e5, seed = 1},
  eval = {every = 5e4, episodes = 100, seed = 900001, action = "mean"},
}
