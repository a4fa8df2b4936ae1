--- A ramp: whom the new policy serves, who counts, and when it goes on, back, or is refused.
local prl = require "perilune"
local recipes = require "support.recipes"

-- Half of the users are the control group's; what they give is up to the spec.
local host = [[return {
  env = {"host", observation = {"x"}, action = {"continuous", aim = {-1, 1}}, responses = {gain = {unit = ""}}},
  objective = {critics = {gain = {weight = %g}}},
  policy = {hidden = {4}},
  algorithm = {lua = "./idle.lua"},
  agent = {streams = 1600, rows = 16384, %s},
}]]
local usual = [[baseline = {traffic = 0.5, per = "episode"}, guards = {gain = {at_least = relative(-0.1)}, days = 1, users = 100},
  ramp = {shares = {0.2, 0.5, 1}, after = 140}]]

local day = 86400e6

describe("a ramp", function()
  local folder = recipes.folder()

  -- A policy that stays as it is, so that the two differ by what the spec makes of them alone.
  recipes.write(folder, "idle.lua", [[return {
    build = function(learn)
      learn:actor()
      learn:critics()
      return {learn:collect(1), learn:estimate {lambda = 1}, learn:publish()}
    end}]])

  local function plan(weight, agent)
    return prl.recipe.plan(assert(recipes.load(folder, host:format(weight or 1, agent or usual), {trust = true})))
  end
  local function is_control(user) return prl.bucket(user) < 5000 end
  local function is_new(user, share) return prl.bucket(user, "ramp") < 10000 * share end

  local users = {}
  for user = 1, 1600 do users[user] = user end

  local now = setmetatable({}, {__mode = "k"})

  -- Days of everybody, each with as many steps as an update takes: gain(user, side) is what a step gives, side "control", "new" or
  -- "old" by the share in force when the day began.
  local function live(agent, gain, days)
    for _ = 1, days do
      local ramp, updates = agent:ramp(), agent:metrics().updates
      local share = ramp and ramp.share or 1
      local responses = {}
      for i, user in ipairs(users) do
        responses[i] = {gain(user, is_control(user) and "control" or is_new(user, share) and "new" or "old")}
      end
      repeat
        local _, decisions = agent:act(users, prl.randn(#users, 1))
        agent:feedback(decisions, prl.tensor(responses))
        agent:finish(users, "terminated")
        agent:learn()
      until agent:metrics().updates > updates
      now[agent] = (now[agent] or 0) + day
      agent:time(now[agent])
    end
  end
  local function as(new, control, old)
    local mean = {new = new, control = control, old = old or 1000}
    return function(user, side) return mean[side] + user % 5 / 10 end
  end

  local function ramped()
    local agent = prl.agent(plan())
    live(agent, as(1, 1), 2)
    assert.is_nil(agent:ramp())
    assert.is_nil(agent:metrics().ramp_share)
    agent:swap(plan(2), {mode = "ramp"})
    return agent
  end

  -- Users of the policy whose share is so much.
  local function own(share)
    local count = 0
    for _, user in ipairs(users) do count = count + ((not is_control(user) and is_new(user, share)) and 1 or 0) end
    return count
  end

  it("serves its shares one after the other, when the guards hold and enough users counted", function()
    local agent = ramped()
    assert.same({share = 0.2, at = 1, count = 3, after = 140, users = 0, left = 0}, agent:ramp())
    assert.is_true(own(0.2) > 140)
    local steps = {}
    for _ = 1, 12 do
      local before = agent:ramp().share
      live(agent, as(2, 2), 1)
      local ramp = agent:ramp()
      if ramp.share ~= before then
        local guard = ramp.guards[1]
        assert.same({before, "gain", "held", own(before)}, {ramp.before, guard.name, guard.state, guard.users}) -- each counted once
        assert.is_true(math.abs(guard.value) < 0.1) -- and not those who were left, at 1000 each
        assert.same({0, "waiting"}, {ramp.users, agent:guards()[1].state}) -- who count anew
        steps[#steps + 1] = ramp.share
      end
    end
    assert.same({0.5, 1}, steps)
    assert.equal(1, agent:metrics().ramp_share)
    assert.equal("held", agent:guards()[1].state)
    agent:swap(plan(3)) -- it is over
    assert.is_nil(agent:ramp())
  end)

  it("waits where its share has too few users, or the guards are open", function()
    local function wide(user) return user % 2 * 1.8 + 0.1 end -- whose lift of 0 is not above the bound for sure
    for numbers, gain in pairs {[usual:gsub("140", "1400")] = as(2, 2), [usual] = wide} do
      local agent = prl.agent(plan(1, numbers))
      live(agent, as(1, 1), 1)
      agent:swap(plan(2, numbers), {mode = "ramp"})
      live(agent, gain, 8)
      assert.same({0.2, 1, own(0.2)}, {agent:ramp().share, agent:ramp().at, agent:ramp().users})
      assert.equal(0.2, agent:metrics().ramp_share)
    end
  end)

  it("learns of the users of the new policy alone", function()
    local agent = prl.agent(plan())
    live(agent, as(1, 1), 2)
    agent:swap(plan(2), {mode = "ramp"})
    live(agent, as(3, 1, 1000), 2)
    assert.near(3.2, agent:metrics()["response/gain"], 0.1)
    assert.equal(0.2, agent:metrics().ramp_share)
  end)

  it("is rolled back where a guard fires, and by hand", function()
    local first = plan()
    local agent = ramped()
    for _ = 1, 10 do live(agent, as(0.1, 2), 1) end
    assert.equal(first:hash(), agent:hash())
    assert.equal("gain", agent:breach().name)
    assert.is_nil(agent:ramp())
    agent = ramped()
    live(agent, as(2, 2), 2)
    agent:rollback()
    assert.equal(first:hash(), agent:hash())
    assert.is_nil(agent:ramp())
    live(agent, as(1, 1, 1), 2)
    assert.near(1.2, agent:metrics()["response/gain"], 0.1)
  end)

  it("goes on byte for byte in a saved agent, in the middle of episodes", function()
    local path = folder .. "agent.safetensors"
    local function bytes(agent)
      assert(agent:save(path))
      return assert(prl.io.read(path))
    end
    local agent = ramped()
    live(agent, as(2, 2), 1)
    agent:act(users, prl.randn(#users, 1))
    bytes(agent)
    local again = assert(prl.load_agent(path))
    assert.same(agent:ramp(), again:ramp())
    now[again] = now[agent]
    local actions = {}
    for i, going in ipairs {agent, again} do
      prl.seed(3)
      live(going, as(2, 2), 3)
      actions[i] = going:act(users, prl.randn(#users, 1)):bytes()
    end
    assert.equal(actions[1], actions[2])
    assert.equal(bytes(agent), bytes(again))
  end)

  it("serves the others by the policy before, until their episodes end", function()
    local agent = prl.agent(plan())
    local seen = prl.randn(#users, 1)
    local before = agent:act(users, seen, "mean"):totable()
    -- Another policy altogether: nothing of the one before fits.
    local text = host:format(2, usual):gsub("hidden = {4}", "hidden = {3}")
    local wide = prl.recipe.plan(assert(recipes.load(folder, text, {trust = true})))
    agent:swap(wide, {mode = "ramp"})
    local running = agent:act(users, seen, "mean"):totable()
    agent:finish(users, "terminated")
    assert.equal(0, agent:ramp().left)
    local after, fresh = agent:act(users, seen, "mean"):totable(), prl.agent(wide):act(users, seen, "mean"):totable()
    local new = 0
    for i, user in ipairs(users) do
      assert.equal(before[i][1], running[i][1]) -- whoever it is
      if is_control(user) or not is_new(user, 0.2) then
        assert.equal(before[i][1], after[i][1])
      else
        assert.equal(fresh[i][1], after[i][1])
        new = new + (after[i][1] ~= before[i][1] and 1 or 0)
      end
    end
    assert.is_true(new > 10)
    assert.is_true(agent:ramp().left > 200)
  end)

  it("is refused where it could not go on", function()
    local agent = prl.agent(plan())
    local function refused(message, ...)
      local ok, why = pcall(agent.swap, agent, ...)
      assert.is_false(ok)
      assert.truthy(tostring(why):find(message, 1, true), why)
    end
    local bare = usual:gsub("ramp = .*", "")
    refused("ramp: the new recipe says no shares of the users for a ramp, as in agent.ramp = ", plan(2, bare), {mode = "ramp"})
    refused('mode has no choice "gradually"; there are apply, ramp', plan(2), {mode = "gradually"})
    agent:swap(plan(2), {mode = "ramp"})
    refused("a ramp is under way, at a share of 0.2: roll it back", plan(3))
    refused("a ramp is under way, at a share of 0.2: roll it back", plan(3), {mode = "ramp"})
    assert.equal(plan(2):hash(), agent:hash())
    agent:rollback()
    agent:swap(plan(3))
  end)

  it("says what is wrong in a recipe", function()
    local function refused(message, section)
      local _, why = recipes.load(folder, host:format(1, section), {trust = true})
      assert.truthy(why and tostring(why):find(message, 1, true), why)
    end
    refused("agent.ramp: a ramp goes on by guards, which compare with a control group", "ramp = {}")
    refused("agent.ramp: a ramp goes on to the next share when its guards on responses hold, and there is none",
      "baseline = {traffic = 0.5}, ramp = {}")
    refused("agent.ramp.shares: expected ascending shares of the users from 0.0001 to 1, at most 16 of them, the last one 1, as in "
      .. "{0.01, 0.1, 1}, got {0.2, 0.1, 1}", "ramp = {shares = {0.2, 0.1, 1}}")
    refused('agent.ramp.afer: unknown key; the nearest is "after"', "ramp = {afer = 1}")
  end)
end)
