-- PPO on CartPole with a policy network of your own. Code runs only with --trust:
--     perilune train examples/own_policy/recipe.lua --trust
return {
  env = {"cartpole", n = 8},
  objective = {critics = {upright = {reward = function(r) return r.reward end, gamma = 0.98}}},
  policy = {lua = "./two_towers.lua"},
  algorithm = {"ppo", rollout = 128, minibatch = 256, epochs = 10, lr = linear {from = 1e-3, to = 0},
    critic_lr = linear {from = 1e-3, to = 0}, lambda = 0.9, entropy = 0.001},
  train = {steps = 1e5, seed = 1},
  eval = {every = 5e4, episodes = 100},
}
