-- Keep a pole upright on a cart (CartPole-v1); solved at a return of 475, and 500 is the most.
return {
  env = {"cartpole", n = 8},
  objective = {critics = {upright = {reward = function(r) return r.reward end, gamma = 0.98}}},
  policy = {hidden = {64, 64}, activation = "tanh"},
  algorithm = {"ppo", rollout = 128, minibatch = 256, epochs = 10, lr = linear {from = 1e-3, to = 0},
    critic_lr = linear {from = 1e-3, to = 0}, lambda = 0.9, entropy = 0.001},
  train = {steps = 1e5, seed = 1},
  eval = {every = 2e4, episodes = 100, seed = 900001, action = "mean"},
}
