--- A run's folder as one table, for the report and for comparisons:
--- {folder, info = run.json, recipe = the text of recipe.lua, resolved = recipe.json as a text,
---  metrics = metrics.csv, evaluations = evaluations.csv or nil (series.read),
---  lift, groups, front = of the last evaluation by user and day (report/lift.lua, groups.lua, front.lua), or nil}.

local cjson = require "cjson"
local series = require "perilune.report.series"

local run = {}

local function read(path)
  local file, message = io.open(path, "r")
  if not file then return nil, message end
  local text = file:read("*a")
  file:close()
  return text
end

local function read_json(path)
  local text = read(path)
  local ok, value = pcall(cjson.decode, text or "")
  return ok and type(value) == "table" and value or nil
end

--- Loads the folder; nil and a message where it is no run. cjson's null is left out of run.json.
--- brief: info and evaluations alone.
function run.load(folder, brief)
  folder = folder:gsub("(.)/+$", "%1")
  local text = read(folder .. "/run.json")
  if not text then return nil, ("%s: no run of perilune (there is no run.json in it)"):format(folder) end
  local ok, info = pcall(cjson.decode, text)
  if not ok or type(info) ~= "table" then return nil, folder .. "/run.json: not JSON" end
  for key, value in pairs(info) do
    if value == cjson.null then info[key] = nil end
  end
  local evaluations = series.read(folder .. "/evaluations.csv")
  if evaluations then -- one name for the units over which evaluations have intervals
    evaluations.columns.episodes = evaluations.columns.episodes or evaluations.columns.users
  end
  if brief then return {folder = folder, info = info, evaluations = evaluations} end
  return {
    folder = folder,
    info = info,
    recipe = read(folder .. "/recipe.lua"),
    resolved = read(folder .. "/recipe.json"),
    metrics = series.read(folder .. "/metrics.csv") or {names = {"step"}, columns = {step = {}}, rows = 0},
    evaluations = evaluations,
    lift = read_json(folder .. "/lift.json"),
    groups = read_json(folder .. "/groups.json"),
    front = read_json(folder .. "/front.json"),
  }
end

--- The last evaluation as {step, episodes, response = {name = {mean, sd, half}}, length = …}; nil without one.
--- half: of the mean's 95 % interval over episodes.
function run.last_evaluation(loaded)
  local table = loaded.evaluations
  if not table or table.rows == 0 then return nil end
  local at = table.rows
  local stats = require "perilune.report.stats"
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
