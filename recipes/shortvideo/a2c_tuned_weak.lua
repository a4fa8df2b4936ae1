-- The same as a2c_tuned.lua on the preset `weak`, whose ranker is tuned there. Here effects have the published size, tenths of a percent
-- of watch time.
return extend(require "a2c", {eval = {baseline = "zero"}, env = require("tuned").weak})
