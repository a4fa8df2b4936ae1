-- The recipe of the first page: a critic for each response, with a discount of its own, beside a contextual bandit.
return experiment {
  name = "mine",
  question = "What do a longer sight, and a critic for each response, change beside a bandit?",
  control = "bandit",
  arms = {
    {name = "each its own", recipe = extend(require "a2c", {objective = {critics = {
      reward = remove,   -- the one critic of the base recipe
      watch = {reward = function(r) return r.watch_time end, gamma = 0.95, weight = 1, scale = "baseline"},
      like  = {reward = function(r) return r.like end, gamma = 0.5, weight = 0.05, scale = "baseline"},
      share = {reward = function(r) return where(gt(r.share, 0), 1, 0) end, gamma = 0.5, weight = 0.05, scale = "baseline"},
    }}})},
    {name = "bandit", recipe = extend(require "a2c", {objective = {critics = {reward = {gamma = 0}}}})},
  },
  responses = {"watch_time", "video_views", "like", "share", "return_time"},
  seeds = 5,
}
