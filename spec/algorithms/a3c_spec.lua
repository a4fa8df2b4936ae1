--- a3c: one worker is a2c, byte for byte; several learn together; a run of several goes on; what several cannot train is
--- refused.

local command = require "support.command"
local posix = require "posix"
local prl = require "perilune"
local recipes = require "support.recipes"

local RECIPE = [[return {
  env = {"cartpole", n = 16},
  objective = {critics = {upright = {reward = function(r) return r.reward end, gamma = 0.99}}},
  policy = {hidden = {64, 64}, activation = "tanh"},
  algorithm = {"%s", rollout = 8, lr = 1e-3, critic_lr = 1e-3, entropy = 0.001%s},
  train = {steps = 1e5, seed = 1, checkpoint = 4e4}, eval = {every = 0, episodes = 20},
}]]

describe("a3c", function()
  local folder

  before_each(function() folder = recipes.folder() end)

  local function agent_of(text)
    local loaded = assert(recipes.load(folder, text))
    return prl.recipe.agent(loaded)
  end

  local function parameters(agent)
    assert(agent:save(folder .. "agent.safetensors"))
    local found = {}
    for name, numbers in pairs(assert(prl.io.safetensors_read(folder .. "agent.safetensors"))) do
      if name:find("^params%.") or name:find("^moment") or name:find("^critic%.") then found[name] = numbers:totable() end
    end
    assert.truthy(found["params.policy"] and found["moment2.policy"] and found["critic.0.popart"])
    return found
  end

  it("is a2c where one worker learns", function()
    for _, more in ipairs {"", ', correction = {"vtrace"}', ', exploration = {"rnd"}', ', exploration = {"parameter_noise"}'} do
      local a3c, a2c = agent_of(RECIPE:format("a3c", more)), agent_of(RECIPE:format("a2c", more))
      for _, agent in ipairs {a3c, a2c} do agent:drive(prl.env("cartpole", {n = 16, seed = 1}), 4000) end
      assert.same(parameters(a2c), parameters(a3c))
    end
  end)

  it("learns by several workers", function()
    for _, more in ipairs {"", ', correction = {"vtrace"}'} do
      local agent = agent_of(RECIPE:format("a3c", more))
      agent:drive(prl.env("cartpole", {n = 16, seed = 1, parts = 2}), 1e5)
      local metrics = agent:metrics()
      assert.is_true(metrics.steps >= 1e5 and metrics.updates > 1000)
      assert.is_true(metrics.lag >= 0 and metrics["value_loss/upright"] > 0)
      assert.equal(more ~= "", metrics["clip_rate/rho"] ~= nil)
      local sums = agent:evaluate(prl.env("cartpole", {n = 16, seed = 9}), 32)
      local mean = 0
      for _, row in ipairs(sums:totable()) do mean = mean + row[1] / 32 end
      assert.is_true(mean > 60, ("the mean of 32 episodes is %g"):format(mean)) -- 9 to 20 before; which worker pushes first differs
    end
  end)

  it("learns one novelty and one perturbation by several workers", function()
    local agent = agent_of(RECIPE:format("a3c", ', exploration = {"rnd"}'))
    agent:drive(prl.env("cartpole", {n = 16, seed = 1, parts = 2}), 20000)
    local metrics, file = agent:metrics(), {}
    assert(agent:save(folder .. "agent.safetensors"))
    for _, name in ipairs {"novelty.inputs.count", "novelty.returns.count"} do
      file[name] = assert(prl.io.safetensors_read(folder .. "agent.safetensors"))[name]:totable()[1]
      assert.is_true(file[name] > 15000, file[name]) -- of both workers; some steps are stale, or not learned from yet
    end
    assert.is_true(metrics.novelty > 0 and metrics.predictor_loss > 0)
    agent = agent_of(RECIPE:format("a3c", ', exploration = {"parameter_noise", width = 0.01, divergence = 10, factor = 1.02}'))
    agent:drive(prl.env("cartpole", {n = 16, seed = 1, parts = 2}), 20000)
    assert.is_true(agent:metrics().perturbation > 0.05, agent:metrics().perturbation) -- it grows by 2 % an update, from 0.01
  end)

  it("goes on with its workers after a stop", function()
    recipes.write(folder, "x.lua", RECIPE:format("a3c", ""))
    local _, errors, code = command.run(folder, "train x.lua --workers 2 --runs runs -q")
    assert.same({"", 0}, {errors, code})
    local run
    for _, name in ipairs(posix.dir(folder .. "runs")) do
      if not name:find("^%.") then run = folder .. "runs/" .. name end
    end
    local output
    output, errors, code = command.run(folder, ("train --resume '%s' --steps 150000 -q"):format(run))
    assert.same({"", 0}, {errors, code})
    assert.truthy(output:find("for 150 k steps", 1, true))
    _, errors, code = command.run(folder, ("train --resume '%s' --steps 200000 --workers 1"):format(run))
    assert.equal(2, code)
    assert.truthy(errors:find("its start, its workers and its lag: --workers does not go with --resume", 1, true))
  end)

  it("is refused in one sentence where several workers cannot train", function()
    recipes.write(folder, "x.lua", RECIPE:format("a3c", ""))
    recipes.write(folder, "ppo.lua", RECIPE:gsub('"%%s", rollout = 8.-}', '"ppo"}'))
    recipes.write(folder, "tank_env.lua", [[return {
      observation = {"x"}, action = {"continuous", a = {-1, 1}}, responses = {reward = {}}, max_steps = 10,
      reset = function() return {0} end, step = function(_, action) return {action.a}, {reward = action.a} end,
    }]])
    recipes.write(folder, "tank.lua", 'return {env = {lua = "tank_env.lua", n = 4}, algorithm = "a3c", train = {steps = 100}}')
    recipes.write(folder, "rcpo.lua", [[return {
      env = {"pendulum", n = 4}, algorithm = "a3c", train = {steps = 1000},
      objective = {critics = {upright = {reward = function(r) return r.reward end}},
        constraints = {upright = {at_least = -2, per = "step", multiplier = {lr = 0.1}}}},
    }]])
    for words, said in pairs {
      ["ppo.lua --workers 2"] = "--workers 2: ppo learns by one worker; a3c does by several",
      ["x.lua --workers 17"] = "--workers 17: each drives some of the env's instances, and env.n is 16",
      ["x.lua --workers 0"] = "--workers must be at least 1",
      ["tank.lua --workers 2 --trust"] = "--workers 2: an environment in Lua is driven by one worker",
      ["rcpo.lua --workers 2"] = "learns a multiplier (objective.constraints), which one worker alone can drive",
    } do
      local _, errors, code = command.run(folder, "train " .. words .. " -q")
      assert.is_true(code > 0, words)
      assert.truthy(errors:find(said, 1, true), words .. ": " .. errors)
      assert.is_nil(errors:find "traceback")
    end
  end)

  it("is refused for a host", function()
    local _, message = recipes.load(folder, [[return {
      env = {"host", observation = {"x"}, action = {"continuous", y = {-1, 1}}, responses = {a = {unit = ""}}},
      objective = {critics = {a = {reward = function(r) return r.a end}}}, algorithm = "a3c"}]])
    assert.truthy(message:find("a3c learns by workers that drive simulated environments, and a host has threads of its own; a2c, bc, "
      .. "ppo", 1, true), message)
  end)
end)
