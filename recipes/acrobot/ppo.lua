-- Swing a two-link pendulum above the bar (Acrobot-v1); a return of −100 counts as solved.
return {
  env = {"acrobot", n = 16},
  objective = {critics = {swing = {reward = function(r) return r.reward end, gamma = 0.99}}},
  policy = {hidden = {64, 64}, activation = "tanh", normalise = 5},
  algorithm = {"ppo", rollout = 128, minibatch = 256, epochs = 4, lr = 1e-3, critic_lr = 1e-3, entropy = 0.005},
  train = {steps = 5e5, seed = 1, warmup = 2048},
  eval = {every = 5e4, episodes = 100, seed = 900001, action = "mean"},
}
