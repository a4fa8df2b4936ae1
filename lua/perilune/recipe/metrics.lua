--- The ratios of `eval.metrics`: names that are free, and sums that the evaluation has.

local keys = require "perilune.keys"
local nearest = require "perilune.nearest"
local ratios = require "perilune.stats.ratios"
local values = require "perilune.recipe.values"

local metrics = {}

local function has(list, name)
  for _, one in ipairs(list) do
    if one == name then return true end
  end
  return false
end

-- What a sweep could not tell from the metric.
local function check_name(check, name, responses, critics, at)
  if type(name) ~= "string" or not name:find("^[%a_][%w_]*$") then
    check.fail(at, 'a metric has a name of letters, digits and _, as in ctr = ratio("click", "view")')
  end
  local holder = critics and critics[name] and "a critic of the recipe" or
    has(ratios.taken, name) and "what every evaluation counts"
  for _, response in ipairs(responses) do holder = response.name == name and "a response of the env" or holder end
  if holder then check.fail(at, ("this is the name of %s: a metric needs another"):format(holder)) end
end

--- eval: resolved, at `path`; responses: {name}, of the environment; critics: the recipe's, by name, or nil.
function metrics.check(check, eval, responses, path, critics)
  local by_user = eval.users > 0
  local parts = ratios.parts(responses, by_user)
  for _, name in ipairs(keys(eval.metrics or {})) do
    local ratio, at = eval.metrics[name], ("%s.metrics.%s"):format(path, tostring(name))
    check_name(check, name, responses, critics, at)
    for _, part in ipairs {ratio.of, ratio.per} do
      if not has(parts, part) then
        check.fail(at, ("an evaluation by %s has no sum of %s%s"):format(by_user and "user and day" or "episodes",
          values.show(part), nearest.hint_or_list(part, parts)))
      end
    end
  end
end

return metrics
