--- The last word on a policy, by user and simulated day: beside its baseline, beside further policies, by groups of users,
--- and on the front of global vectors; all on the same users with the same random draws.
---
---     local bench = judgement.new(info, options)     -- options: the recipe's eval; whatever it names is looked up here
---     bench:lift(users, agent_file)                  -- a lift table (stats/lift.lua), on the way
---     bench:whole(agent_file)                        -- {lift, groups, front, panels = {policy, baseline, others}}

local posix = require "posix"
local failure = require "perilune.failure"
local keys = require "perilune.keys"
local front = require "perilune.stats.front"
local groups = require "perilune.stats.groups"
local lift = require "perilune.stats.lift"
local records = require "perilune.records"
local drivers = require "perilune.trainer.drivers"
local folder = require "perilune.trainer.folder"
local panel = require "perilune.trainer.panel"
local policies = require "perilune.trainer.policies"

local judgement = {}

local most_of_a_run = 16 -- vectors that the front takes from one search

local Bench = {}
Bench.__index = Bench

-- ---- further policies ----

local function others_of(info, options)
  local others = {}
  for i, name in ipairs(keys(options.beside or {})) do
    others[i] = {name = name, policy = (policies.of(info, options.beside[name], "eval.beside." .. name))}
  end
  return others
end

