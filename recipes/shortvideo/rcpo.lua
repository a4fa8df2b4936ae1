-- As a2c_multi_critic, which gives comments up for watch time, with a constraint: at least the comments of a request that the
-- supervised ranker's own order gets. The multiplier is learned (reward constrained policy optimisation, Tessler et al. 2019).
return extend(require "a2c_multi_critic", {
  env = {n = 512},
  objective = {constraints = {comment = {
    at_least = 0.01465, per = "step", window = 5e4, multiplier = learned {lr = 5e-4, kp = 1, max = 1},
  }}},
  train = {steps = 4e6},
})
