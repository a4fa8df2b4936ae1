-- A personal policy that sets the parameters of a short-video feed's ranking for each request of each user, against the
-- supervised ranker's own order, on the same users and chances.
--   ./dev train recipes/quickstart.lua
return extend(require "shortvideo/a2c_multi_critic", {
  train = {steps = 1.5e6},
  eval = {every = 3e5, users = 1024, days = 3, baseline = "ltr", threads = 2},
})
