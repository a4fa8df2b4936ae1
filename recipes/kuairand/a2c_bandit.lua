-- The same as a2c.lua for a contextual bandit: a discount of 0, so that a request counts for itself alone.
return extend(require "a2c", {objective = {critics = {reward = {gamma = 0}}}})
