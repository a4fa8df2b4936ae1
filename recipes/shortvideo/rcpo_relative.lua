-- As many interactions as a policy can get that does not give up more than half a percent of watch time: the bound is relative to the
-- supervised ranker's own order, which twins of half of the users get at the same time. The evaluation is of what is served, with its
-- exploration, since that is what the constraint is on.
return extend(require "a2c", {
  env = {n = 512},
  objective = {
    critics = {
      reward = remove,
      interactions = {
        reward = function(r) return 20 * r.like + 100 * r.follow + 100 * r.share + 50 * r.comment end,
        gamma = 0.5, scale = "baseline",
      },
      watch_time = {gamma = 0.95, weight = 0, scale = "baseline"},
    },
    constraints = {watch_time = {
      at_least = relative(-0.005), per = "user_day", window = 4000, multiplier = learned {lr = 5e-3, kp = 5, max = 5},
    }},
  },
  agent = {baseline = {policy = "zero", traffic = 0.5}},
  train = {steps = 4e6},
  eval = {every = 0, action = "sample"},
})
