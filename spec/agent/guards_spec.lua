--- Guards: who counts, when one fires or holds, and what then happens.
local prl = require "perilune"
local recipes = require "support.recipes"

-- Half of the users are the control group's; what they give is up to the spec.
local host = [[return {
  env = {"host", observation = {"x"}, action = {"continuous", aim = {-1, 1}},
    responses = {gain = {unit = ""}, cost = {unit = ""}}},
  objective = {critics = {gain = {weight = %g}}},
  policy = {hidden = {4}},
  algorithm = {lua = "./idle.lua"},
  agent = {streams = 256, rows = 4096, baseline = {traffic = 0.5, per = "episode"}, guards = {%s}},
}]]

local day = 86400e6

describe("guards", function()
  local folder = recipes.folder()

  recipes.write(folder, "idle.lua", [[return {
    build = function(learn)
      learn:actor()
      learn:critics()
      return {learn:collect(1), learn:estimate {lambda = 1}, learn:publish()}
    end}]])

  local function load(guards, weight)
    local text = host:format(weight or 1, guards or "gain = {at_least = relative(-0.1)}, days = 2")
    return assert(recipes.load(folder, text, {trust = true}))
  end
  local function plan(...) return prl.recipe.plan(load(...)) end
  local function is_control(user) return prl.bucket(user) < 5000 end

  -- So many users of each side, from the numbers after `first` on.
  local function users_of(count, first)
    local users, n, user = {}, {[true] = 0, [false] = 0}, first or 0
    while #users < 2 * count do
      user = user + 1
      local control = is_control(user)
      if n[control] < count then users[#users + 1], n[control] = user, n[control] + 1 end
    end
    return users, user
  end

  local now = setmetatable({}, {__mode = "k"})

  -- So many days: on each a step of these users, `times`; gain(user, control) is what it gives. An update takes 256 steps.
  local function live(agent, users, gain, days, times)
    for _ = 1, days do
      for _ = 1, times or 1 do
        local _, decisions = agent:act(users, prl.randn(#users, 1))
        local responses = {}
        for i, user in ipairs(users) do responses[i] = {0, gain(user, is_control(user))} end
        agent:feedback(decisions, prl.tensor(responses))
        agent:finish(users, "terminated")
      end
      agent:learn()
      now[agent] = (now[agent] or 0) + day
      agent:time(now[agent])
    end
  end

  local function one() return 1 end

  it("count what a stream left behind as its own, also where its place is another one's by now", function()
    local function small(...)
      return prl.recipe.plan(assert(recipes.load(folder, (host:format(...):gsub("streams = 256", "streams = 64")), {trust = true})))
    end
    local guard = "gain = {at_least = relative(-0.1)}, days = 1"
    local agent = prl.agent(small(1, guard))
    agent:swap(small(2, guard))
    local users, own, other = users_of(64), {}, {}
    for _, user in ipairs(users) do
      local list = is_control(user) and other or own
      list[#list + 1] = user
    end
    local function step(list, gain)
      local _, decisions = agent:act(list, prl.randn(#list, 1))
      local responses = {}
      for i = 1, #list do responses[i] = {0, gain} end
      agent:feedback(decisions, prl.tensor(responses))
      agent:finish(list, "terminated")
    end
    for i = 1, 64, 4 do step({other[i], other[i + 1], other[i + 2], other[i + 3]}, 1) end
    step(own, 1)
    local more = {}
    for user = 1000, 2000 do
      if #more < 64 and not is_control(user) then more[#more + 1] = user end
    end
    step(more, 4) -- in the places of those before, whose steps wait
    agent:learn()
    agent:time(2 * day)
    step(own, 0) -- another update, when the days of all of them are over
    agent:learn()
    local known = agent:guards()[1]
    assert.same({128, 64}, {known.users, known.control_users})
  end)

  it("count steps that are not learned from, since a newer policy was there when they closed", function()
    local function learning(weight)
      local text = host:format(weight, "gain = {at_least = relative(-0.1)}, days = 1"):gsub('{lua = "./idle.lua"}', '{"a2c", rollout = 1}')
      return prl.recipe.plan(assert(recipes.load(folder, text)))
    end
    local agent = prl.agent(learning(1))
    agent:swap(learning(2))
    local users, last = users_of(32)
    local _, late = agent:act(users, prl.randn(#users, 1))
    live(agent, users_of(64, last), one, 2) -- the policy is another one by now
    local responses = {}
    for i in ipairs(users) do responses[i] = {0, 1} end
    agent:feedback(late, prl.tensor(responses))
    agent:finish(users, "terminated")
    live(agent, users_of(64, last), one, 3)
    assert.is_true(agent:metrics().stale_steps >= 32)
    assert.is_true(agent:guards()[1].users >= 96)
  end)

  it("stand idle until a swap, and count each user once, by its first days", function()
    local agent, users = prl.agent(plan()), users_of(256)
    live(agent, users, one, 4)
    local guard = agent:guards()[1]
    assert.same({name = "gain", state = "idle", at_least = -0.1, users = 0, control_users = 0}, guard)
    assert.is_nil(agent:breach())
    assert.is_nil(agent:metrics()["guard_users/policy"])
    agent:swap(plan(nil, 2))
    local sums = {[true] = 0, [false] = 0}
    for _, user in ipairs(users) do sums[is_control(user)] = sums[is_control(user)] + 2 * (user % 7) end
    live(agent, users, function(user) return user % 7 end, 2)
    assert.equal("waiting", agent:guards()[1].state)
    assert.equal(0, agent:guards()[1].users) -- nobody's days are over
    local half = users_of(128)
    live(agent, half, function() return 100 end, 3, 2) -- half of them, and after their days
    guard = agent:guards()[1]
    assert.equal(256, guard.users) -- also those that did not come back
    assert.equal(256, guard.control_users)
    assert.near(sums[false] / sums[true] - 1, guard.value, 1e-12)
    assert.is_true(guard.low < guard.value and guard.value < guard.high)
    local metrics = agent:metrics()
    assert.equal(guard.value, metrics["guard/gain"])
    assert.equal(guard.low, metrics["guard_low/gain"])
    assert.equal(guard.high, metrics["guard_high/gain"])
    assert.equal(256, metrics["guard_users/policy"])
    assert.equal(256, metrics["guard_users/baseline"])
  end)

  it("count nothing of before the swap", function()
    local agent, users = prl.agent(plan()), users_of(200) -- fewer than an update takes
    live(agent, users, function() return 100 end, 1)
    agent:swap(plan(nil, 2))
    live(agent, users, function(user) return user % 3 end, 6)
    local guard = agent:guards()[1]
    local sums = {[true] = 0, [false] = 0}
    for _, user in ipairs(users) do sums[is_control(user)] = sums[is_control(user)] + user % 3 end
    assert.equal(200, guard.users)
    assert.near(sums[false] / sums[true] - 1, guard.value, 1e-12) -- though updates take the steps of several days
  end)

  -- What each user gives: about `policy` or `control`.
  local function giving(policy, control)
    return function(user, is) return (is and control or policy) + user % 5 / 10 end
  end

  it("roll the agent back where a lift is below its bound", function()
    local first, second = plan(), plan(nil, 2)
    local agent, users = prl.agent(first), users_of(256)
    agent:swap(second)
    assert.equal(second:hash(), agent:hash())
    live(agent, users, giving(1, 2), 3)
    assert.equal(first:hash(), agent:hash())
    local breach = agent:breach()
    assert.same({"gain", "fired", 256, 256, 3}, {breach.name, breach.state, breach.users, breach.control_users, breach.update})
    assert.is_true(breach.high < -0.1)
    assert.truthy(agent:notice():find("a guard fired: gain is %-%d+%.%d+ %% over the control group"), agent:notice())
    assert.equal("idle", agent:guards()[1].state)
    live(agent, users, giving(1, 2), 3) -- nothing was swapped in since
    assert.equal(3, agent:breach().update)
  end)

  it("hold where it is above, and fire where what was swapped in becomes worse", function()
    local first, second = plan(), plan(nil, 2)
    local agent, users = prl.agent(first), users_of(256)
    agent:swap(second)
    live(agent, users, giving(2, 2), 3)
    assert.equal("held", agent:guards()[1].state)
    agent:swap(plan(nil, 3)) -- which is judged anew
    assert.equal("waiting", agent:guards()[1].state)
    live(agent, users_of(256, 2000), giving(2, 2), 3)
    assert.equal("held", agent:guards()[1].state)
    live(agent, users_of(256, 4000), giving(0.1, 2), 3)
    assert.equal("gain", agent:breach().name)
    assert.equal(second:hash(), agent:hash())
    assert.not_equal(first:hash(), agent:hash())
  end)

  it("may be of the most, and several share the level", function()
    local function lows(guards)
      local agent = prl.agent(plan(guards))
      agent:swap(plan(guards, 2))
      live(agent, users_of(256), giving(1, 2), 3)
      return agent
    end
    assert.equal("cost", lows("gain = {at_least = relative(-1)}, cost = {at_most = relative(0)}, days = 2"):guards()[1].name)
    local alone = lows "gain = {at_least = relative(-0.6)}, days = 2"
    local two = lows "gain = {at_least = relative(-0.6)}, cost = {at_least = relative(0)}, days = 2"
    local a, b = alone:guards()[1], two:guards()[2]
    assert.equal(a.value, b.value)
    assert.is_true(b.high - b.low > a.high - a.low)
    assert.is_table(lows("gain = {at_most = relative(-0.8)}, days = 2"):breach())
    assert.is_nil(lows("gain = {at_most = relative(0)}, days = 2"):breach())
  end)

  it("go on byte for byte in a saved agent", function()
    local path = folder .. "agent.safetensors"
    local function bytes(agent)
      assert(agent:save(path))
      return assert(prl.io.read(path))
    end
    local agent, users = prl.agent(plan()), users_of(200)
    live(agent, users, one, 1)
    agent:swap(plan(nil, 2))
    live(agent, users, giving(1, 2), 1)
    local before = bytes(agent)
    local again = assert(prl.load_agent(path))
    now[again] = now[agent]
    for _, going in ipairs {agent, again} do
      prl.seed(3)
      live(going, users, giving(1, 2), 1)
    end
    local after = bytes(agent)
    assert.are_not.equal(before, after)
    assert.equal(after, bytes(again))
    for _, going in ipairs {agent, again} do
      prl.seed(4)
      live(going, users, giving(1, 2), 4)
    end
    assert.is_table(again:breach())
    assert.same(agent:breach(), again:breach())
    assert.equal(bytes(agent), bytes(again))
  end)

  it("bound how far an update moves the policy", function()
    local text = [[return {
      env = {"host", observation = {"x"}, action = {"continuous", aim = {-1, 1}}, responses = {gain = {unit = ""}}},
      objective = {critics = {gain = {weight = %g}}}, policy = {hidden = {4}},
      algorithm = {"ppo", rollout = 1, minibatch = 64, lr = 0.1}, agent = {streams = 256, rows = 2048,
        baseline = {traffic = 0.5, per = "episode"}, guards = {kl = {at_most = 1e-3}}}}]]
    local function made(weight) return prl.recipe.plan(assert(recipes.load(folder, text:format(weight)))) end
    local agent, first = prl.agent(made(1)), made(1):hash()
    local function day_of(value)
      local users = users_of(256)
      local _, decisions = agent:act(users, prl.randn(#users, 1))
      local responses = {}
      for i, user in ipairs(users) do responses[i] = {value * (user % 9)} end
      agent:feedback(decisions, prl.tensor(responses))
      agent:finish(users, "terminated")
      agent:learn()
    end
    day_of(1) -- nothing is judged before a swap
    assert.is_nil(agent:breach())
    agent:swap(made(2))
    day_of(1)
    assert.equal(first, agent:hash())
    local breach = agent:breach()
    assert.equal("kl", breach.name)
    assert.is_true(breach.value > 1e-3)
    assert.is_nil(breach.low)
    assert.truthy(agent:notice():find("a guard fired: kl came to [%d.]+ in an update, and may be at most 0.001"), agent:notice())
  end)

  it("count users of a simulation by their own clocks, each life anew", function()
    local text = [[return {
      env = {"shortvideo", n = 128, episode = %q, lifetime = 1}, objective = {critics = {watch_time = {}}},
      policy = {hidden = {4}}, algorithm = {"a2c", rollout = 8, lr = 0}, train = {warmup = 0},
      agent = {baseline = {policy = "zero", traffic = 1}, guards = {watch_time = {at_least = relative(-0.9)}, days = 0.5}}}]]
    local function counted(episode)
      local loaded = assert(recipes.load(folder, text:format(episode)))
      local agent = prl.agent(prl.recipe.plan(loaded))
      local env = prl.env("shortvideo", {n = 256, twins = 128, seed = 1, episode = episode, lifetime = 1})
      agent:drive(env, 128 * 8)
      agent:set("algorithm.lr", 1) -- which the swap takes back
      agent:swap(prl.recipe.plan(loaded))
      agent:drive(env, 128 * 8 * 60)
      return agent:guards()[1]
    end
    local session, life = counted "session", counted "life"
    assert.is_true(session.users <= 128 and session.users > 100 and session.control_users <= 128, session.users) -- once each
    assert.is_true(life.users > 160 and life.control_users > 160, life.users) -- lives of a day on average
    assert.is_true(math.abs(session.value) < 0.5 and math.abs(life.value) < 0.5)
  end)

  it("are refused in words where they cannot be", function()
    local shape = [[return {env = %s, algorithm = {%s}, objective = {critics = {a = {reward = function(r) return r.%s end}}},
      agent = {%s guards = {%s}}}]]
    local function refused(message, guards, options)
      options = options or {}
      local _, text = recipes.load(folder, shape:format(options.env or '{"shortvideo", n = 2}', options.algorithm or '"ppo"',
        options.response or "watch_time", options.baseline or "baseline = {},", guards))
      assert.truthy(text and text:find(message, 1, true), text or "it was accepted")
    end
    local taken = host:format(1, "days = {at_least = relative(-0.1)}"):gsub("cost = ", "days = ")
    local unloaded, why = recipes.load(folder, taken, {trust = true})
    assert.is_nil(unloaded)
    assert.matches("agent.guards.days: days is an option of the guards, and so the response of this name cannot be guarded; it can " ..
      "under another name", why, 1, true)
    refused('agent.guards.shares: the env has no response "shares", and nobody measures it; the nearest is "share"',
      "shares = {at_least = relative(0)}")
    refused("agent.guards: a guard compares with a control group, and there is none: agent.baseline", "share = {at_least = relative(0)}",
      {baseline = ""})
    refused("agent.guards.share: expected one of at_least and at_most, got none", "share = {}")
    refused("agent.guards.share: expected one of at_least and at_most, got both", "share = {at_least = relative(0), at_most = relative(1)}")
    refused("agent.guards.share.at_least: expected relative(share), as in relative(-0.02)", "share = {at_least = 0.5}")
    refused("agent.guards.kl.at_least: how far an update moves the policy is bounded by a number", "kl = {at_least = 0.5}")
    refused("agent.guards.kl: a2c does not say how far an update moved the policy (approx_kl), as ppo does", "kl = {at_most = 0.5}",
      {algorithm = '"a2c"'})
    refused("agent.guards: there is no guard", "days = 2")
    refused("agent.guards.confidence: expected a number from 0.5 to 0.999999, got 2", "share = {at_least = relative(0)}, confidence = 2")
    refused("agent.guards.days: users count by their first days, and the env", "reward = {at_least = relative(0)}",
      {env = '{"cartpole", n = 2}', response = "reward"})
  end)
end)
