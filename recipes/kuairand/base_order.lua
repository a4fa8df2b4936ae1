-- The base order of the supervised ranker: the zero action for everybody, and nothing learned. (ltr.lua beside this
-- file fits another thing: a ranker from the logs, judged on the logs.)
return extend(require "a2c", {algorithm = {"fixed"}})
