-- The base order of the supervised ranker: the zero action for everybody, and nothing learned.
return extend(require "a2c", {algorithm = {"fixed"}})
