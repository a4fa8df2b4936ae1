-- Keep a pole upright on a cart (CartPole-v1), by returns to the end of whole episodes.
return {
  env = {"cartpole", n = 8},
  objective = {critics = {upright = {reward = function(r) return r.reward end, gamma = 0.99}}},
  policy = {hidden = {64, 64}, activation = "tanh"},
  algorithm = {"reinforce", rollout = 64, longest = 500, lr = linear {from = 3e-3, to = 0}, critic_lr = linear {from = 3e-3, to = 0}},
  train = {steps = 5e5, seed = 1},
  eval = {every = 5e4, episodes = 100, seed = 900001, action = "mean"},
}
