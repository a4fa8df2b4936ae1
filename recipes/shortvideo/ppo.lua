-- As a2c, by proximal policy optimisation: several passes over each batch of requests.
return extend(require "a2c", {
  env = {n = 256},
  algorithm = {"ppo", rollout = 32, minibatch = 1024, epochs = 4, lr = linear {from = 6e-4, to = 0},
    critic_lr = linear {from = 6e-4, to = 0}, lambda = 0.9},
})
