--- A whole update of dqn against the papers' formulas in plain numbers: what was drawn is read from the agent's file, all else
--- is worked out here from what the host told the agent.

local files = require "support.files"
local off_policy = require "support.off_policy"
local prl = require "perilune"
local recipes = require "support.recipes"

local contents, new_world, outputs, step = off_policy.contents, off_policy.new_world, off_policy.outputs, off_policy.step
local GAMMA, WEIGHT, ROLLOUT, STEPS = {fast = 0.6, slow = 0.9}, {fast = 2, slow = -0.5}, 14, 3
local LR, PRIORITY, CORRECTION = 0.5, 0.7, 0.45

local RECIPE = [[return {
  env = {"host", observation = {"row", "x"}, action = {"discrete", go = {"left", "stay", "right"}}, responses = {
    a = {unit = "", missing = 0, combine = "sum"}, b = {unit = "", missing = 0, combine = "sum"}}},
  objective = {critics = {
    fast = {reward = function(r) return r.a end, gamma = %g, weight = %g},
    slow = {reward = function(r) return r.b - r.a end, gamma = %g, weight = %g, scale = 2},
  }},
  policy = {hidden = {5}, activation = "tanh"},
  algorithm = {"dqn", rollout = %d, memory = 150, start = 0, minibatch = 16, updates = %.17g, steps = %d, target = 1000,
    lr = %g, max_norm = 1e9, epsilon = 1, optimizer = {"sgd"}, %s},
  agent = {streams = %d},
  train = {seed = 5},
}]]

local function new_agent(folder, own)
  local text = RECIPE:format(GAMMA.fast, WEIGHT.fast, GAMMA.slow, WEIGHT.slow, ROLLOUT, 1 / (ROLLOUT * off_policy.STREAMS), STEPS, LR, own,
    off_policy.STREAMS)
  return prl.agent(prl.recipe.plan(assert(recipes.load(folder, text))))
end

-- ---- An update in plain numbers ----

--- Values of the three actions: lists of n quantiles.
local function values(numbers, x, o)
  local n, q = o.quantiles or 1, {}
  local out = outputs(numbers, x, (o.dueling and 4 or 3) * n)
  for action = 1, 3 do
    q[action] = {}
    for k = 1, n do
      local function at(i) return out[(i - 1) * n + k] end
      q[action][k] = o.dueling and at(1) + at(action + 1) - (at(2) + at(3) + at(4)) / 3 or at(action)
    end
  end
  return q
end

local function mean(list)
  local sum = 0
  for _, x in ipairs(list) do sum = sum + x end
  return sum / #list
end

local function huber(d) return math.abs(d) <= 1 and d * d / 2 or math.abs(d) - 0.5 end

