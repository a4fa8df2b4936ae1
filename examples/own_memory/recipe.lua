-- An algorithm of one's own over the replay memory: perilune train examples/own_memory/recipe.lua --trust
return {
  env = {"pendulum", n = 1},
  objective = {critics = {swing = {reward = function(r) return r.reward end, gamma = 0.99}}},
  policy = {hidden = {64, 64}, activation = "relu"},
  algorithm = {lua = "./ddpg.lua"},
  train = {steps = 1e4},
  eval = {episodes = 100},
}
