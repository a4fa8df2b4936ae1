-- Swing a pendulum up and hold it (Pendulum-v1), by the actor-critic off policy: stretches of all of the last 10,000 steps,
-- corrected by V-trace for the older policies that acted them.
return {
  env = {"pendulum", n = 8},
  objective = {critics = {swing = {reward = function(r) return r.reward end, gamma = 0.9}}},
  policy = {hidden = {64, 64}, activation = "tanh", bounded = true},
  algorithm = {"a2c", correction = {"vtrace", rho = 1, c = 1}, memory = 10000, rollout = 8, minibatch = 256, stretch = 16,
    updates = 0.0625, lr = linear {from = 3e-4, to = 0}, critic_lr = linear {from = 1e-3, to = 0}, entropy = 0.01},
  train = {steps = 2e5, seed = 1},
  eval = {every = 5e4, episodes = 500, seed = 900001, action = "mean"},
}
