-- Vectors of offsets that are the same for everybody, for `eval.beside` and `eval.front`; no recipe. On the preset `strong`,
-- each found by a search (seed 1, population 24, 12 generations, 256 users, 1 day: 2.5 M requests) on users of its own.
return {
  -- The objective of the quickstart:
  --   perilune train recipes/quickstart.lua --set eval.every=0
  --     --set 'algorithm={"cem", population = 24, elites = 6, generations = 12, users = 256, days = 1}'
  best = {watch = -0.093, long_view = 0.311, like = 0.405, follow = 0.484, share = -0.267, download = -0.185,
    comment = -0.566, diversity = 0.705, freshness = -0.156, duration = 0.809},
  -- The objective of a2c.lua, by a search that is far longer than those of cem.lua and bayes.lua, which are measured by it
  -- (2.6 M user-days, 8 minutes):
  --   perilune train recipes/shortvideo/cem.lua --set env.preset=strong (or weak) --set algorithm.population=64
  --     --set algorithm.elites=16 --set algorithm.generations=40 --set algorithm.users=1024 --set algorithm.min_std=0.01
  long = {
    strong = {watch = 0.194, long_view = 0.041, like = 0.375, follow = 0.386, share = -0.222, download = -0.231,
      comment = -0.621, diversity = 0.462, freshness = 0.184, duration = 0.704},
    weak = {watch = -0.333, long_view = -0.002, like = 0.190, follow = 0.323, share = -0.228, download = -0.233,
      comment = -0.296, diversity = 0.163, freshness = 0.098, duration = 0.914},
  },
  -- Watch time traded against interactions, of which one is worth 0, 100, 300, 1000, 3000, 30000 seconds:
  --   perilune train recipes/shortvideo/trade.lua --set objective.critics.interactions.weight=0      and so on
  -- (eval.front.vectors takes the folder of such runs as well)
  front = {
    {watch = -0.258, long_view = 0.231, like = 0.145, follow = 0.315, share = -0.316, download = -0.194, comment = -0.574,
      diversity = 0.642, freshness = -0.126, duration = 0.906},
    {watch = 0.185, long_view = 0.238, like = 0.501, follow = 0.611, share = -0.231, download = -0.258, comment = -0.536,
      diversity = 0.586, freshness = -0.699, duration = 0.954},
    {watch = -0.354, long_view = 0.126, like = 0.731, follow = 0.568, share = -0.165, download = -0.126, comment = -0.541,
      diversity = 0.471, freshness = -0.120, duration = 0.543},
    {watch = -0.367, long_view = 0.062, like = 0.941, follow = 0.483, share = -0.093, download = -0.096, comment = -0.521,
      diversity = 0.471, freshness = -0.110, duration = 0.218},
    {watch = -0.563, long_view = -0.028, like = 0.976, follow = 0.383, share = -0.033, download = -0.154, comment = -0.339,
      diversity = 0.629, freshness = -0.458, duration = -0.086},
    {watch = -0.418, long_view = -0.051, like = 0.937, follow = 0.381, share = -0.069, download = 0.028, comment = -0.355,
      diversity = 0.816, freshness = 0.206, duration = -0.393},
  },
}
