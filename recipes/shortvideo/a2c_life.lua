-- a2c whose return does not end with the session: a user's sessions run on as one episode, and what comes after a gap is
-- discounted by the time that it took. A user makes about one request an hour, day and night, so that the horizon of .95 an hour
-- is that of .95 a request.
return extend(require "a2c", {
  env = {episode = "life"},
  objective = {critics = {reward = {gamma = 0.95, per = "hour"}}},
})
