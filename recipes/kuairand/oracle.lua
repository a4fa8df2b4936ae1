-- The yardstick of what can be had: twins over days that also see what the world knows of the user and production does not (`latent`),
-- with a network to make something of it. A policy of that cannot be served.
return extend(require "a2c", {
  env = {n = 64, episode = "day", latent = 1},
  objective = {critics = {reward = {gamma = 1}}},
  policy = {hidden = {32}, log_std = {init = -1.6}, observes = {hide = {"mean_action_*"}}},
  algorithm = {"twins", rollout = 32, longest = 512, lr = linear {from = 1e-3, to = 0}, critic_lr = remove, lambda = remove,
    entropy = remove},
})
