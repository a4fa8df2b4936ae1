--- An algorithm's file of one's own: what is misspelt in it, or in what it asks for, is one sentence with its line.

local prl = require "perilune"
local algorithm_file = require "perilune.recipe.algorithm_file"
local algorithms = require "perilune.recipe.algorithms"
local command = require "support.command"
local recipes = require "support.recipes"

local RECIPE = [[return {env = {"cartpole", n = 2}, train = {steps = 20},
  algorithm = {lua = "./mine.lua"}}]]

local MINE = [[
local prl = require "perilune"
local mine = {
  summary = "a test", actions = {"discrete"}, stale = "drop",
  optimizer = {"adam", epsilon = 1e-5},
  options = {
    rollout = {5, "steps", "so many",
      structural = true, min = 1},
    lr = {1e-3, "", "step size", min = 0},
  },
}
function mine.build(learn, opt)
  local actor, critics = learn:actor(), learn:critics()
  local update = learn:program(function(batch)
    local pi = actor(batch.obs)
    local loss = -(pi:log_prob(batch.action) * batch.advantage):mean()
    for _, critic in ipairs(critics) do
      loss = loss + prl.mse(critic(batch.obs), batch.returns[critic.name])
    end
    learn:minimise(loss, {actor = opt.lr, critics = opt.lr})
  end)
  return {learn:collect(opt.rollout), learn:estimate {lambda = 1}, update, learn:publish()}
end
return mine
]]

