--- Which observations networks see, of policy.observes and of a critic's own: observes = {"x", "last_*"} names those that are seen,
--- observes = {hide = {"last_*"}} those that are not. In names * stands for any letters.

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
