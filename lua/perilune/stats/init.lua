--- Means, spreads and Student's t intervals.

local stats = {}

--- x². Not x ^ 2: interpreted, that is pow(x, 2), and compiled x * x, which differ in the last digit of one number in a thousand.
function stats.square(x) return x * x end
local square = stats.square

--- Mean and sample standard deviation (0 for one value) of a list.
function stats.mean_sd(values)
  local n, sum = #values, 0
  for i = 1, n do sum = sum + values[i] end
  local mean, squares = sum / n, 0
  for i = 1, n do squares = squares + square(values[i] - mean) end
  return mean, n > 1 and math.sqrt(squares / (n - 1)) or 0
end

-- log Γ(x), x > 0, by Stirling's series after shifting x above 8.
local function log_gamma(x)
  local shift = 0
  while x < 8 do
    shift = shift - math.log(x)
    x = x + 1
  end
  local inverse = 1 / (x * x)
  local series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse / 1680))) / x
  return shift + (x - 0.5) * math.log(x) - x + 0.5 * math.log(2 * math.pi) + series
end

-- The regularised incomplete beta function by its continued fraction, evaluated by Lentz's method.
local function incomplete_beta(x, a, b)
  if x <= 0 then return 0 end
  if x >= 1 then return 1 end
  if x > (a + 1) / (a + b + 2) then return 1 - incomplete_beta(1 - x, b, a) end
  local front = math.exp(a * math.log(x) + b * math.log(1 - x) + log_gamma(a + b) - log_gamma(a) - log_gamma(b)) / a
  local tiny = 1e-300
  local f, c, d = 1, 1, 0
  for i = 0, 300 do
    local m = math.floor(i / 2)
    local term
    if i == 0 then
      term = 1
    elseif i % 2 == 0 then
      term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
    else
      term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
    end
    d = 1 + term * d
    if math.abs(d) < tiny then d = tiny end
    d = 1 / d
    c = 1 + term / c
    if math.abs(c) < tiny then c = tiny end
    f = f * c * d
    if math.abs(1 - c * d) < 1e-14 then break end
  end
  return front * (f - 1)
end

--- P(T ≤ t) of Student's t with `df` degrees of freedom.
function stats.t_cdf(t, df)
  local tail = 0.5 * incomplete_beta(df / (df + t * t), df / 2, 0.5)
  return t >= 0 and 1 - tail or tail
end

--- P(X ≥ x) of χ² with `df` degrees of freedom, by the series of the lower incomplete gamma function; 0 where it is below rounding.
function stats.chi_square_p(x, df)
  if x <= 0 then return 1 end
  local a, half = df / 2, x / 2
  local term, sum, n = 1, 1, 0
  repeat
    n = n + 1
    term = term * half / (a + n)
    sum = sum + term
  until term < 1e-16 * sum or n == 10000
  return math.max(0, 1 - math.exp(a * math.log(half) - half - log_gamma(a + 1)) * sum)
end

--- The t with P(T ≤ t) = p, 0.5 < p < 1, by Newton's method: the distribution is concave above 0, so that the steps
--- rise to t and never pass it.
function stats.t_quantile(p, df)
  local scale = math.exp(log_gamma((df + 1) / 2) - log_gamma(df / 2)) / math.sqrt(df * math.pi)
  local t = 0
  for _ = 1, 200 do
    local step = (p - stats.t_cdf(t, df)) / (scale * (1 + t * t / df) ^ (-(df + 1) / 2))
    t = t + step
    if step <= 1e-13 * t then break end
  end
  return t
end

--- The interval of a mean: {n, mean, sd, low, high, half}, at `level` (0.95). With one value it has no width to give:
--- low and high are nil.
function stats.interval(values, level)
  local n = #values
  local mean, sd = stats.mean_sd(values)
  local result = {n = n, mean = mean, sd = sd}
  if n > 1 then
    result.half = stats.t_quantile(0.5 + (level or 0.95) / 2, n - 1) * sd / math.sqrt(n)
    result.low, result.high = mean - result.half, mean + result.half
  end
  return result
end

