-- A policy in production, to be operated (OPERATING.md): it learns for ever from users who come back, half of them are a control
-- group, and a swap that loses watch time beside that is taken back by itself.
return extend(require "a2c_life", {
  env = {n = 1024},
  objective = {critics = {
    reward = remove,
    watch_time = {gamma = 0.8, per = "hour", weight = 1, scale = "baseline"},
    like = {gamma = 0.5, weight = 0.05, scale = "baseline"},
  }},
  agent = {
    baseline = {policy = "zero", traffic = 0.5},
    guards = {watch_time = {at_least = relative(-0.005)}, confidence = 0.95, days = 1},
  },
  algorithm = {lr = 6e-4, critic_lr = 6e-4},
  train = {steps = 1e8},
  eval = {every = 0},
})
