--- A run's folder as one table, for reports, comparisons and sweeps:
--- {folder, info = run.json, recipe = the text of recipe.lua, resolved = recipe.json as a text,
---  metrics = metrics.csv, evaluations = evaluations.csv or nil (records/csv.lua),
---  journal = its entries (records/journal.lua),
---  lift, groups, front = of the last evaluation by user and day (stats/), or nil,
---  importance = what moves the critics' values at the end (trainer/importance.lua), or nil}.

local failure = require "perilune.failure"
local keys = require "perilune.keys"
local journal = require "perilune.records.journal"
local records = require "perilune.records"
local stats = require "perilune.stats"
local text_of = require "perilune.records.text"

local run = {}

-- A mean of each of the run's responses and metrics, and of the length where the units are episodes.
local function evaluations_of(path, info)
  local found = records.table(path, "evaluations")
  if not found then return nil end
  local columns, names = found.columns, {}
  for i, response in ipairs(info.responses) do names[i] = response.name end
  if columns.episodes and info.environment.kind ~= "script" then names[#names + 1] = "length" end
  for _, name in ipairs(keys(info.evaluation.metrics or {})) do names[#names + 1] = name end
  for _, name in ipairs(names) do
    if not columns["mean/" .. name] then failure.run(("%s: the column mean/%s is missing"):format(path, name)) end
  end
  columns.episodes = columns.episodes or columns.users -- one name for the units over which there are intervals
  return found
end

--- Loads the folder; nil and a message where it is no run. A file in it that is damaged raises. brief: info and evaluations
--- alone.
function run.load(folder, brief)
  folder = folder:gsub("(.)/+$", "%1")
  local info = records.read(folder .. "/run.json", "run")
  if not info then return nil, ("%s: no run of perilune (there is no run.json in it)"):format(folder) end
  local evaluations = evaluations_of(folder .. "/evaluations.csv", info)
  if brief then return {folder = folder, info = info, evaluations = evaluations} end
  return {
    folder = folder,
    info = info,
    recipe = text_of(folder .. "/recipe.lua"),
    resolved = text_of(folder .. "/recipe.json"),
    metrics = records.table(folder .. "/metrics.csv", "metrics") or {names = {"step"}, columns = {step = {}}, rows = 0},
    evaluations = evaluations,
    journal = journal.read(folder, info),
    lift = records.read(folder .. "/lift.json", "lift"),
    groups = records.read(folder .. "/groups.json", "groups"),
    front = records.read(folder .. "/front.json", "front"),
    importance = records.read(folder .. "/importance.json", "importance"),
  }
end

--- Whether a run is what its recipe, its seed and what it began with give: nothing was changed since.
function run.unchanged(info) return info.changes == nil and info.swaps == nil end

--- Whether a run is what its recipe and its seed give: it began with nothing of another's, either.
function run.as_written(info) return info.start == nil and run.unchanged(info) end

--- The last evaluation as {step, episodes, response = {name = {mean, sd, half}}, length = …}; nil without one.
--- half: of the mean's 95 % interval over episodes.
function run.last_evaluation(loaded)
  local table = loaded.evaluations
  if not table or table.rows == 0 then return nil end
  local at = table.rows
  local result = {step = table.columns.step[at], episodes = table.columns.episodes[at], response = {}}
  for _, name in ipairs(table.names) do
    local response = name:match("^mean/(.+)$")
    if response then
      local mean, sd = table.columns[name][at], (table.columns["sd/" .. response] or {})[at] or 0
      local n = result.episodes
      local half = n > 1 and stats.t_quantile(0.975, n - 1) * sd / math.sqrt(n) or nil
      result.response[response] = {mean = mean, sd = sd, half = half}
    end
  end
  return result
end

return run
