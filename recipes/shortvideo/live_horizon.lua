-- Does a lift that is judged on three days last for thirty? Policies that look beyond nothing, beyond the request, and beyond the
-- session, judged on users who stay with them for thirty days.
--   perilune experiment recipes/shortvideo/live_horizon.lua [--fast]
local function judged(recipe) return extend(recipe, {eval = {every = 0}}) end

return experiment {
  name = "live_horizon",
  question = "Does what a policy gains in three days last for thirty?",
  control = "ltr",
  arms = {
    {name = "bandit", recipe = judged(require "a2c_bandit")},
    {name = "session", recipe = judged(require "a2c")},
    {name = "life", recipe = judged(require "a2c_life")},
  },
  responses = {"watch_time", "video_views", "like", "follow", "share", "comment", "requests", "return_time"},
  over_days = {"watch_time", "video_views"},
  worlds = {"strong"},
  more_worlds = require "worlds",
  seeds = 5, users = 1024, days = 30,
  fast = {seeds = 2, users = 256, days = 10, set = {["train.steps"] = 2e5}},
}
