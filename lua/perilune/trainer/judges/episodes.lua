--- The judge by episodes: whole episodes of the published policy on environments apart from training, from the same starts
--- every time, with nothing recorded.

local failure = require "perilune.failure"
local format = require "perilune.format"
local stats = require "perilune.stats"
local search = require "perilune.recipe.search"
local environment = require "perilune.trainer.environment"

local episodes = {}

local Episodes = {last_apart = false}
Episodes.__index = Episodes

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

--- Every `eval` has episodes.
function episodes.asked() return true end

function episodes.new(info, options) return setmetatable({info = info, watch = options.watch}, Episodes) end

function Episodes:columns()
  local names = {"step", "episodes"}
  for _, response in ipairs(self.info.responses) do
    names[#names + 1] = "mean/" .. response.name
    names[#names + 1] = "sd/" .. response.name
  end
  names[#names + 1] = "mean/length"
  names[#names + 1] = "sd/length"
  return names
end

function Episodes:evaluate(run)
  local info, options = self.info, self.info.evaluation
  local result = episodes.run(run.agent, {env = info.environment, responses = info.responses, episodes = options.episodes,
    seed = options.seed, action = options.action, watch = self.watch})
  local row = {run.state.step, result.episodes}
  local function add(values)
    local mean, sd = stats.mean_sd(values)
    row[#row + 1] = mean
    row[#row + 1] = sd
  end
  for _, response in ipairs(info.responses) do add(result.values[response.name]) end
  add(result.length)
  return result, row
end

function Episodes:text(result) return episodes.text(result, self.info.responses) end

-- ---- sweeps ----

function episodes.metrics(responses)
  local metrics = {}
  for i, response in ipairs(responses) do metrics[i] = {name = response.name, unit = response.unit, of = response.name} end
  metrics[#metrics + 1] = {name = "length", unit = "steps", of = "length"}
  return metrics
end

function episodes.measure(_, metric, means)
  return {value = metric.form and search.total(metric.form, means.length, means) or means[metric.of]}
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
  for i = 1, options.episodes do result.pairs[i] = i end
  return result
end

-- ---- texts ----

--- The result as the table that `train` and `eval` print.
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
  add("steps", result.length)
  return format.columns(rows)
end

return episodes