--- The ratio of two sums over units, R = Σ of / Σ per, and the influence of each unit on it by the delta method,
--- e = (of − R per) / mean per, which sums to 0. per: a list, or one number for every unit. nil where Σ per is 0.
function stats.ratio(of, per)
  local n, top, bottom = #of, 0, 0
  local listed = type(per) == "table"
  for u = 1, n do
    top = top + of[u]
    bottom = bottom + (listed and per[u] or per)
  end
  if bottom == 0 then return nil end
  local result, mean, influence = top / bottom, bottom / n, {}
  for u = 1, n do influence[u] = (of[u] - result * (listed and per[u] or per)) / mean end
  return result, influence
end

--- The interval of a ratio of sums over its units, as stats.interval gives it; nil where there is none.
function stats.ratio_interval(of, per, level)
  local value, influence = stats.ratio(of, per)
  if not value then return nil end
  local result = stats.interval(influence, level)
  result.mean = value
  if result.half then result.low, result.high = value - result.half, value + result.half end
  return result
end

--- The interval of the difference b − a of two independent intervals' means, by Welch: {mean, half, low, high}.
function stats.difference(a, b, level)
  local result = {mean = b.mean - a.mean}
  if a.n < 2 or b.n < 2 then return result end
  local of_a, of_b = square(a.sd) / a.n, square(b.sd) / b.n
  result.half = 0
  if of_a + of_b > 0 then
    local df = square(of_a + of_b) / (square(of_a) / (a.n - 1) + square(of_b) / (b.n - 1))
    result.half = stats.t_quantile(0.5 + (level or 0.95) / 2, df) * math.sqrt(of_a + of_b)
  end
  result.low, result.high = result.mean - result.half, result.mean + result.half
  return result
end

