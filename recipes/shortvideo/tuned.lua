-- Weights of rankers that are tuned already, as production's is: the best vector that is the same for everybody, the mean of three
-- searches (cem.lua, seeds 1 to 3; of `kuairand` recipes/kuairand/cem.lua) on the base weights of the supervised ranker. The zero action
-- is then this vector, and what is gained over it is gained by knowing the user. No recipe: others take it by require "tuned".
return {
  strong = {preset = "strong", base_watch = 1.1, base_long_view = 0.59, base_like = 0.72, base_follow = 0.69, base_share = -0.21,
    base_download = -0.2, base_comment = -0.63, base_diversity = 1.13, base_freshness = -0.09, base_duration = 0.94},
  weak = {preset = "weak", base_watch = 0.77, base_long_view = 0.44, base_like = 0.48, base_follow = 0.58, base_share = -0.27,
    base_download = -0.07, base_comment = -0.34, base_diversity = 0.79, base_freshness = 0.27, base_duration = 0.98},
  kuairand = {preset = "strong", base_watch = 1.52, base_long_view = 0.09, base_like = 0.14, base_follow = 0.3, base_share = 0.49,
    base_comment = -0.36, base_diversity = 1.26, base_freshness = 0, base_duration = 0.25},
}
