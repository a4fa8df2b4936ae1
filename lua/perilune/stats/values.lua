--- Value estimates beside the returns that came: mean absolute error, mean squared error and explained variance, with 95 %
--- intervals over users crossed with seeds.
---
--- A row is a request; its return is G = Σ_k (Π_{j<k} γ_j) r_k to the end of its episode, its estimate V, the error V − G. Rows
--- of a user hang together, so that the user is the unit: each metric is a function of means over rows, and by the delta
--- method user u of seed s moves it by the sum of its rows' influence over the mean number of rows,
---     MAE: |e| − MAE,   MSE: e² − MSE,   1 − Var e / Var G: ((G − Ḡ)² Var e / Var G − (e − ē)²) / Var G.
--- The table of metric + influence over seeds × users has the metric as its mean (stats.crossed), and the difference of two
--- sides is the mean of the table of their differences.

local stats = require "perilune.stats"

local values = {}

--- A row's return is known where what is still to come counts for less than this.
values.tolerance = 1e-3

--- The returns of one user's rows, in their order. reward, discount: lists; ends: 0, 1 (terminated) or 2 (truncated). Returns
--- the returns of rows whose return is known, and false for the others: where an episode was truncated, or the rows end, a
--- part of the return is missing, which the product of the discounts until then bounds.
function values.returns(reward, discount, ends)
  local found, ahead, missing = {}, 0, 1
  for t = #reward, 1, -1 do
    if ends[t] == 1 then ahead, missing = 0, 0 elseif ends[t] == 2 then ahead, missing = 0, 1 end
    ahead = reward[t] + (ends[t] == 0 and discount[t] * ahead or 0)
    missing = missing * (ends[t] == 1 and 0 or discount[t])
    found[t] = missing <= values.tolerance and ahead
  end
  return found
end

--- Sums over the rows of one user.
function values.sums() return {rows = 0, abs = 0, error = 0, squares = 0, returns = 0, returns_squares = 0} end

function values.add(sums, estimate, returned)
  local e = estimate - returned
  sums.rows, sums.abs, sums.error = sums.rows + 1, sums.abs + math.abs(e), sums.error + e
  sums.squares, sums.returns = sums.squares + e * e, sums.returns + returned
  sums.returns_squares = sums.returns_squares + returned * returned
end

-- Means over all rows of one seed's users.
local function whole(users)
  local all = values.sums()
  for _, one in ipairs(users) do
    for key, value in pairs(one) do all[key] = all[key] + value end
  end
  local n = all.rows
  local m = {n = n, abs = all.abs / n, error = all.error / n, squares = all.squares / n, returns = all.returns / n}
  m.error_variance = math.max(0, m.squares - m.error * m.error)
  m.variance = math.max(0, all.returns_squares / n - m.returns * m.returns)
  return m
end

-- Each metric of the means, and the sum of the influences of a user's rows on it.
local metrics = {
  {name = "mean absolute error", of = function(m) return m.abs end,
    influence = function(m, u) return u.abs - u.rows * m.abs end},
  {name = "mean squared error", of = function(m) return m.squares end,
    influence = function(m, u) return u.squares - u.rows * m.squares end},
  {name = "explained variance", of = function(m) return m.variance > 0 and 1 - m.error_variance / m.variance or nil end,
    influence = function(m, u)
      local error = u.squares - 2 * m.error * u.error + u.rows * m.error * m.error
      local spread = u.returns_squares - 2 * m.returns * u.returns + u.rows * m.returns * m.returns
      return (spread * m.error_variance / m.variance - error) / m.variance
    end, pure = true},
}

-- metric + influence, a row for each seed; nil where it is undefined.
local function table_of(metric, seeds)
  local result = {}
  for s, users in ipairs(seeds) do
    local m, row = whole(users), {}
    local value = m.n > 0 and metric.of(m)
    if not value then return nil end
    for u, one in ipairs(users) do row[u] = value + metric.influence(m, one) * #users / m.n end
    result[s] = row
  end
  return result
end

local function difference(a, b)
  local result = {}
  for s, row in ipairs(a) do
    result[s] = {}
    for u, value in ipairs(row) do result[s][u] = b[s][u] - value end
  end
  return stats.crossed(result)
end

--- What two sides' sums[seed][user] come to; either may be nil. same: whether both estimate the same return, without which
--- errors are in different units. Returns
--- {{name, a, b, difference}}, each of stats.crossed or nil.
function values.compare(a, b, same)
  local rows = {}
  for i, metric in ipairs(metrics) do
    local of_a, of_b = a and table_of(metric, a), b and table_of(metric, b)
    rows[i] = {name = metric.name, a = of_a and stats.crossed(of_a), b = of_b and stats.crossed(of_b),
      difference = of_a and of_b and (same or metric.pure) and difference(of_a, of_b) or nil}
  end
  return rows
end

--- The mean of the returns and their deviation, over all seeds.
function values.spread(seeds)
  local mean, variance = 0, 0
  for _, users in ipairs(seeds) do
    local m = whole(users)
    mean, variance = mean + m.returns / #seeds, variance + m.variance / #seeds
  end
  return mean, math.sqrt(variance)
end

return values
