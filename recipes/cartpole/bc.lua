-- Clone the policy of a run that keeps the pole upright, as of
--   perilune train recipes/cartpole/reinforce.lua
--   perilune train recipes/cartpole/bc.lua --set 'algorithm.from="runs/cartpole-reinforce-…"'
-- Rewards are of no use to it: they say how well it is.
return {
  env = {"cartpole", n = 8},
  objective = {critics = {upright = {reward = function(r) return r.reward end, gamma = 0.99}}},
  policy = {hidden = {64, 64}, activation = "tanh"},
  algorithm = {"bc", from = "runs/cartpole-reinforce", rollout = 128, minibatch = 256, epochs = 4, lr = linear {from = 3e-3, to = 0}},
  train = {steps = 2e4, seed = 1},
  eval = {episodes = 100, seed = 900001, action = "mean"},
}
