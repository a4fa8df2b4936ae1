--- What trainings show of themselves, beside the judgement of what came out: metrics of their last tenth, and how soon they were
--- near the end of their curve.

local stats = require "perilune.stats"

local training = {}

training.near = 0.95 -- of the final lift

--- The numbers of a column that are there.
local function kept(ys)
  local result = {}
  for i = 1, #ys do
    if ys[i] == ys[i] then result[#result + 1] = ys[i] end
  end
  return result
end

--- The mean of the last tenth of a column, and of the first; nil where it is empty.
function training.ends(ys)
  local list = kept(ys)
  if #list == 0 then return nil end
  local count = math.max(1, math.floor(#list / 10))
  return (stats.mean_sd {unpack(list, #list - count + 1)}), (stats.mean_sd {unpack(list, 1, count)})
end

--- A metric of runs of one recipe over their last tenth, and over their first: two of stats.interval over seeds; nil where a run
--- has none.
function training.late(runs, name)
  local last, first = {}, {}
  for i, run in ipairs(runs) do
    last[i], first[i] = training.ends(run.metrics.columns[name] or {})
    if not last[i] then return nil end
  end
  return stats.interval(last), stats.interval(first)
end

-- The user-days at which a run's curve first came to its end's neighbourhood; nil where its final lift is not above 0.
local function reached(run, column)
  local columns = run.evaluations and run.evaluations.columns
  local lifts, days = columns and columns[column], columns and columns.user_days
  local final = lifts and days and lifts[run.evaluations.rows]
  if not final or final ~= final or final <= 0 then return nil end
  for i = 1, run.evaluations.rows do
    if lifts[i] >= training.near * final then return days[i] end
  end
end

--- User-days to 95 % of the final lift of a response, of stats.interval over seeds; nil where a seed has no such point, or an evaluation
--- at the end alone says nothing of when.
function training.user_days(runs, response)
  local list = {}
  for i, run in ipairs(runs) do
    list[i] = run.evaluations and run.evaluations.rows > 2 and reached(run, "lift/" .. response) or nil
    if not list[i] then return nil end
  end
  return stats.interval(list)
end

return training
