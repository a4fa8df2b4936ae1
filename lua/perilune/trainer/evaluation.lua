--- Evaluations: whole episodes of the published policy on environments apart from training, from the same starts
--- every time, with nothing recorded.

local failure = require "perilune.failure"
local format = require "perilune.format"
local stats = require "perilune.stats"
local world = require "perilune.trainer.world"

local evaluation = {}

local most_instances = 128

--- options: env (of world.make), responses (names), episodes, seed, action ("mean" | "sample"), watch(done, total), which may
--- raise. Returns
--- {episodes, values = {response = {each episode's sum}}, length = {each episode's steps}}.
function evaluation.run(agent, options)
  local n = math.min(options.episodes, most_instances)
  local env = failure.check(world.make(options.env, n, options.seed))
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

--- The columns of evaluations.csv for these responses.
function evaluation.columns(responses)
  local names = {"step", "episodes"}
  for _, response in ipairs(responses) do
    names[#names + 1] = "mean/" .. response.name
    names[#names + 1] = "sd/" .. response.name
  end
  names[#names + 1] = "mean/length"
  names[#names + 1] = "sd/length"
  return names
end

--- The row of a result in these columns.
function evaluation.row(step, result, responses)
  local row = {step, result.episodes}
  local function add(values)
    local mean, sd = stats.mean_sd(values)
    row[#row + 1] = mean
    row[#row + 1] = sd
  end
  for _, response in ipairs(responses) do add(result.values[response.name]) end
  add(result.length)
  return row
end

--- The result as the table that `train` and `eval` print.
function evaluation.text(result, responses)
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

return evaluation
