-- A personal policy over the parameters of the ranking function on real users and videos, by the synchronous
-- actor-critic. First the world, then the policy:
--
--     perilune fit recipes/kuairand/world.lua --data ../shared/data/kuairand_pure
--     perilune train recipes/kuairand/a2c.lua
--
-- env.world is a path from the working folder, not from this file: both commands run in the same one.
-- Settings are those of recipes/shortvideo/a2c.lua. All videos of these logs are of one age, so that freshness is held.
return {
  env = {"kuairand", n = 64, preset = "strong", world = "runs/kuairand/world.safetensors"},
  objective = {critics = {
    reward = {
      reward = function(r)
        return r.watch_time + 20 * r.like + 100 * r.follow + 100 * r.share + 50 * r.comment + 0.5 * r.video_views
      end,
      gamma = 0.95, scale = "baseline",
    },
  }},
  policy = {hidden = {64, 64}, activation = "tanh", bounded = true, last_gain = 0,
    log_std = {kind = "fixed", init = -0.9}, normalise = 5, action = {freshness = 0}},
  algorithm = {"a2c", rollout = 8, lr = linear {from = 6e-4, to = 0}, critic_lr = linear {from = 6e-4, to = 0},
    lambda = 0.9, entropy = 0, optimizer = {"adam", epsilon = 1e-5}},
  train = {steps = 2.5e6, seed = 1, warmup = 20000},
  eval = {every = 2.5e5, users = 4096, days = 3, baseline = "ltr"},
}
