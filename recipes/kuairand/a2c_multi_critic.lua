-- One critic for each response, with its own discount: watch time and views act through the session's length, an
-- interaction is over with its request. The actor weighs advantages of rewards in units of their own mean.
return extend(require "a2c", {
  objective = {critics = {
    reward = remove,
    watch_time = {gamma = 0.95, weight = 1, scale = "baseline"},
    video_views = {gamma = 0.95, weight = 0.1, scale = "baseline"},
    like = {gamma = 0.5, weight = 0.05, scale = "baseline"},
    follow = {gamma = 0.5, weight = 0.02, scale = "baseline"},
    share = {gamma = 0.5, weight = 0.02, scale = "baseline"},
    comment = {gamma = 0.5, weight = 0.02, scale = "baseline"},
  }},
})
