-- Swing the pendulum up with a mean torque of at most 0.4 N m, by a multiplier that is learned (reward constrained policy
-- optimisation, Tessler et al. 2019). Run it with --trust, since the environment is code.
return extend(require "ppo", {
  env = {[1] = remove, lua = "./torque.lua", n = 4},
  objective = {
    critics = {swing = {gamma = 0.95}, torque = {gamma = 0.95, weight = 0}},
    constraints = {torque = {at_most = 0.4, window = 20000, multiplier = learned {lr = 0.2, kp = 1, max = 20}}},
  },
  policy = {log_std = {kind = "fixed", init = -1}},
  algorithm = {"ppo", lr = linear {from = 1e-3, to = 0}, critic_lr = linear {from = 1e-3, to = 0}},
  train = {steps = 2e6},
  eval = {every = 0, episodes = 2000, action = "sample"},
})
