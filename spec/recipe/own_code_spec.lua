--- An algorithm and a policy network of one's own: the examples learn, and mistakes in such files are one sentence.
local prl = require "perilune"
local posix = require "posix"

local root = os.tmpname()
os.remove(root)
assert(posix.mkdir(root))

local function write(name, text)
  local file = assert(io.open(root .. "/" .. name, "w"))
  file:write(text)
  file:close()
  return root .. "/" .. name
end

local function load(path, set) return prl.recipe.load(path, {trust = true, set = set}) end

--- The episodic return after so many steps of the recipe.
local function learned(path, steps, set)
  local loaded = assert(load(path, set))
  local agent, env = prl.agent(prl.recipe.plan(loaded)), prl.env("cartpole", {n = 8, seed = 1})
  agent:drive(env, steps)
  local sum, episodes = 0, 32
  for _, episode in ipairs(agent:evaluate(prl.env("cartpole", {n = 8, seed = 2}), episodes):totable()) do
    sum = sum + episode[1]
  end
  return sum / episodes, agent
end

describe("the example of a policy network", function()
  it("learns CartPole", function()
    assert.is_true(learned("examples/own_policy/recipe.lua", 6e4) > 300)
  end)

  it("is part of the recipe's hash, and runs only when it is trusted", function()
    local _, message = prl.recipe.load("examples/own_policy/recipe.lua")
    assert.truthy(message:find("two_towers.lua is code: it runs only with --trust", 1, true), message)
    write("net.lua", "local prl = require 'perilune' return function(net) return prl.nn.mlp {net.inputs, 4, net.outputs} end")
    local path = write("net_recipe.lua", 'return {env = "cartpole", algorithm = "ppo", policy = {lua = "./net.lua"}}')
    local before = assert(load(path)).hash
    write("net.lua", "local prl = require 'perilune' return function(net) return prl.nn.mlp {net.inputs, 5, net.outputs} end")
    assert.are_not.equal(before, assert(load(path)).hash)
  end)

  it("is refused in one sentence where it does not fit", function()
    local path = write("bad.lua", 'return {env = "cartpole", algorithm = "ppo", policy = {lua = "./wide.lua"}}')
    local function refused(text)
      write("wide.lua", "local prl = require 'perilune' " .. text)
      local loaded, message = load(path)
      if loaded then
        local ok
        ok, message = pcall(prl.recipe.plan, loaded)
        assert.is_false(ok)
      end
      return message
    end
    assert.truthy(refused("return 1"):find("returns no function that makes the policy's network", 1, true))
    assert.truthy(refused("return function(net) return prl.nn.linear(net.inputs, 7) end"):find(
      "its module gives (2, 7) for 2 rows of 4 inputs; (2, 2) is needed", 1, true))
    assert.truthy(refused("return function(net) return prl.nn.linear(net.inputs, net.output) end"):find(
      'no field "output"; the nearest is "outputs"', 1, true))
    assert.truthy(select(2, load(path, {"policy.trunk=shared"})):find("stands on no shared trunk", 1, true))
  end)
end)

describe("the example of an algorithm", function()
  it("learns CartPole, its model and its temperature", function()
    local sum, agent = 0, nil -- a seed alone may have bad luck, another one under each table of kernels
    for seed = 1, 3 do
      local reached
      reached, agent = learned("examples/own_algorithm/recipe.lua", 1e5, {"train.seed=" .. seed})
      sum = sum + reached
    end
    assert.is_true(sum / 3 > 250, sum / 3) -- a policy that acts by chance reaches 22
    local metrics, meanings = agent:metrics(), agent:meanings()
    assert.is_true(metrics.model_loss < 0.01, metrics.model_loss)
    assert.is_true(math.abs(metrics.entropy - 0.4) < 0.15, metrics.entropy)
    assert.same({"Temperature", "Weight of the entropy, learned."}, meanings.temperature)
  end)

  --- The sentence about an algorithm whose build is this.
  local function refused(body)
    write("mine.lua", ([[local prl = require "perilune"
      return {options = {rollout = {8, structural = true, min = 1}}, build = function(learn, opt) %s end}]]):format(body))
    local path = write("mine_recipe.lua", 'return {env = {"cartpole", n = 2}, algorithm = {lua = "./mine.lua"}}')
    local ok, message = pcall(prl.recipe.plan, assert(load(path)))
    assert.is_false(ok)
    return message
  end

  it("is refused in one sentence where it is wrong", function()
    local cases = {
      {"learn:network('q', {input = {'obs'}})", 'no option "input"; the nearest is "inputs"'},
      {"learn:network('q', {inputs = {'obs', 'acton'}})", 'no input "acton"; the nearest is "action"'},
      {"learn:network('q', {inputs = {'obs'}}) learn:network('q', {inputs = {'obs'}})", 'the name "q" is taken'},
      {"learn:target(3)", "takes what learn:network gave"},
      {"return {learn:collect(8), learn:copy(1, 2)}", "takes networks and parameters that this algorithm declared"},
      {"learn:program(function(batch) learn:actor() end)", "comes before learn:program, not inside of it"},
      {[[local q = learn:network('q', {inputs = {'obs'}})
        learn:program(function(batch) learn:minimise(q(batch.obs):mean(), {p = 1}) end)]], 'no option "p"; the nearest is "q"'},
    }
    for _, case in ipairs(cases) do
      local message = refused(case[1])
      assert.truthy(message:find(case[2], 1, true), message)
    end
  end)

  it("may order its verbs as it likes, but not before what they need", function()
    write("mine.lua", [[return {build = function(learn)
      return {learn:collect(8), learn:freeze(), learn:advantages {lambda = 1}, learn:publish()} end}]])
    local path = write("mine_recipe.lua", 'return {env = {"cartpole", n = 2}, algorithm = {lua = "./mine.lua"}}')
    local ok, message = pcall(function() return prl.agent(prl.recipe.plan(assert(load(path)))) end)
    assert.is_false(ok)
    assert.truthy(message:find("advantages needs rewards before it", 1, true), message)
  end)

  it("moves a target towards its network by learn:copy", function()
    write("mine.lua", [[local prl = require "perilune"
      return {options = {rollout = {4, structural = true, min = 1}}, build = function(learn, opt)
        local q = learn:network("q", {inputs = {"obs"}, hidden = {4}})
        local target = learn:target(q)
        local update = learn:program(function(batch)
          learn:metric("gap", (q(batch.obs) - target(batch.obs)):square():mean())
          learn:minimise((q(batch.obs) - 1):square():mean(), {q = 0.01})
        end)
        return {learn:collect(opt.rollout), learn:freeze(), update, learn:copy(target, q, 0.5), learn:publish()}
      end}]])
    local path = write("mine_recipe.lua", 'return {env = {"cartpole", n = 2}, algorithm = {lua = "./mine.lua"}}')
    local agent, env = prl.agent(prl.recipe.plan(assert(load(path)))), prl.env("cartpole", {n = 2, seed = 1})
    agent:drive(env, 8, true)
    assert.equal(0, agent:metrics().gap) -- equal at first
    agent:drive(env, 8, true)
    local moved = agent:metrics().gap
    assert.is_true(moved > 0)
    agent:drive(env, 4000)
    assert.is_true(agent:metrics().gap < moved / 10)
  end)
end)
