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

end)
