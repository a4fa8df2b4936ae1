-- A personal policy on real users and videos that sees whole days, from pairs of users who meet the same chances, as
-- recipes/shortvideo/twins.lua sees sessions: here a session gains by what the next one loses. The range of lengths is a third of
-- the others', so that noise and steps are counted in half ranges. It reads three numbers: each weight that is learned has noise
-- of its own, and a policy that reads all observations loses more by that than it gains by knowing the user. The first third goes
-- to where everybody is to be, by large steps.
return extend(require "a2c", {
  env = {n = 32, episode = "day"},
  objective = {critics = {reward = {gamma = 1}}},
  policy = {hidden = {}, unit = "half_range", log_std = {init = -1.6}, observes = {"activity", "log_request", "session_watched"}},
  algorithm = {"twins", rollout = 32, longest = 512, lr = piecewise {{0, 1e-2}, {7.5e5, 2e-3}, {2.5e6, 0}}, critic_lr = remove,
    lambda = remove, entropy = remove},
})
