--- Series of a run: thinned to what a screen can show, and summed up.

local stats = require "perilune.stats"
local training = require "perilune.stats.training"

local series = {}

--- At most `limit` buckets of equally many points: a list of {x = the last x, mean, low, high}, without the points
--- whose y is NaN. Every extreme of the series is kept, as the low or high of its bucket.
function series.thin(xs, ys, limit)
  local px, py, n = {}, {}, 0
  for i = 1, #xs do
    local y = ys[i]
    if y and y == y and math.abs(y) < math.huge then
      n = n + 1
      px[n], py[n] = xs[i], y
    end
  end
  local buckets = {}
  local count = math.min(n, limit)
  local first = 1
  for b = 1, count do
    local last = math.floor(b * n / count)
    local sum, low, high = 0, math.huge, -math.huge
    for i = first, last do
      sum = sum + py[i]
      low, high = math.min(low, py[i]), math.max(high, py[i])
    end
    buckets[b] = {x = px[last], mean = sum / (last - first + 1), low = low, high = high}
    first = last + 1
  end
  return buckets
end

--- What a table shows of a series: first, last, low, high, and the mean of its last tenth; nil where it is empty.
function series.summary(ys)
  local kept = {}
  for i = 1, #ys do
    if ys[i] == ys[i] then kept[#kept + 1] = ys[i] end
  end
  if #kept == 0 then return nil end
  local low, high = math.huge, -math.huge
  for i = 1, #kept do low, high = math.min(low, kept[i]), math.max(high, kept[i]) end
  return {first = kept[1], last = kept[#kept], low = low, high = high, late = (training.ends(kept)), n = #kept}
end

--- The mean of a column of evaluations over runs (records/run.lua), step by step where all have it: points {x, mean, low, high}, from
--- the least of them to the greatest. along: the column whose mean over the runs is x, "step" unless given.
function series.mean_curve(side, column, along)
  local at, across, steps = {}, {}, {}
  for _, run in ipairs(side) do
    local evaluations = run.evaluations
    local means = evaluations and evaluations.columns[column]
    for i = 1, means and evaluations.rows or 0 do
      local step = evaluations.columns.step[i]
      if not at[step] then
        at[step], across[step] = {}, {}
        steps[#steps + 1] = step
      end
      if means[i] == means[i] then
        table.insert(at[step], means[i])
        table.insert(across[step], (evaluations.columns[along or "step"] or {})[i])
      end
    end
  end
  table.sort(steps)
  local points = {}
  for _, step in ipairs(steps) do
    if #at[step] == #side and #across[step] == #side then -- a step that only some runs reached would bend the mean
      local low, high = math.huge, -math.huge
      for _, value in ipairs(at[step]) do low, high = math.min(low, value), math.max(high, value) end
      points[#points + 1] = {x = (stats.mean_sd(across[step])), mean = (stats.mean_sd(at[step])), low = low, high = high}
    end
  end
  return points
end

return series
