--- The text of a checkpoint's step-N.json that somebody has changed, with the digest of what it says now: whoever changes one
--- on purpose changes that, too.
local prl = require "perilune"

return function(text)
  local rest = text:match("^{%s*(.*)$")
  if not rest then return text end
  rest = rest:gsub('^"digest":%s*"%x*",%s*', "")
  return ('{\n  "digest": "%s",\n%s'):format(prl.hash_bytes("{\n" .. rest), rest)
end
