--- What agent:check_swap says of a swap is what the swap does: each part of the list against the files of the agent before,
--- of a new agent of the new plan, and of the agent after it.
local prl = require "perilune"
local line = require("perilune.migration").line
local recipes = require "support.recipes"

local text = [[return {
  env = {%s, n = 4},
  objective = {critics = {%s}%s},
  policy = {hidden = {%s}, activation = "%s"%s},
  algorithm = {%s},
  agent = {rows = 256},
  train = {steps = 4000, seed = 5, warmup = %s},
}]]

local function recipe(o)
  return text:format(o.env or '"pendulum"', o.critics or "swing = {reward = function(r) return r.reward end, gamma = 0.9}",
    o.objective or "", o.hidden or "8", o.activation or "tanh", o.policy or "",
    o.algorithm or '"ppo", rollout = 16, minibatch = 32', o.warmup or 0)
end

local function limits(name, window)
  return (', constraints = {%s = {at_least = -1, window = %d, multiplier = learned {lr = 0.1, max = 5}}}'):format(name, window)
end
local swing = "swing = {reward = function(r) return %s end, gamma = %s}"
local calm = "calm = {reward = function(r) return -abs(r.reward) end}"
local sac, td3 = '"sac", minibatch = 8, start = 16, memory = 200', '"td3", minibatch = 8, start = 16, memory = 200'

local pairs_of = {
  ["the same"] = {{}, {}},
  ["a critic more, one less"] = {{critics = swing:format("r.reward", 0.9) .. ", old = {reward = function(r) return 1 end}"},
    {critics = swing:format("r.reward", 0.95) .. ", " .. calm}},
  ["twice the reward"] = {{}, {critics = swing:format("2 * r.reward", 0.9)}},
  ["another reward"] = {{}, {critics = swing:format("abs(r.reward)", 0.9)}},
  ["wider layers"] = {{}, {hidden = "16"}},
  ["narrower layers"] = {{hidden = "16, 16"}, {hidden = "8, 16"}},
  ["another activation"] = {{}, {activation = "relu"}},
  ["another activation in wider layers"] = {{}, {activation = "relu", hidden = "16"}},
  ["fewer layers"] = {{hidden = "8, 8"}, {}},
  ["a deviation that is fixed"] = {{}, {policy = ', log_std = {kind = "fixed"}'}},
  ["another algorithm"] = {{}, {algorithm = '"a2c", rollout = 16'}},
  ["another algorithm, another network"] = {{algorithm = sac}, {activation = "relu"}},
  ["back to another algorithm"] = {{algorithm = '"a2c", rollout = 16'}, {}},
  ["another optimizer"] = {{}, {algorithm = '"ppo", rollout = 16, minibatch = 32, optimizer = {"sgd"}'}},
  ["a constraint"] = {{objective = limits("swing", 20)}, {objective = limits("swing", 20), hidden = "16"}},
  ["a constraint of another window"] = {{objective = limits("swing", 20)}, {objective = limits("swing", 30)}},
  ["no constraint"] = {{objective = limits("swing", 20)}, {}},
  novelty = {{algorithm = '"ppo", rollout = 16, minibatch = 32, exploration = {"rnd"}'},
    {algorithm = '"ppo", rollout = 16, minibatch = 64, exploration = {"rnd"}'}},
  ["a memory"] = {{algorithm = sac}, {algorithm = td3}},
  ["no memory"] = {{algorithm = sac}, {}},
  ["a new memory"] = {{}, {algorithm = sac}},
  schedules = {{algorithm = '"ppo", rollout = 16, minibatch = 32, lr = linear {from = 1e-2, to = 0}'},
    {algorithm = '"ppo", rollout = 16, minibatch = 32, lr = linear {from = 1e-3, to = 0}'}, {schedules = "go_on"}},
  ["a measured scale"] = {{critics = 'swing = {reward = function(r) return r.reward end, scale = "baseline"}', warmup = 64},
    {critics = 'swing = {reward = function(r) return 4 * r.reward end, scale = "baseline"}', warmup = 64}},
}

