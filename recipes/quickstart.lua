-- A personal policy that sets the parameters of a short-video feed's ranking for each request of each user and sees whole
-- sessions, against the supervised ranker's own order and the best vector of parameters that is the same for everybody, on the
-- same users and random draws. It learns from pairs of simulated users; shortvideo/ppo_continuation learns in production, too.
--   ./dev train recipes/quickstart.lua
local vectors = require "shortvideo/vectors"

return extend(require "shortvideo/twins", {
  agent = {rows = 24576}, -- the steps of the warm-up have a place, too
  eval = {
    every = 5e5, users = 1024, days = 3, baseline = "ltr", beside = {["best vector"] = vectors.long.strong}, threads = 2,
    groups = {"activity", "length_taste"},
    metrics = {hours_away = ratio("return_time", "count/return_time")},
    front = {x = "watch_time", y = {"like", "follow", "share", "download", "comment"}, vectors = vectors.front},
  },
})
