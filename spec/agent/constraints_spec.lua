--- Constraints: what they measure, how multipliers follow, and what the actor's weights become; against the formulas in Lua.
local prl = require "perilune"
local recipes = require "support.recipes"

local host = [[return {
  env = {"host", observation = {"x"}, action = {"continuous", aim = {-1, 1}}, responses = {gain = {unit = ""}, cost = {unit = ""}}},
  objective = {
    critics = {gain = {weight = 2, scale = 4}, cost = {weight = 0.5, scale = 10}, plain = {reward = function(r) return r.gain end}},
    constraints = {%s},
  },
  policy = {hidden = {4}},
  algorithm = {lua = "./weights.lua"},
  agent = {streams = 4},
}]]

-- Reports the weights that are in force.
local weights = [[return {options = {}, build = function(learn)
  local objective = learn:objective()
  local update = learn:program(function(batch)
    for _, one in ipairs(objective) do learn:metric("weight/" .. one.name, one.weight + batch.reward[one.name]:mean() * 0) end
    learn:minimise(learn:actor()(batch.obs):log_prob(batch.action):mean() * 0, {actor = 0})
  end)
  return {learn:collect(1), learn:freeze(), learn:rewards(), update, learn:publish()}
end}]]

local function clip(x, low, high) return math.max(low, math.min(high, x)) end

