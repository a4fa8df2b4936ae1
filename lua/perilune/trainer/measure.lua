--- What a sweep judges runs by: a response, a ratio of eval.metrics, or the reward of one of the recipe's critics.
---
--- A metric is {name, unit, of, per} as in stats/lift.lua, with `form` (recipe/search.lua) where it is a reward that is a
--- weighted sum: then the sum of a reward follows from the sums of responses that runs keep.

local failure = require "perilune.failure"
local lift = require "perilune.stats.lift"
local nearest = require "perilune.nearest"
local judges = require "perilune.trainer.judges"
local runs = require "perilune.records.run"
local search = require "perilune.recipe.search"
local environment = require "perilune.trainer.environment"

local measure = {}

local function reward_of(loaded, name)
  local found = search.linear(loaded.recipe.objective.critics[name].reward)
  local whole = found ~= nil
  for _, response in ipairs(loaded.spec.responses) do
    local plain = (response.combine or "sum") == "sum" and (response.missing or 0) == 0
    if found and found.of[response.name] and not plain then whole = false end
  end
  if not whole then
    return nil, ("the reward of the critic %s is not a weighted sum of responses that add up, so that it cannot be told "
      .. "from what runs keep: name a response"):format(name)
  end
  return {name = name, unit = "reward", of = "reward of " .. name, form = found}
end

--- The metric of that name for runs of a loaded recipe. Without a name: the response `reward`, or else the env's first.
--- Returns nil and a sentence where there is none.
function measure.find(loaded, name)
  local evaluation, names = loaded.recipe.eval, {}
  local metrics = judges.of(evaluation, loaded.env.kind).metrics(environment.responses(loaded.spec), evaluation)
  for i, metric in ipairs(metrics) do
    names[i] = metric.name
    if metric.name == (name or "reward") then return metric end
  end
  if not name then return metrics[1] end
  local critics = loaded.recipe.objective.critics
  if critics[name] then return reward_of(loaded, name) end
  for critic in pairs(critics) do names[#names + 1] = critic end
  return nil, ("the env has no response %q, and the recipe no metric and no critic of that name%s"):format(name,
    nearest.hint_or_list(name, names))
end

--- What a finished run measured: {seed, folder, responses, evaluation, judged (lift.judged), value, means = {response = mean}, panel
--- and baseline where it was judged by user and day}. A value is of a user and day, or of an episode.
function measure.read(path, metric, seed)
  local run = failure.check(runs.load(path, true))
  local last = runs.last_evaluation(run)
  if not last then failure.run(path .. " has no evaluation") end
  local means = {}
  for name, one in pairs(last.response) do means[name] = one.mean end
  local result = judges.of(run.info.evaluation).measure(run, metric, means)
  result.seed, result.folder, result.responses, result.means = seed, path, run.info.responses, means
  result.judged, result.evaluation = lift.judged(run.info), run.info.evaluation
  return result
end

return measure
