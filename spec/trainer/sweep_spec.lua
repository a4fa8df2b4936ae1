--- What a sweep checks before the first run begins, and which runs it asks for.
local message_of = require "support.refusal"
local measure = require "perilune.trainer.measure"
local prl = require "perilune"
local recipes = require "support.recipes"
local sweep = require "perilune.trainer.sweep"

local pole = [[
return {
  env = {"cartpole", n = 4},
  objective = {critics = {upright = {reward = function(r) return 2 * r.reward - 1 end, gamma = 0.98}}},
  policy = {hidden = {16}},
  algorithm = {"ppo", rollout = 64, minibatch = 64, epochs = 2},
  train = {steps = 500},
}
]]

describe("a sweep", function()
  local folder
  setup(function()
    folder = recipes.folder()
    recipes.write(folder, "pole.lua", pole)
  end)

  local function plan(words, options)
    options = options or {}
    options.set = words
    return sweep.plan(folder .. (options.file or "pole.lua"), options)
  end

  --- Plans a file with these fields beside its base.
  local function of_fields(fields, options)
    recipes.write(folder, "s.lua", "return sweep {\n  base = require \"pole\",\n  " .. fields .. "\n}\n")
    options = options or {}
    options.file = "s.lua"
    return plan(options.set, options)
  end

  local function refused(fn, ...)
    local words = {...}
    local message, code = message_of(function() return fn(unpack(words)) end)
    assert.equal(2, code, message)
    assert.falsy(message:find("\n", 1, true))
    return (message:gsub(folder:gsub("%p", "%%%0"), ""))
  end

  it("splits values at commas outside brackets and quotes", function()
    assert.same({"1", "2"}, sweep.split "1, 2")
    assert.same({"{16, 16}", '"a,b"', "linear {from = 1, to = 2}", "f(1, 2)"},
      sweep.split '{16, 16},"a,b",linear {from = 1, to = 2},f(1, 2)')
    assert.same({"a", "", "b"}, sweep.split "a,,b")
  end)

  it("is the full product of its axes, each point a recipe that its overrides give", function()
    local planned = plan {"algorithm.lr=1e-3,1e-4,3e-4", "policy.activation=relu,tanh", "train.steps=300"}
    assert.equal(6, #planned.points)
    assert.equal("lr=0.001 activation=relu", sweep.label(planned, planned.points[1]))
    assert.equal("lr=0.0003 activation=tanh", sweep.label(planned, planned.points[6]))
    local point = planned.points[4]
    assert.same({"train.steps=300", "algorithm.lr=1e-4", "policy.activation=tanh"}, point.set)
    local loaded = assert(prl.recipe.load(folder .. "pole.lua", {set = point.set}))
    assert.equal(loaded.hash, point.hash)
    assert.equal(1e-4, loaded.recipe.algorithm.lr)
    assert.equal(300, loaded.recipe.train.steps)
    assert.is_true(planned.points[6].base) -- 3e-4 and tanh are the defaults
    assert.is_false(planned.points[1].base)
  end)

  it("knows from the algorithm's file which options differ by factors", function()
    local planned = plan {"algorithm.lr=1e-3,3e-4", "algorithm.lambda=0.9,0.95", "objective.critics.upright.gamma=0.9,0.98"}
    local found = {}
    for _, axis in ipairs(planned.axes) do found[axis.path] = axis.by_factors end
    assert.same({["algorithm.lr"] = true, ["algorithm.lambda"] = false, ["objective.critics.upright.gamma"] = false}, found)
  end)

  it("is a recipe like any other, which stands for its base elsewhere", function()
    local planned = of_fields([[seeds = 3, first_seed = 11, metric = "length", direction = "minimise",
  grid = {["policy.hidden"] = {{8}, {16, 16}}, ["algorithm.lr"] = {linear {from = 1e-3, to = 0}, 1e-3},
    ["objective.critics.upright.reward"] = {function(r) return where(gt(r.reward, 0), 1, 0) end}},]])
    assert.same({"algorithm.lr", "objective.critics.upright.reward", "policy.hidden"},
      {planned.axes[1].path, planned.axes[2].path, planned.axes[3].path})
    assert.same({3, 11, true, "length"}, {planned.seeds, planned.first, planned.minimise, planned.metric.name})
    local loaded = assert(prl.recipe.load(folder .. "s.lua", {set = planned.points[2].set}))
    assert.same({16, 16}, loaded.recipe.policy.hidden)
    assert.equal("linear", loaded.recipe.algorithm.lr.kind)
    assert.equal("where", loaded.recipe.objective.critics.upright.reward[1])
    assert.equal(assert(prl.recipe.load(folder .. "pole.lua")).hash, assert(prl.recipe.load(folder .. "s.lua")).hash)
  end)

  it("takes the command line before its file", function()
    local planned = of_fields([[seeds = 3, grid = {["algorithm.lr"] = {1e-3, 1e-4}, ["train.steps"] = {100, 200}}]],
      {set = {"algorithm.lr=1e-5", "train.steps=1,2,3"}, seeds = 2, metric = "length"})
    assert.equal(3, #planned.points)
    assert.equal(2, planned.seeds)
    assert.same({"algorithm.lr=1e-5", "train.steps=1"}, planned.points[1].set)
    local fields = 'metric = "length", direction = "minimise", grid = {["algorithm.lr"] = {1e-3, 1e-4}}'
    assert.is_true(of_fields(fields, {metric = "length"}).minimise)
    assert.is_false(of_fields(fields, {metric = "reward"}).minimise) -- the direction was said of another metric
    assert.is_true(of_fields(fields, {metric = "reward", minimise = true}).minimise)
  end)

  it("trains every point on the same seeds, and the best one on others", function()
    local planned = plan({"algorithm.lr=1e-3,1e-4"}, {seeds = 3, first = 5})
    local of_point, grid = {}, {}
    for _, job in ipairs(sweep.grid_jobs(planned, "root")) do
      of_point[job.point] = of_point[job.point] or {}
      table.insert(of_point[job.point], job.seed)
      grid[job.seed] = true
    end
    for _, point in ipairs(planned.points) do assert.same({5, 6, 7}, of_point[point]) end
    local fresh = sweep.fresh_jobs(planned, planned.points[2], "root")
    assert.equal(3, #fresh)
    for _, job in ipairs(fresh) do
      assert.is_nil(grid[job.seed])
      assert.equal(planned.points[2].hash, job.hash)
    end
  end)

  it("refuses before the first run what is no option, with the nearest name", function()
    assert.equal('--set algorithm.lrr: the base has no option algorithm.lrr; the nearest is "lr"',
      refused(plan, {"algorithm.lrr=1,2"}))
    assert.equal('s.lua:4: grid.objective.critics.uprigt.gamma: the base has no option '
      .. 'objective.critics.uprigt.gamma; the nearest is "upright"',
      refused(of_fields, 'seeds = 2,\n  grid = {["objective.critics.uprigt.gamma"] = {0, 1}}'))
    assert.truthy(refused(plan, {"algorithm.lr.from=1,2"}):find("algorithm.lr is 0.0003, and has no from", 1, true))
  end)

  it("refuses a value that its option does not accept, at its place", function()
    assert.equal("--set algorithm.lr=-1: algorithm.lr: expected a number ≥ 0 or a schedule, got -1",
      refused(plan, {"algorithm.lr=1e-3,-1"}))
    assert.equal("s.lua:4: algorithm.lr: expected a number ≥ 0 or a schedule, got -1",
      refused(of_fields, 'seeds = 2,\n  grid = {["algorithm.lr"] = {0, -1}}'))
    recipes.write(folder, "search.lua", [[return {env = "shortvideo", algorithm = {"cem", elites = 6},
      objective = {critics = {watch_time = {}}}, eval = {users = 8}}]])
    assert.truthy(refused(plan, {"algorithm.population=8,4"}, {file = "search.lua"}):find(
      "algorithm.elites: expected at most the population, 4, got 6 (at the point population=4)", 1, true))
    assert.truthy(refused(of_fields, 'grid = {["algorithm.lr"] = {remove, 1}}'):find("s.lua:3: algorithm.lr: remove", 1, true))
    local both = message_of(function()
      of_fields 'seeds = 2,\n  grid = {["algorithm.lr"] = {-1},\n["policy.hidden"] = {{0}}}'
    end):gsub(folder:gsub("%p", "%%%0"), "")
    assert.matches("^s.lua: 2 mistakes\ns.lua:4: algorithm.lr: expected a number ≥ 0 [^\n]*, got %-1\ns.lua:5: policy.hidden: ", both)
  end)

  it("refuses what cannot be an axis, and axes without sense", function()
    for words, part in pairs {
      ["algorithm.lr=1e-3,"] = "a value between its commas is empty",
      ["algorithm.lr=1e-3,.001"] = "0.001 appears twice",
      ["eval.seed=1,2"] = "judged differently",
      ["env=cartpole,pendulum"] = "different environments",
      ["train.seed=1,2"] = "seeds are not an axis",
      ["name=a,b"] = "no part of what is trained",
      ["algorithm.lr=1e-3"] = "nothing to sweep",
      ["algorithm.lr"] = "expected a path and values",
    } do
      assert.truthy(refused(plan, {words}):find(part, 1, true), words)
    end
    assert.truthy(refused(plan, {"algorithm.lr=1,2", "algorithm.lr=3,4"}):find("was set before", 1, true))
    assert.truthy(refused(plan, {"policy.log_std.init=0,-0.5", "algorithm.gae=1,2"}))
    assert.truthy(refused(of_fields, 'grid = {["algorithm.lr"] = {}}'):find("s.lua:3: grid.algorithm.lr: the axis has no values",
      1, true))
    assert.truthy(refused(of_fields, 'grid = {["algorithm.lr"] = 3}'):find("expected a list of values", 1, true))
    assert.truthy(refused(of_fields, 'grid = {["algorithm.lr"] = {1, nil, 2}}'):find("expected a list of values", 1, true))
    assert.truthy(refused(of_fields, 'metric = function() end'):find("metric: a function is not allowed here", 1, true))
    assert.truthy(refused(of_fields, 'seeds = 1e9'):find("from 1 to 1000, got 1000000000", 1, true))
    recipes.write(folder, "s.lua", "return sweep {base = 3}")
    assert.truthy(refused(plan, {}, {file = "s.lua"}):find('s.lua:1: a sweep has a base, a recipe, as in', 1, true))
    assert.truthy(refused(of_fields, 'grid = {{1, 2}}'):find("an axis is a path with its values", 1, true))
    assert.truthy(refused(of_fields, 'gird = {}'):find('s.lua:3: gird: unknown key; the nearest is "grid"', 1, true))
    assert.truthy(refused(of_fields, 'seeds = 0, grid = {}'):find("seeds: expected a whole number from 1 to 1000, got 0", 1, true))
    assert.truthy(refused(of_fields, 'direction = "up"'):find('expected "maximise" or "minimise"', 1, true))
    local values = {}
    for i = 1, 300 do values[i] = i end
    assert.truthy(refused(plan, {"train.steps=" .. table.concat(values, ",")}):find("the grid has 300 points", 1, true))
  end)

  it("refuses two points that are one recipe", function()
    assert.equal("lr=1: linear {from=1e-3,to=1e-3,ov… and lr=2: linear {from=.001,to=1e-3,ov… are the same recipe",
      refused(plan, {"algorithm.lr=linear {from=1e-3,to=1e-3,over=10},linear {from=.001,to=1e-3,over=10}"}))
  end)

  describe("is judged", function()
    local function load(text) return assert(recipes.load(folder, text)) end

    it("by a response, by default `reward` or else the first", function()
      assert.equal("reward", measure.find(load(pole)).name)
      local feed = load [[return {env = "shortvideo", algorithm = "a2c",
        objective = {critics = {c = {reward = function(r) return r.like end}}}, eval = {users = 8}}]]
      assert.equal("watch_time", measure.find(feed).name)
      assert.equal("count/return_time", measure.find(feed, "return_time").per)
      local _, message = measure.find(feed, "watch_tim")
      assert.truthy(message:find('no response "watch_tim", and the recipe no metric and no critic of that name; the nearest is '
        .. '"watch_time"', 1, true))
    end)

    it("by the reward of a critic that is a weighted sum of responses", function()
      local metric = measure.find(load(pole), "upright")
      assert.same({of = {reward = 2}, constant = -1}, metric.form)
      local nonlinear = load [[return {env = "cartpole", algorithm = "ppo",
        objective = {critics = {c = {reward = function(r) return r.reward * r.reward end}}}}]]
      local _, message = measure.find(nonlinear, "c")
      assert.truthy(message:find("is not a weighted sum of responses", 1, true))
    end)
  end)
end)
