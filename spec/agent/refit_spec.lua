--- agent.refit: after a swap that gives a critic another reward or discount, the critic learns while the parameters by which the
--- policy acts wait, until it explains enough of its returns or the updates are over.
local prl = require "perilune"
local line = require("perilune.migration").line
local recipes = require "support.recipes"

local text = [[return {
  env = {"pendulum", n = 4},
  objective = {critics = {swing = {reward = function(r) return %s end, gamma = %s}%s}},
  policy = {hidden = {8}, activation = "tanh"%s},
  algorithm = {%s},
  agent = {rows = 512%s},
  train = {steps = 4000, seed = 5, warmup = 0},
}]]

local ppo = '"ppo", rollout = 16, minibatch = 32'
local sac = '"sac", rollout = 8, minibatch = 16, start = 16, memory = 400'

local function recipe(o)
  return text:format(o.reward or "r.reward", o.gamma or 0.9, o.critics or "", o.policy or "", o.algorithm or ppo,
    o.refit and ", refit = " .. o.refit or "")
end

describe("agent.refit", function()
  local folder = recipes.folder()

  local function plan_of(o) return prl.recipe.plan(assert(recipes.load(folder, recipe(o)))) end

  local function tensors_of(agent)
    assert(agent:save(folder .. "agent"))
    return (assert(prl.io.safetensors_read(folder .. "agent")))
  end

  -- An agent between two updates, and its environment.
  local function begin(o)
    local agent, env = prl.agent(plan_of(o)), prl.env("pendulum", {n = 4, seed = 5})
    agent:drive(env, 600)
    agent:drive(env, 1e6, true)
    return agent, env
  end

  -- What the agent learned in one update: {set = true} of the sets whose parameters or steps changed.
  local function moved(agent, env)
    local before, all = tensors_of(agent), {}
    agent:drive(env, 1e6, true)
    local after = tensors_of(agent)
    for name, tensor in pairs(after) do
      local set = name:match "^params%.(.*)" or name:match "^steps%.(.*)" or name:match "^moment[12]%.(.*)"
      if set and tensor:bytes() ~= before[name]:bytes() then all[set] = true end
    end
    return all
  end

  local function critic_of(agent, o)
    for _, part in ipairs(agent:check_swap(plan_of(o))) do
      if part.part == "critic" and part.name == "swing" then return part end
    end
  end

  local never = "{explained_variance = 0.999, updates = 3}"

  it("holds what acts, and lets the critic learn, for as many updates as it may take", function()
    local agent, env = begin {}
    local other = {reward = "abs(r.reward)", refit = never}
    local part = critic_of(agent, other)
    assert.equal("refitted", part.outcome)
    assert.equal("critic swing: refitted, 1 → 1 (its reward is another expression, the actor waits until its explained variance is " ..
      "above 0.999, for at most 3 updates)", line(part))
    assert.is_nil(agent:refit())
    agent:swap(plan_of(other))
    assert.same({state = "running", updates = 0}, agent:refit())
    for i = 1, 3 do
      assert.same({["critic/swing"] = true}, moved(agent, env))
      assert.equal(i, agent:metrics().refit)
      assert.same({state = i < 3 and "running" or "ended", updates = i}, agent:refit())
      assert.is_nil(agent:metrics()["grad_norm/policy"])
    end
    assert.same({["critic/swing"] = true, policy = true}, moved(agent, env))
    assert.is_nil(agent:metrics().refit)
    assert.same({state = "ended", updates = 3}, agent:refit())
  end)

  it("ends with the update that explains enough, of rows that it had not learned from", function()
    local agent, env = begin {}
    agent:swap(plan_of {gamma = 0.5, refit = "{explained_variance = 0.1, updates = 100}"})
    local seen = 0
    while agent:refit().state == "running" do
      agent:drive(env, 1e6, true)
      seen = seen + 1
      local explained = agent:metrics()["explained_variance/swing"]
      assert.equal(explained > 0.1, agent:refit().state == "reached", explained)
    end
    assert.same({state = "reached", updates = seen}, agent:refit())
    assert.is_true(seen > 1 and seen < 100)
    assert.is_true(moved(agent, env).policy)
  end)

  it("is for another reward or discount: not for a factor that is rescaled, a weight, a new critic, or without the section", function()
    local agent = begin {}
    local function outcome(o)
      o.refit = o.refit or never
      return critic_of(agent, o).outcome
    end
    assert.equal("kept", outcome {})
    assert.equal("rescaled", outcome {reward = "2 * r.reward"})
    assert.equal("refitted", outcome {reward = "-r.reward"})
    assert.equal("refitted", outcome {gamma = 0.91})
    assert.equal("kept", outcome {critics = ", calm = {reward = function(r) return abs(r.reward) end}"})
    local part = critic_of(agent, {reward = "abs(r.reward)"})
    assert.equal("kept", part.outcome)
    assert.equal("its reward is another expression, it learns from where it is", part.reason)
  end)

  it("goes on from a file byte for byte, and through a swap that changes something else", function()
    local agent, env = begin {}
    agent:swap(plan_of {gamma = 0.5, refit = "{explained_variance = 0.999, updates = 6}"})
    agent:drive(env, 1e6, true)
    agent:drive(env, 20) -- inside of what the next update collects
    assert(agent:save(folder .. "half", env))
    local again, other = assert(prl.load_agent(folder .. "half")), prl.env("pendulum", {n = 4, seed = 5})
    assert(again:load_env(folder .. "half", other))
    assert.same({state = "running", updates = 1}, again:refit())
    for _ = 1, 8 do
      agent:drive(env, 1e6, true)
      again:drive(other, 1e6, true)
      assert.same(agent:refit(), again:refit())
    end
    local one, two = tensors_of(agent), tensors_of(again)
    for name, tensor in pairs(one) do assert.equal(tensor:bytes(), two[name]:bytes(), name) end
    assert.same({state = "ended", updates = 6}, again:refit())
    -- a swap of something else while it runs
    again:swap(plan_of {gamma = 0.6, refit = never})
    again:drive(other, 1e6, true)
    again:swap(plan_of {gamma = 0.6, algorithm = ppo .. ", lr = 1e-3", refit = never})
    assert.same({state = "running", updates = 0}, again:refit())
    again:swap(plan_of {gamma = 0.6, algorithm = ppo .. ", lr = 1e-3"}) -- which asks for none
    assert.is_nil(again:refit())
    assert.is_true(moved(again, other).policy)
  end)

  it("ends with a rollback", function()
    local agent, env = begin {}
    agent:swap(plan_of {gamma = 0.5, refit = never})
    agent:drive(env, 1e6, true)
    agent:rollback()
    assert.is_nil(agent:refit())
    assert.is_true(moved(agent, env).policy)
  end)

  it("waits with a shared trunk, too, and one worker drives while it runs", function()
    local trunk = ', trunk = "shared"'
    local agent, env = begin {policy = trunk}
    agent:swap(plan_of {gamma = 0.5, policy = trunk, refit = never})
    assert.same({["critic/swing"] = true}, moved(agent, env))

    local o = {algorithm = '"a3c", rollout = 8'}
    local several = prl.agent(plan_of(o))
    local parts = prl.env("pendulum", {n = 4, seed = 5, parts = 2})
    several:drive(parts, 600)
    o.gamma, o.refit = 0.5, never
    several:swap(plan_of(o))
    local before = tensors_of(several)
    while several:refit().state == "running" do
      assert.equal(before["params.policy"]:bytes(), tensors_of(several)["params.policy"]:bytes())
      several:drive(parts, 1e6, true)
    end
    several:drive(parts, 600)
    assert.are_not.equal(before["params.policy"]:bytes(), tensors_of(several)["params.policy"]:bytes())
  end)

  it("holds actors of algorithms that draw from a memory", function()
    local agent, env = begin {algorithm = sac}
    agent:swap(plan_of {algorithm = sac, reward = "abs(r.reward)", refit = never})
    local sets = moved(agent, env)
    assert.is_true(sets.twin_1 and sets.twin_2 and not sets.actor)
    assert.is_number(agent:metrics()["explained_variance/swing"])
    while agent:refit().state == "running" do agent:drive(env, 1e6, true) end
    assert.is_true(moved(agent, env).actor)

    local a2c = '"a2c", rollout = 16, minibatch = 32, start = 16, memory = 400, correction = {"vtrace"}'
    agent, env = begin {algorithm = a2c}
    agent:swap(plan_of {algorithm = a2c, gamma = 0.5, refit = never})
    assert.same({["critic/swing"] = true}, moved(agent, env))
  end)

  it("is refused where it can mean nothing", function()
    local dqn = recipe({algorithm = '"dqn", minibatch = 8', refit = "{}"}):gsub("pendulum", "cartpole")
    assert.error_matches(function() prl.recipe.plan(assert(recipes.load(folder, dqn))) end,
      "agent.refit: dqn does not say how much of the returns its critics explain %(explained_variance%), as ppo and a2c do")
    local loaded, message = recipes.load(folder, recipe {refit = "{explained_variance = 2}"})
    assert.is_nil(loaded)
    assert.matches("agent.refit.explained_variance: expected a number ≤ 0.999, got 2", message, 1, true)
    loaded, message = recipes.load(folder, recipe {refit = "{update = 2}"})
    assert.is_nil(loaded)
    assert.matches('agent.refit.update: unknown key; the nearest is "updates"', message, 1, true)
  end)
end)
