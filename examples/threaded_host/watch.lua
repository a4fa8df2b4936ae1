-- What the host's threads serve and one thread learns: how far to lean, in view of a user's mood. At first watching counts.
return {
  env = {
    "host",
    observation = {"mood", "hour"},
    action = {"continuous", lean = {-1, 1}},
    responses = {watch = {unit = "min"}, share = {unit = ""}},
  },
  objective = {critics = {watch = {gamma = 0.5}}},
  policy = {hidden = {32, 32}},
  algorithm = {"ppo", rollout = 16, minibatch = 256, epochs = 4, lr = 3e-3, critic_lr = 3e-3},
  agent = {streams = 64, rows = 8192},
  train = {steps = 1e6, seed = 1},
}
