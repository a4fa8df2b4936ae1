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
  agent = {streams = 1024, rows = 4096, baseline = {traffic = 0.5, per = "episode"}, guards = {%s}},
}]]

local day = 86400e6

describe("guards", function()
  local folder = recipes.folder()
  teardown(function() recipes.remove(folder) end)

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

  -- One step of each user at the agent's time; gain(user, control) is what it gives.
  local function step(agent, users, gain)
    local _, decisions = agent:act(users, prl.randn(#users, 1))
    local responses = {}
    for i, user in ipairs(users) do responses[i] = {0, gain(user, is_control(user))} end
    agent:feedback(decisions, prl.tensor(responses))
    agent:finish(users, "terminated")
    agent:learn()
  end

  local function range(first, last)
    local users = {}
    for user = first, last do users[#users + 1] = user end
    return users
  end

  local now = setmetatable({}, {__mode = "k"})

  -- A step of these users on each of so many days.
  local function live(agent, users, gain, steps)
    for _ = 1, steps or 1 do
      step(agent, users, gain)
      now[agent] = (now[agent] or 0) + day
      agent:time(now[agent])
    end
  end

  it("stand idle until a swap, and count each user once, by its first days", function()
    local agent = prl.agent(plan())
    live(agent, range(1, 600), function() return 1 end, 4)
    local guard = agent:guards()[1]
    assert.same({name = "gain", state = "idle", at_least = -0.1, users = 0, control_users = 0}, guard)
    assert.is_nil(agent:breach())
    agent:swap(plan(nil, 2))
    local sums, n = {[true] = 0, [false] = 0}, {[true] = 0, [false] = 0}
    for user = 1, 600 do
      sums[is_control(user)] = sums[is_control(user)] + 2 * (user % 7)
      n[is_control(user)] = n[is_control(user)] + 1
    end
    live(agent, range(1, 600), function(user) return user % 7 end, 2)
    assert.equal("waiting", agent:guards()[1].state)
    assert.equal(0, agent:guards()[1].users) -- nobody's days are over
    live(agent, range(1, 300), function() return 100 end, 3) -- of the first half only, and after its days
    guard = agent:guards()[1]
    assert.equal(n[false], guard.users) -- also those that did not come back
    assert.equal(n[true], guard.control_users)
    assert.near(sums[false] / n[false] / (sums[true] / n[true]) - 1, guard.value, 1e-12)
    assert.is_true(guard.low < guard.value and guard.value < guard.high)
    local metrics = agent:metrics()
    assert.equal(guard.value, metrics["guard/gain"])
    assert.equal(guard.low, metrics["guard_low/gain"])
    assert.equal(guard.high, metrics["guard_high/gain"])
    assert.equal(guard.users, metrics["guard_users/policy"])
    assert.equal(guard.control_users, metrics["guard_users/baseline"])
  end)
end)