describe("an algorithm's file", function()
  local folder
  setup(function() folder = recipes.folder() end)

  local function with(old, new)
    local at, stop = MINE:find(old, 1, true)
    recipes.write(folder, "mine.lua", MINE:sub(1, at - 1) .. new .. MINE:sub(stop + 1))
  end

  --- The first thing wrong with the file in which `new` stands for `old`, when the recipe is loaded.
  local function refused(old, new, message)
    with(old, new)
    local loaded, found = recipes.load(folder, RECIPE, {trust = true})
    assert.is_nil(loaded)
    assert.truthy(found:find("x.lua:2: algorithm.lua: mine.lua:" .. message, 1, true), found)
  end

  --- The same when its plan is made.
  local function fails(old, new, message)
    with(old, new)
    local loaded = assert(recipes.load(folder, RECIPE, {trust = true}))
    local ok, found = pcall(prl.recipe.plan, loaded)
    assert.is_false(ok)
    assert.truthy(found:find("^" .. folder:gsub("%p", "%%%0") .. "mine.lua:"), found)
    assert.truthy(found:find("mine.lua:" .. message, 1, true), found)
  end

  it("may say what the built-in ones say", function()
    for _, name in ipairs(algorithms.names()) do assert.same({}, {algorithm_file.check(algorithms.find(name))}) end
    with("summary", "summary")
    assert(prl.recipe.plan(assert(recipes.load(folder, RECIPE, {trust = true}))))
  end)

  it("has known fields alone, in its options too", function()
    refused("structural", "structral", '7: options.rollout has no field "structral"; the nearest is "structural"')
    refused("min = 0", "mim = 0", '8: options.lr has no field "mim"; the nearest is "min"')
    refused("summary", "sumary", '3: the algorithm has no field "sumary"; the nearest is "summary"')
    refused("mine.build", "mine.bulid", '11: the algorithm has no field "bulid"; the nearest is "build"')
    refused('"drop"', '"dropp"', '3: stale has no choice "dropp"; the nearest is "drop"')
    refused("min = 0", 'scale = "lag"', '8: options.lr.scale has no choice "lag"; the nearest is "log"')
    refused('"discrete"', '"discret"', '3: actions has no choice "discret"; the nearest is "discrete"')
    refused("epsilon", "epsilom", '4: optimizer has no field "epsilom"; the nearest is "epsilon"')
    refused('{"adam"', '{"adm"', '4: optimizer has no choice "adm"; the nearest is "adam"')
  end)

  it("has values of the right types", function()
    refused("structural = true", "structural = 1", "7: options.rollout: structural is a number; a boolean is needed")
    refused('"step size"', "7", "8: options.lr: its meaning is a number; a string is needed")
    refused('{1e-3, "", "step size", min = 0}', "1e-3", "8: options.lr is a number; {default, unit, meaning} is needed")
    refused('"step size", min', '"step size", 9, min', "8: options.lr takes nothing without a name at position 4")
  end)

  it("asks for names that are there", function()
    fails("learn:publish", "learn:publsh", '21: learn has no method "publsh"; the nearest is "publish"')
    fails("batch.advantage", "batch.advantge", '15: batch has no field "advantge"; the nearest is "advantage"')
    fails("opt.lr", "opt.x", '19: the algorithm has no option "x"; there are lr, rollout')
    fails("prl.mse", "prl.rnadn", '17: prl has no function "rnadn"; the nearest is "randn"')
    fails("prl.mse", "prl.nn.mlpp", '17: prl.nn has no function "mlpp"; the nearest is "mlp"')
    fails("critic.name", "critic.nmae", '17: a critic has no field "nmae"; the nearest is "name"')
    fails("pi:log_prob", "pi:log_prb", '15: categorical has no method "log_prb"; the nearest is "log_prob"')
    fails("critics = opt", "crtics = opt", '19: learn:minimise has no option "crtics"; the nearest is "critics"')
    fails("lambda = 1", "lamda = 1", '21: learn:estimate has no option "lamda"; the nearest is "lambda"')
    fails("lambda = 1", "", "21: learn:estimate: lambda is missing; it takes lambda")
  end)

  it("gives learn what it takes", function()
    fails("learn:collect(opt.rollout)", "learn:collect(opt.lr)", "21: learn:collect: steps is a string; a number is needed")
    fails("update, learn", "learn:epochs(1, {function() end}), learn",
      "21: learn:epochs: item 1 is a function; a verb is needed, as learn:publish() gives it")
    fails("learn:minimise", "learn:metric(loss) learn:minimise", "19: learn:metric: its name is a tensor; a string is needed")
    fails("learn:minimise", "learn:program(3) learn:minimise", "19: learn:program: what it traces is a number; a function is needed")
    with("learn:publish()", "learn.publish")
    local ok, found = pcall(prl.recipe.plan, assert(recipes.load(folder, RECIPE, {trust = true})))
    assert.is_false(ok)
    assert.truthy(found:find("the schedule of ./mine.lua: item 4 is a function; a verb is needed, as learn:publish() gives it", 1, true))
  end)

  it("reads no density of what acts with a process, which has none", function()
    local first = "local actor, critics = learn:actor(), learn:critics()"
    local function acts(noise, body)
      return ("learn:acts(function(obs) return prl.distribution.point(obs:slice(2, 1, 1)) end, 1, %s) "):format(noise) ..
        ("learn:program(function(batch) %s end)"):format(body or "")
    end
    fails(first, acts("{theta = 0.15, dt = 0.1}", "return batch.log_prob"),
      "12: batch.log_prob: what acts draws from an Ornstein–Uhlenbeck process (learn:acts {theta = 0.15}), and its actions have " ..
      "no density")
    fails(first, acts "{theta = 0.15}", "12: learn:acts: dt is missing; it takes dt")
    fails(first, acts "{teta = 0.15}", '12: learn:acts has no option "teta"; the nearest is "theta"')
    fails(first, acts("{drawn = 3}", "error('width ' .. batch.noise:size(2))"), "12: width 3")
  end)

  it("may raise what is no text, and that is a sentence, too", function()
    with("learn:publish()", "error({})")
    recipes.write(folder, "x.lua", RECIPE)
    local out, err, code = command.run(folder, "check x.lua --trust")
    assert.same({"", "perilune: x.lua: no agent can be made of it: an error that is a table, and no text\n", 2}, {out, err, code})
  end)

  it("is told so in a sentence by every command", function()
    with("learn:publish", "learn:publsh")
    recipes.write(folder, "x.lua", RECIPE)
    for _, line in ipairs {"check x.lua --trust", "train x.lua --trust"} do
      local out, err, code = command.run(folder, line)
      assert.same({"", 2}, {out, code})
      assert.equal('perilune: x.lua: no agent can be made of it: mine.lua:21: learn has no method "publsh"; the nearest is ' ..
        '"publish"\n', err)
    end
  end)

  it("that searches sees its options and its search so, too", function()
    local search = [[
return {options = {tries = {2, "", "", structural = true}}, trials = function(opt) return opt.tries end,
search = function(search, opt)
  search:meet(1, 1)
  search:try(0, opt)
end}]]
    local function message(old, new)
      local at, stop = search:find(old, 1, true)
      recipes.write(folder, "mine.lua", search:sub(1, at - 1) .. new .. search:sub(stop + 1))
      recipes.write(folder, "x.lua", [[return {env = {"shortvideo", n = 2}, train = {steps = 100}, algorithm = {lua = "./mine.lua"},
        objective = {critics = {watch_time = {}}}, policy = {action = {}}}]])
      local _, err, code = command.run(folder, "train x.lua --trust")
      assert.equal(1, code, err)
      return err
    end
    assert.equal('perilune: mine.lua:3: search has no method "met"; the nearest is "meet"\n', message("search:meet", "search:met"))
    assert.equal('perilune: mine.lua:4: the algorithm has no option "trys"; the nearest is "tries"\n',
      message("search:try(0, opt)", "search:try(opt.trys)"))
  end)
end)
