--- What is a user's, or a video's, own in a rare answer, beyond what a model says of it: its answers n among E expected ones
--- are taken as
---
---     n ~ Poisson(E · exp(σ t − σ²/2)),   t ~ N(0, 1)
---
--- with one σ for all, by the greatest likelihood; then each gets a draw from what its own answers leave open. (A Poisson
--- count with a log-normal rate, as in Aitchison & Ho 1989; the integral over t is a sum over fixed places.)
local propensity = {}

local PLACES, REACH = 41, 4 -- of t, from −REACH to REACH
local GREATEST, STEPS = 3, 30 -- of σ; of the golden section
local LEAST_GAIN = 1.3528 -- of the log-likelihood

local places, log_density = {}, {}
for j = 1, PLACES do
  places[j] = REACH * (2 * (j - 1) / (PLACES - 1) - 1)
  log_density[j] = -0.5 * places[j] * places[j]
end

--- Posterior weights of t for one group, into `weights`; returns the log of their sum.
local function weigh(count, expected, sigma, multiplier, weights)
  local highest = -math.huge
  for j = 1, PLACES do
    weights[j] = log_density[j] + count * (sigma * places[j] - sigma * sigma / 2) - expected * multiplier[j]
    if weights[j] > highest then highest = weights[j] end
  end
  local sum = 0
  for j = 1, PLACES do
    weights[j] = math.exp(weights[j] - highest)
    sum = sum + weights[j]
  end
  return highest + math.log(sum), sum
end

local function multipliers(sigma)
  local list = {}
  for j = 1, PLACES do list[j] = math.exp(sigma * places[j] - sigma * sigma / 2) end
  return list
end

local function likelihood(counts, expected, sigma)
  local multiplier, weights, total = multipliers(sigma), {}, 0
  for g = 1, #counts do total = total + weigh(counts[g], expected[g], sigma, multiplier, weights) end
  return total
end

--- σ for groups with these counts and expectations, whose sums should agree; 0 unless σ > 0 is told from 0 at 5 % (half of
--- χ² with one degree of freedom, since σ is at its bound: Self & Liang 1987).
function propensity.fit(counts, expected)
  local ratio = (math.sqrt(5) - 1) / 2
  local low, high = 0, GREATEST
  local a, b = high - ratio * (high - low), low + ratio * (high - low)
  local at_a, at_b = likelihood(counts, expected, a), likelihood(counts, expected, b)
  for _ = 1, STEPS do
    if high - low < 1e-3 then break end
    if at_a > at_b then
      high, b, at_b = b, a, at_a
      a = high - ratio * (high - low)
      at_a = likelihood(counts, expected, a)
    else
      low, a, at_a = a, b, at_b
      b = low + ratio * (high - low)
      at_b = likelihood(counts, expected, b)
    end
  end
  local sigma = (low + high) / 2
  return likelihood(counts, expected, sigma) - likelihood(counts, expected, 0) > LEAST_GAIN and sigma or 0
end

--- A draw of ln of each group's rate beside the model's, from uniform numbers in (0, 1), one for each group.
function propensity.draw(counts, expected, sigma, uniform)
  local multiplier, weights, values = multipliers(sigma), {}, {}
  local width = places[2] - places[1]
  for g = 1, #counts do
    local _, sum = weigh(counts[g], expected[g], sigma, multiplier, weights)
    local target, below, j = uniform[g] * sum, 0, 1
    while j < PLACES and below + weights[j] < target do
      below = below + weights[j]
      j = j + 1
    end
    local within = math.min(math.max((target - below) / weights[j], 0), 1) - 0.5 -- a step's weight lies evenly over its width
    values[g] = sigma * (places[j] + within * width) - sigma * sigma / 2
  end
  return values
end

return propensity
