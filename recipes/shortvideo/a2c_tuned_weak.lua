-- The same as a2c_tuned.lua on the preset `weak`, whose ranker is tuned there: cem.lua with --set env.preset=weak, seeds 1
-- to 3. Here effects have the published size, tenths of a percent of watch time.
return extend(require "a2c", {eval = {baseline = "zero"}, env = {
  preset = "weak",
  base_watch = 0.77, base_long_view = 0.44, base_like = 0.48, base_follow = 0.58, base_share = -0.27,
  base_download = -0.07, base_comment = -0.34, base_diversity = 0.79, base_freshness = 0.27, base_duration = 0.98,
}})
