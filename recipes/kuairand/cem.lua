-- The best vector of offsets that is the same for everybody, by a cross-entropy search: the yardstick of a personal
-- policy. The objective is that of a2c.lua, a user and day; its trials cost users something, and the run says what.
return extend(require "a2c", {
  algorithm = {"cem", population = 24, elites = 6, generations = 12, users = 256, days = 1},
})
