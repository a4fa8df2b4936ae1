--- Algorithms with a replay memory as agents: they go on byte for byte from anywhere inside an update, stay
--- within bounds of the recipe's own, and go on under a new objective.

local prl = require "perilune"
local recipes = require "support.recipes"
local validate = require "perilune.recipe.validate"

local text = [[
  return {
    env = {"host", observation = {"x", "y"}, action = {"continuous", aim = {-1, 2}}, responses = {loss = {}, win = {}}},
    objective = {critics = {
      cost = {reward = function(r) return r.loss end, gamma = 0.6, weight = -0.5},
      gain = {reward = function(r) return r.win end, gamma = 0.9},
    }},
    policy = {hidden = {8}, activation = "relu", normalise = 5%s},
    algorithm = {%s, memory = 64, start = 8, minibatch = 8, updates = 0.7, steps = 2},
    agent = {streams = 2},
    train = {steps = 100},
  }
]]

local discrete = [[
  return {
    env = {"host", observation = {"x", "y"}, action = {"discrete", go = {"left", "stay", "right"}}, responses = {win = {}}},
    objective = {critics = {win = {gamma = 0.9}}},
    policy = {hidden = {8}, normalise = 5},
    algorithm = {"dqn", rollout = 1, memory = 64, start = 8, minibatch = 8, updates = 0.7, steps = 2, target = 3},
    agent = {streams = 2},
    train = {steps = 100},
  }
]]

local a2c = '"a2c", correction = {"vtrace", rho = 1.1}, rollout = 1'
local process = text:format("", '"td3", exploration = {"ou", dt = 0.3}')
local cases = {
  sac = text:format("", '"sac"'), td3 = text:format("", '"td3"'), dqn = discrete,
  ["sac with noise that lasts"] = text:format("", '"sac", exploration = {"gsde", steps = 3}'), ["td3 with a process"] = process,
  a2c = text:format("", a2c):gsub("steps = 2", "stretch = 3"),
  ["a2c with choices"] = discrete:gsub('"dqn", rollout = 1', a2c):gsub("steps = 2, target = 3", "stretch = 3"),
}

