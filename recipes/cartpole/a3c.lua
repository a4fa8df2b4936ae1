-- Keep a pole upright on a cart (CartPole-v1), by the asynchronous actor-critic: --workers says how many train at
-- once, each with a part of the instances.
return {
  env = {"cartpole", n = 16},
  objective = {critics = {upright = {reward = function(r) return r.reward end, gamma = 0.99}}},
  policy = {hidden = {64, 64}, activation = "tanh"},
  algorithm = {"a3c", rollout = 8, lr = linear {from = 1e-3, to = 0}, critic_lr = linear {from = 1e-3, to = 0},
    entropy = 0.001},
  train = {steps = 5e5, seed = 1},
  eval = {every = 5e4, episodes = 100, seed = 900001, action = "mean"},
}
