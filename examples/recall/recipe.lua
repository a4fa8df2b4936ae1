--- Remember the cue of recall.lua. Run it with --trust, since the environment is code; with --set policy.memory=false the policy
--- sees the present step alone.
return {
  env = {lua = "./recall.lua", n = 16},
  objective = {critics = {right = {reward = function(r) return r.right end, gamma = 0.95}}},
  policy = {hidden = {32}, memory = {"gru", 16, stretch = 16}},
  algorithm = {"ppo", rollout = 64, minibatch = 256, epochs = 4, lr = 3e-3, critic_lr = 3e-3, entropy = 0.01},
  train = {steps = 1e5, seed = 1},
  eval = {every = 2e4, episodes = 200},
}
