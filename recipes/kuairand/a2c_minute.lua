-- a2c with its discount by time. A request of 2.2 minutes, the mean of the base order, is discounted by .95 as in
-- a2c; a long one counts for more than one step, so that fewer, longer requests gain nothing by being fewer.
return extend(require "a2c", {objective = {critics = {reward = {gamma = 0.977, per = "minute"}}}})
