--- Observations that are ids, of which networks see a row of numbers that is learned: embed = {video = {vocabulary = 5000, width = 8}}.
--- NAME is the observation of that name, or a bag of them, NAME_1, NAME_2, …, of whose rows networks see the mean.

local keys = require "perilune.keys"
local nearest = require "perilune.nearest"
local values = require "perilune.recipe.values"

local embed = {}

--- The places of a name's observations.
function embed.places(names, name)
  local places = {}
  for i, one in ipairs(names) do
    local rest = one:sub(1, #name + 1) == name .. "_" and one:sub(#name + 2)
    if one == name or (rest and rest:find "^%d+$") then places[#places + 1] = i end
  end
  return places
end

--- How many ids each observation has, a list, 0 of one that is a number; nil where none is an id.
function embed.vocabularies(names, given)
  if not given then return nil end
  local list = {}
  for i = 1, #names do list[i] = 0 end
  for name, one in pairs(given) do
    for _, place in ipairs(embed.places(names, name)) do list[place] = one.vocabulary end
  end
  return list
end

-- Ids that the env has, as it says by the bounds of the observation, and the table has not.
local function check_vocabulary(check, observation, place, vocabulary, path)
  local last = (observation.high or {})[place]
  if vocabulary and last and last < math.huge and vocabulary < last + 1 then
    check.note(path .. ".vocabulary", ("observation %q has ids up to %.0f, so that at least %.0f are needed, got %.0f"):format(
      observation.names[place], last, last + 1, vocabulary))
  end
end

--- Refuses (check: of validate.lua) names of which there is no observation, observations with two tables, and tables that are too
--- small. observation: of the env's spec. seen: the places that are not hidden.
function embed.check(check, given, observation, seen, path)
  local names, table_of, sees = observation.names, {}, {}
  for _, place in ipairs(seen) do sees[place] = true end
  for _, name in ipairs(keys(given)) do
    local at, places = path .. "." .. name, embed.places(names, name)
    if #places == 0 then
      check.note(at, ("there is no observation %q, nor %s"):format(name, values.show(name .. "_1")) .. nearest.hint_or_list(name, names))
    else
      check_vocabulary(check, observation, places[1], given[name].vocabulary, at)
    end
    for _, place in ipairs(places) do
      if table_of[place] then
        check.note(at, ("observation %q has the ids of %s already"):format(names[place], table_of[place]))
      elseif not sees[place] then
        check.note(at, ("observation %q is hidden by policy.observes"):format(names[place]))
      end
      table_of[place] = name
    end
  end
end

return embed
