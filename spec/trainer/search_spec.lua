--- Algorithms that search for one action for everybody, from the recipe to the report.

local posix = require "posix"
local prl = require "perilune"
local message_of = require "support.refusal"
local cem = require "perilune.algorithms.cem"
local comparison = require "perilune.trainer.comparison"
local judgement = require "perilune.trainer.judgement"
local lift = require "perilune.stats.lift"
local panel = require "perilune.trainer.panel"
local recipe_search = require "perilune.recipe.search"
local csv = require "perilune.records.csv"
local trainer = require "perilune.trainer"
local search_runs = require "support.search_runs"

local recipe = [[
return {
  name = "feed",
  env = {"shortvideo", n = 8, preset = "strong"},
  objective = {critics = {
    watch = {reward = function(r) return r.watch_time + 20 * r.like end, scale = "baseline"},
    calm = {reward = function(r) return -2 * r.hate - 1 end, weight = 0.5},
  }},
  policy = {action = {diversity = {-1, 1}, freshness = 0.25}, bounded = true, normalise = 5},
  algorithm = {"cem", population = 6, elites = 2, generations = 3, users = 8},
  train = {seed = 3, warmup = 64, checkpoint = 900},
  eval = {every = 1000, users = 12, days = 1, curve = 6},
}
]]

describe("a reward of many responses", function()
  it("adds them in the order of their names", function()
    local form = {constant = 1, of = {a = 1e16, b = -1e16, c = 1, d = 1}}
    assert.same({"a", "b", "c", "d"}, recipe_search.names(form))
    assert.equal(2, recipe_search.total(form, 1, {a = 1, b = 1, c = 1, d = 1})) -- c and d before a would be lost in it
  end)
end)

