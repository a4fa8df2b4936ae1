-- Swing a two-link pendulum above the bar (Acrobot-v1), by deep Q-learning with returns of three steps.
return {
  env = {"acrobot", n = 1},
  objective = {critics = {swing = {reward = function(r) return r.reward end, gamma = 0.99}}},
  policy = {hidden = {128, 128}, activation = "relu"},
  algorithm = {"dqn", rollout = 16, minibatch = 128, updates = 1, steps = 3, target = 250, start = 1000, memory = 5e4,
    lr = linear {from = 1e-3, to = 0}, epsilon = linear {from = 1, to = 0.04, over = 12000}},
  train = {steps = 1e5, seed = 1},
  eval = {every = 1e5, episodes = 500, seed = 900001, action = "mean"},
}