describe("an algorithm with a replay memory", function()
  local folder
  setup(function() folder = recipes.folder() end)

  local function agent_of(recipe) return prl.agent(prl.recipe.plan(assert(recipes.load(folder, recipe)))) end

  --- Two streams, so many steps; each_learn(agent) is called before each call of learn, and may give another agent.
  local function live(agent, steps, each_learn)
    local responses = #agent:spec().responses
    for step = 1, steps do
      local obs = prl.tensor {{math.sin(step), step / 10}, {math.cos(step), -step / 10}}
      local action, decisions = agent:act({7, 8}, obs)
      local first = {}
      for i = 1, 2 do
        first[i] = {action:totable()[i][1] * math.sin(step)}
        if responses == 2 then first[i][2] = step % 3 end
      end
      agent:feedback(decisions, prl.tensor(first))
      if step % 5 == 0 then agent:finish({7}, "terminated") end
      if step % 7 == 0 then agent:finish({8}, "truncated", prl.tensor {{0.5, step}}) end
      local progress
      repeat
        agent = each_learn and each_learn(agent) or agent
        progress = agent:learn(1)
      until progress.waiting
    end
    return agent
  end

  local function file_of(agent, name)
    assert(agent:save(folder .. name))
    return prl.hash_bytes(assert(prl.io.read(folder .. name)))
  end

  for name, recipe in pairs(cases) do
    it(("goes on byte for byte from anywhere: %s"):format(name), function()
      local calls = 0
      local straight = live(agent_of(recipe), 14, function() calls = calls + 1 end)
      assert.is_true(straight:metrics().updates > 10)
      local wanted, at, places = file_of(straight, "straight"), 1, 0
      while at < calls do
        local call, left = 0, false
        local resumed = live(agent_of(recipe), 14, function(agent)
          call = call + 1
          if call ~= at then return nil end
          left = true
          assert(agent:save(folder .. "left"))
          return assert(prl.load_agent(folder .. "left"))
        end)
        assert.is_true(left)
        places = places + 1
        assert.equal(wanted, file_of(resumed, "resumed"))
        at = at + 1 + math.floor(at / 4)
      end
      assert.is_true(places >= 5)
    end)
  end

  it("stays within bounds of the recipe's own", function()
    for _, name in ipairs {'"sac"', '"td3"'} do
      local agent = agent_of(text:format(", action = {aim = {0.25, 0.75}}", name))
      live(agent, 20)
      local action = agent:act({1, 2, 3}, prl.randn(3, 2) * 20, "mean", false):totable()
      for i = 1, 3 do assert.is_true(action[i][1] >= 0.25 and action[i][1] <= 0.75) end
    end
  end)

  it("needs bounds of each action, from the environment or the recipe", function()
    local free = { -- as an environment in C may be
      name = "free", observation = {names = {"x"}, units = {""}, low = {-math.huge}, high = {math.huge}},
      action = {kind = "continuous", names = {"push", "pull"}, units = {"", ""}, low = {-math.huge, 0}, high = {math.huge, 1}},
      responses = {{name = "reward", unit = "", missing = 0, combine = "sum", wait_us = 0}}, options = {},
    }
    local function check(algorithm, action, unit)
      return validate.recipe({env = {"pendulum"}, algorithm = {algorithm}, policy = {action = action, unit = unit}},
        {env_spec = function() return free end})
    end
    local _, counted = check("a2c", {}, "half_range")
    assert.equal("half_range needs bounds of each action, and push of free has none: policy.action.push = {low, high} gives it some",
      counted[1].message)
    local _, refused = check("sac", {})
    assert.equal("sac needs bounds of each action, and push of free has none: policy.action.push = {low, high} gives it some, " ..
      "and a2c, bc, ppo, reinforce and two_stage need none", refused[1].message)
    assert.equal("algorithm", refused[1].path)
    assert.equal(1, #refused)
    assert(check("ppo", {}))
    assert(check("sac", {push = {-3, 3}}))
  end)

  it("goes on with what another algorithm remembered, corrected by the densities with which that acted", function()
    for from, to in pairs {td3 = "a2c", dqn = "a2c with choices"} do
      local agent = live(agent_of(cases[from]), 40)
      agent:swap(prl.recipe.plan(assert(recipes.load(folder, cases[to]))))
      local before = agent:metrics()
      live(agent, 3)
      local after = agent:metrics()
      assert.is_true(after.updates > before.updates)
      assert.is_true(after.lag > 10, after.lag) -- rows of the other algorithm are among those that are drawn
      assert.is_true(after["clip_rate/rho"] < 1) -- not all that was acted is likelier now
      assert(agent:save(folder .. "swapped"))
      assert.is_true(assert(prl.io.safetensors_read(folder .. "swapped"))["memory.counts"]:totable()[3] > 50)
    end
  end)

  it("goes on under another objective, with what it remembers", function()
    local agent = live(agent_of(cases.sac), 30)
    local changed = cases.sac:gsub("weight = %-0.5", "weight = 2"):gsub("gamma = 0.6", "gamma = 0.3"):gsub("r.loss", "-r.loss")
    local before = agent:metrics().updates
    agent:swap(prl.recipe.plan(assert(recipes.load(folder, changed))))
    live(agent, 1)
    assert(agent:save(folder .. "swapped"))
    local tensors = assert(prl.io.safetensors_read(folder .. "swapped"))
    assert.is_true(tensors["memory.counts"]:totable()[3] > 50) -- rows
    live(agent, 10)
    assert.is_true(agent:metrics().updates > before + 5)
  end)

  it("knows under which objective a row was acted", function()
    local function versions(agent)
      assert(agent:save(folder .. "versions"))
      local tensors, counts = assert(prl.io.safetensors_read(folder .. "versions")), {}
      local memory, kinds = tensors["memory.objective"]:totable(), tensors["memory.kind"]:totable()
      for place, version in ipairs(memory) do
        if kinds[place] % 256 == 1 then counts[version] = (counts[version] or 0) + 1 end
      end
      return counts
    end
    for _, name in ipairs {"sac", "a2c"} do
      local agent = live(agent_of(cases[name]), 10)
      agent:set("objective.critics.cost.weight", -0.5) -- as it was
      agent:set("algorithm.lr", 1e-3)
      live(agent, 2)
      assert.is_nil(agent:metrics().objective_share)
      agent:set("objective.critics.cost.weight", -1)
      live(agent, 6)
      agent:swap(prl.recipe.plan(assert(recipes.load(folder, (cases[name]:gsub("weight = %-0.5", "weight = -1")))))) -- as it is
      live(agent, 4)
      local counts = versions(agent)
      assert.is_true(counts[0] > 15 and counts[1] > 15 and not counts[2], counts[1])
      -- of the rows that were drawn last
      assert.is_true(agent:metrics().objective_share > 0 and agent:metrics().objective_share < 1)
      agent = assert(prl.load_agent(folder .. "versions"))
      agent:swap(prl.recipe.plan(assert(recipes.load(folder, (cases[name]:gsub("r.loss", "-r.loss"))))))
      live(agent, 40)
      counts = versions(agent)
      assert.is_true(counts[2] > 40 and not counts[0])
      assert.equal(1, agent:metrics().objective_share)
    end
  end)

  it("acts alike in like states while its noise lasts", function()
    local agent, observation, actions = agent_of(cases["sac with noise that lasts"]), prl.tensor {{0.3, -0.2}}, {}
    for step = 0, 9 do
      actions[step] = agent:act({7}, observation):get(1, 1)
      assert.equal(step % 3 > 0, actions[step] == actions[step - 1])
    end
    agent:finish({7}, "terminated")
    assert.is_true(agent:act({7}, observation):get(1, 1) ~= actions[9])
    assert.is_true(agent:act({7}, observation * -1):get(1, 1) ~= agent:act({7}, observation):get(1, 1))
  end)

  it("acts with a process that has no density, which what needs one refuses", function()
    local agent = live(agent_of(process), 12)
    local observation = prl.randn(2, 2)
    local action = agent:act({7, 8}, observation)
    for _, density in ipairs(agent:act_log_prob():totable()) do assert.is_true(density ~= density) end
    assert.error_matches(function() agent:log_prob(observation, action) end, "no program for densities of actions")
    local corrected = text:format("", a2c):gsub("steps = 2", "stretch = 3")
    local function swap(recipe) agent:swap(prl.recipe.plan(assert(recipes.load(folder, recipe)))) end
    assert.error_matches(function() swap(corrected) end, "swap: ratios of the new plan needs the densities of actions, " ..
      "and the running agent has steps that were acted without one: its noise is a process")
    swap(cases.td3) -- and its memory keeps them
    live(agent, 3)
    assert.error_matches(function() swap(corrected) end, "swap: ratios of the new plan needs the densities of actions")
  end)

  it("goes on with its process under another recipe", function()
    local straight, swapped = live(agent_of(process), 12), live(agent_of(process), 12)
    swapped:swap(prl.recipe.plan(assert(recipes.load(folder, (process:gsub("minibatch = 8", "minibatch = 4"))))))
    local observation = prl.randn(2, 2)
    assert.same(straight:act({7, 8}, observation):totable(), swapped:act({7, 8}, observation):totable())
  end)
end)
