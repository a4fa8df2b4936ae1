-- CartPole-v1 by the settings of a trainer configuration of ML-Agents, line by line: recipes/FROM.md has the YAML beside
-- this, and both learning curves.
return {
  env = {"cartpole", n = 8},                                             -- eight agents in the scene
  objective = {critics = {
    extrinsic = {reward = function(r) return r.reward end, gamma = 0.99, weight = 1}, -- reward_signals, strength
  }},
  policy = {hidden = {128, 128}, activation = "silu", init = "kaiming", last_gain = 0.1}, -- network_settings
  algorithm = {
    "ppo",                                                               -- trainer_type
    rollout = 256, minibatch = 256, epochs = 3,                          -- buffer_size / 8 agents, batch_size, num_epoch
    lr = linear {from = 1e-3, to = 0}, critic_lr = linear {from = 1e-3, to = 0}, -- learning_rate, …_schedule: linear
    clip = linear {from = 0.2, to = 0.1}, entropy = linear {from = 5e-3, to = 1e-5}, -- epsilon, beta: linear too
    clip_value = linear {from = 0.2, to = 0.1}, lambda = 0.95,           -- (epsilon again), lambd
    max_norm = 1e9, optimizer = {"adam"},                                -- gradients are not clipped there
  },
  train = {steps = 2e5, seed = 1},                                       -- max_steps
  eval = {every = 4e4, episodes = 100, seed = 900001, action = "mean"},
}
