-- The best vector of offsets that is the same for everybody, by Bayesian optimisation: what cem.lua looks for, with fewer users
-- under test.
return extend(require "a2c", {
  algorithm = {"bayes", design = 24, batch = 4, rounds = 75, users = 64, days = 1},
})
