-- As shortvideo/twins on the world that was fitted to KuaiRand's logs, over days: who comes back sooner has more sessions on a day, so that
-- returning is part of what is compared.
return extend(require "a2c", {
  env = {n = 512, episode = "day"},
  objective = {critics = {reward = {gamma = 1}}},
  policy = {hidden = {}, log_std = {init = -1.6}, observes = {hide = {"mean_action_*"}}},
  algorithm = {"twins", rollout = 32, longest = 512, lr = linear {from = 3e-3, to = 0}, critic_lr = remove, lambda = remove,
    entropy = remove},
})
