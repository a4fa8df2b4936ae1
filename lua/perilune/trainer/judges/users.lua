--- The judge by user and simulated day: lifts over a baseline on the same users with the same chances (stats/lift.lua). On
--- the way on eval.curve users, at last on all of them, beside whatever else the recipe names (trainer/judgement.lua).

local failure = require "perilune.failure"
local lift = require "perilune.stats.lift"
local ratios = require "perilune.stats.ratios"
local search = require "perilune.recipe.search"
local judgement = require "perilune.trainer.judgement"
local panel = require "perilune.trainer.panel"

local users = {}

local Users = {last_apart = true}
Users.__index = Users

function users.asked(evaluation) return (evaluation.users or 0) > 0 end

function users.new(info, options)
  local given = {}
  for key, value in pairs(info.evaluation) do given[key] = value end
  given.threads, given.watch = options.threads or given.threads, options.watch
  return setmetatable({options = given, responses = lift.judged(info), bench = judgement.new(info, given)}, Users)
end

-- ---- a run's evaluations ----

function Users:columns()
  local names = {"step", "users", "user_days"}
  for _, metric in ipairs(lift.metrics(self.responses)) do
    for _, kind in ipairs {"mean", "sd", "lift", "half"} do names[#names + 1] = kind .. "/" .. metric.name end
  end
  return names
end

-- The row of a lift table, after so many user-days of experience. What cannot be told is an empty cell.
local function row_of(step, compared, user_days)
  local row = {step, compared.users, user_days}
  for i, item in ipairs(compared.rows) do
    local value, n = item.lift or {}, 4 * i - 1
    row[n + 1], row[n + 2] = item.policy, item.sd
    row[n + 3], row[n + 4] = value.mean and 100 * value.mean, value.half and 100 * value.half
  end
  return row
end

-- All of the last evaluation stays in the run's folder.
local function keep(folder, found)
  panel.save(folder:file("panels.safetensors"), unpack(found.panels))
  for _, part in ipairs {"lift", "groups", "front"} do
    if found[part] then folder:write_json(part .. ".json", found[part]) end
  end
end

function Users:evaluate(run, last)
  local file = run.folder:file("judged.safetensors") -- threads load the agent anew
  failure.check(run.agent:save(file))
  local ok, found = xpcall(function()
    if last then return self.bench:whole(file) end
    return {lift = self.bench:lift(math.min(self.options.users, self.options.curve), file)}
  end, failure.handler)
  os.remove(file)
  if not ok then error(found, 0) end
  if last then keep(run.folder, found) end
  return found.lift, row_of(run.state.step, found.lift, run.driver:user_days())
end

function Users:text(result) return lift.text(result) end -- luacheck: no self

-- ---- sweeps ----

function users.metrics(responses, evaluation)
  return lift.metrics(lift.judged {responses = responses, evaluation = evaluation})
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

function users.measure(run, metric)
  local policy, baseline = panel.load(run.folder .. "/panels.safetensors", run.info.responses, run.info.evaluation)
  if not policy then failure.run(("%s has no panels: it was not judged by user and day"):format(run.folder)) end
  local result = {panel = narrow(policy, metric), baseline = narrow(baseline, metric)}
  local top, bottom = 0, 0
  for user = 1, policy.users do
    top = top + result.panel.columns[metric.of][user]
    bottom = bottom + (metric.per and result.panel.columns[metric.per][user] or policy.days)
  end
  result.value = bottom ~= 0 and top / bottom or 0 / 0
  return result
end

function users.lift(list, baseline, name)
  local policies, baselines = {}, {}
  for i, one in ipairs(list) do
    policies[i], baselines[i] = panel.load(one.folder .. "/panels.safetensors", one.responses, one.evaluation)
    if not policies[i] then return nil end
  end
  return lift.table(policies, baselines, list[1].judged, baseline, name)
end

function users.baseline(evaluation)
  return type(evaluation.baseline) == "table" and "a constant action" or evaluation.baseline
end

-- ---- comparisons ----

--- Both runs as the first one's recipe says: pairs are users, values those of a day.
function users.compare(places, responses, options)
  local info, panels = places[1].info, {}
  if not panel.same_world(info, places[2].info) then
    failure.usage(("the envs of %s and %s have other options: they cannot be compared"):format(places[1].path,
      places[2].path))
  end
  for side, place in ipairs(places) do panels[side] = panel.run(info, options, {agent = (place:newest())}) end
  local judged = lift.judged {responses = info.responses, evaluation = options}
  local result = {unit = "user", pairs = {}, responses = {}, lift = lift.table({panels[2]}, {panels[1]}, judged, "A", "B")}
  for user = 1, panels[1].users do result.pairs[user] = user end
  for _, response in ipairs(responses) do
    if not lift.metric(info.responses, response.name).per then -- what came a number of times is in the lift table alone
      result.responses[#result.responses + 1] = response
      for user = 1, panels[1].users do
        response.a[user] = panels[1].columns[response.name][user] / panels[1].days
        response.b[user] = panels[2].columns[response.name][user] / panels[2].days
      end
    end
  end
  local asked = ratios.list(options.metrics, info.responses, "requests")
  for _, ratio in ipairs(ratios.both(asked, panels[1].columns, panels[2].columns)) do
    result.responses[#result.responses + 1] = ratio
  end
  return result
end

return users
