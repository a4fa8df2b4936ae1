-- Keep a pole upright on a cart (CartPole-v1), by deep Q-learning with returns of three steps.
return {
  env = {"cartpole", n = 1},
  objective = {critics = {upright = {reward = function(r) return r.reward end, gamma = 0.98}}},
  policy = {hidden = {128, 128}, activation = "relu"},
  algorithm = {"dqn", rollout = 250, minibatch = 64, updates = 1, steps = 3, target = 250, start = 1000,
    lr = linear {from = 1e-3, to = 0}, epsilon = linear {from = 1, to = 0.04, over = 8000}},
  train = {steps = 5e4, seed = 1},
  eval = {every = 5e4, episodes = 500, seed = 900001, action = "mean"},
}
