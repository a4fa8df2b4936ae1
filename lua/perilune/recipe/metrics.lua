--- The ratios of `eval.metrics`: names that are free, and sums that the evaluation has.

local keys = require "perilune.keys"
local nearest = require "perilune.nearest"
local values = require "perilune.recipe.values"

local metrics = {}

-- The names that may stand in a ratio: responses, and what the judge, by user and day or by episodes, counts.
local function parts_of(responses, by_user)
  local names = {}
  for i, response in ipairs(responses) do names[i] = response.name end
  names[#names + 1] = "steps"
  if not by_user then
    names[#names + 1] = "length"
    return names
  end
  names[#names + 1], names[#names + 2] = "requests", "sessions"
  for _, response in ipairs(responses) do names[#names + 1] = "count/" .. response.name end
  return names
end

-- What judges call columns of their own, so that no ratio can be called it.
local taken = {"steps", "length", "requests", "sessions", "requests_a_session"}

-- What a sweep could not tell from the metric.
local function check_name(check, name, responses, critics, at)
  if type(name) ~= "string" or not name:find("^[%a_][%w_]*$") then
    check.fail(at, 'a metric has a name of letters, digits and _, as in ctr = ratio("click", "view")')
  end
  local holder = critics and critics[name] and "a critic of the recipe" or
    values.among(taken, name) and "what every evaluation counts"
  for _, response in ipairs(responses) do holder = response.name == name and "a response of the env" or holder end
  if holder then check.fail(at, ("this is the name of %s: a metric needs another"):format(holder)) end
end

--- eval: resolved, at `path`; responses: {name}, of the environment; critics: the recipe's, by name, or nil.
function metrics.check(check, eval, responses, path, critics)
  local by_user = eval.users > 0
  local parts = parts_of(responses, by_user)
  for _, name in ipairs(keys(eval.metrics or {})) do
    local ratio, at = eval.metrics[name], ("%s.metrics.%s"):format(path, tostring(name))
    check_name(check, name, responses, critics, at)
    for _, part in ipairs {ratio.of, ratio.per} do
      if not values.among(parts, part) then
        check.fail(at, ("an evaluation by %s has no sum of %s%s"):format(by_user and "user and day" or "episodes",
          values.show(part), nearest.hint_or_list(part, parts)))
      end
    end
  end
end

return metrics
