--- The nearest valid name, for messages about unknown ones (core/nearest.h).

local prl = require "perilune"

local nearest = {}

--- The name that is closest, or nil where none is closer than half of the word's letters, plus one.
function nearest.find(word, names) return prl.nearest(tostring(word), names) end

--- '; the nearest is "gamma"', or "".
function nearest.hint(word, names)
  local best = nearest.find(word, names)
  return best and ('; the nearest is "%s"'):format(best) or ""
end

--- The same, followed by all names where none is near.
function nearest.hint_or_list(word, names)
  local hint = nearest.hint(word, names)
  if hint ~= "" or #names == 0 then return hint end
  return (#names == 1 and "; there is only " or "; there are ") .. table.concat(names, ", ")
end

return nearest
