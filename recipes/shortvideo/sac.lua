-- As a2c, off policy by soft actor-critic: an update for each 64 requests.
return extend(require "a2c", {
  policy = {log_std = remove, bounded = remove, last_gain = remove, activation = "relu"},
  algorithm = {"sac", rollout = 1, memory = 5e5, start = 1e4, updates = 1 / 64, minibatch = 256, lr = linear {from = 6e-4, to = 0},
    critic_lr = linear {from = 6e-4, to = 0}},
})
