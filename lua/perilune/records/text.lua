--- The text of a file in a run's folder; nil where there is none. A pipe or a device would never end.

local posix = require "posix"
local failure = require "perilune.failure"
local prl = require "perilune"

return function(path, most_bytes)
  local found = posix.stat(path)
  if not found then return nil end
  if found.type ~= "regular" then failure.run(("%s is a %s, and a plain file was expected"):format(path, found.type)) end
  return failure.check(prl.io.read(path, most_bytes))
end