describe("agent:check_swap", function()
  local folder = recipes.folder()

  local function plan_of(o) return prl.recipe.plan(assert(recipes.load(folder, recipe(o)))) end

  local function file_of(agent)
    assert(agent:save(folder .. "agent"))
    local tensors, metadata = assert(prl.io.safetensors_read(folder .. "agent"))
    local plan, places = prl.from_json(metadata.plan), {critics = {}, constraints = {}}
    for i, critic in ipairs(plan.critics) do places.critics[critic.name] = i - 1 end
    for i, constraint in ipairs(plan.constraints or {}) do places.constraints[constraint.name] = i - 1 end
    return {
      plan = plan,
      bytes = function(name) return tensors[name] and tensors[name]:bytes() end,
      number = function(name, i) return tensors[name]:totable()[i or 1] end,
      critic = function(name, what) return ("critic.%d.%s"):format(places.critics[name], what) end,
      constraint = function(name, what) return ("constraint.%d.%s"):format(places.constraints[name], what) end,
    }
  end

  -- For each part what must be; `was`, `new`, `is`: the files.
  local holds = {
    parameters = function(p, was, new, is)
      local name = "params." .. p.name
      if p.outcome == "dropped" then return is.bytes(name) == nil and was.bytes(name) ~= nil end
      if p.outcome == "kept" and p.reason:find "^of " then return p.taken == p.of and is.bytes(name) ~= new.bytes(name) end
      if p.outcome == "kept" then return p.taken == p.of and is.bytes(name) == was.bytes(name) end
      if p.outcome == "started anew" then return p.taken == 0 and is.bytes(name) == new.bytes(name) end
      if p.taken == 0 or p.taken > p.of or (p.taken == p.of) ~= (p.outcome == "rescaled") then return false end
      return is.bytes(name) ~= new.bytes(name) and is.bytes(name) ~= was.bytes(name)
    end,
    optimizer = function(p, was, _, is)
      local name = "steps." .. p.name
      if p.outcome == "dropped" then return is.bytes(name) == nil end
      if (p.outcome == "kept") ~= (p.taken == p.of) then return p.outcome == "started anew" and p.taken == 0 end
      if p.outcome == "kept" or p.outcome == "grown" or p.outcome == "kept in part" then
        return is.number(name) == was.number(name) and p.after == is.number(name) and p.before == p.after
      end
      return is.number(name) == 0 and p.taken == 0
    end,
    policy = function(p, was, _, is)
      local same = p.before == was.number "policy.counts" and p.after == is.number "policy.counts"
      return same and (p.before == p.after) == (p.outcome == "kept")
    end,
    observations = function(p, was, _, is)
      if p.outcome == "dropped" then return is.bytes "normaliser.count" == nil end
      local count = is.number "normaliser.count"
      if p.outcome == "kept" then return count == was.number "normaliser.count" and p.after == count end
      return count == 0
    end,
    critic = function(p, was, _, is)
      if p.outcome ~= "started anew" and p.before ~= was.number(was.critic(p.name, "scale")) then return false end
      return p.outcome == "dropped" or p.after == is.number(is.critic(p.name, "scale"))
    end,
    returns = function(p, was, new, is)
      if p.outcome == "dropped" then return true end
      local name = is.critic(p.name, "popart")
      local before = p.before and was.number(was.critic(p.name, "popart"), 5)
      if p.before ~= before or p.after ~= is.number(name, 5) then return false end
      if p.outcome == "started anew" then return is.bytes(name) == new.bytes(name) end
      return (is.bytes(name) == was.bytes(was.critic(p.name, "popart"))) == (p.outcome == "kept")
    end,
    novelty = function(p, was, _, is)
      return p.outcome == "kept" and is.bytes "novelty.returns.mean" == was.bytes "novelty.returns.mean"
    end,
    multiplier = function(p, was, _, is)
      if p.before and p.before ~= was.number(was.constraint(p.name, "state")) then return false end
      return p.outcome == "dropped" or p.after == is.number(is.constraint(p.name, "state"))
    end,
    experience = function(p) return p.outcome == "kept" and p.taken > 0 and p.of == 256 end,
    memory = function(p, _, _, is)
      local rows = is.bytes "memory.counts" and is.number("memory.counts", 3) or 0
      return p.outcome == "dropped" and is.bytes "memory.counts" == nil or p.taken == rows
    end,
  }

  local seen = {}
  for name, both in pairs(pairs_of) do
    it("says what becomes of it: " .. name, function()
      local agent, env = prl.agent(plan_of(both[1])), prl.env("pendulum", {n = 4, seed = 5})
      agent:drive(env, 600)
      agent:drive(env, 1e6, true)
      if not (both[1].algorithm or ""):find "sac" then agent:drive(env, 12) end
      local plan = plan_of(both[2])
      local was, new = file_of(agent), file_of(prl.agent(plan))
      local list = agent:check_swap(plan, both[3])
      assert.same(list, agent:check_swap(plan, both[3])) -- and the agent is as it was
      for _, set in ipairs(was.plan.sets) do
        assert.equal(was.bytes("params." .. set.name), file_of(agent).bytes("params." .. set.name))
      end
      agent:swap(plan, both[3])
      local is, parts = file_of(agent), {}
      for _, part in ipairs(list) do
        local what = part.part
        if what == "option" or what == "schedule" then
          assert.equal(part.after, agent:get(part.name))
        elseif what ~= "experience" or part.taken > 0 then
          assert.is_true(holds[what](part, was, new, is), line(part))
        end
        local key = what .. " " .. part.outcome
        seen[key] = true
        assert.is_nil(parts[what .. part.name], line(part) .. " comes twice")
        parts[what .. part.name] = part
      end
      for _, plans in ipairs {was.plan, is.plan} do -- nothing that there was or is goes without a word
        for _, set in ipairs(plans.sets) do assert.not_nil(parts["parameters" .. set.name], set.name) end
        for _, critic in ipairs(plans.critics) do assert.not_nil(parts["critic" .. critic.name] or parts["novelty" .. critic.name]) end
        for _, optim in ipairs(plans.optims) do assert.not_nil(parts["optimizer" .. optim.set], optim.set) end
        for _, one in ipairs(plans.constraints or {}) do assert.not_nil(parts["multiplier" .. one.name], one.name) end
      end
      agent:drive(env, 400)
    end)
  end

  it("has had every outcome in the pairs above", function()
    for _, key in ipairs {"parameters kept", "parameters kept in part", "parameters started anew", "parameters dropped",
      "optimizer kept", "optimizer kept in part",
      "optimizer started anew", "optimizer dropped", "policy kept", "policy kept in part", "critic kept",
      "parameters grown", "optimizer grown", "policy grown", "critic grown", "critic rescaled",
      "critic started anew", "critic dropped", "critic kept in part", "returns kept", "returns rescaled", "multiplier kept",
      "multiplier started anew", "multiplier dropped", "memory kept", "memory dropped", "memory started anew", "schedule kept",
      "novelty kept"} do
      assert.is_true(seen[key], key)
    end
  end)

  it("says in words what is another", function()
    local function lines(name)
      local agent, env = prl.agent(plan_of(pairs_of[name][1])), prl.env("pendulum", {n = 4, seed = 5})
      agent:drive(env, 600)
      local said = {}
      for _, part in ipairs(agent:check_swap(plan_of(pairs_of[name][2]))) do
        said[part.part .. part.name] = ("%s: %s"):format(part.outcome, part.reason)
      end
      return said
    end
    local said = lines "another activation"
    assert.equal("kept: the same names and shapes, with relu in place of tanh: what it computes is another",
      said["parameterscritic/swing"])
    assert.equal("kept in part: its layers have another activation: it acts as another version", said.policy)
    assert.equal("kept in part: its network has another activation", said.criticswing)
    said = lines "another activation in wider layers"
    assert.equal("kept in part: 8 → 16 units, with relu in place of tanh: what it computes is another", said.parameterspolicy)
    assert.equal("kept in part: its layers have another activation: it acts as another version", said.policy)
    said = lines "narrower layers"
    assert.equal("kept in part: its layer mean.1 has 8 units in place of 16", said.parameterspolicy)
    assert.equal("kept in part: its steps go on, and the moments of what is kept; the others are 0", said.optimizerpolicy)
    assert.equal("kept in part: its layer 2 has 1 unit in place of 8", lines("fewer layers")["parameterscritic/swing"])
    assert.equal("kept in part: it has log_std no longer", lines("a deviation that is fixed").parameterspolicy)
    assert.equal("kept in part: its network begins anew", lines("another algorithm, another network").criticswing)
  end)

  it("doubles a critic's values where its reward is doubled, in the last bit", function()
    local agent, env = prl.agent(plan_of {}), prl.env("pendulum", {n = 4, seed = 5})
    agent:drive(env, 600)
    agent:drive(env, 1e6, true)
    local observations = prl.tensor {{1, 0, 0.5}, {-0.3, 0.7, -2}, {0, -1, 4}}
    local before = agent:values(observations):totable()
    agent:swap(plan_of {critics = swing:format("2 * r.reward", 0.9)})
    for i, row in ipairs(agent:values(observations):totable()) do assert.equal(2 * before[i][1], row[1]) end
    agent:drive(env, 300)
    assert.is_true(agent:metrics()["explained_variance/swing"] ~= nil)
  end)

  it("keeps the measured scale's unit: four times the reward has four times the scale, and its statistics as they were", function()
    local both = pairs_of["a measured scale"]
    local agent, env = prl.agent(plan_of(both[1])), prl.env("pendulum", {n = 4, seed = 5})
    agent:drive(env, 600)
    local before = agent:get "objective.critics.swing.scale"
    agent:swap(plan_of(both[2]))
    assert.equal(4 * before, agent:get "objective.critics.swing.scale")
  end)

  it("measures the scale of a new critic on what is remembered", function()
    local measured = swing:format("r.reward", 0.9) .. ', new = {reward = function(r) return r.reward - 1 end, scale = "baseline"}'
    local agent, env = prl.agent(plan_of {algorithm = sac}), prl.env("pendulum", {n = 4, seed = 5})
    agent:drive(env, 8)
    assert.error_matches(function() agent:check_swap(plan_of {algorithm = sac, critics = measured, warmup = 64}) end,
      'swap: critic "new" wants the scale "baseline", which a running agent measures on its replay memory, and it has remembered ' ..
      'fewer than 32 steps; give a number')
    agent:drive(env, 600)
    assert(agent:save(folder .. "agent"))
    local tensors = assert(prl.io.safetensors_read(folder .. "agent"))
    local kinds, responses, sum, rows = tensors["memory.kind"]:totable(), tensors["memory.response"]:totable(), 0, 0
    for place, kind in ipairs(kinds) do
      if kind % 256 == 1 then sum, rows = sum + math.abs(responses[place] - 1), rows + 1 end
    end
    assert.equal(tensors["memory.counts"]:totable()[3], rows)
    local plan, found = plan_of {algorithm = sac, critics = measured, warmup = 64}, nil
    for _, part in ipairs(agent:check_swap(plan)) do
      if part.part == "critic" and part.name == "new" then found = part end
    end
    assert.near(sum / rows, found.after, 1e-6 * found.after)
    agent:swap(plan)
    assert.equal(found.after, agent:get "objective.critics.new.scale")
    agent:drive(env, 300)
    local zero = swing:format("r.reward", 0.9) .. ', none = {reward = function(r) return 0 * r.reward end, scale = "baseline"}'
    assert.error_matches(function() agent:swap(plan_of {algorithm = sac, critics = zero, warmup = 64}) end,
      'critic "none": the mean of its reward over the %d+ remembered steps is 0, by which scale "baseline" cannot divide')
    local without = prl.agent(plan_of {})
    without:drive(prl.env("pendulum", {n = 4, seed = 5}), 300)
    assert.error_matches(function() without:swap(plan_of {critics = measured, warmup = 64}) end, "and it has none; give a number")
  end)

  it("keeps the policy where its head fits: from one algorithm to the next, it acts the same", function()
    local onward = {ppo = '"ppo", rollout = 16, minibatch = 32', a2c = '"a2c", rollout = 16', a3c = '"a3c", rollout = 16'}
    for from, first in pairs(onward) do
      for to, second in pairs(onward) do
        local agent, env = prl.agent(plan_of {algorithm = first}), prl.env("pendulum", {n = 4, seed = 5})
        agent:drive(env, 300)
        agent:drive(env, 1e6, true)
        local observations = prl.tensor {{1, 0, 0.5}, {-0.3, 0.7, -2}, {0, -1, 4}}
        local before, version = agent:act({91, 92, 93}, observations, "mean"):totable(), agent:metrics().version
        agent:swap(plan_of {algorithm = second})
        assert.same(before, agent:act({91, 92, 93}, observations, "mean"):totable(), from .. " " .. to)
        assert.equal(version, agent:metrics().version, from .. " " .. to)
      end
    end
  end)

  it("makes another version of what acts with another number", function()
    local function dqn(epsilon)
      return plan_of {env = '"cartpole"', algorithm = ('"dqn", minibatch = 8, start = 16, memory = 200, epsilon = %g'):format(epsilon)}
    end
    local agent = prl.agent(dqn(0.05))
    agent:drive(prl.env("cartpole", {n = 4, seed = 5}), 300)
    local version = agent:metrics().version
    for _, case in ipairs {{0.05, version}, {0.5, version + 1}, {0.5, version + 1}} do
      local plan, found = dqn(case[1]), nil
      for _, part in ipairs(agent:check_swap(plan)) do
        if part.part == "policy" then found = part end
      end
      assert.equal(case[2], found.after)
      agent:swap(plan)
      assert.equal(case[2], agent:metrics().version)
    end
  end)

  it("makes another version of what acts with another process of noise", function()
    local function noisy(theta)
      return plan_of {algorithm = td3 .. (', exploration = {"ou", theta = %g}'):format(theta)}
    end
    local agent = prl.agent(noisy(0.15))
    agent:drive(prl.env("pendulum", {n = 4, seed = 5}), 300)
    local version = agent:metrics().version
    agent:swap(noisy(0.15))
    assert.equal(version, agent:metrics().version)
    agent:swap(noisy(0.3))
    assert.equal(version + 1, agent:metrics().version)
  end)

  it("says that the new recipe wins over what was set by hand", function()
    local agent, env = prl.agent(plan_of {}), prl.env("pendulum", {n = 4, seed = 5})
    agent:drive(env, 200)
    agent:set("algorithm.clip", 0.05)
    local found
    for _, part in ipairs(agent:check_swap(plan_of {})) do
      if part.part == "option" then found = part end
    end
    assert.same({"algorithm.clip", "dropped", 0.05, 0.2, "it was set by hand; the new recipe's value holds"},
      {found.name, found.outcome, found.before, found.after, found.reason})
    assert.equal("option algorithm.clip: dropped, 0.05 → 0.2 (it was set by hand; the new recipe's value holds)", line(found))
  end)
end)
