-- Twenty rooms of which only the last one pays: without novelty nothing is ever found.
--   perilune train examples/rooms/recipe.lua --trust
--   perilune train examples/rooms/recipe.lua --trust --set algorithm.exploration=false
return {
  env = {lua = "./rooms.lua", n = 16},
  objective = {critics = {found = {gamma = 0.99}}},
  algorithm = {"ppo", rollout = 128, minibatch = 512, entropy = 0.01, exploration = {"rnd"}},
  train = {steps = 5e5, seed = 1},
  eval = {every = 1e5, episodes = 50, action = "sample"},
}
