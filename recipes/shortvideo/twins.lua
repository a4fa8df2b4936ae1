-- A personal policy that sees whole sessions, from pairs of users who meet the same chances: a simulator has them, production has
-- not. Without a critic and without a discount: what a session brings is compared with what it brings to the user's twin. What the
-- policy did lately is hidden from it, since the noise of a session shows there.
return extend(require "a2c", {
  env = {n = 128},
  objective = {critics = {reward = {gamma = 1}}},
  policy = {hidden = {}, log_std = {init = -1.6}, observes = {hide = {"mean_action_*"}}},
  algorithm = {"twins", rollout = 16, longest = 60, lr = linear {from = 3e-3, to = 0}, critic_lr = remove, lambda = remove,
    entropy = remove},
})
