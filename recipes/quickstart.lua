-- A pole kept upright by proximal policy optimisation, in a few seconds.
--   ./dev train recipes/quickstart.lua
return extend(require "cartpole/ppo", {
  train = {steps = 1e5},
  eval = {every = 1e4, episodes = 100},
})
