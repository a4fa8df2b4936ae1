--- The nearest valid name, for messages about unknown ones: by edits, in which an exchange of neighbours counts once.

local nearest = {}

local function distance(a, b)
  local before, previous = {}, {}
  for j = 0, #b do previous[j] = j end
  for i = 1, #a do
    local row = {[0] = i}
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      row[j] = math.min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + cost)
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        row[j] = math.min(row[j], before[j - 2] + 1)
      end
    end
    before, previous = previous, row
  end
  return previous[#b]
end

--- The name that is closest, or nil where none is closer than half of the word's letters, plus one.
function nearest.find(word, names)
  local best, least
  word = tostring(word):sub(1, 63)
  for _, name in ipairs(names) do
    local d = distance(word:lower(), name:sub(1, 63):lower())
    if d <= #word / 2 + 1 and (not least or d < least) then best, least = name, d end
  end
  return best
end

--- '; the nearest is "gamma"', or "".
function nearest.hint(word, names)
  local best = nearest.find(word, names)
  return best and ('; the nearest is "%s"'):format(best) or ""
end

--- The same, followed by all names where none is near.
function nearest.hint_or_list(word, names)
  local hint = nearest.hint(word, names)
  return hint ~= "" and hint or "; there are " .. table.concat(names, ", ")
end

return nearest
