--- Networks that grow in a swap, and policies that go on in another algorithm's: what they say is what they said, to within the
--- rounding of sums in another order (kernels are chosen by a layer's sizes).
local line = require("perilune.migration").line
local prl = require "perilune"
local recipes = require "support.recipes"

local text = [[return {
  env = {"host", observation = {"x", "y", "z"}, action = {"continuous", aim = {-2, 2}, pull = {0, 1}}, responses = {gain = {}}},
  objective = {critics = {gain = {gamma = 0.9%s}}},
  policy = {%s},
  algorithm = {%s},
  agent = {streams = 4, rows = 256}, train = {seed = %d},
}]]

local ppo, a2c = '"ppo", rollout = 16, minibatch = 32', '"a2c", rollout = 16'
local sac, td3 = '"sac", minibatch = 8, start = 16, memory = 200', '"td3", minibatch = 8, start = 16, memory = 200'

describe("a swap to a larger network", function()
  local folder = recipes.folder()

  local seed = 0
  local function plan_of(policy, algorithm, critic)
    seed = seed + 1
    return prl.recipe.plan(assert(recipes.load(folder, text:format(critic or "", policy, algorithm, seed))))
  end

  local function feed(agent, calls)
    for t = 1, calls do
      local rows, gains = {}, {}
      for i = 1, 4 do rows[i] = {math.sin(t + i), math.cos(3 * t * i), (t * i) % 5 - 2} end
      local action, decisions = agent:act({1, 2, 3, 4}, prl.tensor(rows))
      for i = 1, 4 do gains[i] = {-(action:get(i, 1) - 1) ^ 2 - (action:get(i, 2) - 0.3) ^ 2} end
      agent:feedback(decisions, prl.tensor(gains))
      agent:learn()
    end
  end

  local seen = {{0.3, 0.2, -1}, {1, 0, 2}, {-0.5, 0.9, 1}, {0, -1, -2}}
  local function means(agent) return agent:act({11, 12, 13, 14}, prl.tensor(seen), "mean", false):totable() end

  -- The greatest difference of a dimension.
  local function apart(a, b, dimension)
    local most = 0
    for i = 1, #a do most = math.max(most, math.abs(a[i][dimension] - b[i][dimension])) end
    return most
  end

  local function bytes_of(agent)
    assert(agent:save(folder .. "agent"))
    local tensors = assert(prl.io.safetensors_read(folder .. "agent"))
    return function(name) return tensors[name] and tensors[name]:bytes() end, tensors
  end

  local function part(list, kind, name)
    for _, one in ipairs(list) do
      if one.part == kind and one.name == (name or "") then return one end
    end
  end

  -- An agent that has learned, and what becomes of it: {agent, list, before, after}.
  local function swapped(from, to)
    local agent = prl.agent(plan_of(unpack(from)))
    feed(agent, 120)
    local plan, before, bytes = plan_of(unpack(to)), means(agent), bytes_of(agent)
    local list = agent:check_swap(plan)
    assert.same(list, agent:check_swap(plan))
    agent:swap(plan)
    return {agent = agent, list = list, before = before, after = means(agent), bytes = bytes}
  end

  -- It learns on, and goes back to the bytes before.
  local function goes_back(case)
    feed(case.agent, 40)
    case.agent:rollback()
    assert.same(case.before, means(case.agent))
    local bytes, tensors = bytes_of(case.agent)
    for name in pairs(tensors) do
      if name:find "^params%." or name:find "^moment" or name:find "^steps%." or name:find "popart$" then
        assert.equal(case.bytes(name), bytes(name), name)
      end
    end
    feed(case.agent, 40)
  end

  for name, algorithm in pairs {ppo = ppo, a2c = a2c, sac = sac, td3 = td3} do
    it("says what it said, learns on and goes back: " .. name, function()
      local case = swapped({"hidden = {8, 8}", algorithm}, {"hidden = {16, 9}", algorithm})
      for i = 1, 2 do assert.is_true(apart(case.before, case.after, i) < 2e-6) end
      for _, one in ipairs(case.list) do
        if one.part == "parameters" and one.of > 2 then
          assert.equal("grown", one.outcome, line(one))
          assert.truthy(one.reason:find("8 → 16 units; 8 → 9 units; what it computes stays", 1, true), line(one))
          assert.is_true(one.taken < one.of)
        end
        if one.part == "critic" and (name == "ppo" or name == "a2c") then assert.equal("grown", one.outcome) end
        if one.part == "returns" then assert.equal("kept", one.outcome) end
      end
      local policy = part(case.list, "policy")
      assert.same({"grown", policy.before + 1}, {policy.outcome, policy.after})
      goes_back(case)
    end)
  end

  it("keeps values, too, of a shared trunk and of a memory's heads", function()
    for _, form in ipairs {'hidden = {%s}, trunk = "shared"', 'hidden = {%s}, memory = {"gru", 4}'} do
      local agent = prl.agent(plan_of(form:format "8", ppo))
      feed(agent, 60)
      local before = means(agent)
      local list = agent:check_swap(plan_of(form:format "12", ppo))
      agent:swap(plan_of(form:format "12", ppo))
      for i = 1, 2 do assert.is_true(apart(before, means(agent), i) < 2e-6) end
      for _, one in ipairs(list) do
        if one.part == "parameters" then assert.is_true(one.outcome == "grown" or one.outcome == "kept", line(one)) end
      end
    end
  end)

  it("accepts further observations by name, with the statistics that are known, and refuses a missing one", function()
    local hidden = 'hidden = {8}, observes = {hide = {"z"}}, normalise = 10'
    local case = swapped({hidden, ppo}, {"hidden = {12}, normalise = 10", ppo})
    for i = 1, 2 do assert.is_true(apart(case.before, case.after, i) < 2e-6) end
    assert.truthy(part(case.list, "parameters", "policy").reason:find("1 new input: z; ", 1, true))
    assert.truthy(part(case.list, "parameters", "critic/gain").reason:find("1 new input: z; ", 1, true))
    assert.equal("kept", part(case.list, "observations").outcome)
    goes_back(case)
    local agent = prl.agent(plan_of("hidden = {8}", ppo))
    feed(agent, 20)
    local before = means(agent)
    for _, plan in ipairs {plan_of(hidden, ppo), plan_of('hidden = {16}, observes = {"x", "y"}', ppo)} do
      assert.error_matches(function() agent:swap(plan) end, 'swap: "[%w/]+" sees the observation "z" in the running agent and not '
        .. 'in the new plan; it must go on seeing it %(policy.observes, or observes of the critic%)$')
    end
    local of_critic = plan_of("hidden = {8}", ppo, ', observes = {"x", "z"}')
    assert.error_matches(function() agent:check_swap(of_critic) end, 'swap: "critic/gain" sees the observation "y"')
    assert.same(before, means(agent))
  end)

  it("takes over the dimensions that both policies set, and begins new ones in the middle", function()
    local case = swapped({"hidden = {8}, bounded = true, action = {pull = 0.25}", ppo}, {"hidden = {8}, bounded = true", ppo})
    assert.is_true(apart(case.before, case.after, 1) < 1e-6)
    for _, row in ipairs(case.after) do assert.equal(0.5, row[2]) end
    local policy = part(case.list, "parameters", "policy")
    assert.truthy(policy.reason:find("1 → 2 outputs; it sets other dimensions of the action", 1, true), policy.reason)
    local experience = part(case.list, "experience")
    assert.same({"kept in part", 0}, {experience.outcome, experience.taken})
    goes_back(case)
    case = swapped({"hidden = {8}", ppo}, {"hidden = {12}, action = {aim = 1}", a2c})
    assert.is_true(apart(case.before, case.after, 2) < 2e-6)
    for _, row in ipairs(case.after) do assert.equal(1, row[1]) end
    goes_back(case)
  end)

  it("keeps the mean action where the unit of the policy's numbers is another", function()
    local case = swapped({"hidden = {8}, bounded = true", ppo}, {'hidden = {8}, bounded = true, unit = "half_range"', ppo})
    for i = 1, 2 do assert.is_true(apart(case.before, case.after, i) < 1e-6) end
    assert.equal("rescaled", part(case.list, "parameters", "policy").outcome)
    goes_back(case)
  end)

  describe("and to another algorithm", function()
    for name, both in pairs {
      ["ppo to sac"] = {{"hidden = {8, 8}, bounded = true", ppo}, {"hidden = {8, 12}", sac}},
      ["a2c to td3"] = {{'hidden = {8, 8}, bounded = true, unit = "half_range"', a2c}, {"hidden = {8, 8}", td3}},
      ["a shared trunk to td3"] = {{'hidden = {8, 8}, bounded = true, trunk = "shared"', ppo}, {"hidden = {9, 9}", td3}},
      ["sac to td3"] = {{"hidden = {8, 8}", sac}, {"hidden = {8, 8}", td3}},
      ["td3 to ppo"] = {{"hidden = {8, 8}", td3}, {"hidden = {8, 8}, bounded = true", ppo}},
      ["sac to a2c"] = {{"hidden = {8, 8}", sac}, {'hidden = {8, 8}, bounded = true, unit = "half_range"', a2c}},
    } do
      it("acts as before by its mean: " .. name, function()
        local case = swapped(both[1], both[2])
        for i = 1, 2 do assert.is_true(apart(case.before, case.after, i) < 2e-6) end
        goes_back(case)
      end)
    end

    it("keeps the width, too, in the middle of the bounds: ppo to sac", function()
      local agent = prl.agent(plan_of("hidden = {8}, bounded = true, log_std = {init = -1.5}", ppo))
      feed(agent, 120)
      local _, before = bytes_of(agent)
      agent:swap(plan_of("hidden = {8}", sac))
      local _, after = bytes_of(agent)
      -- Parameters are in the order of their names, each from a multiple of 16: log_std before mean; 1.bias (8), 1.weight (24),
      -- 2.bias (4): two means and two logarithms of deviations before tanh, which are in halves of the ranges, 2 and 0.5.
      local log_std, bias = before["params.policy"]:totable(), after["params.actor"]:totable()
      assert.is_true(math.abs(log_std[1] + 1.5) > 1e-4)
      for i, half in ipairs {2, 0.5} do assert.is_true(math.abs(bias[50 + i] - (log_std[i] - math.log(half))) < 1e-6) end
    end)

    it("says that it is nearly the same where one of both has a tanh and the other has none", function()
      local case = swapped({"hidden = {8}", ppo}, {"hidden = {8}", sac})
      local actor = part(case.list, "parameters", "actor")
      assert.truthy(actor.reason:find("of policy: ", 1, true))
      assert.truthy(actor.reason:find("nearly the same in the middle of the bounds, and another near them", 1, true), actor.reason)
      goes_back(case)
    end)

    it("begins anew where layers are not alike, and says why", function()
      for reason, policy in pairs {
        ["other activations or another number of layers"] = 'hidden = {8}, activation = "relu"',
        ["larger layers"] = "hidden = {6}"} do
        local case = swapped({"hidden = {8}", ppo}, {policy, sac})
        local actor = part(case.list, "parameters", "actor")
        assert.same({"started anew", 0}, {actor.outcome, actor.taken})
        assert.truthy(actor.reason:find(reason, 1, true), actor.reason)
        assert.equal("started anew", part(case.list, "policy").outcome)
        goes_back(case)
      end
    end)
  end)

  it("begins anew where noise reads the units", function()
    local gsde = sac .. ', exploration = {"gsde"}'
    local case = swapped({"hidden = {8}", gsde}, {"hidden = {12}", gsde})
    assert.equal("kept in part", part(case.list, "parameters", "actor").outcome)
    assert.equal("grown", part(case.list, "parameters", "twin_1").outcome)
    goes_back(case)
  end)

  it("begins a training from a smaller network", function()
    local small, large = prl.agent(plan_of("hidden = {8}", ppo)), prl.agent(plan_of("hidden = {20}", ppo))
    feed(small, 60)
    large:start_from(small)
    for i = 1, 2 do assert.is_true(apart(means(small), means(large), i) < 2e-6) end
  end)
end)
