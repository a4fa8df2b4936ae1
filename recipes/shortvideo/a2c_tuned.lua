-- A personal policy over a ranker that is tuned already (tuned.lua): the base order, and so the zero action that the lift is against, is
-- the best vector for everybody. What is gained over it is gained by knowing the user.
return extend(require "a2c", {eval = {baseline = "zero"}, env = require("tuned").strong})
