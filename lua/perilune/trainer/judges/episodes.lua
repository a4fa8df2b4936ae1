--- The judge by episodes: whole episodes of the published policy on environments apart from training, from the same starts
--- every time, with nothing recorded.

local failure = require "perilune.failure"
local format = require "perilune.format"
local ratios = require "perilune.stats.ratios"
local stats = require "perilune.stats"
local search = require "perilune.recipe.search"
local environment = require "perilune.trainer.environment"

local episodes = {}

local Episodes = {last_apart = false, has_length = true}
Episodes.__index = Episodes
episodes.Judge = Episodes

local most_instances = 128

--- options: env (of environment.make), responses (names), episodes, seed, action ("mean" | "sample"), watch(done, total), which may
--- raise. Returns
--- {episodes, values = {response = {each episode's sum}}, length = {each episode's steps}}.
function episodes.run(agent, options)
  local n = math.min(options.episodes, most_instances)
  local env = failure.check(environment.make(options.env, n, options.seed))
  local ok, responses, lengths = pcall(agent.evaluate, agent, env, options.episodes, options.action, options.watch)
  env:free()
  if not ok and type(responses) == "table" then error(responses, 0) end -- of the watch
  if not ok then failure.run("the evaluation stopped: " .. tostring(responses)) end
  local sums, steps = responses:totable(), lengths:totable()
  local result = {episodes = options.episodes, values = {}, length = steps}
  for i, response in ipairs(options.responses) do
    local values = {}
    for episode = 1, options.episodes do values[episode] = sums[episode][i] end
    result.values[response.name] = values
  end
  return result
end

local function columns_of(result)
  local columns = {length = result.length}
  for name, values in pairs(result.values) do columns[name] = values end
  return columns
end

--- The ratios of a run (run.json) in a result: each with `values`, one an episode, or `undefined`, why there are none
--- (stats/ratios.lua).
function episodes.ratios(result, info)
  local list, columns = ratios.list(info.evaluation.metrics, info.responses, "length"), columns_of(result)
  for _, ratio in ipairs(list) do ratio.values, ratio.undefined = ratios.values(ratio, columns) end
  return list
end

--- Their intervals by name, {mean, half, low, high}, or false of one that is undefined; nil where none was asked for.
function episodes.intervals(list)
  local found
  for _, ratio in ipairs(list) do
    found = found or {}
    local interval = ratio.values and stats.interval(ratio.values)
    found[ratio.name] = interval and {mean = interval.mean, half = interval.half, low = interval.low,
      high = interval.high} or false
  end
  return found
end

--- Every `eval` has episodes.
function episodes.asked() return true end

function episodes.new(info, options) return setmetatable({info = info, watch = options.watch}, Episodes) end

function Episodes:columns()
  local names = {"step", "episodes"}
  local function add(name)
    names[#names + 1] = "mean/" .. name
    names[#names + 1] = "sd/" .. name
  end
  for _, response in ipairs(self.info.responses) do add(response.name) end
  if self.has_length then add "length" end
  for _, ratio in ipairs(ratios.list(self.info.evaluation.metrics, self.info.responses, "length")) do add(ratio.name) end
  return names
end

function Episodes:play(run)
  local info, options = self.info, self.info.evaluation
  return episodes.run(run.agent, {env = info.environment, responses = info.responses, episodes = options.episodes,
    seed = options.seed, action = options.action, watch = self.watch})
end

function Episodes:evaluate(run)
  local info, result = self.info, self:play(run)
  if not result then return nil end
  local row, n = {run.state.step, result.episodes}, 2
  local function add(values) -- without values two empty cells
    if values then row[n + 1], row[n + 2] = stats.mean_sd(values) end
    n = n + 2
  end
  for _, response in ipairs(info.responses) do add(result.values[response.name]) end
  if self.has_length then add(result.length) end
  result.ratios = episodes.ratios(result, info)
  for _, ratio in ipairs(result.ratios) do add(ratio.values) end
  return result, row
end

function Episodes:text(result) return episodes.text(result, self.info.responses) end

-- ---- sweeps ----

function episodes.metrics(responses, evaluation)
  local metrics = {}
  for i, response in ipairs(responses) do metrics[i] = {name = response.name, unit = response.unit, of = response.name} end
  metrics[#metrics + 1] = {name = "length", unit = "steps", of = "length"}
  for _, ratio in ipairs(ratios.list(evaluation.metrics, responses, "length")) do metrics[#metrics + 1] = ratio end
  return metrics
end

function episodes.measure(_, metric, means)
  return {value = metric.form and search.total(metric.form, means.length, means) or means[metric.name]}
end

function episodes.lift() end
function episodes.baseline() end

-- ---- comparisons ----

--- Pairs are episodes from the same starts.
function episodes.compare(places, responses, options)
  local found, result = {}, {unit = "episode", pairs = {}, responses = responses}
  for side, place in ipairs(places) do
    local _, agent = place:newest()
    found[side] = episodes.run(agent, {env = place.info.environment, responses = place.info.responses,
      episodes = options.episodes, seed = options.seed, action = options.action, watch = options.watch})
  end
  for _, response in ipairs(responses) do
    response.a, response.b = found[1].values[response.name], found[2].values[response.name]
  end
  local asked = ratios.list(options.metrics, places[1].info.responses, "length")
  for _, ratio in ipairs(ratios.both(asked, columns_of(found[1]), columns_of(found[2]))) do
    responses[#responses + 1] = ratio
  end
  for i = 1, options.episodes do result.pairs[i] = i end
  return result
end

-- ---- texts ----

--- The result as the table that `train` and `eval` print, with its ratios where it has them (episodes.ratios).
function episodes.text(result, responses)
  local rows = {{"sum over an episode", "mean ± 95 %", "deviation", "least", "greatest"}}
  local function add(name, values, later)
    local interval = stats.interval(values)
    local low, high = math.huge, -math.huge
    for _, value in ipairs(values) do low, high = math.min(low, value), math.max(high, value) end
    if later and low == 0 and high == 0 then -- it is known only after the episode, or not at all
      rows[#rows + 1] = {name, "did not come yet", "", "", ""}
      return
    end
    rows[#rows + 1] = {name, format.with_error(interval.mean, interval.half), format.number(interval.sd),
      format.number(low), format.number(high)}
  end
  for _, response in ipairs(responses) do
    local unit = response.unit ~= "" and response.unit and " (" .. response.unit .. ")" or ""
    add(response.name .. unit, result.values[response.name], (response.combine or "sum") ~= "sum")
  end
  if result.length then add("steps", result.length) end
  for _, ratio in ipairs(result.ratios or {}) do
    local interval = ratio.values and stats.interval(ratio.values)
    rows[#rows + 1] = {ratios.label(ratio) .. (ratio.unit ~= "" and " (" .. ratio.unit .. ")" or ""),
      interval and format.with_error(interval.mean, interval.half) or ratio.undefined,
      interval and format.number(interval.sd) or "", "", ""}
  end
  return format.columns(rows)
end

return episodes