describe("constraints", function()
  local folder = recipes.folder()
  setup(function() recipes.write(folder, "weights.lua", (weights:gsub("local objective = learn:objective%(%)",
    "local actor = learn:actor()\n  local objective = learn:objective()"):gsub("learn:actor%(%)%(batch", "actor(batch"))) end)

  local function agent_of(constraints)
    return prl.agent(prl.recipe.plan(assert(recipes.load(folder, host:format(constraints), {trust = true}))))
  end

  -- One update of four rows: a step of each stream with this cost; ends: episodes end after it; time: when that is, in µs.
  local function update(agent, costs, ends, time)
    local streams = {1, 2, 3, 4}
    local _, decisions = agent:act(streams, prl.zeros(4, 1))
    agent:feedback(decisions, prl.tensor {{costs[1], 1}, {costs[2], 1}, {costs[3], 1}, {costs[4], 1}}) -- cost, gain
    if time then agent:time(time) end
    if ends then agent:finish(streams, "terminated") else agent:observe(streams, prl.zeros(4, 1)) end
    agent:learn()
    return agent:metrics()
  end

  local function near(expected, found) assert.is_true(math.abs(expected - found) < 1e-6, ("%s, not %s"):format(found, expected)) end

  it("follow the violation, and divide the weights", function()
    local agent = agent_of [[budget = {critic = "cost", at_most = 2, window = 8, multiplier = learned {lr = 0.5, kp = 0.25, kd = 0.125,
      init = 0.1, max = 1.5}}]]
    local seen, integral, multiplier, before = {}, 0.1, 0.1, 0
    for i = 1, 12 do
      local cost = {i % 5, 3, (i * 7) % 4, i > 8 and 0 or 4}
      local metrics = update(agent, cost)
      near(2 / (1 + multiplier), metrics["weight/gain"])
      near((0.5 - multiplier) / (1 + multiplier), metrics["weight/cost"])
      near(1 / (1 + multiplier), metrics["weight/plain"])
      for _, value in ipairs(cost) do seen[#seen + 1] = value end
      local sum, count = 0, math.min(8, #seen)
      for k = #seen - count + 1, #seen do sum = sum + seen[k] end
      local violation = (sum / count - 2) / 2 -- unscaled
      integral = clip(integral + 0.5 * violation, 0, 1.5)
      multiplier = clip(integral + 0.25 * violation + 0.125 * (violation - before), 0, 1.5)
      before = violation
      near(sum / count, metrics["constrained/budget"])
      near(violation, metrics["violation/budget"])
      near(multiplier, metrics["multiplier/budget"])
      if i == 7 then -- goes on from a file
        local path = folder .. "agent.safetensors"
        assert(agent:save(path))
        agent = assert(prl.load_agent(path))
      end
    end
  end)

  it("hold for at_least with the other sign, several at once, and with a fixed multiplier that may change", function()
    local agent = agent_of [[gain = {at_least = 3, multiplier = 0.5}, dear = {critic = "cost", at_most = 1, multiplier = 0.25}]]
    local metrics = update(agent, {1, 1, 1, 1})
    near((2 + 0.5) / 1.75, metrics["weight/gain"])
    near((0.5 - 0.25) / 1.75, metrics["weight/cost"])
    assert.is_nil(metrics["violation/gain"]) -- no quarter of the window yet
    agent:set("objective.constraints.gain.multiplier", 1)
    metrics = update(agent, {1, 1, 1, 1})
    near((2 + 1) / 2.25, metrics["weight/gain"])
    near(0.5, agent:get "objective.critics.cost.weight") -- what the recipe says
  end)

  it("are on whole episodes, and on days of a stream", function()
    local agent = agent_of [[a = {critic = "cost", at_most = 5, per = "episode", window = 4}, b = {critic = "cost", at_most = 5,
      per = "user_day", window = 4}]]
    local hour, now = 3600e6, 0
    local metrics
    for i = 1, 9 do
      now = now + 12 * hour
      metrics = update(agent, {1, 2, 3, 4}, i % 3 == 0, now)
      if i < 3 then assert.is_nil(metrics["constrained/a"]) end
    end
    near(7.5, metrics["constrained/a"]) -- three steps an episode: 3, 6, 9, 12
    assert.truthy(metrics["constrained/b"])
    near(5, metrics["constrained/b"]) -- two steps a day: 2, 4, 6, 8
  end)

  it("do not step on too little data, nor beyond their bound", function()
    local agent = agent_of [[budget = {critic = "cost", at_most = 1, window = 40, multiplier = learned {lr = 10, max = 2}}]]
    assert.equal(0, update(agent, {9, 9, 9, 9})["multiplier/budget"])
    assert.equal(0, update(agent, {9, 9, 9, 9})["multiplier/budget"])
    assert.equal(2, update(agent, {9, 9, 9, 9})["multiplier/budget"])
    for _ = 1, 20 do update(agent, {9, 9, 9, 9}) end
    assert.is_nil(agent:notice())
    for _ = 1, 100 do update(agent, {9, 9, 9, 9}) end
    assert.equal("the constraint budget cannot be met: its multiplier is at its bound, 2, and the violation, 8 of its unit, "
      .. "does not fall", agent:notice())
    for _ = 1, 10 do update(agent, {0, 0, 0, 0}) end -- the window is empty of the old ones
    assert.equal(0, update(agent, {0, 0, 0, 0})["multiplier/budget"]) -- nothing wound up
  end)

  it("survive a swap of the same constraint", function()
    local constraint = [[budget = {critic = "cost", at_most = 1, window = 4, multiplier = learned {lr = 0.1, max = 5}}]]
    local agent = agent_of(constraint)
    for _ = 1, 4 do update(agent, {3, 3, 3, 3}) end
    local before = agent:metrics()["multiplier/budget"]
    agent:swap(prl.recipe.plan(assert(recipes.load(folder, host:format(constraint), {trust = true, set = "policy.hidden={8}"}))))
    near(before + 0.1 * 2, update(agent, {3, 3, 3, 3})["multiplier/budget"])
  end)

  it("leave a recipe as it was that has none, and come back from its text", function()
    local loaded = assert(recipes.load(folder, host:format "gain = {at_least = 3, multiplier = learned {max = 2}}", {trust = true}))
    local again = assert(recipes.load(folder, prl.recipe.text(loaded.recipe), {trust = true}))
    assert.equal(loaded.hash, again.hash)
    assert.same({lr = 0.01, init = 0, max = 2, kp = 0, kd = 0}, again.recipe.objective.constraints.gain.multiplier)
    local none = assert(recipes.load(folder, host:format "", {trust = true}))
    assert.is_nil(none.recipe.objective.constraints)
    assert.is_nil(prl.recipe.plan(none):document().constraints)
  end)

  it("are refused in a sentence", function()
    local function refused(constraint, message)
      local said = select(2, recipes.load(folder, host:format(constraint), {trust = true}))
      assert.truthy(tostring(said):find(message, 1, true), said)
    end
    refused("loss = {at_most = 1}", 'objective.constraints.loss: there is no critic "loss"')
    refused('c = {critic = "cots", at_most = 1}', 'objective.constraints.c.critic: there is no critic "cots"; the nearest is "cost"')
    refused("cost = {}", "expected one of at_least and at_most, got none")
    refused("cost = {at_most = 1, at_least = 0.5}", "expected one of at_least and at_most, got both")
    refused("cost = {at_most = 0}", "unit is missing")
    refused('cost = {at_most = 1, per = "day"}', "per: expected one of step, episode, user_day")
    refused("cost = {at_most = 1, multiplier = -1}", "multiplier: expected a number")
    refused("cost = {at_most = 1, multiplier = learned {lrr = 1}}", 'multiplier.lrr: unknown key; the nearest is "lr"')
    refused("cost = {at_most = 1, multiplier = learned {init = 3, max = 2}}", "multiplier.init: expected at most max, 2, got 3")
    refused("cost = {at_most = 1, multiplier = learned(3)}", "learned takes its settings as a table")
    refused("3", "constraint has a name")
    local said = select(2, recipes.load(folder, [[return {env = "shortvideo", algorithm = "cem", objective = {critics = {like = {}},
      constraints = {like = {at_least = 1}}}}]]))
    assert.truthy(said:find("objective.constraints: a search has no multipliers", 1, true), said)
    said = select(2, recipes.load(folder, [[return {env = "cartpole", algorithm = "ppo",
      objective = {critics = {reward = {}}, constraints = {reward = {at_least = 1, per = "user_day"}}}}]]))
    assert.truthy(said:find("expected step or episode, got user_day: the env", 1, true), said)
  end)
end)
