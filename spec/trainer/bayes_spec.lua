--- bayes, a search by a Gaussian process: from the recipe to the report, and what it finds.

local prl = require "perilune"
local bayes = require "perilune.algorithms.bayes"
local csv = require "perilune.records.csv"
local door = require "perilune.trainer.drivers.door"
local search_runs = require "support.search_runs"

local recipe = [[
return {
  name = "feed",
  env = {"shortvideo", n = 8, preset = "strong"},
  objective = {critics = {watch = {reward = function(r) return r.watch_time + 20 * r.like end, scale = "baseline"}}},
  policy = {action = {diversity = {-1, 1}, freshness = 0.25, comment = {0.1, 0.5}}},
  algorithm = {"bayes", design = 7, batch = 3, rounds = 6, users = 8},
  train = {seed = 3, warmup = 64, checkpoint = 900},
  eval = {every = 1000, users = 12, days = 1, curve = 6},
}
]]

-- What it finds of a function on the box [-1, 1]^n, and how many trials that took. noise: of a trial; level: of a round.
local function search_of(options, n, seed, fn, noise, level)
  local dimensions, trials, found = {}, 0, nil
  for i = 1, n do dimensions[i] = {place = i, name = "x" .. i, low = -1, high = 1, half = 1, start = 0} end
  local search = door.new(dimensions, seed, true)
  local loop = coroutine.create(function() bayes.search(search, options) end)
  local draws = prl.with_seed(seed, function() return prl.randn(2 * bayes.trials(options)):totable() end)
  local reached
  while true do
    local ok, vector = coroutine.resume(loop, reached)
    if not ok then error(vector, 0) end
    found = search.adopted and search.adopted.vector or found
    if not vector then return found, trials end
    trials = trials + 1
    reached = fn(vector) + noise * draws[trials] + level * draws[bayes.trials(options) + search.cohort.number]
  end
end

describe("bayes", function()
  local runs = search_runs.of(recipe)
  local load, train, read, info = runs.load, runs.train, runs.read, runs.info
  before_each(runs.begin)
  after_each(runs.finish)

  it("finds the best vector under noise and rounds that differ", function()
    local best = {0.6, -0.4, 0.1, 0.9}
    local function fn(x)
      local sum = 0
      for i = 1, 4 do sum = sum - (x[i] - best[i]) ^ 2 end
      return 10 * sum
    end
    local options = {design = 12, batch = 4, rounds = 25, users = 1, days = 1, refit = 0.25}
    for seed = 1, 3 do
      local found, trials = search_of(options, 4, seed, fn, 1, 5)
      assert.equal(100, trials)
      assert.is_true(fn(found) > -0.6, ("seed %d: %.3f; the starting vector has %.1f"):format(seed, fn(found), fn {0, 0, 0, 0}))
    end
  end)

  it("stays within the bounds where the best vector is at one, and takes scores that are all the same", function()
    local options = {design = 5, batch = 3, rounds = 8, users = 1, days = 1, refit = 0}
    local found = search_of(options, 2, 1, function(x) return x[1] - x[2] end, 0.01, 0)
    assert.is_true(found[1] <= 1 and found[1] > 0.8 and found[2] >= -1 and found[2] < -0.8)
    found = search_of(options, 2, 1, function() return 3 end, 0, 0)
    assert.is_true(math.abs(found[1]) <= 1)
  end)

  it("leaves a run's folder as cem does", function()
    local run = train()
    local columns = assert(csv.read(run.folder:file("trials.csv"))).columns
    assert.equal(6 * 4, #columns.trial) -- each round has a row of the starting vector beside its trials
    assert.equal(0, columns["action/watch"][2]) -- it is also the first trial
    assert.equal(0.1, tonumber(("%.6f"):format(columns["action/comment"][2]))) -- nearest to 0
    for i, comment in ipairs(columns["action/comment"]) do
      assert.is_true(comment >= 0.0999999 and comment <= 0.5 and math.abs(columns["action/diversity"][i]) <= 1)
    end
    local metrics = assert(csv.read(run.folder:file("metrics.csv")))
    assert.equal(4, metrics.rows) -- of 6 rounds, the first two have too few trials for the design
    assert.is_true(metrics.columns["length/watch"][1] > 0)
    assert.equal(metrics.columns["vector/diversity"][4], info(run).search.vector[8].value)
    local text = read(run, "report.html")
    for _, part in ipairs {"<h2>Search</h2>", "18 trials served 144 user-days", "Length of the process"} do
      assert.truthy(text:find(part, 1, true), part)
    end
  end)

  it("makes the same bytes from the same seed, and goes on from a stop to them", function()
    local whole, other = train("whole"), train("other", {"train.seed=4"})
    assert.is_false(read(whole, "trials.csv") == read(other, "trials.csv"))
    runs.go_on_after(whole, {4, 10, 14})
  end)

  it("refuses in one sentence what it cannot search for", function()
    local function refused(set, text)
      local loaded, message = load(set)
      assert.is_nil(loaded)
      assert.truthy(message:find(text, 1, true), message)
      assert.is_nil(message:find("\n", 1, true))
    end
    refused({"algorithm.rounds=700"}, "algorithm.rounds: expected at most 2048 trials in all, the bound of the Gaussian process; rounds * "
      .. "batch is 2100")
    refused({"algorithm.design=19"}, "algorithm.design: expected at most rounds * batch, 18, got 19")
    refused({"algorithm.batch=1"}, "algorithm.batch")
    refused({"algorithm.round=5"}, "rounds")
    refused({"algorithm.optimizer={'adam'}"}, "algorithm.optimizer: unknown key")
    assert(prl.io.write(runs.root .. "/feed.lua", 'return {env = "cartpole", algorithm = {"bayes"}}'))
    refused(nil, "bayes drives continuous actions")
    assert(prl.io.write(runs.root .. "/feed.lua", 'return {env = "pendulum", algorithm = {"bayes"}}'))
    refused(nil, "a search tries actions on users over simulated days, and the env pendulum has no clock")
  end)
end)
