-- The ranking of a short-video feed by the search of climb.lua. Code runs only when it is trusted:
--     perilune train examples/own_search/recipe.lua --trust
return {
  env = {"shortvideo", n = 8, preset = "strong"},
  objective = {critics = {watch = {reward = function(r) return r.watch_time end, scale = "baseline"}}},
  policy = {action = {diversity = {-1, 1}, freshness = {-1, 1}, like = 0, share = 0, comment = 0}},
  algorithm = {lua = "./climb.lua"},
  train = {seed = 1, warmup = 64},
  eval = {users = 256, days = 1, curve = 64},
}
