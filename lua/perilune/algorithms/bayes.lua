--- Bayesian optimisation of one action that is the same for everybody: a Gaussian process over the vectors that were tried
--- (runtime/search/gaussian_process.h: Matérn 5/2, a length for each dimension) says what each vector may be worth, and each
--- round tries the batch of the greatest noisy expected improvement (Letham, Karrer, Ottoni, Bakshy 2019, "Constrained Bayesian
--- optimization with noisy experiments", section 4; runtime/search/improvement.h has the equations).
---
--- The vectors of a round meet the same users with the same random draws; the next round meets others. What a round's users add
--- to its scores, to all alike and to each by its vector, is a term of the process of its own, so that rounds are compared as far
--- as that allows, every trial of the search counts, and trials of one round are not taken for independent ones. So many rounds of
--- few trials say more than few of many. Found is the mean of the vectors that may be the best, never the best single trial, which
--- was lucky too.
---
--- What is integrated over: draws of what the incumbents are worth, a Latin hypercube of normals (McKay, Beckman, Conover 1979;
--- Stein 1987) where the paper has Sobol' points. The draws have as many dimensions as there are incumbents and picks, and a Latin
--- hypercube takes away the error of what is additive in them, in any number of dimensions and without a table.
---
--- Work, and so time, is bounded. Hyperparameters are fitted, and normals drawn, on a slower clock: when the trials have grown
--- by a fraction since they last were (`refit`), in at most `fit_steps` evaluations of the likelihood. Between, the factor of the
--- covariance grows by the rows of a round. The acquisition is sought in `waves` of `wave` points. More of them find no better
--- vectors: what is known is known too roughly.
local prl = require "perilune"

local most = 2048 -- trials that a Gaussian process takes (PRL_GP_TRIALS)

local incumbents, draws = 32, 48
local waves, wave = 3, 20
local climb_steps, fit_steps = 24, 40

local bayes = {
  summary = "Bayesian optimisation of the action that is the same for everybody",
  actions = {"continuous"},
  options = {
    design = {24,   "trials", "the first vectors: the starting vector and a Latin hypercube over the bounds",
                              structural = true, min = 2},
    batch  = {4,    "trials", "vectors of each round, on the same users with the same random draws",
                              structural = true, min = 2, max = 256},
    rounds = {24,   "",       "number of rounds, each on its own users", structural = true, min = 1},
    users  = {64,   "users",  "users of a trial", structural = true, min = 1, max = 2 ^ 24},
    days   = {1,    "days",   "simulated days of each user", structural = true, min = 1, max = 10000},
    per    = {"day", "",      "what a trial's score is of: day, a user and day, with all that keeps users there; request, the mean of a "
                              .. "request, which does not see it", choices = {"day", "request"}, structural = true},
    refit  = {0.25, "",       "the hyperparameters are fitted anew when the trials have grown by this fraction",
                              structural = true, min = 0, max = 10, integer = false},
  },
  metrics = {
    length = {"Length of the process", "Of each dimension, in the units of the action: how far apart two vectors are of which "
      .. "one says little about the other. A dimension of a great length does not matter."},
  },
}

--- How many trials there will be.
function bayes.trials(opt) return opt.rounds * opt.batch end

--- What is wrong with options that are right one by one: the option, a sentence.
function bayes.refusal(opt)
  local trials = bayes.trials(opt)
  if trials > most then
    return "rounds", ("expected at most %d trials in all, the bound of the Gaussian process; rounds * batch is %d"):format(most,
      trials)
  elseif trials < opt.design then
    return "design", ("expected at most rounds * batch, %d, got %d"):format(trials, opt.design)
  end
end

local function clamp(x, low, high) return math.max(low, math.min(high, x)) end

-- ---- Designs ----

-- The ranks of n normal draws: a random order of 1 … n.
local function shuffled(search, n)
  local drawn, order = {}, {}
  for i = 1, n do drawn[i], order[i] = search:normal(), i end
  table.sort(order, function(a, b) return drawn[a] < drawn[b] or drawn[a] == drawn[b] and a < b end)
  return order
end

-- A Latin hypercube of n points: in each column each of n values stands once. value(k): the k-th.
local function hypercube(search, n, columns, value)
  local points = {}
  for i = 1, n do points[i] = {} end
  for c = 1, columns do
    for i, place in ipairs(shuffled(search, n)) do points[i][c] = value(place) end
  end
  return points
end

-- Φ(x) by its Taylor series about 0 over the density (Marsaglia 2004, "Evaluating the normal distribution").
local function normal_cdf(x)
  local term, sum, k = x, x, 1
  while math.abs(term) > 1e-17 do
    k = k + 2
    term = term * x * x / k
    sum = sum + term
  end
  return 0.5 + sum * math.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
end

-- The middles of n slices of equal probability of a standard normal.
local function normal_quantiles(n)
  local quantiles = {}
  for i = 1, n do
    local low, high = -8, 8
    for _ = 1, 60 do
      local middle = (low + high) / 2
      if normal_cdf(middle) < (i - 0.5) / n then low = middle else high = middle end
    end
    quantiles[i] = (low + high) / 2
  end
  return quantiles
end

-- ---- Hyperparameters ----
-- As a list of logarithms: a length for each dimension in half ranges, signal, shape, level, noise. With normal priors: lengths of
-- about √dimensions, at which two vectors of the box tell of each other, however many dimensions there are; a prior that is three
-- times as wide found lengths of a dimension that some trials seemed not to depend on, and went to the end of it. Variances
-- by that of the scores.

local variances = {"signal", "shape", "level", "noise"}

local function priors_of(dimensions, scores)
  local mean, square = 0, 0
  for _, score in ipairs(scores) do mean = mean + score / #scores end
  for _, score in ipairs(scores) do square = square + (score - mean) * (score - mean) / #scores end
  local variance = math.log(square > 0 and square or 1)
  local priors = {}
  for i = 1, dimensions do priors[i] = {mean = 0.5 * math.log(dimensions), std = 0.3, low = math.log(0.05), high = math.log(50)} end
  local function add(at, std, low)
    priors[#priors + 1] = {mean = variance + math.log(at), std = std, low = variance + math.log(low), high = variance + math.log(1e3)}
  end
  add(1, 1.5, 1e-3)
  add(0.1, 2, 1e-6)
  add(0.1, 2, 1e-6)
  add(0.1, 2, 1e-5) -- so that the covariance has a factor
  return priors
end

local function theta_of(logs)
  local n, theta = #logs - #variances, {lengths = {}}
  for i = 1, n do theta.lengths[i] = math.exp(logs[i]) end
  for i, name in ipairs(variances) do theta[name] = math.exp(logs[n + i]) end
  return theta
end

-- The log-density of the scores and of the priors, and its derivatives; nil where the covariance has no factor.
local function posterior(gp, logs, priors)
  local value, slope = gp:likelihood(theta_of(logs))
  if not value then return nil end
  local gradient = {unpack(slope.lengths)}
  for _, name in ipairs(variances) do gradient[#gradient + 1] = slope[name] end
  for i, prior in ipairs(priors) do
    local away = (logs[i] - prior.mean) / prior.std
    value, gradient[i] = value - 0.5 * away * away, gradient[i] - away / prior.std
  end
  return value, gradient
end

-- Maximises it by Rprop without going back (Igel & Hüsken 2003, iRprop−; for Gaussian processes Blum & Riedmiller 2013): signs of
-- derivatives alone, and no more evaluations than fit_steps.
local function fit(gp, logs, priors)
  local best, best_value, last, steps = logs, -math.huge, {}, {}
  for i = 1, #logs do last[i], steps[i] = 0, 0.2 end
  for _ = 1, fit_steps do
    local value, gradient = posterior(gp, logs, priors)
    if value and value > best_value then best, best_value = logs, value end
    local next_logs = {}
    for i, prior in ipairs(priors) do
      local turn = gradient and gradient[i] * last[i] or -1
      steps[i] = clamp(steps[i] * (turn > 0 and 1.2 or turn < 0 and 0.5 or 1), 1e-3, 1)
      last[i] = turn >= 0 and gradient[i] or 0
      local way = last[i] > 0 and 1 or last[i] < 0 and -1 or 0
      next_logs[i] = clamp((gradient and logs or best)[i] + way * steps[i], prior.low, prior.high)
    end
    logs = next_logs
  end
  return best
end

-- ---- Where to look ----

-- Ascends the posterior mean from a point, within the box, by steps in units of the lengths.
local function climb(gp, lengths, point)
  local value, slope = gp:slope(point)
  local step = 0.5
  for _ = 1, climb_steps do
    local norm, other = 0, {}
    for i, length in ipairs(lengths) do norm = norm + slope[i] * length * slope[i] * length end
    if norm == 0 then break end
    for i, length in ipairs(lengths) do
      other[i] = clamp(point[i] + step * slope[i] * length * length / math.sqrt(norm), -1, 1)
    end
    local reached, next_slope = gp:slope(other)
    if reached > value then
      point, value, slope, step = other, reached, next_slope, 1.5 * step
    else
      step = step / 3
    end
  end
  return point
end

-- Points about centres, each at some distance of the process's own, from 1.5 · reach down to a sixteenth of it.
local function about(search, centres, lengths, reach, count)
  local points = {}
  for k = 1, count do
    local centre, point = centres[(k - 1) % #centres + 1], {}
    local width = reach * 1.5 / 2 ^ (math.floor((k - 1) / #centres) % 5) / math.sqrt(#lengths)
    for i, length in ipairs(lengths) do point[i] = clamp(centre[i] + width * math.min(length, 2) * search:normal(), -1, 1) end
    points[k] = point
  end
  return points
end

-- The first `count` of the points of the greatest values.
local function best_of(points, values, count)
  local best, taken = {}, {}
  for k = 1, count do
    local at
    for i, value in ipairs(values) do
      if not taken[i] and (not at or value > values[at]) then at = i end
    end
    taken[at], best[k] = true, points[at]
  end
  return best
end

local Bayes = {}
Bayes.__index = Bayes

local function new(search, opt)
  local dimensions, wide = #search.dimensions, math.max(wave, opt.batch)
  local gp = prl.gaussian_process {dimensions = dimensions, trials = bayes.trials(opt)}
  return setmetatable({
    search = search, opt = opt, gp = gp, points = {}, scores = {}, fitted_at = 0, logs = false, lengths = false,
    normals = false, quantiles = normal_quantiles(draws), wave = wide,
    improvement = gp:improvement {candidates = waves * wide + 2, incumbents = incumbents, draws = draws, picks = opt.batch},
  }, Bayes)
end

-- A point, in half ranges about the middle of each dimension, as the vector that it stands for; and back.
function Bayes:vector(point)
  local vector = {}
  for i, dimension in ipairs(self.search.dimensions) do
    vector[i] = clamp(dimension.low + (point[i] + 1) * dimension.half, dimension.low, dimension.high)
  end
  return vector
end

function Bayes:point(vector)
  local point = {}
  for i, dimension in ipairs(self.search.dimensions) do point[i] = (vector[i] - dimension.low) / dimension.half - 1 end
  return point
end

function Bayes:design()
  local start = {}
  for i, dimension in ipairs(self.search.dimensions) do start[i] = dimension.start end
  local batch = self.opt.batch
  local count = math.ceil(self.opt.design / batch) * batch
  local points = hypercube(self.search, count, #start, function(k) return (2 * k - 1) / count - 1 end)
  points[1] = self:point(start)
  return points
end

function Bayes:try(points, round)
  for _, point in ipairs(points) do
    local score = self.search:try(self:vector(point))
    self.gp:add(point, round, score)
    self.points[#self.points + 1], self.scores[#self.scores + 1] = point, score
  end
end

function Bayes:learn()
  if #self.scores < (1 + self.opt.refit) * self.fitted_at then return end
  local priors = priors_of(#self.search.dimensions, self.scores)
  local logs = self.logs
  if not logs then
    logs = {}
    for i, prior in ipairs(priors) do logs[i] = prior.mean end
  end
  for i, prior in ipairs(priors) do logs[i] = clamp(logs[i], prior.low, prior.high) end
  self.logs, self.fitted_at = fit(self.gp, logs, priors), #self.scores
  local theta = theta_of(self.logs)
  self.gp:set(theta)
  self.lengths = theta.lengths
  self.normals = hypercube(self.search, draws, incumbents + self.opt.batch, function(k) return self.quantiles[k] end)
end

-- What is adopted, and the point that climbing the posterior mean from the best trial finds. The latter is where an error of the
-- process, too, is greatest. Where many vectors are about as good, their mean is better: so adopted is the mean of the
-- draws' best incumbents, unless the process says that it is worse than they are, which have several peaks then.
function Bayes:best()
  local fitted, mean, worth, first = self.gp:fitted(), {}, 0, nil
  for i = 1, #self.lengths do mean[i] = 0 end
  for _, incumbent in ipairs(self.improvement:begin(self.normals)) do
    local trial, share = incumbent[1], incumbent[2]
    first, worth = first or trial, worth + share * fitted[trial]
    for i, x in ipairs(self.points[trial]) do mean[i] = mean[i] + share * x end
  end
  local climbed = climb(self.gp, self.lengths, self.points[first])
  return self.gp:slope(mean) >= worth and mean or climbed, climbed
end

-- The next batch: the best of points that are sought about these, about what is better, and so on.
function Bayes:next(best, climbed)
  local improvement, points, values = self.improvement, {}, {}
  local function offer(more)
    for i, value in ipairs(improvement:offer(more)) do points[#points + 1], values[#values + 1] = more[i], value end
  end
  local centres, reach = {best, climbed}, 1
  offer(centres)
  for _ = 1, waves do
    offer(about(self.search, centres, self.lengths, reach, self.wave))
    centres, reach = best_of(points, values, 4), 0.6 * reach
  end
  local batch = {}
  for k = 1, self.opt.batch do batch[k] = points[improvement:pick()] end
  return batch
end

function bayes.search(search, opt)
  local self, best, climbed = new(search, opt), nil, nil
  local design = self:design()
  for round = 1, opt.rounds do
    local points = {}
    for k = 1, opt.batch do points[k] = design[(round - 1) * opt.batch + k] end
    if #points == 0 then points = self:next(best, climbed) end
    search:meet(opt.users, opt.days)
    self:try(points, round)
    if #self.points >= opt.design then
      self:learn()
      best, climbed = self:best()
      local lengths = {}
      for i, dimension in ipairs(search.dimensions) do lengths[i] = self.lengths[i] * dimension.half end
      search:adopt(self:vector(best), {length = lengths})
    end
  end
end

return bayes
