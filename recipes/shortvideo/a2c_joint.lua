-- The basic version of several objectives: one critic of the weighted sum, with as many parameters as the two of
-- a2c_separate.lua together (16,770). The reward is a2c's, in its own units, so that both say what they expect in seconds.
return extend(require "a2c", {objective = {critics = {reward = {scale = 1, hidden = {129, 64}}}}})
