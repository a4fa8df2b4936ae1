-- A personal policy over the parameters of the ranking function, by the asynchronous actor-critic: watch time and
-- interactions in one reward, with the session's end and the user's return within its horizon.
return {
  env = {"shortvideo", n = 64, preset = "strong"},
  objective = {critics = {
    reward = {
      reward = function(r)
        return r.watch_time + 20 * r.like + 100 * r.follow + 100 * r.share + 50 * r.comment + 0.5 * r.video_views
      end,
      gamma = 0.95, scale = "baseline",
    },
  }},
  policy = {hidden = {64, 64}, activation = "tanh", bounded = true, last_gain = 0,
    log_std = {kind = "fixed", init = -0.9}, normalise = 5},
  algorithm = {"a3c", rollout = 8, lr = linear {from = 6e-4, to = 0}, critic_lr = linear {from = 6e-4, to = 0},
    lambda = 0.9, entropy = 0, optimizer = {"adam", epsilon = 1e-5}},
  train = {steps = 2.5e6, seed = 1, warmup = 20000},
  eval = {every = 2.5e5, users = 4096, days = 3, baseline = "ltr"},
}
