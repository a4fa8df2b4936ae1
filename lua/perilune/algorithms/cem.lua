--- The cross-entropy method over one action that is the same for everybody (De Boer, Kroese, Mannor, Rubinstein 2005, "A
--- tutorial on the cross-entropy method", with its smoothed updating): independent normal draws, whose mean and deviation
--- become those of the best. The deviation is kept from vanishing after Szita and Lőrincz 2006, who add to the variance.
---
--- In its contextual form (`observes`) the action is base + W z, z being observations in their deviations, within the bounds; base
--- and W are searched for together.
---
--- The vectors of a generation are judged on the same users with the same random draws; the next generation meets other users,
--- so that the search does not overfit the draws of the first ones. Scores of two generations are therefore not
--- compared, and what is found is the last mean of the elites, never the best single trial, which was lucky too.
local nearest = require "perilune.nearest"

local cem = {
  summary = "cross-entropy search for the best action that is the same for everybody, or linear in observations",
  actions = {"continuous"},
  options = {
    population  = {24,   "trials",      "vectors per generation, on the same users with the same random draws",
                                        structural = true, min = 2},
    elites      = {6,    "trials",      "the best vectors, whose mean and deviation define the next generation",
                                        structural = true, min = 1},
    generations = {12,   "",            "number of generations, each on its own users", structural = true, min = 1},
    users       = {256,  "users",       "users of a trial", structural = true, min = 1, max = 2 ^ 24},
    days        = {1,    "days",        "simulated days of each user", structural = true, min = 1, max = 10000},
    per         = {"day", "",           "what a trial's score is of: day, a user and day, with all that keeps users there; request, the "
                                        .. "mean of a request, which does not see it", choices = {"day", "request"}, structural = true},
    init_std    = {0.5,  "half ranges", "standard deviation of the first generation around the starting vector", structural = true,
                                        above = 0, max = 100, integer = false},
    min_std     = {0.03, "half ranges", "added to the elites' deviation, so that the search does not stall",
                                        structural = true, min = 0, max = 100, integer = false},
    observes    = {nil,  "",            "observations in which the action is linear, by a weight of each on each of its dimensions that is "
                                        .. "searched for as well: an observation counts in its deviations from its mean",
                                        structural = true, kind = "texts", of = "observes"},
    weight_std  = {0.2,  "half ranges", "standard deviation of the weights of the first generation, around 0", structural = true,
                                        above = 0, max = 100, integer = false, of = "observes"},
    smoothing   = {1,    "",            "weight of the elites in the next mean and deviation; the rest is the previous value",
                                        structural = true, above = 0, max = 1, integer = false},
  },
  metrics = {
    std = {"Deviation of the search", "Of each dimension, in the units of the action."},
  },
}

-- What is wrong with a list of observations: a sentence.
local function wrong_names(names, known)
  local place, seen = {}, {}
  if #names == 0 then return "expected at least one observation, got {}" end
  for i, name in ipairs(known) do place[name] = i end
  for _, name in ipairs(names) do
    if not place[name] then return ("the env has no observation %q%s"):format(name, nearest.hint_or_list(name, known)) end
    if seen[name] then return ("%s is there twice"):format(name) end
    seen[name] = true
  end
end

--- What is wrong with options that are right one by one: the option, a sentence. beside: of the recipe.
function cem.refusal(opt, beside)
  local wrong = opt.observes and beside.observations and wrong_names(opt.observes, beside.observations)
  if wrong then return "observes", wrong end
  if opt.elites > opt.population then
    return "elites", ("expected at most the population, %d, got %d"):format(opt.population, opt.elites)
  end
end

--- How many trials there will be.
function cem.trials(opt) return opt.population * opt.generations end

local function best_first(a, b)
  if a.score ~= b.score then return a.score > b.score end
  return a.place < b.place
end

--- The mean and the deviation of dimension i over the first n trials.
local function mean_and_std(trials, n, i)
  local mean, square = 0, 0
  for k = 1, n do mean = mean + trials[k].vector[i] / n end
  for k = 1, n do
    local off = trials[k].vector[i] - mean
    square = square + off * off / n
  end
  return mean, math.sqrt(square)
end

function cem.search(search, opt)
  local dimensions, mean, std = search.dimensions, {}, {}
  for i, dimension in ipairs(dimensions) do
    mean[i], std[i] = dimension.start, (dimension.observes and opt.weight_std or opt.init_std) * dimension.half
  end
  for _ = 1, opt.generations do
    search:meet(opt.users, opt.days)
    local trials = {}
    for k = 1, opt.population do
      local vector = {}
      for i, dimension in ipairs(dimensions) do
        vector[i] = math.max(dimension.low, math.min(dimension.high, mean[i] + std[i] * search:normal()))
      end
      trials[k] = {place = k, vector = vector, score = search:try(vector)}
    end
    table.sort(trials, best_first)
    for i, dimension in ipairs(dimensions) do
      local elite_mean, elite_std = mean_and_std(trials, opt.elites, i)
      mean[i] = mean[i] + opt.smoothing * (elite_mean - mean[i])
      std[i] = std[i] + opt.smoothing * (elite_std + opt.min_std * dimension.half - std[i])
    end
    search:adopt(mean, {std = std})
  end
end

return cem
