local prl = require "perilune"

local text = [[
  return {
    env = {"host", observation = {"hp", "distance"}, action = {"continuous", aim = {-1, 1}, throttle = {0, 1}},
      responses = {hit = {unit = "count", missing = 0, combine = "sum"},
        survived = {unit = "s", combine = "last", wait = "2 s"}}},
    objective = {critics = {
      fight = {reward = function(r) return r.hit end, gamma = .9},
      live = {reward = function(r) return r.survived end, gamma = .99, weight = .5},
    }},
    policy = {hidden = {8}, bounded = true, action = {throttle = 0.5}},
    algorithm = {"ppo", rollout = 8, minibatch = 16, epochs = 1},
    agent = {streams = 4, idle = "60 s"},
  }
]]

local function new_agent()
  local path = os.tmpname() .. ".lua"
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  local plan = prl.recipe.plan(assert(prl.recipe.load(path)))
  os.remove(path)
  return prl.agent(plan)
end

describe("an agent that a host drives", function()
  it("learns from feedback by name, late and in parts, at the host's time", function()
    local agent, now = new_agent(), 0
    local streams = {11, 12, 13, 14}
    local pending
    for _ = 1, 60 do
      agent:time(now)
      local action, decisions = agent:act(streams, prl.randn(4, 2))
      assert.are.same({4, 2}, action:shape())
      for i = 1, 4 do assert.are.equal(.5, action:get(i, 2)) end
      if pending then agent:feedback(pending, {survived = 1}) end
      agent:feedback(decisions, {hit = 1})
      agent:feedback(decisions, {hit = 2})
      pending = decisions
      agent:learn()
      now = now + 1e6
    end
    local metrics = agent:metrics()
    assert.is_true(metrics.updates >= 5)
    assert.are.equal(3, metrics["response/hit"])
    assert.are.equal(1, metrics["response/survived"])
  end)

  it("counts an event once", function()
    local agent = new_agent()
    local _, decisions = agent:act({1}, prl.zeros(1, 2))
    local event = prl.tensor({77}, "int64")
    agent:feedback(decisions, {hit = 1}, nil, event)
    agent:feedback(decisions, {hit = 1}, nil, event)
    assert.are.equal(1, agent:metrics().duplicate_feedback)
  end)

  it("refuses what it does not know, with the reason", function()
    local agent = new_agent()
    local _, decisions = agent:act({1}, prl.zeros(1, 2))
    assert.error_matches(function() agent:feedback(decisions, {kill = 1}) end, "feedback: there is no response kill")
    assert.error_matches(function() agent:feedback(prl.tensor({12345}, "int64"), {hit = 1}) end, "12345")
    assert.error_matches(function() agent:act({1, 1}, prl.zeros(2, 2)) end, "twice")
    assert.error_matches(function() agent:act({1}, prl.zeros(1, 3)) end, "observation: .* %(1, 2%) is needed")
    assert.error_matches(function() agent:act({1}, prl.full({1, 2}, 0 / 0)) end, "hp")
    assert.error_matches(function() agent:finish(99, "terminated") end, "99")
    assert.error_matches(function() agent:set("algorithm.lrr", 1) end, 'nearest is "algorithm.lr"')
    assert.error_matches(function() agent:set("algorithm.lr", -1) end, "algorithm.lr is %-1; a number ≥ 0 is needed")
    assert.error_matches(function() agent:set("algorithm.lambda", 2) end, "algorithm.lambda is 2; it must be from 0 to 1")
    assert.error_matches(function() agent:set("objective.critics.live.weight", 1 / 0) end, "a finite number is needed")
    agent:time(5)
    assert.error_matches(function() agent:time(4) end, "4")
  end)

  it("is saved and goes on as if it had not been", function()
    local function act(agent, step)
      prl.seed(step)
      agent:time(step * 1e6)
      local _, decisions = agent:act({1, 2, 3, 4}, prl.randn(4, 2))
      agent:feedback(decisions, {hit = step % 3, survived = 1})
    end
    -- What the budget leaves undone is made up before the next act: where it stopped may differ, the bytes may not.
    local function advance(agent, first, last)
      for step = first, last do
        agent:learn()
        act(agent, step)
      end
      agent:learn()
      return agent:act({9}, prl.ones(1, 2), "mean", false):bytes()
    end
    local straight = new_agent()
    for step = 1, 30 do
      act(straight, step)
      if step < 20 then straight:learn() end
    end
    straight:learn(20)
    local path = os.tmpname()
    assert(straight:save(path))
    local resumed = assert(prl.load_agent(path))
    os.remove(path)
    assert.is_true(advance(straight, 31, 60) == advance(resumed, 31, 60))
  end)

  it("says what is wrong with a file", function()
    local agent, message, code = prl.load_agent("/nowhere/at/all")
    assert.is_nil(agent)
    assert.matches("/nowhere/at/all", message)
    assert.are.equal("EIO", code)
  end)
end)
