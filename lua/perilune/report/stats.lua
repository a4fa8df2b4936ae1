--- Means, spreads and Student's t intervals.

local stats = {}

--- Mean and sample standard deviation (0 for one value) of a list.
function stats.mean_sd(values)
  local n, sum = #values, 0
  for i = 1, n do sum = sum + values[i] end
  local mean, squares = sum / n, 0
  for i = 1, n do squares = squares + (values[i] - mean) ^ 2 end
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

--- The t with P(T ≤ t) = p, 0.5 < p < 1, by bisection.
function stats.t_quantile(p, df)
  local low, high = 0, 2
  while stats.t_cdf(high, df) < p do high = high * 2 end
  for _ = 1, 200 do
    local middle = (low + high) / 2
    if middle == low or middle == high then break end
    if stats.t_cdf(middle, df) < p then low = middle else high = middle end
  end
  return (low + high) / 2
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

--- The interval of b − a, pair by pair.
function stats.paired(a, b, level)
  assert(#a == #b, "paired values must be as many on both sides")
  local differences = {}
  for i = 1, #a do differences[i] = b[i] - a[i] end
  local result = stats.interval(differences, level)
  result.values = differences
  return result
end

return stats
