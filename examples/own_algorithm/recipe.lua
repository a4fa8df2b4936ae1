-- CartPole by the algorithm of guided.lua. Code runs only with --trust:
--     perilune train examples/own_algorithm/recipe.lua --trust
return {
  env = {"cartpole", n = 8},
  objective = {critics = {upright = {reward = function(r) return r.reward end, gamma = 0.98}}},
  algorithm = {lua = "./guided.lua", target_entropy = 0.4},
  train = {steps = 2e5, seed = 1},
  eval = {every = 5e4, episodes = 100},
}
