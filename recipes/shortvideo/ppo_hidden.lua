-- As ppo, without the observations that sum up a user's past: running means of responses and actions, the course of the session,
-- and the user's own tastes. What is left is the moment, the request before and the candidates.
return extend(require "ppo", {
  policy = {observes = {hide = {"fast_*", "slow_*", "mean_action_*", "session_watched", "log_request", "memory_norm", "activity",
    "*_propensity", "length_taste"}}},
})
