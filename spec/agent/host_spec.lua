--- An agent that a host drives by itself: late and partial feedback, bounds, events, time, saved agents.

local files = require "support.files"
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
  return prl.agent(prl.recipe.plan(assert(prl.recipe.load(files.write(text)))))
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

  it("acts within the bounds that the host declared, and learns from the draw before the cut", function()
    local path = files.write [[return {
      env = {"host", observation = {"x"}, action = {"continuous", aim = {-0.1, 0.1}, throttle = {0, 3}}, responses = {hit = {}}},
      objective = {critics = {hit = {}}},
      policy = {hidden = {4}, bounded = true, log_std = {init = 1}},
      algorithm = {"ppo", rollout = 50, minibatch = 50, epochs = 1, lr = 0}, agent = {streams = 1},
    }]]
    local agent = prl.agent(prl.recipe.plan(assert(prl.recipe.load(path))))
    local cut = 0
    for _, record in ipairs {true, false} do
      for i = 1, 200 do
        local action, decisions = agent:act(record and 1 or i, prl.randn(1, 1), "sample", record)
        local aim, throttle = action:get(1, 1), action:get(1, 2)
        assert.is_true(aim >= -0.1 and aim <= 0.1 and throttle >= 0 and throttle <= 3, aim .. " " .. throttle)
        cut = cut + ((math.abs(aim) > 0.0999 or throttle % 3 == 0) and 1 or 0)
        if record then agent:feedback(decisions, {hit = i % 2}) end
        agent:learn()
      end
    end
    assert.is_true(cut > 300, cut) -- at a deviation of e nearly all draws lie outside of ±.1
    -- with a step size of 0 the density of what was recorded is that of what acted: ratios are 1
    local metrics = agent:metrics()
    assert.is_true(metrics.updates >= 3 and math.abs(metrics.approx_kl) < 1e-6 and metrics.clip_fraction == 0)
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
    assert.error_matches(function() agent:feedback(decisions, {kill = 1}) end, 'feedback has no response "kill"; the nearest is "hit"')
    assert.error_matches(function() agent:feedback(prl.tensor({12345}, "int64"), {hit = 1}) end, "12345")
    assert.error_matches(function() agent:act({1, 1}, prl.zeros(2, 2)) end, "twice")
    assert.error_matches(function() agent:act({1}, prl.zeros(1, 3)) end, "observation: .* %(1, 2%) is needed")
    assert.error_matches(function() agent:act({1}, prl.full({1, 2}, 0 / 0)) end, "hp")
    assert.error_matches(function() agent:finish(99, "terminated") end, "99")
    assert.error_matches(function() agent:set("algorithm.lrr", 1) end, 'nearest is "algorithm.lr"')
    assert.error_matches(function() agent:set("algorithm.lr", -1) end, "algorithm.lr is %-1; a number ≥ 0 is needed")
    assert.error_matches(function() agent:set("algorithm.lambda", 2) end, "algorithm.lambda is 2; it must be from 0 to 1")
    assert.error_matches(function() agent:set("objective.critics.live.weight", 1 / 0) end, "a finite number is needed")
    assert.error_matches(function() agent:set("lr", 1) end, 'nearest is "algorithm.lr"')
    assert.error_matches(function() agent:set("live.weight", 1) end, 'nearest is "objective.critics.live.weight"')
    agent:time(5)
    assert.error_matches(function() agent:time(4) end, "4")
  end)

  it("names the argument that is wrong, and what is accepted", function()
    local agent = new_agent()
    local observation = prl.zeros(1, 2)
    local _, decisions = agent:act({1}, observation)
    local function refuses(message, method, ...)
      local ok, said = pcall(agent[method], agent, ...)
      assert.is_false(ok)
      assert.truthy(said:find(message, 1, true), said)
    end
    refuses("streams: item 2 is 1.5; a whole number is needed", "act", {1, 1.5}, prl.zeros(2, 2))
    refuses("streams: item 1 is table; a whole number is needed", "act", {{}}, observation)
    refuses("a table of them or an int64 tensor is needed, not nil", "act", nil, observation)
    refuses("int64 tensor is needed, not one of float32", "act", prl.zeros(1), observation)
    refuses('mode is "greedy"; "sample" or "mean" is needed', "act", 1, observation, "greedy")
    refuses('reason is "done"; "terminated" or "truncated" is needed', "finish", 1, "done")
    refuses('reason is no value; "terminated" or "truncated" is needed', "finish_all")
    refuses("final observation: a contiguous float32 tensor of shape (1, 2) is needed", "finish", 1, "truncated", prl.zeros(3))
    refuses("response hit: a number is needed, for every decision of the call, not userdata", "feedback", decisions,
      {hit = prl.zeros(1)})
    refuses("events: item 1 is string; a whole number is needed", "feedback", decisions, {hit = 1}, nil, {"x"})
    refuses("events: one id for each of the 1 decisions is needed, not 2", "feedback", decisions, {hit = 1}, nil, {1, 2})
    refuses("decisions: a whole number", "feedback", "x", {hit = 1})
    refuses("a budget of -1 µs", "learn", -1)
    refuses("algorithm.lr is a string; a number is needed", "set", "algorithm.lr", "x")
    refuses("algorithm.lr is missing; a number is needed", "set", "algorithm.lr")
    refuses('the option is a table; a name such as "algorithm.lr" is needed', "set", {}, 1)
    refuses('the option is a number; a name such as "algorithm.lr" is needed', "get", 3)
  end)

  it("takes no text for a number", function()
    local agent = new_agent()
    local env = prl.env("cartpole", {n = 1})
    local _, decisions = agent:act({1, 2}, prl.zeros(2, 2))
    local function refuses(message, method, ...)
      local ok, said = pcall(agent[method], agent, ...)
      assert.is_false(ok, message)
      assert.truthy(said:find(message, 1, true), said)
    end
    refuses("response hit: a number is needed, for every decision of the call, not string", "feedback", decisions, {hit = "1"})
    refuses("decisions: a whole number", "feedback", "1", {hit = 1})
    refuses("decisions: item 1 is string", "feedback", {"1"}, {hit = 1})
    refuses("events: item 2 is string", "feedback", decisions, {hit = 1}, nil, {1, "2"})
    refuses("streams: a whole number", "act", "1", prl.zeros(1, 2))
    refuses("streams: item 1 is string", "finish", {"1"}, "terminated")
    refuses("algorithm.lr is a string; a number is needed", "set", "algorithm.lr", "1e-3")
    refuses("the budget in µs is a string; a number is needed", "learn", "10")
    refuses("the time in µs is a string; a number is needed", "time", "10")
    refuses("steps is a string; a number is needed", "drive", env, "10")
    refuses("episodes is a string; a number is needed", "evaluate", env, "10")
    assert.equal(0, agent:metrics()["response/hit"] or 0)
  end)

  it("names the row, or the stream, and the observation that is no number", function()
    local agent, rows = new_agent(), prl.tensor {{0, 1}, {2, 0 / 0}, {3, 4}}
    local function refuses(message, method, ...)
      local ok, said = pcall(agent[method], agent, ...)
      assert.is_false(ok, message)
      assert.truthy(said:find(message, 1, true), said)
    end
    local row = 'observation "distance" of row 2 is '
    refuses(row, "act", {5, 6, 7}, rows)
    refuses(row, "act", {5, 6, 7}, rows, "mean", false)
    refuses(row, "log_prob", rows, prl.zeros(3, 2))
    refuses('action "throttle" of row 3 is ', "log_prob", prl.zeros(3, 2), prl.tensor {{0, 0}, {0, 0}, {0, 0 / 0}})
    local _, decisions = agent:act({5, 6, 7}, prl.zeros(3, 2))
    refuses(row, "observe", {5, 6, 7}, rows)
    refuses(('response hit of decision %.0f is '):format(decisions:get(2)), "feedback", decisions, prl.tensor {{1, 1}, {0 / 0, 1}, {1, 1}})
    refuses(('response hit of decision %.0f is '):format(decisions:get(1)), "feedback", decisions, {hit = 1 / 0})
    refuses('final observation "distance" of stream 6 is ', "finish", {5, 6, 7}, "truncated", rows)
    assert.equal(1, agent:finish_all "truncated") -- the others were finished
  end)

  it("takes decisions and streams as a number, a table or a tensor", function()
    local agent = new_agent()
    local _, decisions = agent:act({1, 2, 3, 4}, prl.zeros(4, 2))
    agent:feedback(decisions:get(1), {hit = 1}, nil, 5)
    agent:feedback({decisions:get(1), decisions:get(2)}, {hit = 1}, nil, {5, 6})
    assert.are.equal(1, agent:metrics().duplicate_feedback)
    agent:finish(1, "truncated", prl.ones(2))
    assert.error_matches(function() agent:finish({2, 99, 3}, "truncated", prl.ones(3, 2)) end, "stream 99 is unknown")
    assert.error_matches(function() agent:finish(3, "terminated") end, "no open episode") -- ended beside the unknown one
    agent:finish(prl.tensor({4}, "int64"), "terminated")
    assert.are.equal(0, agent:finish_all "truncated")
  end)

  it("tells the time", function()
    local agent = new_agent()
    assert.are.equal(0, agent:time())
    assert.are.equal(7e6, agent:time(7e6))
    assert.are.equal(7e6, agent:time())
    assert.is_false(pcall(agent.time, agent, nil)) -- not taken for a question
  end)

  it("learns without a bound where the budget is nil or 0", function()
    local ends = {}
    for _, budget in ipairs {false, 0, math.huge} do
      local agent = new_agent()
      for step = 1, 40 do
        agent:time(step * 1e6)
        prl.seed(step)
        agent:act({1, 2, 3, 4}, prl.randn(4, 2))
      end
      local progress = agent:learn(budget or nil)
      assert.is_true(progress.waiting and progress.updates > 0)
      ends[#ends + 1] = progress.updates
    end
    assert.are.same({ends[1], ends[1], ends[1]}, ends)
  end)

  it("counts feedback that comes after all is learned", function()
    local agent, first = new_agent(), nil
    for step = 1, 200 do
      agent:time(step * 1e6)
      local _, decisions = agent:act({1, 2, 3, 4}, prl.randn(4, 2))
      first = first or decisions
      agent:learn()
    end
    agent:feedback(first, {hit = 1})
    assert.are.equal(4, agent:metrics().late_feedback)
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
    local path = files.path()
    assert(straight:save(path))
    local resumed = assert(prl.load_agent(path))
    assert.is_true(advance(straight, 31, 60) == advance(resumed, 31, 60))
  end)

  it("says what is wrong with a file", function()
    local agent, message, code = prl.load_agent("/nowhere/at/all")
    assert.is_nil(agent)
    assert.matches("/nowhere/at/all", message)
    assert.are.equal("EIO", code)
  end)
end)
