-- luacheck: no max line length
--- All mistakes of a recipe at once, each where it stands: in the file, a file that it requires, a reward, an override.

local command = require "support.command"
local prl = require "perilune"
local recipes = require "support.recipes"

local MANY = [[
return {
  env = {"host", observation = {"hp"}, action = {"continuous", aim = {1, -1}},
    responses = {hit = {combine = "add", wait = "30 sec"}}},
  objective = {critics = {
    hit = {gama = 0.9, gamma = 1.5},
    miss = {reward = function(r) return r.mis end, per = "minuet"},
    far = {reward = function(r) if r.hit then return 1 end return 2 end},
  }},
  policy = {hidden = {64, 0}, sise = 3},
  algorithm = {"ppo", lr = linear {from = 1, too = 0}, optimizer = {"adm"}},
  train = {steps = 0 / 0, sed = function() end},
}
]]

local GOOD = [[
return {
  env = {"cartpole", n = 4},
  objective = {critics = {reward = {gamma = 0.9}}},
  policy = {hidden = {8}, activation = "relu"},
  algorithm = {"ppo", lr = 1e-3},
}
]]

describe("the mistakes of a recipe", function()
  local folder
  setup(function() folder = recipes.folder() end)

  local function refusal(text, ...)
    local loaded, message, code = recipes.load(folder, text, {set = {...}})
    assert.is_nil(loaded)
    assert.equal("EFORMAT", code)
    return message
  end

  local function lines(...)
    local found = {}
    for line in (refusal(...) .. "\n"):gmatch "(.-)\n" do found[#found + 1] = line end
    return found
  end

  it("are told at once, in the order of the file, up to ten", function()
    local found = lines(MANY)
    local starts = {"x.lua: 14 mistakes, of which these are the first 10",
      "x.lua:2: env.action.aim: expected bounds {low, high}, as in {-1, 1}, got {1, -1}",
      'x.lua:3: env.responses.hit.combine: expected one of sum, last, first, max, got "add"',
      "x.lua:3: env.responses.hit.wait: ",
      'x.lua:5: objective.critics.hit.gama: unknown key; the nearest is "gamma"',
      "x.lua:5: objective.critics.hit.gamma: expected a number from 0 to 1 or a schedule, got 1.5",
      'x.lua:6: objective.critics.miss.reward: the env has no response "mis"; the nearest is "hit"',
      "x.lua:6: objective.critics.miss.per: ",
      'x.lua:7: objective.critics.far.reward: "hit" is read here and does not reach the result',
      "x.lua:9: policy.sise: unknown key", "x.lua:9: policy.hidden: "}
    assert.equal(#starts, #found)
    for i, start in ipairs(starts) do assert.equal(start, found[i]:sub(1, #start)) end
  end)

  it("are told of one recipe without those that only follow from others", function()
    assert.equal('x.lua:1: evn: unknown key; the nearest is "env"', refusal "return {evn = 'cartpole', algorithm = 'a2c'}")
    assert.equal('x.lua:1: env: unknown environment "cartpol"; the nearest is "cartpole"',
      refusal "return {env = 'cartpol', algorithm = 'a2c', objective = {critics = {a = {reward = function(r) return r.x end}}}}")
    assert.equal("x.lua:1: train.steps: the number is not finite", refusal "return {env = 'cartpole', algorithm = 'a2c', train = {steps = 1 / 0, warmup = 7}}")
    assert.equal('x.lua:1: objective.critics.a.rewrd: unknown key; the nearest is "reward"',
      refusal "return {env = 'cartpole', algorithm = 'a2c', objective = {critics = {a = {rewrd = function(r) return r.reward end}}}}")
  end)

  it("of values that only disagree with one another are told together, too", function()
    assert.same({"x.lua: 2 mistakes",
      'x.lua:1: objective.critics.a.per: expected step, got minute: the env "cartpole" has no clock',
      "x.lua:2: agent.rows: expected 0 or at least 1024, the steps that an update takes (algorithm.rollout 128 × 8 streams), got 3"},
      lines "return {env = 'cartpole', algorithm = 'ppo', objective = {critics = {a = {reward = function(r) return r.reward end, per = 'minute'}}},\nagent = {rows = 3}}")
  end)

  it("stand in the file that has them", function()
    recipes.write(folder, "base.lua", "return {\nenv = {'cartpole',\nm = 3}, algorithm = 'a2c'}")
    assert.same({"x.lua: 2 mistakes", 'x.lua:2: train.stepz: unknown key; the nearest is "steps"',
      'base.lua:3: env.m: unknown key; the nearest is "n"'},
      lines "return extend(require 'base',\n{train = {stepz = 4}})")
  end)

  it("of a sweep are told with those of its base", function()
    assert.same({"x.lua: 2 mistakes", 'x.lua:1: train.stepz: unknown key; the nearest is "steps"', 'x.lua:2: gird: unknown key; the nearest is "grid"'},
      lines "return sweep {base = {env = 'cartpole', algorithm = 'a2c', train = {stepz = 4}},\ngird = {}}")
  end)

  it("in which there is no end are counted to a hundred", function()
    assert.equal("x.lua: 100 mistakes, of which these are the first 10", lines(
      "local t = {env = 'cartpole', algorithm = 'a2c'} for i = 1, 900 do t['x' .. i] = 1 end return t")[1])
    assert.equal("x.lua: 100 mistakes, of which these are the first 10", lines(
      "local t = {env = 'cartpole', algorithm = 'a2c'} for i = 1, 900 do t['x' .. i] = 1 / 0 end return t")[1])
  end)

  it("are lines of what a command prints", function()
    recipes.write(folder, "y.lua", "return {env = 'cartpole', algorithm = 'a2c',\ntrain = {stepz = 1},\npolicy = {hiden = {}}}")
    local _, err, code = command.run(folder, "check y.lua")
    assert.equal(2, code)
    assert.equal('perilune: y.lua: 2 mistakes\ny.lua:2: train.stepz: unknown key; the nearest is "steps"\n' ..
      'y.lua:3: policy.hiden: unknown key; the nearest is "hidden"\n', err)
  end)
end)

describe("a mistake and --set", function()
  local folder
  setup(function() folder = recipes.folder() end)

  local function refusal(text, ...)
    return select(2, recipes.load(folder, text, {set = {...}}))
  end
  local function with(find, replacement) return (GOOD:gsub(find, replacement)) end

  it("is the file's where the file has it, whatever is set beside, below or above", function()
    assert.equal('x.lua:5: algorithm: there is no algorithm "pppo"; the nearest is "ppo"', refusal(with('"ppo"', '"pppo"'), "algorithm.lr=1e-3"))
    local activation = with('"relu"', '"rely"')
    local message = "x.lua:4: policy.activation: expected one of tanh, relu"
    assert.equal(message, refusal(activation, "policy={hidden = {16}}"):sub(1, #message))
    assert.equal(message, refusal(activation, "policy.hidden={16}", "train.steps=10"):sub(1, #message))
  end)

  it("is the override's where that wrote it, also over a mistake of the file's", function()
    local message = '--set policy.activation=rely: policy.activation: expected one of'
    assert.equal(message, refusal(GOOD, "policy.activation=rely"):sub(1, #message))
    assert.equal(message, refusal(with('"relu"', '"rely"'), "policy.activation=rely"):sub(1, #message))
    assert.equal('--set policy={hiden = {8}}: policy.hiden: unknown key; the nearest is "hidden"', refusal(GOOD, "policy={hiden = {8}}"))
    assert.equal("--set policy.hidden={0}: policy.hidden: ", refusal(GOOD, "policy.hidden={0}"):sub(1, 40))
  end)

  it("is told of each where both have one", function()
    assert.equal('x.lua: 2 mistakes\n--set algorithm.lr=x: algorithm.lr: expected a number ≥ 0 or a schedule, got "x"\n' ..
      'x.lua:3: objective.critics.reward.gama: unknown key; the nearest is "gamma"',
      refusal(with("gamma", "gama"), "algorithm.lr=x", "train.steps=100"))
  end)

  it("is that override's without which all would be well", function()
    local text = with('lr = 1e%-3}', 'lr = 1e-3}, agent = {rows = 512}')
    assert.truthy(recipes.load(folder, text))
    local message = "--set env.n=64: agent.rows: expected 0 or at least 8192"
    assert.equal(message, refusal(text, "train.steps=10", "env.n=64"):sub(1, #message))
  end)

  it("of a reward is placed where the reward stands", function()
    local set = "objective.critics.reward.reward=function(r) return r.rewad end"
    assert.equal("--set " .. set .. ': objective.critics.reward.reward: the env has no response "rewad"; the nearest is "reward"', refusal(GOOD, set))
    set = "objective.critics.reward.reward=function(r) return r.reward and 1 end"
    local message = "--set " .. set .. ': objective.critics.reward.reward: "reward" is read here'
    assert.equal(message, refusal(GOOD, set):sub(1, #message))
  end)
end)

describe("files that require one another", function()
  local folder
  setup(function() folder = recipes.folder() end)

  it("in a circle are shown as a chain, at the line that closes it", function()
    recipes.write(folder, "a.lua", "-- a\nlocal b = require 'b'\nreturn b")
    recipes.write(folder, "b.lua", "return require 'c'")
    recipes.write(folder, "c.lua", "\n\nreturn extend(require 'a', {})")
    local _, message = recipes.load(folder, "return require 'a'")
    assert.equal('c.lua:3: require "a": files require one another in a circle: a.lua → b.lua → c.lua → a.lua', message)
    recipes.write(folder, "c.lua", "\nreturn require 'x'") -- a tail call, of which no frame is left
    _, message = recipes.load(folder, "return require 'a'")
    assert.equal('c.lua:2: require "x": files require one another in a circle: x.lua → a.lua → b.lua → c.lua → x.lua', message)
  end)

  it("twice but not in a circle are none", function()
    recipes.write(folder, "base.lua", "return {env = 'cartpole', algorithm = 'a2c'}")
    recipes.write(folder, "one.lua", "return require 'base'")
    assert.truthy(recipes.load(folder, "require 'base' return extend(require 'one', require 'base')"))
  end)
end)

describe("a time", function()
  local values = require "perilune.recipe.values"
  local function message_of(text)
    local said
    pcall(values.duration, {fail = function(_, message) said = message error "" end}, text, {}, "agent.idle")
    return said
  end

  it("in another spelling is answered with the nearest that is accepted", function()
    for text, near in pairs {["30 sec"] = "30 s", ["30 secs"] = "30 s", ["30 seconds"] = "30 s", ["1 second"] = "1 s", ["30 S"] = "30 s",
      ["30 sec."] = "30 s", ["5 minutes"] = "5 min", ["5 Min"] = "5 min", ["5m"] = "5 min", ["2 hours"] = "2 h", ["1.5 hrs"] = "1.5 h",
      ["2hr"] = "2 h", ["3 days"] = "3 d", ["50 msec"] = "50 ms", ["50 milliseconds"] = "50 ms", ["50 millis"] = "50 ms",
      ["7 µs"] = "7 us", ["7 microseconds"] = "7 us", ["30"] = "30 s", [" 1e3 secs "] = "1e3 s"} do
      local message = message_of(text)
      local ending = ('; the nearest is "%s"'):format(near)
      assert.equal(ending, message:sub(-#ending), text)
      assert.is_nil(message_of(near), near)
    end
  end)

  it("that is none gets the units alone", function()
    for _, text in ipairs {"soon", "", "3 weeks", "-3 sec", "1:30", "1 h 30 min", "sec", "e sec", "1..2 sec"} do
      assert.matches("^expected a time such as 30 %(seconds%) or \"30 s\"; units are us, ms, s, min, h, d, got ", message_of(text))
      assert.is_nil(message_of(text):find("nearest", 1, true), text)
    end
  end)
end)

describe("a unit of a discount", function()
  it("in another spelling is answered with the nearest that is accepted", function()
    local folder = recipes.folder()
    for text, near in pairs {sec = "second", seconds = "second", min = "minute", mins = "minute", Minute = "minute", hours = "hour",
      days = "day", steps = "step"} do
      local _, message = recipes.load(folder, "return {env = 'shortvideo', algorithm = 'a2c', objective = {critics = {like = {per = '" .. text .. "'}}}}")
      assert.equal(('expected one of step, second, minute, hour, day, got "%s"; the nearest is "%s"'):format(text, near),
        message:match "per: (.*)$")
    end
  end)
end)

describe("a reward", function()
  local folder
  setup(function() folder = recipes.folder() end)

  local function recipe(reward)
    return "local leaked\nreturn {env = 'cartpole', algorithm = 'a2c', objective = {critics = {a = {\nreward = " .. reward .. "}}}}"
  end

  --- How the sentence goes on behind its place.
  local function refusal(reward)
    local loaded, message = recipes.load(folder, recipe(reward))
    assert.is_nil(loaded, reward)
    local begin = "x.lua:3: objective.critics.a.reward"
    assert.equal(begin, message:sub(1, #begin))
    assert.is_nil(message:find("\n", 1, true))
    assert.is_nil(message:find("perilune", 1, true), message)
    assert.is_nil(message:find("0x", 1, true), message)
    return (message:sub(#begin + 1):gsub("^[%d.]*: ", ""))
  end

  it("with the bounds of clip exchanged is asked about", function()
    assert.equal("clip takes the lower bound first: clip(x, 1, 2), not clip(x, 2, 1), which is 1 for every x",
      refusal "function(r) return clip(r.reward, 2, 1) end")
    assert.matches("^clip takes the lower bound first", refusal "function(r) return r.reward + clip(3, 2, 1) end")
    assert.truthy(recipes.load(folder, recipe "function(r) return clip(r.reward, 1, 1) end"))
  end)

  it("that takes a length is asked about", function()
    local all = "r has the responses by their names, as in r.watch_time, and is no number or list"
    assert.equal(all, refusal "function(r) return #r end")
    assert.equal(all, refusal "function(r) return #r * r.reward end")
    assert.equal(all, refusal "function(r) return r + 1 end")
    assert.truthy(refusal("function(r) for k in pairs(r) do return 1 end return r.reward end"):find(all, 1, true))
    local none = "# counts the items of a list; a response is a number, and has none"
    for _, body in ipairs {"#r.reward", "#r.reward * r.reward", "#(r.reward + 1) + r.reward", "r.reward + (function(x) return #x end)(r.reward)"} do
      assert.equal(none, refusal("function(r) return " .. body .. " end"))
    end
    assert.truthy(recipes.load(folder, recipe "function(r) local weights = {1, 2} return #weights * r.reward end"))
  end)

  it("cannot reach into a response and change it", function()
    for _, body in ipairs {'x[1] = "no such op"', "x[2] = x", "x[3] = x", "x.size = {}", "x[1] = nil"} do
      for _, of in ipairs {"r.reward", "(r.reward + 1)"} do
        assert.equal("a response cannot be changed", refusal(("function(r) local x = %s %s return x end"):format(of, body)))
      end
    end
    assert.matches("^it gives nil", refusal "function(r) return (unpack(r.reward)) end")
    assert.matches("^it gives nil", refusal "function(r) return (next(r.reward + 1)) end")
    assert.matches("^it gives r itself", refusal "function(r) return r end")
  end)

  it("that is written as data, and none, is refused in a sentence", function()
    for reward, sentence in pairs {
      ['{"r", 3}'] = 'a response is written {"r", "its name"}', ['{"r", {}}'] = 'a response is written {"r", "its name"}',
      ['{"r", "reward", x = 1}'] = 'a formula is made of lists, and one has the key "x"',
      ['{"add", 1, 2, nil, 3}'] = "a formula ",
      ["{{}, 1, 2}"] = "there is no operation that is a table in a formula", ["{true, 1}"] = "there is no operation that is a boolean in a formula",
      ["{}"] = "a formula is a number", ['{"ad", 1, 2}'] = 'there is no operation "ad" in a formula; the nearest is "add"',
      ['{"add", 1, "x"}'] = "a formula has numbers and tables, not a string", ['{"sub", 1}'] = "sub takes 2 arguments, and has 1",
      ['{("x"):rep(1e5), 1}'] = 'there is no operation "' .. ("x"):rep(40) .. '" in a formula',
      ['(function() local t = {"add", 1} t[3] = t return t end)()'] = "this table contains itself",
      ['(function() local t = {"neg", 1} for _ = 1, 3000 do t = {"neg", t} end return t end)()'] = "tables are nested too deep",
      ['(function() local t = {"add", 1, 2} for _ = 1, 18 do t = {"add", t, t} end return t end)()'] = "too many values for a recipe",
      ['{kind = "expression", tree = {}}'] = 'a formula is made of lists, and one has the key "kind"',
      ["{'add', 1, function() end}"] = "a function is not allowed here",
    } do
      assert.equal(sentence, refusal(reward):sub(1, #sentence))
    end
  end)

  it("that reads no response gets a note, once, and trains", function()
    recipes.write(folder, "count.lua", "return {env = {'cartpole', n = 2}, algorithm = {'a2c'}, train = {steps = 20}, eval = {episodes = 1},\n" ..
      "objective = {critics = {reward = {}, a = {\nreward = function() return 0.5 end}}}}")
    local note = "perilune: note: count.lua:3: objective.critics.a.reward: it reads no response of the env, and is 0.5 at every step\n"
    local _, err, code = command.run(folder, "check count.lua")
    assert.equal(0, code)
    assert.equal(note, err)
    _, err, code = command.run(folder, "train count.lua --quiet")
    assert.equal(0, code)
    assert.equal(note, err)
    recipes.write(folder, "reads.lua", "return {env = 'cartpole', algorithm = 'a2c', objective = {critics = {a = {reward = function(r) return 1 - r.reward end}}}}")
    assert.equal("", (select(2, command.run(folder, "check reads.lua"))))
  end)
end)

describe("what is accepted", function()
  it("is listed where no name is near", function()
    local nearest = require "perilune.nearest"
    assert.equal("; there is only reward", nearest.hint_or_list("xyzzy", {"reward"}))
    assert.equal("; there are hit, miss", nearest.hint_or_list("xyzzy", {"hit", "miss"}))
    assert.error_matches(function() prl.optim.sgd(prl.nn.linear(1, 1), {lr = 1, xyzzy = 3}) end, "has no option \"xyzzy\"; there are ")
  end)
end)
