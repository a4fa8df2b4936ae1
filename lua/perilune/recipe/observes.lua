--- Which observations networks see, of policy.observes and of a critic's own: observes = {"x", "last_*"} names those that are seen,
--- observes = {hide = {"last_*"}} those that are not. In names * stands for any letters. And the groups that observations are in by
--- their names.

local keys = require "perilune.keys"
local nearest = require "perilune.nearest"
local values = require "perilune.recipe.values"

local observes = {}

--- Whether a name is of the pattern: its parts between the stars come one after the other.
local function fits(name, pattern)
  local parts, at = {}, 1
  for part in (pattern .. "*"):gmatch "([^*]*)%*" do parts[#parts + 1] = part end
  if #parts == 1 then return name == pattern end
  local last = table.remove(parts)
  for i, part in ipairs(parts) do
    local from, to = name:find(part, at, true)
    if not from or (i == 1 and from > 1) then return false end
    at = to + 1
  end
  return #name - at + 1 >= #last and name:sub(#name - #last + 1) == last
end

local function fits_any(name, patterns)
  for _, pattern in ipairs(patterns) do
    if fits(name, pattern) then return true end
  end
  return false
end

--- The places of the observations that are seen, a list. given: nil, where all are.
function observes.kept(names, given)
  local places, patterns = {}, given and (given.hide or given) or {}
  local listed = given ~= nil and given.hide == nil
  for i, name in ipairs(names) do
    if fits_any(name, patterns) == listed then places[#places + 1] = i end
  end
  return places
end

--- Whether both see the same observations.
function observes.same(names, a, b)
  return table.concat(observes.kept(names, a), " ") == table.concat(observes.kept(names, b), " ")
end

-- ---- groups ----

-- The beginnings and ends of whole words of a name, as patterns.
local function patterns_of(name)
  local list = {}
  for at in name:gmatch "()_" do list[#list + 1], list[#list + 2] = name:sub(1, at) .. "*", "*" .. name:sub(at) end
  return list
end

local function taken(names, left, patterns)
  local places = {}
  for _, place in ipairs(observes.kept(names, patterns)) do
    if left[place] then places[#places + 1] = place end
  end
  return places
end

-- Among patterns of as many names beginnings come before ends, then the longer, then the first by letters.
local function before(a, b, of)
  if of[a] ~= of[b] then return of[a] > of[b] end
  local end_a, end_b = a:sub(1, 1) == "*", b:sub(1, 1) == "*"
  if end_a ~= end_b then return end_b end
  if #a ~= #b then return #a > #b end
  return a < b
end

-- Of what is left, the pattern of the most names; nil where no two share one.
local function greatest(names, left)
  local of, best = {}, nil
  for i, name in ipairs(names) do
    for _, pattern in ipairs(left[i] and patterns_of(name) or {}) do of[pattern] = (of[pattern] or 0) + 1 end
  end
  for _, pattern in ipairs(keys(of)) do
    if of[pattern] > 1 and (not best or before(pattern, best, of)) then best = pattern end
  end
  return best
end

--- Groups of observations: {{name = a pattern, patterns or one observation's name, places = {…}}, …}; each observation is in one.
--- given: lists of patterns, which come first, each of what is left; nil: none. The others are in groups by their names' own
--- beginnings and ends ("last_*", "*_mean"), the largest first. Beyond `most` groups (nil: 24) what is left is one.
function observes.groups(names, given, most)
  local left, groups = {}, {}
  for i in ipairs(names) do left[i] = true end
  local function add(name, places)
    for _, place in ipairs(places) do left[place] = nil end
    if #places > 0 then groups[#groups + 1] = {name = name, places = places} end
  end
  for _, patterns in ipairs(given or {}) do add(table.concat(patterns, ", "), taken(names, left, patterns)) end
  local last = (most or 24) - 1
  while #groups < last do
    local pattern = greatest(names, left)
    if not pattern then break end
    add(pattern, taken(names, left, {pattern}))
  end
  for i, name in ipairs(names) do
    if left[i] and #groups < last then add(name, {i}) end
  end
  add("the others", taken(names, left, {"*"}))
  return groups
end

--- Refuses (check: of validate.lua) patterns of which there is no observation, and hiding all.
function observes.check(check, given, names, path)
  local patterns = given.hide or given
  local at = given.hide and path .. ".hide" or path
  if #patterns == 0 and not given.hide then return end -- refused already
  for i, pattern in ipairs(patterns) do
    if #observes.kept(names, {pattern}) == 0 then
      check.note(("%s.%d"):format(at, i), ("there is no observation %q%s"):format(pattern, nearest.hint_or_list(pattern, names)))
    end
  end
  if given.hide and #observes.kept(names, given) == 0 then
    check.note(path .. ".hide", ("%s hides every observation"):format(values.show(given.hide)))
  end
end

return observes
