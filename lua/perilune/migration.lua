--- What becomes of each part of an agent in a swap (agent:check_swap), as text.

local format = require "perilune.format"

local migration = {}

local function number(value) return ("%.6g"):format(value) end

-- Before and after, where the part has a value.
local function values_of(part)
  if part.before and part.after then return ("%s → %s"):format(number(part.before), number(part.after)) end
  return part.before and "was " .. number(part.before) or part.after and number(part.after)
end

--- One line: the part, what becomes of it, how much of it, its value, why.
function migration.line(part)
  local words = {part.outcome}
  if part.of then words[#words + 1] = ("%s of %s"):format(format.grouped(part.taken), format.grouped(part.of)) end
  words[#words + 1] = values_of(part)
  return ("%s: %s (%s)"):format(part.name ~= "" and part.part .. " " .. part.name or part.part, table.concat(words, ", "), part.reason)
end

return migration
