--- The same policies judged as an A/B test judges them: each user is of one arm, by a hash of their number, so that arms share no
--- users and nothing is paired.
---
--- The lift is R / R_0 − 1 of two independent ratios of sums; by the delta method its variance is
---     (Var(e) / n + (R / R_0)² Var(e_0) / n_0) / R_0²,
--- with e each user's influence (stats.ratio), and its interval is Welch's. One training stands behind each arm, as in production.
--- The control has two shares; the second, "A/A", is an arm that differs from it in its users alone.

local lift = require "perilune.stats.lift"
local prl = require "perilune"
local stats = require "perilune.stats"

local split = {}

local buckets = 10000 -- of prl.bucket

local square = stats.square

--- The users 1 … count by share, as even as a hash makes them: [{numbers}]. salt: another one gives another split.
function split.users(count, shares, salt)
  local list = {}
  for i = 1, shares do list[i] = {} end
  for user = 1, count do
    local share = list[math.floor(prl.bucket(user, salt) * shares / buckets) + 1]
    share[#share + 1] = user
  end
  return list
end

--- Whether shares have the sizes that equal chances give them: Pearson's χ² and its p; a small p says that the split, not a policy,
--- is at fault (a sample-ratio mismatch).
function split.sample_ratio(sizes)
  local total, sum = 0, 0
  for _, size in ipairs(sizes) do total = total + size end
  local expected = total / #sizes
  for _, size in ipairs(sizes) do sum = sum + square(size - expected) / expected end
  return {statistic = sum, p = stats.chi_square_p(sum, #sizes - 1)}
end

--- The lift of one panel over another of other users: {mean, half, low, high}; nil where nothing came.
function split.lift(policy, baseline, metric)
  local r, e = lift.ratio(policy, metric)
  local r0, e0 = lift.ratio(baseline, metric)
  if not lift.comparable(r, r0) then return nil end
  local a, b = {}, {}
  for u, value in ipairs(e0) do a[u] = r / r0 * value / r0 end
  for u, value in ipairs(e) do b[u] = value / r0 end
  local found = stats.difference(stats.interval(a), stats.interval(b))
  found.mean = r / r0 - 1
  if found.half then found.low, found.high = found.mean - found.half, found.mean + found.half end
  return found
end

--- arms, control, metrics: as for contrasts.of, of whose panels the first seed's count. Returns {sizes, sample_ratio, rows = [{name,
--- unit, arms = [{name, lift, told (the interval leaves 0 out), needed}]}]}, the arm "A/A" last. needed: user-days, of
--- all shares together, at which the unpaired interval would be as wide as the paired difference of the same policies is large.
function split.of(arms, control, metrics, salt)
  local others = {}
  for _, arm in ipairs(arms) do
    if arm ~= control then others[#others + 1] = arm end
  end
  others[#others + 1] = {name = "A/A", panels = control.panels}
  local whole = control.panels[1]
  local shares, result = split.users(whole.users, #others + 1, salt), {sizes = {}, rows = {}}
  for i, share in ipairs(shares) do
    result.sizes[i] = #share
    if #share < 2 then return nil end
  end
  result.sample_ratio = split.sample_ratio(result.sizes)
  local base = lift.of_users(whole, shares[#shares])
  for m, metric in ipairs(metrics) do
    local row = {name = metric.name, unit = metric.unit, per = metric.per, formula = metric.formula, arms = {}}
    for i, arm in ipairs(others) do
      local value = split.lift(lift.of_users(arm.panels[1], shares[i]), base, metric)
      local paired = arm.name ~= "A/A" and lift.of({arm.panels[1]}, {whole}, metric)
      row.arms[i] = {name = arm.name, lift = value, told = value and value.half ~= nil and math.abs(value.mean) > value.half or false,
        needed = value and value.half and paired and math.abs(paired.mean) > 1e-9 and
          whole.users * whole.days * square(value.half / paired.mean) or nil}
    end
    result.rows[m] = row
  end
  return result
end

return split
