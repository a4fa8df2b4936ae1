--- A search of one's own, whole: hill climbing over one action that is the same for everybody. Each round tries the best
--- vector so far and some about it on users that it has not met, and goes to the best of these.
local climb = {
  summary = "hill climbing for one action that is the same for everybody",
  actions = {"continuous"},
  options = {
    rounds    = {6,    "",            "each on users of its own", structural = true, min = 1},
    tries     = {7,    "trials",      "vectors about the best one, in a round", structural = true, min = 1},
    users     = {64,   "users",       "of a trial", structural = true, min = 1},
    days      = {1,    "days",        "simulated days of each user", structural = true, min = 1},
    first     = {0.5,  "half ranges", "deviation of the first round's steps", structural = true, above = 0, integer = false},
    shrinking = {0.8,  "",            "what it is multiplied by after each round", structural = true, above = 0, max = 1,
                                      integer = false},
  },
}

--- How many trials there will be: for the progress line and the report.
function climb.trials(opt) return opt.rounds * (opt.tries + 1) end

--- What is wrong with options that are right one by one: the option, and a sentence. Nothing where all is well.
function climb.refusal(opt)
  local trials = climb.trials(opt)
  if trials > 1e5 then return "rounds", ("expected at most 100,000 trials in all, got %d"):format(trials) end
end

local function about(search, best, width)
  local vector = {}
  for i, dimension in ipairs(search.dimensions) do
    local step = width * dimension.half * search:normal()
    vector[i] = math.max(dimension.low, math.min(dimension.high, best[i] + step))
  end
  return vector
end

function climb.search(search, opt)
  local best, width = {}, opt.first
  for i, dimension in ipairs(search.dimensions) do best[i] = dimension.start end
  for _ = 1, opt.rounds do
    search:meet(opt.users, opt.days) -- scores of two rounds are not compared: their users differ
    local from, score = best, search:try(best)
    for _ = 1, opt.tries do
      local vector = about(search, from, width)
      local found = search:try(vector)
      if found > score then best, score = vector, found end
    end
    width = width * opt.shrinking
    search:adopt(best)
  end
end

return climb