local function loss_of(value, goal)
  if #value == 1 then return huber(goal[1] - value[1]) end
  local sum = 0
  for i, v in ipairs(value) do
    for _, g in ipairs(goal) do
      sum = sum + math.abs((2 * i - 1) / (2 * #value) - (g < v and 1 or 0)) * huber(g - v) / #goal
    end
  end
  return sum
end

--- Of a row's stretch over rows that were remembered: rewards along it, the discount of what follows, its observation, how many
--- rows it has and how it ends.
local function stretch(world, number, remembered)
  local reward, ahead = {fast = 0, slow = 0}, {fast = 1, slow = 1}
  for k = 1, STEPS do
    local row = world.rows[number]
    reward.fast, reward.slow = reward.fast + ahead.fast * row.a, reward.slow + ahead.slow * (row.b - row.a) / 2
    for name, gamma in pairs(GAMMA) do ahead[name] = ahead[name] * gamma end
    if row.ends == "terminated" then return reward, {fast = 0, slow = 0}, {0, 0}, k, row.ends end
    if row.ends == "truncated" then return reward, ahead, row.final, k, row.ends end
    if k == STEPS or not remembered[row.next] then return reward, ahead, {row.next / 100, world.rows[row.next].x}, k, "goes on" end
    number = row.next
  end
end

--- The rows of the last draw, {number, action, weight, goal = {fast, slow}}, from the file before it and the one behind it.
local function drawn(world, before, after, o)
  local rows, number_at, remembered, old = {}, {}, {}, {}
  for place, kind in ipairs(after["memory.kind"]) do
    if kind % 256 == 1 then
      number_at[place] = math.floor(after["memory.observation"][2 * place - 1] * 100 + 0.5)
      remembered[number_at[place]] = true
    end
  end
  local priority, least = {}, math.huge
  for place, kind in ipairs(before["memory.kind"]) do old[place] = kind % 256 == 1 end
  for k, from_0 in ipairs(after["draw.place"]) do
    local place = from_0 + 1
    if o.priority then
      priority[k] = old[place] and before["memory.priority"][place] or before["memory.greatest"][1]
      least = math.min(least, priority[k])
    end
    rows[k] = {place = place, number = number_at[place], weight = 1}
  end
  for k, row in ipairs(rows) do
    if o.priority then row.weight = (priority[k] / least) ^ -CORRECTION end
    local reward, ahead, x, length, ends = stretch(world, row.number, remembered)
    local best, most, ahead_of = nil, -math.huge, {}
    for name in pairs(GAMMA) do ahead_of[name] = values(before["params.target/value/" .. name], x, o) end
    for action = 1, 3 do
      local total = 0
      for name in pairs(GAMMA) do
        local chooser = o.double and values(before["params.value/" .. name], x, o) or ahead_of[name]
        total = total + WEIGHT[name] * mean(chooser[action])
      end
      if total > most then best, most = action, total end
    end
    row.goal, row.length, row.ends = {}, length, ends
    for name in pairs(GAMMA) do
      row.goal[name] = {}
      for i, q in ipairs(ahead_of[name][best]) do row.goal[name][i] = reward[name] + ahead[name] * q end
    end
  end
  return rows
end

--- Values of the action that was taken at a row.
local function taken(world, row, numbers, o)
  local one = world.rows[row.number]
  return values(numbers, {row.number / 100, one.x}, o)[one.action + 1]
end

local function loss(world, rows, numbers, name, o)
  local sum = 0
  for _, row in ipairs(rows) do sum = sum + row.weight * loss_of(taken(world, row, numbers, o), row.goal[name]) end
  return sum / #rows
end

describe("an update of dqn", function()
  local folder
  setup(function() folder = recipes.folder() end)

  --- Two rounds of one update each; the second is looked at, when networks and targets differ.
  local function check(o, own)
    local agent, world = new_agent(folder, own), new_world()
    local function round(updates)
      while agent:learn().updates < updates do step(agent, world) end
    end
    round(1)
    local before = contents(agent)
    round(2)
    local after = contents(agent)
    local rows, lengths, ends = drawn(world, before, after, o), {}, {}
    for k, row in ipairs(rows) do
      lengths[row.length], ends[row.ends] = true, true
      assert.near(row.weight, after["draw.weight"][k], 1e-5)
    end
    for _, kind in ipairs {"terminated", "truncated", "goes on"} do assert.is_true(ends[kind]) end -- or little is tested
    assert.is_true(lengths[1] and lengths[3])
    local metrics, moved = agent:metrics(), 0
    for name in pairs(GAMMA) do
      local numbers, now = before["params.value/" .. name], after["params.value/" .. name]
      assert.near(loss(world, rows, numbers, name, o), metrics["value_loss/" .. name], 1e-5)
      for i, kept in ipairs(numbers) do
        numbers[i] = kept + 1e-5
        local above = loss(world, rows, numbers, name, o)
        numbers[i] = kept - 1e-5
        local slope = (above - loss(world, rows, numbers, name, o)) / 2e-5
        numbers[i] = kept
        moved = math.max(moved, math.abs(LR * slope))
        assert.near(kept - LR * slope, now[i], 1e-5)
      end
      assert.same(before["params.target/value/" .. name], after["params.target/value/" .. name])
    end
    assert.is_true(moved > 0.01)
    return world, before, after, rows
  end

  it("is that of Mnih et al. with several objectives and returns of several steps", function() check({}, "double = false") end)

  it("is that of van Hasselt et al. and Wang et al.", function()
    check({double = true}, "double = true")
    check({double = true, dueling = true}, "double = true, dueling = true")
  end)

  it("is that of Dabney et al.: quantiles of the return", function()
    check({double = true, quantiles = 4}, "double = true, quantiles = 4")
    check({double = true, dueling = true, quantiles = 3}, "dueling = true, quantiles = 3")
  end)

  it("is that of Schaul et al.: weights, and priorities of the rows that were drawn", function()
    for _, own in ipairs {"", ", quantiles = 4, dueling = true"} do
      local o = {double = true, priority = PRIORITY, quantiles = own ~= "" and 4 or nil, dueling = own ~= ""}
      local world, before, after, rows = check(o, ("priority = %g, correction = %g"):format(PRIORITY, CORRECTION) .. own)
      local expected, weights = {}, {}
      for place, priority in ipairs(after["memory.priority"]) do
        local old = before["memory.kind"][place] and before["memory.kind"][place] % 256 == 1
        expected[place] = old and before["memory.priority"][place] or priority == 0 and 0 or before["memory.greatest"][1]
      end
      for _, row in ipairs(rows) do
        local wrong = 0
        for name in pairs(GAMMA) do
          local value = taken(world, row, before["params.value/" .. name], o)
          wrong = wrong + math.abs(WEIGHT[name] * (mean(row.goal[name]) - mean(value)))
        end
        expected[row.place], weights[row.weight] = (wrong + 1e-6) ^ PRIORITY, true
      end
      assert.is_true(next(weights, next(weights)) ~= nil)
      for place, priority in ipairs(expected) do assert.near(priority, after["memory.priority"][place], 1e-5) end
    end
  end)
end)

describe("draws by priority", function()
  local folder
  setup(function() folder = recipes.folder() end)

  local OWN = ("priority = %g, correction = linear {from = 0.4, to = 1, over = 500}, memory = 150"):format(PRIORITY)

  --- The agent as it stands in a file.
  local path = files.path()
  local function saved(agent)
    assert(agent:save(path))
    return path
  end

  it("go on byte for byte from a file, between updates and inside of them", function()
    local whole, one, other, rest = new_agent(folder, OWN), new_world(), new_world(), new_agent(folder, OWN)
    local inside = 0
    for turn = 1, 200 do -- places are taken several times
      step(whole, one)
      whole:learn()
      step(rest, other)
      local calls, state = 0
      repeat -- a program that was under way begins anew in the agent that is loaded: one of these a turn
        state, calls = rest:learn(1), calls + 1
        if calls == turn % 13 + 1 then
          if not state.waiting then inside = inside + 1 end
          rest = assert(prl.load_agent(saved(rest)))
        end
      until state.waiting
    end
    assert.is_true(inside > 5, inside)
    assert.equal(files.read(saved(whole)), files.read(saved(rest)))
  end)

  it("are refused where the file says what cannot be", function()
    local agent, world = new_agent(folder, OWN), new_world()
    for _ = 1, 50 do
      step(agent, world)
      agent:learn()
    end
    for name, wrong in pairs {["memory.priority"] = -1, ["memory.greatest"] = 1e-9, ["draw.place"] = 1e9} do
      local tensors, metadata = assert(prl.io.safetensors_read(saved(agent)))
      local list = {}
      for _, key in ipairs(require "perilune.keys"(tensors)) do list[#list + 1] = {key, tensors[key]} end
      assert(prl.io.safetensors_write(path, list, metadata))
      assert(prl.load_agent(path)) -- as it was
      tensors[name]:set(1, wrong)
      assert(prl.io.safetensors_write(path, list, metadata))
      local loaded, _, code = prl.load_agent(path)
      assert.is_nil(loaded)
      assert.equal("EFORMAT", code)
    end
  end)

  --- An agent of an algorithm with this update and these verbs.
  local function mine(update, verbs)
    recipes.write(folder, "mine.lua", [[
      local prl = require "perilune"
      local mine = {summary = "a test", actions = {"discrete"}, stale = "keep", options = {}}
      function mine.build(learn)
        local net = learn:network("net", {inputs = {"obs"}, outputs = 2})
        learn:acts(function(obs) return prl.distribution.categorical(net(obs)) end, 1)
        local update = learn:program(function(batch)
          local rows = net(batch.obs):mean(2)
          ]] .. update .. [[
          learn:minimise(rows:mean(), {net = 0.1})
        end)
        return {learn:collect(8), learn:remember(1000), ]] .. verbs .. [[, learn:publish()}
      end
      return mine]])
    local loaded = assert(recipes.load(folder, [[return {env = "cartpole", algorithm = {lua = "./mine.lua"}}]], {trust = true}))
    return prl.agent(prl.recipe.plan(loaded))
  end

  local function refused(update, verbs, message)
    local ok, found = pcall(mine, update, verbs)
    assert.is_false(ok)
    assert.truthy(found:find(message, 1, true), found)
  end

  it("are refused where they cannot be", function()
    local gives = "learn:priority(rows)"
    refused(gives, "learn:sample {size = 4}, update",
      'program "update" gives priorities, but no sample has a priority to draw by')
    refused(gives, "update, learn:sample {size = 4, priority = 0.5}", "schedule: run needs sample before it")
    refused("learn:priority(rows:mean())", "learn:sample {size = 4, priority = 0.5}, update",
      'program "update" must have an output "priority" of 1 float32 a row')
    refused("learn:priority(7)", "learn:sample {size = 4, priority = 0.5}, update", "learn:priority: the values")
    refused(gives, "learn:sample {size = 4, priority = 0.5}, learn:sample {size = 4, priority = 0.25}, update",
      "schedule.sample.priority is 0.5 and 0.25; a memory has one exponent")
    refused(gives, "learn:sample {size = 4, priority = 1.5}, update", "priority")
    refused(gives, "learn:sample {size = 4, prioritty = 1}, update", 'the nearest is "priority"')
  end)

  it("weigh all rows alike where they are uniform", function()
    local agent = mine("learn:metric('least', batch.weight:min()) learn:metric('greatest', batch.weight:max())",
      "learn:sample {size = 4}, update")
    agent:drive(prl.env("cartpole", {n = 1, seed = 1}), 100)
    assert.same({1, 1}, {agent:metrics().least, agent:metrics().greatest})
  end)

  it("stop a training where a priority is not finite", function()
    local agent = mine("learn:priority(rows * 1e38 * 1e38)", "learn:sample {size = 4, priority = 0.5}, update")
    local ok, message = pcall(agent.drive, agent, prl.env("cartpole", {n = 1, seed = 1}), 100)
    assert.is_false(ok)
    assert.truthy(message:find('program "update": a priority is not finite', 1, true), message)
  end)
end)

describe("dqn", function()
  it("#figure learns CartPole", function()
    local sum, episodes, seeds = 0, 32, 4 -- a few thousand steps in, single seeds differ by hundreds
    for seed = 1, seeds do
      local set = {"algorithm.priority=0.6", "algorithm.lr=1e-3", "algorithm.epsilon=0.05", "train.seed=" .. seed}
      local agent = prl.agent(prl.recipe.plan(assert(prl.recipe.load("recipes/cartpole/dqn.lua", {set = set}))))
      agent:drive(prl.env("cartpole", {n = 1, seed = seed}), 12000)
      for _, episode in ipairs(agent:evaluate(prl.env("cartpole", {n = 8, seed = 100}), episodes):totable()) do
        sum = sum + episode[1]
      end
    end
    assert.is_true(sum / episodes / seeds > 100, sum / episodes / seeds) -- 20 by chance
  end)

  -- What an update draws is more than what it freezes: the warm-up waits for the latter.
  it("may have a warm-up that is longer than a rollout", function()
    local set = {"algorithm.rollout=4", "algorithm.start=0", "train.warmup=300", "policy.normalise=5"}
    local agent = prl.agent(prl.recipe.plan(assert(prl.recipe.load("recipes/cartpole/dqn.lua", {set = set}))))
    agent:drive(prl.env("cartpole", {n = 1, seed = 1}), 400)
    assert.is_true(agent:metrics().updates > 10 and agent:metrics().dropped_steps == 0)
  end)
end)
