--- cem in its contextual form: an action that is linear in observations, from the recipe to the agent.

local posix = require "posix"
local prl = require "perilune"
local csv = require "perilune.records.csv"
local message_of = require "support.refusal"
local panel = require "perilune.trainer.panel"
local search_runs = require "support.search_runs"

local recipe = [[
return {
  name = "feed",
  env = {"shortvideo", n = 8, preset = "strong"},
  objective = {critics = {watch = {reward = function(r) return r.watch_time end, scale = "baseline"}}},
  policy = {action = {diversity = {-1, 1}, freshness = 0.25, watch = {-0.1, 0.1}}},
  algorithm = {"cem", observes = {"length_taste", "fast_watch_time"}, population = 6, elites = 2, generations = 3, users = 8},
  train = {seed = 3, warmup = 1000, checkpoint = 900},
  eval = {every = 1000, users = 12, days = 1, curve = 6},
}
]]

-- What is right to do is what is seen: 0.3 + 0.2 · (its deviation); the other observation says nothing.
local mirror = [[
local deviation, mirror = 10 / 12 ^ 0.5, {
  summary = "an action that should follow what is seen",
  observation = {{"seen"}, {"idle"}}, action = {"continuous", aim = {-1, 1}},
  responses = {reward = {unit = "points"}}, max_steps = 24, clock = true,
}
local function look(self)
  self.seen = 50 + 10 * (math.random() - 0.5)
  return {self.seen, math.random()}
end
function mirror.new() return {seen = 50} end
mirror.reset = look
function mirror.step(self, action)
  local right = 0.3 + 0.2 * (self.seen - 50) / deviation
  return look(self), {reward = 1 - (action.aim - right) ^ 2}, false, 3600
end
function mirror.save(self) return {seen = self.seen} end
function mirror.load(data) return {seen = data.seen} end
return mirror
]]

