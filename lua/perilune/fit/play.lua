--- How long a video plays, given what was predicted and how long it is: a table of quantiles, read by interpolation.
---
--- The means' positions are the middles of parts of equal size of the predictions; the durations' are quantiles from almost
--- the shortest to almost the longest. At each pair stand the quantiles of the rows nearest in prediction among those nearest
--- to that duration: where few people meet what the pair asks for, its rows lie to one side, and the table bends nothing beyond
--- what was seen.
---
--- Many videos are left just as they end, and around a duration stand shorter and longer ones: each time is carried over to
--- the position's own duration, the end to the end, and early leavings hardly (BEND), or the peak at the end would blur.
--- Nothing is carried from or to a duration that is not known; those rows have a first position of their own, 0.
local play = {}

local SHORTEST = 1 -- seconds: also for less, and for an unknown duration
local LONG = 18 -- seconds of a long view; of a shorter video the whole
local END = 0.005 -- the share of rows beyond the first and the last duration
local BEND = 4 -- x + (ln(1 + D) − ln(1 + d)) min(x / ln(1 + d), 1)^BEND for x = ln(1 + s) of a video of d seconds, at D

--- Seconds from which a play is a long view: KuaiRand's own rule.
function play.long_view(seconds) return seconds > 0 and math.min(seconds, LONG) or LONG end

function play.log_duration(seconds) return math.log(math.max(seconds, SHORTEST)) end

--- The time x of a video as it would be at another duration; both durations as log_duration gives them.
local function carried(x, own, other)
  if math.min(own, other) <= math.log(SHORTEST) then return x end
  local own_end, other_end = math.log(1 + math.exp(own)), math.log(1 + math.exp(other))
  return math.max(x + (other_end - own_end) * math.min(x / own_end, 1) ^ BEND, 0)
end

--- Values of a sorted list at these shares of it, rising strictly.
local function positions(sorted, shares)
  local list = {}
  for k, share in ipairs(shares) do
    local at = sorted[math.min(math.floor(share * #sorted) + 1, #sorted)]
    if k == 1 or at > list[#list] + 1e-6 then list[#list + 1] = at end
  end
  return list
end

local function middles(count)
  local shares = {}
  for b = 1, count do shares[b] = (b - 0.5) / count end
  return shares
end

local function ends(count)
  local shares = {}
  for g = 1, count do shares[g] = math.min(math.max((g - 1) / (count - 1), END), 1 - END) end
  return shares
end

--- Positions of the known durations, behind 0 where some are not known.
local function duration_positions(log_durations, count)
  local known = {}
  for _, x in ipairs(log_durations) do
    if x > math.log(SHORTEST) then known[#known + 1] = x end
  end
  table.sort(known)
  local unknown = #known < #log_durations
  local list = positions(known, ends(count - (unknown and 1 or 0)))
  if unknown then table.insert(list, 1, math.log(SHORTEST)) end
  return list
end

--- The value at quantile q of a sorted list, between neighbours in a straight line.
function play.quantile(sorted, q)
  local at = math.min(math.max(q * #sorted + 0.5, 1), #sorted)
  local low = math.floor(at)
  return sorted[low] + (at - low) * ((sorted[low + 1] or sorted[low]) - sorted[low])
end

--- options: means, durations, quantiles, rows (rows at each pair). predicted, log_durations, times: a value for each
--- row; times as ln(1 + s). Returns {means, durations, quantiles[b][g][q]}.
function play.table(predicted, log_durations, times, options)
  local all = {}
  for i = 1, #times do all[i] = predicted[i] end
  table.sort(all)
  local result = {means = positions(all, middles(options.means)),
    durations = duration_positions(log_durations, options.durations), quantiles = {}}
  local parts = {}
  for g = 1, #result.durations do parts[g] = {} end
  for i = 1, #times do
    local nearest = 1
    for g = 2, #result.durations do
      if math.abs(result.durations[g] - log_durations[i]) < math.abs(result.durations[nearest] - log_durations[i]) then nearest = g end
    end
    table.insert(parts[nearest], i)
  end
  for b = 1, #result.means do result.quantiles[b] = {} end
  for g, rows in ipairs(parts) do
    table.sort(rows, function(x, y)
      if predicted[x] ~= predicted[y] then return predicted[x] < predicted[y] end
      return x < y
    end)
    local size, below = math.min(options.rows, #rows), 0
    for b, at in ipairs(result.means) do
      while below < #rows and predicted[rows[below + 1]] < at do below = below + 1 end
      local first = math.min(math.max(below - math.floor(size / 2), 0), #rows - size)
      local near, quantiles = {}, {}
      for k = 1, size do
        local i = rows[first + k]
        near[k] = carried(times[i], log_durations[i], result.durations[g])
      end
      table.sort(near)
      for q = 1, options.quantiles do quantiles[q] = play.quantile(near, (q - 0.5) / options.quantiles) end
      result.quantiles[b][g] = quantiles
    end
  end
  return result
end

--- Place of x among rising positions: the one below, and the share of the way to the next.
local function locate(list, x)
  if x <= list[1] then return 1, 0 end
  for k = 2, #list do
    if x < list[k] then return k - 1, (x - list[k - 1]) / (list[k] - list[k - 1]) end
  end
  return #list, 0
end

--- ln(1 + s) at the quantile u in (0, 1), as the environment reads it: linear in all three.
function play.read(made, predicted, log_duration, u)
  local b, x = locate(made.means, predicted)
  local g, y = locate(made.durations, log_duration)
  local count = #made.quantiles[1][1]
  local at = math.min(math.max(u * count + 0.5, 1), count)
  local q = math.floor(at)
  local z = at - q
  local function along(i, j)
    local row = made.quantiles[math.min(i, #made.means)][math.min(j, #made.durations)]
    return row[q] + z * ((row[q + 1] or row[q]) - row[q])
  end
  local near = along(b, g) + y * (along(b, g + 1) - along(b, g))
  local far = along(b + 1, g) + y * (along(b + 1, g + 1) - along(b + 1, g))
  return near + x * (far - near)
end

return play
