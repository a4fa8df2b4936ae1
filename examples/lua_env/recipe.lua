--- Hold the level of tank.lua. Run it with --trust, since the environment is code.
return {
  env = {lua = "./tank.lua", n = 8},
  objective = {
    critics = {
      level = {reward = function(r) return -r.deviation - 10 * r.spilled end, gamma = 0.98},
    },
  },
  policy = {hidden = {32, 32}},
  algorithm = {"ppo", rollout = 128, minibatch = 256, epochs = 4},
  train = {steps = 5e4, seed = 1},
}
