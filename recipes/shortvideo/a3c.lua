-- a2c by several workers that wait for nobody: train --workers says how many, each with a part of the users.
return extend(require "a2c", {algorithm = {"a3c"}})
