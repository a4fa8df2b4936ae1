--- The text of a file in a run's folder; nil where there is none.

local posix = require "posix"
local failure = require "perilune.failure"
local prl = require "perilune"

return function(path, most_bytes)
  if not posix.stat(path) then return nil end
  return failure.check(prl.io.read(path, most_bytes))
end
