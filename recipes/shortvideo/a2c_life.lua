-- a2c whose return does not end with the session: a user's sessions run on as one episode, and what comes after a gap is
-- discounted by the time that it took. A user makes about one request an hour, day and night. Of .8, .9, .95 and .98 an hour,
-- .8 was best on seeds 1 to 5 (recipes/README.md, "The horizon").
return extend(require "a2c", {
  env = {episode = "life"},
  objective = {critics = {reward = {gamma = 0.8, per = "hour"}}},
})
