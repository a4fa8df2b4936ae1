--- The sentence and the code with which a function fails.
local failure = require "perilune.failure"

return function(fn)
  local ok, err = xpcall(fn, failure.handler)
  require("luassert").is_false(ok)
  return err.message, err.code
end