describe("cem that observes", function()
  local runs = search_runs.of(recipe)
  local load, start, train, read, info = runs.load, runs.start, runs.train, runs.read, runs.info
  before_each(runs.begin)
  after_each(runs.finish)

  it("adopts base + W z of observations in their deviations, within the bounds", function()
    local run = train(nil, {"algorithm.weight_std=1"})
    local spec, state = assert(load()).spec, run.state.search
    local place = {}
    for i, name in ipairs(spec.observation.names) do place[name] = i end
    local found, weights, base = info(run).search.vector, {}, {}
    for _, one in ipairs(found) do
      local dimension, observed = one.name:match("^(.+)%.(.+)$")
      if observed then weights[#weights + 1] = {dimension, observed, one.value} else base[#base + 1] = one end
    end
    assert.equal(2 * 9, #weights) -- freshness is held
    assert.same({"length_taste", "fast_watch_time"}, info(run).search.observes)
    local agent = assert(prl.load_agent((run.folder:last_checkpoint())))
    local observation = prl.randn(40, #spec.observation.names) * 30
    local streams = {}
    for i = 1, 40 do streams[i] = i end
    local action, seen, cut = agent:act(streams, observation, "mean"):totable(), observation:totable(), 0
    for row = 1, 40 do
      for k, one in ipairs(base) do
        local expected = one.value
        for _, weight in ipairs(weights) do
          local name = weight[2]
          local z = (seen[row][place[name]] - state.context.mean[name]) / state.context.std[name]
          if weight[1] == one.name then expected = expected + weight[3] * z end
        end
        local bound = one.name == "watch" and 0.1 or 1
        if one.name == "freshness" then assert.equal(0.25, action[row][k]) end
        cut = cut + (math.abs(expected) > bound and 1 or 0)
        assert.near(math.max(-bound, math.min(bound, expected)), action[row][k], 1e-4, one.name)
      end
    end
    assert.is_true(cut > 10)
  end)

  it("measures what is observed over the warm-up under the starting vector", function()
    local run = start("runs")
    local loaded = assert(load())
    local env = prl.env("shortvideo", {n = 8, seed = loaded.recipe.train.seed, preset = "strong"})
    local action, observation, sum = prl.zeros(8, 10), env:reset(), 0
    action:narrow(2, 9, 9):copy_(prl.full({8, 1}, 0.25))
    for _ = 1, 125 do
      for _, row in ipairs(observation:totable()) do sum = sum + row[7] / 1000 end
      observation = env:step(action)
    end
    assert.equal("length_taste", loaded.spec.observation.names[7])
    assert.near(sum, run.state.search.context.mean.length_taste, 1e-9)
    prl.interrupted = function() return true end
    run:train()
  end)

  it("tries the policy of its numbers, and the starting vector beside it", function()
    local run = train()
    local trials = assert(csv.read(run.folder:file("trials.csv")))
    assert.equal(3 * 7, trials.rows)
    for _, row in ipairs {1, 8, 15} do assert.equal(0, trials.columns["action/like.length_taste"][row]) end
    assert.not_equal(0, trials.columns["action/like.length_taste"][2])
    assert.is_nil(trials.columns["action/freshness.length_taste"])
    assert.is_nil(posix.stat(run.folder:file("trial.safetensors")))
    local text = read(run, "report.html")
    assert.truthy(text:find("linear in length_taste, fast_watch_time, in their deviations from the mean", 1, true))
    local options = {users = 5, days = 1, seed = 9, threads = 1}
    local columns = panel.run(run.info, options, {agent = (run.folder:last_checkpoint())}).columns
    assert.equal(5, #columns["action/like"])
  end)

  it("makes the same bytes from the same seed, and goes on from a stop to them", function()
    runs.go_on_after(train("whole"), {1, 6, 13})
  end)

  it("finds what one action for everybody cannot have", function()
    assert(prl.io.write(runs.root .. "/mirror.lua", mirror))
    assert(prl.io.write(runs.root .. "/feed.lua", [[return {env = {lua = "./mirror.lua", n = 4},
      algorithm = {"cem", population = 24, elites = 6, generations = 8, users = 8, observes = {"idle", "seen"}},
      train = {warmup = 2000}, eval = {every = 0, users = 4, days = 1}}]]))
    local found = {}
    for _, one in ipairs(info(train(nil, nil, true)).search.vector) do found[one.name] = one.value end
    assert.near(0.3, found.aim, 0.06)
    assert.near(0.2, found["aim.seen"], 0.06)
    assert.near(0, found["aim.idle"], 0.06)
  end)

  it("refuses in one sentence what it cannot observe", function()
    local function refused(set, text)
      local loaded, message = load(set)
      assert.is_nil(loaded)
      assert.truthy(message:find(text, 1, true), message)
      assert.is_nil(message:find("\n", 1, true))
    end
    refused({"algorithm.observes={'lenght_taste'}"}, 'algorithm.observes: the env has no observation "lenght_taste"; the nearest is '
      .. '"length_taste"')
    refused({"algorithm.observes={'activity', 'activity'}"}, "algorithm.observes: activity is there twice")
    refused({"algorithm.observes=5"}, "algorithm.observes: expected a list of strings, got 5")
    refused({"train.warmup=100"}, "algorithm.observes: means and deviations of observations are measured over a warm-up of at least "
      .. "1000 steps, and train.warmup is 100")
    refused({"algorithm.observes=remove", "algorithm.weight_std=1"}, "weight_std is for observes")
    assert(prl.io.write(runs.root .. "/feed.lua", (recipe:gsub("observes = {.-}", "observes = {}"))))
    refused(nil, "algorithm.observes: expected at least one observation, got {}")
  end)

  it("is no vector for the front, and says so", function()
    local run = train()
    local set = {"eval.front={x = 'watch_time', y = {'like'}, vectors = '" .. run.folder.path .. "'}", "algorithm={'fixed'}"}
    local message = message_of(function() train("front", set) end)
    assert.truthy(message:find("are no constant actions: watch.length_taste is the weight of an observation", 1, true), message)
  end)

  it("is refused where an observation never changes", function()
    assert(prl.io.write(runs.root .. "/mirror.lua", (mirror:gsub("math.random%(%) %- 0.5", "0"))))
    assert(prl.io.write(runs.root .. "/feed.lua", [[return {env = {lua = "./mirror.lua", n = 4},
      algorithm = {"cem", population = 4, elites = 2, generations = 1, users = 2, observes = {"seen"}},
      train = {warmup = 1000}, eval = {every = 0, users = 4, days = 1}}]]))
    local message = message_of(function() train(nil, nil, true) end)
    assert.truthy(message:find("algorithm.observes: seen did not vary over 1000 steps of the warm-up", 1, true), message)
  end)
end)
