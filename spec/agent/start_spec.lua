--- A new agent begins with what another one has learned.
local prl = require "perilune"
local recipes = require "support.recipes"

local text = [[return {
  env = {"pendulum", n = 4},
  objective = {critics = {swing = {reward = function(r) return r.reward end, gamma = 0.9%s} %s}},
  policy = {hidden = {%d}, activation = "tanh", normalise = 5},
  algorithm = {"ppo", rollout = 32, minibatch = 64, epochs = 1},
  train = {steps = 1000, seed = %d, warmup = 256},
}]]

describe("agent:start_from", function()
  local folder = recipes.folder()

  local function new(options)
    local o = options or {}
    return prl.agent(prl.recipe.plan(assert(recipes.load(folder, text:format(o.scale or "", o.more or "", o.hidden or 16,
      o.seed or 3)))))
  end
  local function trained(options)
    local agent = new(options)
    agent:drive(prl.env("pendulum", {n = 4, seed = 3}), 1000)
    return agent
  end
  local function part(parts, kind, name)
    for _, one in ipairs(parts) do
      if one.part == kind and one.name == name then return one end
    end
  end
  local observations = prl.tensor {{1, 0, 0.5}, {0, 1, -2}, {-1, 0, 7}, {0.6, 0.8, 0}}
  local function action_of(agent) return agent:act({1, 2, 3, 4}, observations, "mean"):totable() end

  it("acts as the other does, at its own first step", function()
    local other, agent = trained(), new {seed = 9}
    local before = action_of(new {seed = 9})
    local parts = agent:start_from(other)
    assert.same({0, 0}, {agent:metrics().steps, agent:metrics().updates})
    for _, one in ipairs(parts) do assert.equal(one.of, one.taken, one.part .. " " .. one.name) end
    assert.truthy(part(parts, "parameters", "policy") and part(parts, "parameters", "critic/swing"))
    assert.truthy(part(parts, "observations", "") and part(parts, "returns", "swing"))
    local expected = action_of(other)
    assert.same(expected, action_of(agent))
    assert.is_not.same(expected, before)
  end)

  it("needs no warm-up where its statistics were taken, and one where they were not", function()
    local agent = new()
    agent:start_from(trained())
    agent:drive(prl.env("pendulum", {n = 4, seed = 5}), 128)
    assert.equal(1, agent:metrics().updates)
    local measured = new {scale = ', scale = "baseline"'} -- the other one's rewards have a number for a scale
    measured:start_from(trained())
    measured:drive(prl.env("pendulum", {n = 4, seed = 5}), 128)
    assert.equal(0, measured:metrics().updates)
    measured:drive(prl.env("pendulum", {n = 4, seed = 5}), 512)
    assert.truthy(measured:metrics().updates > 0 and measured:get "objective.critics.swing.scale" > 1)
  end)

  it("takes the scale that another warm-up measured", function()
    local other, agent = trained {scale = ', scale = "baseline"'}, new {scale = ', scale = "baseline"'}
    agent:start_from(other)
    local name = "objective.critics.swing.scale"
    assert.equal(other:get(name), agent:get(name))
    assert.is_not.equal(1, agent:get(name))
  end)

  it("says what did not fit, and begins that anew", function()
    local agent = new {hidden = 8, more = ", calm = {reward = function(r) return -abs(r.reward) end}", scale = ", scale = 2"}
    local parts = agent:start_from(trained())
    local policy = part(parts, "parameters", "policy")
    assert.truthy(policy.taken > 0 and policy.taken < policy.of)
    assert.equal(0, part(parts, "parameters", "critic/calm").taken)
    assert.equal(0, part(parts, "returns", "calm").taken)
    assert.equal(0, part(parts, "returns", "swing").taken) -- in units of another scale
    assert.equal(1, part(parts, "observations", "").taken)
  end)

  it("is refused where the shapes differ, after the first step, and before the other one's warm-up is over", function()
    local function refused(agent, other, message)
      local ok, said = pcall(agent.start_from, agent, other)
      assert.is_false(ok)
      assert.truthy(tostring(said):find(message, 1, true), said)
    end
    local pole = prl.agent(prl.recipe.plan(assert(recipes.load(folder, [[return {env = "cartpole",
      objective = {critics = {upright = {reward = function(r) return r.reward end}}}, algorithm = "ppo"}]]))))
    pole:drive(prl.env("cartpole", {n = 16}), 8192)
    refused(new(), pole, 'start_from: observation.names.1 is "cos_angle" here and "cart_position" in the other agent')
    refused(trained(), trained(), "start_from: this agent has recorded steps already")
    refused(new(), new(), "start_from: the other agent's warm-up is not over")
    local ok, said = pcall(new().start_from, new(), 7)
    assert.is_false(ok)
    assert.truthy(said:find("perilune.agent expected", 1, true), said)
  end)
end)
