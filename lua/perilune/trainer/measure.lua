--- What a sweep judges runs by: a response, or the reward of one of the recipe's critics.
---
--- A metric is {name, unit, of, per} as in stats/lift.lua, with `form` (recipe/search.lua) where it is a reward that is a
--- weighted sum: then the sum of a reward follows from the sums of responses that runs keep.

local failure = require "perilune.failure"
local lift = require "perilune.stats.lift"
local nearest = require "perilune.nearest"
local panel = require "perilune.trainer.panel"
local runs = require "perilune.records.run"
local search = require "perilune.recipe.search"
local world = require "perilune.trainer.world"

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

local function metrics_of(loaded)
  local responses = world.responses(loaded.spec)
  if panel.asked(loaded.recipe.eval) then return lift.metrics(responses) end
  local metrics = {}
  for i, response in ipairs(responses) do metrics[i] = {name = response.name, unit = response.unit, of = response.name} end
  metrics[#metrics + 1] = {name = "length", unit = "steps", of = "length"}
  return metrics
end

--- The metric of that name for runs of a loaded recipe. Without a name: the response `reward`, or else the env's first.
--- Returns nil and a sentence where there is none.
function measure.find(loaded, name)
  local metrics, names = metrics_of(loaded), {}
  for i, metric in ipairs(metrics) do
    names[i] = metric.name
    if metric.name == (name or "reward") then return metric end
  end
  if not name then return metrics[1] end
  local critics = loaded.recipe.objective.critics
  if critics[name] then return reward_of(loaded, name) end
  for critic in pairs(critics) do names[#names + 1] = critic end
  return nil, ("the env has no response %q, and the recipe no critic of that name%s"):format(name,
    nearest.hint_or_list(name, names))
end

-- A panel with the metric's own columns alone: a sweep has many.
local function narrow(whole, metric)
  local columns = whole.columns
  local of = columns[metric.of]
  if metric.form then
    of = {}
    for user = 1, whole.users do of[user] = metric.form.constant * columns.requests[user] end
    for _, name in ipairs(search.names(metric.form)) do
      local column, factor = columns[name], metric.form.of[name]
      for user = 1, whole.users do of[user] = of[user] + factor * column[user] end
    end
  end
  local kept = {[metric.of] = of}
  if metric.per then kept[metric.per] = columns[metric.per] end
  return {users = whole.users, days = whole.days, columns = kept}
end

local function of_panels(run, metric, result)
  local policy, baseline = panel.load(run.folder .. "/panels.safetensors", run.info.responses, run.info.evaluation)
  if not policy then failure.run(("%s has no panels: it was not judged by user and day"):format(run.folder)) end
  result.panel, result.baseline = narrow(policy, metric), narrow(baseline, metric)
  local top, bottom = 0, 0
  for user = 1, policy.users do
    top = top + result.panel.columns[metric.of][user]
    bottom = bottom + (metric.per and result.panel.columns[metric.per][user] or policy.days)
  end
  result.value = top / bottom
  return result
end

--- What a finished run measured: {seed, folder, responses, evaluation, judged (lift.judged), value, means = {response = mean}, panel
--- and baseline where it was judged by user and day}. A value is of a user and day, or of an episode.
function measure.read(path, metric, seed)
  local run = failure.check(runs.load(path, true))
  local last = runs.last_evaluation(run)
  if not last then failure.run(path .. " has no evaluation") end
  local result = {seed = seed, folder = path, responses = run.info.responses, judged = lift.judged(run.info),
    evaluation = run.info.evaluation,
    means = {}}
  for name, one in pairs(last.response) do result.means[name] = one.mean end
  if panel.asked(run.info.evaluation) then return of_panels(run, metric, result) end
  result.value = metric.form and search.total(metric.form, result.means.length, result.means) or result.means[metric.of]
  return result
end

return measure
