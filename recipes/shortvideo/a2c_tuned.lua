-- A personal policy over a ranker that is tuned already: the base order, and so the zero action that the lift is against,
-- is the best vector for everybody, the mean of three searches (cem.lua, seeds 1 to 3) on the base weights of the supervised
-- ranker. What is gained over it is gained by knowing the user.
return extend(require "a2c", {eval = {baseline = "zero"}, env = {
  base_watch = 1.1, base_long_view = 0.59, base_like = 0.72, base_follow = 0.69, base_share = -0.21,
  base_download = -0.2, base_comment = -0.63, base_diversity = 1.13, base_freshness = -0.09, base_duration = 0.94,
}})