--- The interval of b − a, pair by pair.
function stats.paired(a, b, level)
  assert(#a == #b, "paired values must be as many on both sides")
  local differences = {}
  for i = 1, #a do differences[i] = b[i] - a[i] end
  local result = stats.interval(differences, level)
  result.values = differences
  return result
end

-- Mean squares of values[seed][user]: of seeds, of users, of the rest.
local function mean_squares(values)
  local seeds, users = #values, #values[1]
  local by_seed, by_user, sum = {}, {}, 0
  for u = 1, users do by_user[u] = 0 end
  for s = 1, seeds do
    local row, total = values[s], 0
    for u = 1, users do
      total = total + row[u]
      by_user[u] = by_user[u] + row[u]
    end
    by_seed[s], sum = total / users, sum + total
  end
  local mean, of_seeds, of_users, rest = sum / (seeds * users), 0, 0, 0
  for u = 1, users do
    by_user[u] = by_user[u] / seeds
    of_users = of_users + square(by_user[u] - mean)
  end
  for s = 1, seeds do
    local row, own = values[s], by_seed[s] - mean
    of_seeds = of_seeds + square(own)
    for u = 1, users do rest = rest + square(row[u] - own - by_user[u]) end
  end
  return mean, users * of_seeds / (seeds - 1), seeds * of_users / (users - 1), rest / ((seeds - 1) * (users - 1))
end

local quantiles = {}
local function quantile(p, df)
  local key = p .. "/" .. df
  quantiles[key] = quantiles[key] or stats.t_quantile(p, df)
  return quantiles[key]
end

-- The mean of values[seed][user] and how it is spread: {mean, n, variance, seeds_part, half_at(p)}.
local function spread(values)
  local seeds, users = #values, #values[1]
  if seeds == 1 or users == 1 then
    local list = values[1]
    if seeds > 1 then
      list = {}
      for s = 1, seeds do list[s] = values[s][1] end
    end
    local mean, sd = stats.mean_sd(list)
    local variance = square(sd) / #list
    return {n = #list, mean = mean, sd = sd, variance = variance, seeds_part = seeds > 1 and variance or nil,
      half_at = #list > 1 and function(p) return quantile(p, #list - 1) * sd / math.sqrt(#list) end or nil}
  end
  local mean, of_seeds, of_users, rest = mean_squares(values)
  local n, by_users = seeds * users, math.max(of_users - rest, 0)
  local sum = of_seeds + by_users
  local function half_at(p)
    if sum == 0 then return 0 end
    local careful = math.sqrt((square(quantile(p, seeds - 1)) * of_seeds + square(quantile(p, users - 1)) * by_users) / n)
    local df = math.max(seeds - 1, square(sum) / (square(of_seeds) / (seeds - 1) + square(of_users) / (users - 1)))
    return (careful + stats.t_quantile(p, df) * math.sqrt(sum / n)) / 2
  end
  return {n = n, mean = mean, variance = sum / n, seeds_part = math.max(of_seeds - rest, 0) / n, half_at = half_at}
end

--- The interval of the mean of values[seed][user], where seeds and users are both samples, and every seed met every
--- user (crossed random effects): y_su = μ + a_s + b_u + c_su. With the mean squares A of seeds, B of users, C of the
--- rest, and n = seeds × users,
---     Var(mean) = (A + max(B − C, 0)) / n.
--- At three seeds, A has two degrees of freedom. Welch's and Satterthwaite's degrees of freedom for the sum are then a
--- little too many, and Cochran's and Cox's way, t² of each part weighted by the part, a little too careful; half-way
--- between the two half widths is within 1.5 points of 95 % wherever spec/stats/lift_spec.lua looked.
--- Returns stats.interval's fields, variance (of the mean), seeds_part (of it; nil for one seed, where the interval is
--- over users alone).
function stats.crossed(values, level)
  local found = spread(values)
  local result = {n = found.n, mean = found.mean, sd = found.sd, variance = found.variance, seeds_part = found.seeds_part}
  if found.half_at then
    result.half = found.half_at(0.5 + (level or 0.95) / 2)
    result.low, result.high = result.mean - result.half, result.mean + result.half
  end
  return result
end

local least_p = 1e-12 -- smaller ones are not told apart

--- The p value of a mean of 0 for stats.crossed: the interval at 1 − p has 0 at its end. nil: above `most` (0.05), or there is no
--- interval.
function stats.crossed_p(values, most)
  local found = spread(values)
  local size = math.abs(found.mean)
  if not found.half_at or size == 0 or size <= found.half_at(1 - (most or 0.05) / 2) then return nil end
  local low, high = math.log(least_p), math.log(most or 0.05)
  if size >= found.half_at(1 - least_p / 2) then return least_p end
  for _ = 1, 30 do
    local middle = (low + high) / 2
    if size > found.half_at(1 - math.exp(middle) / 2) then high = middle else low = middle end
  end
  return math.exp(high)
end

--- The smallest mean that a test at this level (0.05, two sides) would see in four of five repetitions: the half width at the level
--- and t of 80 % over users, beyond it. nil where there is no interval.
function stats.smallest(values, level)
  local found = spread(values)
  return found.half_at and found.half_at(1 - (level or 0.05) / 2) + stats.t_quantile(0.8, #values[1]) * math.sqrt(found.variance)
end

--- Holm's step-down correction (1979): of tests with these p values (nil: above `level`) among `count`, which are told from 0 so
--- that any false one comes in at most `level` of all such families, however the tests depend on one another. tests: [{p}]; each
--- gets `told`. Uniformly more powerful than Bonferroni's, at the same assumptions: none.
function stats.holm(tests, level)
  local order = {}
  for i, test in ipairs(tests) do
    test.told = false
    if test.p then order[#order + 1] = tests[i] end
  end
  table.sort(order, function(a, b) return a.p < b.p end)
  for k, test in ipairs(order) do
    if test.p > (level or 0.05) / (#tests - k + 1) then break end
    test.told = true
  end
end

--- By what number of times as many users the interval of stats.crossed would be half as wide; nil where no number of
--- users would do, since the seeds alone make more than that.
function stats.to_halve(crossed)
  local seeds_part = crossed.seeds_part or 0
  local left = crossed.variance / 4 - seeds_part
  if left <= 0 then return nil end
  return (crossed.variance - seeds_part) / left
end

return stats