describe("a search for one action", function()
  local runs = search_runs.of(recipe)
  local load, start, train, read, info, last_bytes = runs.load, runs.start, runs.train, runs.read, runs.info, runs.last_bytes
  before_each(runs.begin)
  after_each(runs.finish)

  local function trials(run) return assert(csv.read(run.folder:file("trials.csv"))) end
  local function refused(set)
    local loaded, message = load(set)
    assert.is_nil(loaded)
    assert.is_nil(message:find("\n", 1, true))
    return message
  end

  it("leaves a run's folder, with a row for each trial and for the zero action beside them", function()
    local run = train()
    local table_ = trials(run)
    assert.same({"generation", "trial", "users", "days", "requests", "score", "action/watch"},
      {unpack(table_.names, 1, 7)})
    assert.is_nil(table_.columns["action/freshness"]) -- it is held
    assert.equal(3 * 7, table_.rows)
    local requests, watched, beside = 0, {}, nil
    for i = 1, table_.rows do
      local zero = table_.columns.trial[i] == 0
      if zero then
        beside = table_.columns["mean/watch_time"][i]
        assert.equal(0, table_.columns["action/diversity"][i])
      else
        requests = requests + table_.columns.requests[i]
        watched[#watched + 1] = table_.columns["mean/watch_time"][i] / beside - 1
      end
      assert.is_true(math.abs(table_.columns["action/diversity"][i]) <= 1)
    end
    local found = info(run).search
    assert.equal(requests, run.state.step)
    assert.equal(requests, found.requests)
    assert.equal(3 * 6 * 8, found.user_days)
    local sum = 0
    for _, value in ipairs(watched) do sum = sum + value / #watched end
    assert.near(sum, found.lift, 1e-12)
    table.sort(watched)
    assert.near((watched[1] + watched[2]) / 2, found.worst, 1e-12)
    local metrics = assert(csv.read(run.folder:file("metrics.csv")))
    assert.equal(3, metrics.rows)
    assert.equal(found.vector[8].value, metrics.columns["vector/diversity"][3])
    assert.truthy(read(run, "report.html"):find("<h2>Search</h2>", 1, true))
    for _, part in ipairs {"<b>Score</b>", "Objective of a user and day", "<b>Deviation of the search</b>", "<b>Vector</b>"} do
      assert.truthy(read(run, "report.html"):find(part, 1, true), part)
    end
    assert.truthy(run:closing_text():find("18 trials served 144 user-days", 1, true))
    assert.truthy(run:evaluation_text():find("Lift over ltr", 1, true))
  end)

  it("scores a trial by the recipe's objective", function()
    local run = train(nil, {"algorithm.generations=1"})
    local columns = trials(run).columns
    local user_days = 8
    local function watch(i) return columns["mean/watch_time"][i] + 20 * columns["mean/like"][i] end
    local scale = watch(1) * user_days / columns.requests[1]
    for i = 1, 7 do
      local calm = -2 * columns["mean/hate"][i] - columns.requests[i] / user_days
      assert.near(watch(i) / scale + 0.5 * calm, columns.score[i], 1e-9)
    end
    local by_request = trials(train(nil, {"algorithm.generations=1", 'algorithm.per="request"'})).columns
    for i = 1, 7 do
      assert.equal(columns.requests[i], by_request.requests[i]) -- the same vectors
      assert.near(columns.score[i] * user_days / columns.requests[i], by_request.score[i], 1e-9)
    end
    assert.truthy(refused {'algorithm.per="hour"'}:find('algorithm.per: expected one of day, request, got "hour"', 1, true))
  end)

  it("tries the vectors of a generation on the same users, and those of the next on others", function()
    local run = train(nil, {"algorithm.init_std=1e-12", "algorithm.min_std=0"})
    local columns = trials(run).columns
    for i = 1, 21 do
      local first = 7 * math.floor((i - 1) / 7) + 1
      assert.equal(columns["mean/watch_time"][first], columns["mean/watch_time"][i])
    end
    assert.not_equal(columns["mean/watch_time"][1], columns["mean/watch_time"][8])
    assert.not_equal(columns["mean/watch_time"][8], columns["mean/watch_time"][15])
  end)

  it("makes the same bytes from the same seed, and others from another", function()
    local one, two, three = train("one"), train("two"), train("three", {"train.seed=4"})
    for _, name in ipairs {"trials.csv", "metrics.csv", "evaluations.csv"} do
      assert.is_true(read(one, name) == read(two, name), name)
      assert.is_false(read(one, name) == read(three, name), name)
    end
    assert.is_true(last_bytes(one) == last_bytes(two))
    assert.same(trials(one).columns, trials(train("four", {"eval.threads=1"})).columns)
  end)

  it("goes on from a stop to the same bytes as one that never stopped", function()
    runs.go_on_after(train("whole"), {0, 3, 6, 7, 14})
  end)

  it("goes on after a crash from the last whole checkpoint, making later trials anew", function()
    local whole, crashed = train("whole"), start("crashed")
    local advance, count = crashed.driver.advance, 0
    function crashed.driver:advance()
      count = count + 1
      if count == 10 then error("the power went out", 0) end
      return advance(self)
    end
    local message = message_of(function() crashed:train() end)
    assert.truthy(message:find("the power went out.*; the last good checkpoint is"), message)
    local rows = trials(crashed).rows
    local rest = trainer.resume(crashed.folder.path, {quiet = true})
    assert.is_true(rest.state.search.rows < rows)
    rest:train()
    assert.is_true(read(whole, "trials.csv") == read(rest, "trials.csv"))
    assert.is_true(last_bytes(whole) == last_bytes(rest))
  end)

  it("gives an agent that answers everybody with what was found", function()
    local run = train()
    local loaded = assert(load())
    local rows, found = 3, info(run).search.vector
    local agent = assert(prl.load_agent((run.folder:last_checkpoint())))
    for _, mode in ipairs {"mean", "sample"} do
      local action = agent:act({5, 6, 7}, prl.randn(rows, #loaded.spec.observation.names), mode):totable()
      for i = 1, rows do
        for k, one in ipairs(found) do assert.equal(one.value, action[i][k]) end
      end
    end
    assert.equal("freshness", found[9].name)
    assert.equal(0.25, found[9].value)
    local constant = {}
    for k, one in ipairs(found) do constant[k] = one.value end
    local options = {users = 5, days = 1, seed = 9, threads = 1}
    assert.same(panel.run(run.info, options, {constant = constant}).columns,
      panel.run(run.info, options, {agent = (run.folder:last_checkpoint())}).columns)
    options.baseline = run.folder.path
    assert.equal(0, lift.find(lift.table({panel.run(run.info, options, {constant = constant})},
      {judgement.new(run.info, options):baseline(5)}, run.info.responses, "cem"), "watch_time").lift.mean)
    assert.equal("user", comparison.of_runs({run.folder.path, run.folder.path}).unit)
  end)

  it("gives an agent that a host can drive and let learn: it acts as it did", function()
    local run = train(nil, {"train.warmup=32"})
    local agent = assert(prl.load_agent((run.folder:last_checkpoint())))
    local observation = prl.randn(2, #assert(load()).spec.observation.names)
    local before = agent:act({900, 901}, observation, "sample", false):totable()
    local env = prl.env("shortvideo", {n = 8, seed = 1, preset = "strong"})
    agent:drive(env, 200, false)
    assert.is_true(agent:metrics().updates > 5)
    assert.is_true(agent:metrics()["response/watch_time"] > 0)
    assert.same(before, agent:act({902, 903}, observation, "sample", false):totable())
  end)

  it("is for the algorithms of one's own as well, which need trust", function()
    assert(prl.io.write(runs.root .. "/mine.lua", [[
local mine = {summary = "the best of a few", actions = {"continuous"},
  options = {count = {3, "", "how many", structural = true, min = 1}}}
function mine.trials(opt) return opt.count end
function mine.search(search, opt)
  local best, score = nil, -math.huge
  search:meet(4, 1)
  for _ = 1, opt.count do
    local vector = {}
    for i, dimension in ipairs(search.dimensions) do vector[i] = dimension.half * math.tanh(search:normal()) end
    local own = search:try(vector)
    if own > score then best, score = vector, own end
  end
  search:adopt(best)
end
return mine]]))
    assert(prl.io.write(runs.root .. "/feed.lua", (recipe:gsub('{"cem".-}', '{lua = "./mine.lua", count = 5}'))))
    assert.truthy(refused():find("it runs only with --trust", 1, true))
    local whole, asked = train("whole", nil, true), 0
    local columns = trials(whole).columns
    local best = 2
    for i = 3, 6 do best = columns.score[i] > columns.score[best] and i or best end
    assert.equal(columns["action/like"][best], info(whole).search.vector[3].value)
    prl.interrupted = function()
      asked = asked + 1
      return asked == 3
    end
    local part = start("part", nil, true)
    part:train()
    prl.interrupted = nil
    local message, code = message_of(function() trainer.resume(part.folder.path, {quiet = true}) end)
    assert.truthy(message:find("mine.lua, is code: it runs only with --trust", 1, true))
    assert.equal(2, code)
    assert(prl.io.write(runs.root .. "/mine.lua", (assert(prl.io.read(runs.root .. "/mine.lua")):gsub("half %*", "half * .5 *"))))
    message = message_of(function() trainer.resume(part.folder.path, {quiet = true, trust = true}) end)
    assert.truthy(message:find("its algorithm makes other trials than it made", 1, true))
  end)

  it("names what an algorithm of one's own does wrong", function()
    assert(prl.io.write(runs.root .. "/feed.lua", (recipe:gsub('{"cem".-}', '{lua = "./mine.lua"}'))))
    local function message(body, more)
      assert(prl.io.write(runs.root .. "/mine.lua", ([[
local mine = {options = {}, %s}
function mine.search(search) %s end
return mine]]):format(more or "trials = function() return 1 end", body)))
      return (message_of(function() train(nil, nil, true) end))
    end
    assert.truthy(message("search:try {}"):find("mine.lua:2: search:try before search:meet", 1, true))
    assert.truthy(message("search:meet(2, 1) search:try {0.5}"):find("mine.lua:2: search: a vector has a number for each of 9 " ..
      "dimensions, and this one has 1", 1, true))
    assert.truthy(message("search:adopt {}"):find("and this one has 0", 1, true))
    assert.truthy(message("search:meet(2, 1) search:try {}", ""):find("mine.lua:2: search:try in an algorithm without `trials`",
      1, true))
  end)

  it("refuses in one sentence what it cannot search for", function()
    local text = refused({"objective.critics.watch.reward=function(r) return min(r.like, 1) + r.watch_time end"})
    assert.truthy(text:find("rewards that are linear in the responses; the critic watch has min(r.like, 1)", 1, true), text)
    text = refused({"objective.critics.watch.reward=function(r) return r.like * r.watch_time end"})
    assert.truthy(text:find("the critic watch has r.like * r.watch_time", 1, true), text)
    text = refused({"objective.critics.calm.weight=linear {from = 1, to = 0}"})
    assert.truthy(text:find("objective.critics.calm.weight: a search has no steps for a schedule", 1, true), text)
    text = refused({"algorithm.elites=7"})
    assert.truthy(text:find("algorithm.elites: expected at most the population, 6, got 7", 1, true), text)
    text = refused({"algorithm.optimizer={'adam'}"})
    assert.truthy(text:find("algorithm.optimizer: unknown key", 1, true), text)
    assert(prl.io.write(runs.root .. "/feed.lua", 'return {env = "pendulum", algorithm = {"cem"}}'))
    text = refused()
    assert.truthy(text:find("algorithm: a search tries actions on users over simulated days, and the env pendulum has no clock",
      1, true), text)
    assert(prl.io.write(runs.root .. "/feed.lua", 'return {env = "cartpole", algorithm = {"fixed"}}'))
    assert.truthy(refused():find("fixed drives continuous actions", 1, true))
  end)

  it("is refused where nothing of a reward comes, naming the critic", function()
    local message = message_of(function()
      train(nil, {"objective.critics.watch.reward=function(r) return 0 * r.watch_time end"})
    end)
    assert.truthy(message:find("the reward of the critic watch was 0 over", 1, true), message)
  end)

  it("takes the zero action, or the nearest that is allowed, where nothing is searched", function()
    local run = train(nil, {"algorithm={'fixed'}", "policy.action.freshness={-1, 1}"})
    assert.equal(0, run.state.step)
    assert.is_nil(posix.stat(run.folder:file("trials.csv")))
    for _, row in ipairs(prl.from_json(read(run, "lift.json")).rows) do
      if row.lift then
        assert.equal(0, row.lift.mean)
        assert.equal(0, row.lift.half)
      end
    end
    assert.truthy(run:closing_text():find("The action, the same for everybody: {watch = 0, long_view = 0,", 1, true))
    local bound = train("bound", {"algorithm={'fixed'}", "policy.action.like={0.5, 1}"})
    assert.equal(0.5, info(bound).search.vector[3].value)
    assert(prl.io.write(runs.root .. "/feed.lua", 'return {env = {"pendulum", n = 2}, algorithm = {"fixed"}, ' ..
      'eval = {episodes = 2}}'))
    assert.truthy(train("pendulum"):evaluation_text():find("reward", 1, true))
  end)

  it("says in words what trials cost", function()
    local found = {trials = 288, user_days = 73728, requests = 2e6, response = "watch_time", lift = 0.0871, worst = -0.1234,
      start = "the zero action", vector = {{name = "like", value = -0.25}, {name = "share", value = 1e-9}}}
    assert.equal("288 trials served 73,728 user-days, 2,000,000 requests, with vectors under test.\n" ..
      "In them users gave 8.7 % more watch_time than under the zero action; in the worst tenth of the trials 12.3 % less.\n" ..
      "Found, the same for everybody: {like = -0.250, share = 0}\n", require("perilune.stats.trials").text(found))
  end)
end)

describe("cem", function()
  -- A search whose score is a quadratic with its top at `best`; no environment.
  local function top(best, seed, opt)
    prl.seed(seed)
    local tried, adopted = 0, nil
    cem.search({
      dimensions = {{name = "a", low = -1, high = 1, half = 1, start = 0},
        {name = "b", low = -2, high = 2, half = 2, start = 0}},
      meet = function() end,
      normal = function() return prl.randn(1):totable()[1] end,
      try = function(_, vector)
        tried = tried + 1
        return -(vector[1] - best[1]) ^ 2 - (vector[2] - best[2]) ^ 2
      end,
      adopt = function(_, vector) adopted = {unpack(vector)} end,
    }, opt)
    return adopted, tried
  end
  local opt = {population = 24, elites = 6, generations = 12, users = 1, days = 1, init_std = 0.5, min_std = 0.03,
    smoothing = 1}

  it("finds the top of a hill, also where it is on a bound", function()
    for seed = 1, 5 do
      local found, tried = top({0.6, -1.3}, seed, opt)
      assert.equal(cem.trials(opt), tried)
      assert.near(0.6, found[1], 0.03)
      assert.near(-1.3, found[2], 0.03)
      found = top({3, 0}, seed, opt)
      assert.is_true(found[1] > 0.97 and found[1] <= 1)
    end
  end)

  it("stays where it is as far as its smoothing says", function()
    local small = {}
    for key, value in pairs(opt) do small[key] = value end
    small.smoothing, small.generations = 0.01, 1
    local found = top({1, 1}, 1, small)
    assert.is_true(math.abs(found[1]) < 0.011 and math.abs(found[2]) < 0.021)
  end)
end)
