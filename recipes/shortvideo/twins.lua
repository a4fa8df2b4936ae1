-- A personal policy that sees whole sessions, from pairs of users who meet the same chances: a simulator has them, production has
-- not. Without a critic and without a discount: what a session brings is compared with what it brings to the user's twin. It reads
-- seven numbers: each weight that is learned has noise of its own, and with all observations that costs more than they tell. What
-- the policy did lately is never among them, since the noise of a session shows there. The first third goes to where everybody
-- is to be, by large steps; the rest is what differs between users and requests.
return extend(require "a2c", {
  env = {n = 32},
  objective = {critics = {reward = {gamma = 1}}},
  policy = {hidden = {}, log_std = {init = -1.6}, observes = {"activity", "like_propensity", "length_taste", "log_request",
    "session_watched", "fast_watch_time", "slow_watch_time"}},
  algorithm = {"twins", rollout = 32, longest = 60, lr = piecewise {{0, 1e-2}, {7.5e5, 2e-3}, {2.5e6, 0}}, critic_lr = remove,
    lambda = remove, entropy = remove},
})
