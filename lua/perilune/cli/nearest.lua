--- nearest(word, words) → the word most like it, by edits with neighbours swapped as one, or nil if none is near.

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

return function(word, words)
  local best, least
  for _, candidate in ipairs(words) do
    local d = distance(word:lower(), candidate:lower())
    if d <= math.max(2, #candidate / 3) and (not least or d < least) then
      best, least = candidate, d
    end
  end
  return best
end
