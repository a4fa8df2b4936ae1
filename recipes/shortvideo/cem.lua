-- The best vector of offsets that is the same for everybody, by a cross-entropy search: the yardstick of a personal
-- policy. A trial's score is the reward of a2c.lua, summed over a user and day; discounts play no part. The trials cost
-- users something, and the run says what. They serve about 2.5 M requests, as many as a2c.lua.
return extend(require "a2c", {
  algorithm = {"cem", population = 24, elites = 6, generations = 12, users = 256, days = 1},
})
