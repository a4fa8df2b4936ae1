--- The statistics of a sweep: what each point gives, which is best, and whether that can be told.
---
--- A point was measured on the seeds that all points share: a list [{seed, value, panel, baseline}], in one order of
--- seeds, where panel and baseline (stats/lift.lua) are there for runs that were judged by user and day. Every seed
--- counts in the mean of its point; none is ranked or left out. The best of several means is an optimistic figure of
--- itself: it was chosen for its luck too. So what is said of the winner is its mean over fresh seeds, which took no
--- part in the choice. The intervals of differences to the winner are pairwise, at 95 %, and take no account of the
--- choice: where nothing differs, that of the second leaves 0 out in at most 5 % of sweeps, those of all points in more
--- (spec/stats/points_spec.lua).

local lift = require "perilune.stats.lift"
local stats = require "perilune.stats"

local points = {}

local function column(list, name)
  local values = {}
  for i, one in ipairs(list) do values[i] = one[name] end
  return values
end

local function panels(list)
  local found = column(list, "panel")
  return #found == #list and #list > 0 and found or nil
end

--- The mean over the seeds of a list: {n, mean, half, low, high} by Student's t over seeds, with lift = the lift over
--- the baseline by users crossed with seeds (stats.crossed, a fraction) where there are panels and it has one.
function points.estimate(list, metric)
  local result = stats.interval(column(list, "value"))
  local policies = panels(list)
  if policies then
    result.lift, result.policy, result.baseline = lift.of(policies, column(list, "baseline"), metric)
  end
  return result
end

--- What `list` gives above `other` on the same seeds, pair by pair: an interval {mean, half, low, high}; relative: it is
--- a fraction of the other's, by users crossed with seeds; else in the metric's unit, over seeds.
function points.difference(list, other, metric)
  local mine, theirs = panels(list), panels(other)
  local found = mine and theirs and lift.of(mine, theirs, metric)
  if found then
    return {mean = found.mean, half = found.half, low = found.low, high = found.high, relative = true}
  end
  return stats.paired(column(other, "value"), column(list, "value"))
end

--- Whether an interval of a difference leaves 0 out. Without an interval nothing can be told.
function points.told(difference)
  if not difference.low then return false end
  return difference.low > 0 or difference.high < 0
end

-- By numbers, not by pairs: where a table's values stand in a list, Debian's LuaJIT now and then compiles a comparison of them
-- in a loop over pairs wrongly (a fused load: never with -O-fuse). It left a point out in one process of 20.
local function best(estimates, minimise, but)
  local found, most
  for i = 1, table.maxn(estimates) do
    local mean = i ~= but and estimates[i] and estimates[i].mean
    if mean and mean == mean and (not found or (minimise and mean < most) or (not minimise and mean > most)) then
      found, most = i, mean
    end
  end
  return found
end

--- Judges a grid. measured: {point's number = its list}, without the points that failed; base: the number of the point
--- that is the base itself, or nil. Returns {estimates, winner, second, differences (to the winner), to_base}, by the
--- points' numbers; nil where no point was measured.
function points.judge(measured, metric, minimise, base)
  local judged = {estimates = {}, differences = {}, to_base = {}}
  for i, list in pairs(measured) do judged.estimates[i] = points.estimate(list, metric) end
  judged.winner = best(judged.estimates, minimise)
  if not judged.winner then return nil end
  judged.second = best(judged.estimates, minimise, judged.winner)
  for i, list in pairs(measured) do
    if i ~= judged.winner then judged.differences[i] = points.difference(list, measured[judged.winner], metric) end
    if base and measured[base] and i ~= base then
      judged.to_base[i] = points.difference(list, measured[base], metric)
    end
  end
  return judged
end

return points
