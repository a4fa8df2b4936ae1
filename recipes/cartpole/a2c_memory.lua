-- Keep a pole upright on a cart (CartPole-v1), by the actor-critic off policy: stretches of the last 5,000 steps, corrected
-- by V-trace for the older policies that acted them.
return {
  env = {"cartpole", n = 8},
  objective = {critics = {upright = {reward = function(r) return r.reward end, gamma = 0.99}}},
  policy = {hidden = {64, 64}, activation = "tanh"},
  algorithm = {"a2c", correction = {"vtrace", rho = 1, c = 1}, memory = 5000, rollout = 8, minibatch = 256, stretch = 16,
    updates = 0.0625, lr = linear {from = 3e-4, to = 0}, critic_lr = linear {from = 1e-3, to = 0}, entropy = 0.01},
  train = {steps = 5e4, seed = 1},
  eval = {every = 5e4, episodes = 500, seed = 900001, action = "mean"},
}
