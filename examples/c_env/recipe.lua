--- Keep the cart of regulator.c near the origin. Run it with --trust, since it loads native code.
return {
  env = {c = "./regulator.so", n = 16, wind = 0.8},
  objective = {
    critics = {
      hold = {reward = function(r) return -r.distance - 0.02 * r.effort end, gamma = 0.97},
    },
  },
  policy = {hidden = {32, 32}},
  algorithm = {"ppo", rollout = 128, minibatch = 256, epochs = 4},
  train = {steps = 1e5, seed = 1},
}