-- The trials of a search's trials.csv, each beside the starting vector on its own users (trial 0 of its generation):
-- {x, y (lifts), action}.
local function trials_of(info, options, path)
  local trials = records.table(path, "trials")
  if not trials then failure.usage(("eval.front.vectors: no run of a search: there is no %s"):format(path)) end
  local function column(name)
    return trials.columns[name] or failure.usage(("eval.front.vectors: %s has no column %s"):format(path, name))
  end
  local function upwards(row)
    local sum = 0
    for _, name in ipairs(options.y) do sum = sum + column("mean/" .. name)[row] end
    return sum
  end
  local generation, trial, x = column "generation", column "trial", column("mean/" .. options.x)
  local start, found = {}, {}
  for row = 1, trials.rows do
    if trial[row] == 0 then start[generation[row]] = row end
  end
  for row = 1, trials.rows do
    local from = start[generation[row]]
    if trial[row] > 0 and from and x[from] > 0 and upwards(from) > 0 then
      local action = {}
      for _, name in ipairs(info.actions) do action[name] = (trials.columns["action/" .. name] or {})[row] end
      found[#found + 1] = {x[row] / x[from], upwards(row) / upwards(from), action = action}
    end
  end
  return found
end

--- The trials of a run of cem that none of the others beats in both, at most so many, evenly along the front.
function judgement.best_trials(info, options, path, most)
  local found = trials_of(info, options, path .. "/trials.csv")
  local best = {}
  for i, on in ipairs(front.nondominated(found)) do
    if on then best[#best + 1] = found[i] end
  end
  table.sort(best, function(a, b) return a[1] < b[1] end)
  local vectors, count = {}, math.min(#best, most)
  for i = 1, count do
    vectors[i] = best[count == 1 and 1 or math.floor((i - 1) * (#best - 1) / (count - 1) + 1.5)].action
  end
  return vectors
end

-- What a run in a folder of many is called: what set it apart.
local function name_of(run)
  local words = {}
  for _, text in ipairs(run.info.set or {}) do words[#words + 1] = text:match("([%a_][%w_]*=.*)$") or text end
  words[#words + 1] = ("seed %.0f"):format(run.info.seed)
  return table.concat(words, ", ")
end

-- The policies of a folder of runs; those that do the same for everybody are vectors.
local function of_runs(info, path)
  local list = {}
  for _, run in ipairs(folder.finished(path)) do
    if not panel.same_world(run.info, info) then
      failure.usage(("eval.front.vectors: the env of %s is another than this run's, or has other options"):format(run.path))
    end
    list[#list + 1] = {name = name_of(run), kind = drivers.of_run(run.info).constant and "vector" or "beside",
      policy = (policies.of(info, run.path, "eval.front.vectors"))}
  end
  if #list == 0 then failure.usage(("eval.front.vectors: there is no finished run in %s"):format(path)) end
  return list
end

local function vectors_of(info, options)
  local given = options.vectors
  if type(given) == "string" then
    if not posix.stat(given) then failure.usage(("eval.front.vectors: there is no folder %s"):format(given)) end
    if not posix.stat(given .. "/run.json") then return of_runs(info, given) end
    given = judgement.best_trials(info, options, given, most_of_a_run)
  end
  local list = {}
  for i, vector in ipairs(given) do
    list[i] = {name = "vector " .. i, kind = "vector", action = vector,
      policy = {constant = policies.constant(info, vector, "eval.front.vectors." .. i)}}
  end
  return list
end

--- info: of a run. Fails where the options name a run or a dimension that is not there.
function judgement.new(info, options)
  local self = setmetatable({info = info, options = options, panels = {}}, Bench)
  self.baseline_policy, self.baseline_name = policies.of(info, options.baseline, "eval.baseline")
  self.others = others_of(info, options)
  self.vectors = options.front and vectors_of(info, options.front) or {}
  return self
end

-- ---- judging ----

function Bench:panel(policy, users)
  local options = {}
  for key, value in pairs(self.options) do options[key] = value end
  options.users = users
  return panel.run(self.info, options, policy)
end

-- The baseline's panel on so many users is the same every time.
function Bench:baseline(users)
  if not self.panels[users] then self.panels[users] = self:panel(self.baseline_policy, users) end
  return self.panels[users]
end

--- The lift table of an agent's policy on so many users, and its panel.
function Bench:lift(users, agent)
  local judged = self:panel({agent = agent}, users)
  local compared = lift.table({judged}, {self:baseline(users)}, lift.judged(self.info), self.baseline_name)
  compared.unsummed = self.info.unsummed
  return compared, judged
end

-- What the objective is about, in the order of the table: its rewards and the responses that they read; then the metrics
-- that the recipe names.
local function main_of(info)
  local main = {}
  for _, name in ipairs(info.objective or {}) do main[#main + 1] = name end
  for _, reward in ipairs(info.rewards or {}) do main[#main + 1] = reward.name end
  for _, name in ipairs(keys(info.evaluation.metrics or {})) do main[#main + 1] = name end
  return main
end

function Bench:front(judged)
  local options = self.options
  if not options.front then return nil end
  local users = math.min(options.users, options.curve)
  local entries = {}
  for i, vector in ipairs(self.vectors) do
    entries[i] = {name = vector.name, kind = vector.kind, action = vector.action, panel = self:panel(vector.policy, users)}
  end
  local function add(name, kind, whole)
    entries[#entries + 1] = {name = name, kind = kind, panel = panel.first(whole, users)}
  end
  for _, other in ipairs(self.others) do add(other.name, "beside", other.panel) end
  add("policy", "policy", judged)
  return front.of(options.front, entries, panel.first(self:baseline(options.users), users), self.baseline_name,
    self.baseline_policy.constant ~= nil)
end

-- The metrics beside a group's actions.
local function metrics_of(info, main)
  local metrics = {}
  for _, metric in ipairs(lift.metrics(lift.judged(info))) do
    for _, name in ipairs(main) do
      if metric.name == name then metrics[#metrics + 1] = metric end
    end
  end
  return metrics
end

--- Everything that the recipe asks of the last evaluation.
function Bench:whole(agent)
  local options, main = self.options, main_of(self.info)
  local compared, judged = self:lift(options.users, agent)
  local baseline = self:baseline(options.users)
  for _, other in ipairs(self.others) do other.panel = self:panel(other.policy, options.users) end
  compared.main = main
  compared.beside = lift.beside(judged, baseline, self.others, lift.judged(self.info), self.baseline_name)
  return {
    lift = compared,
    groups = groups.of(judged, baseline, self.info.actions, options.groups or {}, metrics_of(self.info, main)),
    front = self:front(judged),
    panels = {judged, baseline, self.others},
  }
end

return judgement
