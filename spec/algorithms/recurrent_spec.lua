--- A policy with a memory. A whole update of a2c against a2c's equations over a gated recurrent unit in plain numbers: the states
--- are those that a host's streams come to, the gradients are differences.

local drive = require "support.drive"
local environment = require "perilune.trainer.environment"
local off_policy = require "support.off_policy"
local prl = require "perilune"
local recipes = require "support.recipes"

local contents, outputs, padded, HIDDEN = off_policy.contents, off_policy.outputs, off_policy.padded, off_policy.HIDDEN
local popart, descended, near = off_policy.popart, off_policy.descended, off_policy.near
local STREAMS, ROLLOUT, STRETCH, WIDTH, CHOICES = 3, 11, 4, 2, 3 -- `outputs` takes two inputs
local GAMMA, WEIGHT, LAMBDA = {fast = 0.6, slow = 0.9}, {fast = 2, slow = -0.5}, 0.8
local LR, CRITIC_LR, ENTROPY = 0.3, 0.2, 0.05

local RECIPE = ([[return {
  env = {"host", observation = {"x", "y"}, action = {"discrete", go = {"left", "stay", "right"}}, responses = {
    a = {unit = "", missing = 0, combine = "sum"}, b = {unit = "", missing = 0, combine = "sum"}}},
  objective = {critics = {
    fast = {reward = function(r) return r.a end, gamma = %g, weight = %g},
    slow = {reward = function(r) return r.b - r.a end, gamma = %g, weight = %g, scale = 2},
  }},
  policy = {hidden = {%d}, activation = "tanh", last_gain = 1, memory = {"gru", %d, stretch = %d}},
  algorithm = {"a2c", rollout = %d, lambda = %g, lr = %g, critic_lr = %g, entropy = %g, max_norm = 1e9, optimizer = {"sgd"}},
  agent = {streams = %d},
  train = {seed = 5},
}]]):format(GAMMA.fast, WEIGHT.fast, GAMMA.slow, WEIGHT.slow, HIDDEN, WIDTH, STRETCH, ROLLOUT, LAMBDA, LR, CRITIC_LR, ENTROPY, STREAMS)

-- ---- A host that remembers what it said ----

local function seen(number) return {math.sin(7 * number), math.cos(3 * number)} end

--- One step of every stream, each followed by its next observation or its end. Rows by stream: {x, action, a, b, ends, ahead}.
local function step(agent, world)
  local streams, observation = {}, {}
  for stream = 1, STREAMS do
    world.next[stream] = world.next[stream] or {x = seen(stream)}
    streams[stream], observation[stream] = stream, world.next[stream].x
  end
  local action, decisions = agent:act(streams, prl.tensor(observation))
  for stream = 1, STREAMS do
    world.count = world.count + 1
    local number, row = world.count, world.next[stream]
    local ahead = {x = seen(10 + number)}
    row.action, row.a, row.b = action:get(stream, 1), math.cos(number), 3 * math.sin(number * number)
    agent:feedback(decisions[stream], {a = row.a, b = row.b})
    if number % 7 == 0 then
      row.ends = "terminated"
      agent:finish(stream, "terminated")
    elseif number % 5 == 0 then
      row.ends, row.ahead = "truncated", {math.cos(number), 1}
      agent:finish(stream, "truncated", prl.tensor({row.ahead}))
    else
      row.ahead = ahead.x
      agent:observe(stream, prl.tensor {ahead.x})
    end
    local list = world.rows[stream]
    list[#list + 1], world.next[stream] = row, ahead
  end
end

-- ---- An update in plain numbers ----

local function sigmoid(x) return 1 / (1 + math.exp(-x)) end

--- The unit, from its numbers as they stand in the file: bias, input.bias, input.weight, weight.
local function unit(numbers, x, h)
  local size = padded(3 * WIDTH)
  local weight, out = 2 * size + padded(2 * 3 * WIDTH), {}
  local function gate(k) -- what the input gives, and the state
    local from, by = numbers[size + k], numbers[k]
    for i = 1, 2 do from = from + x[i] * numbers[2 * size + (i - 1) * 3 * WIDTH + k] end
    for i = 1, WIDTH do by = by + h[i] * numbers[weight + (i - 1) * 3 * WIDTH + k] end
    return from, by
  end
  for k = 1, WIDTH do
    local xr, hr = gate(k)
    local xz, hz = gate(WIDTH + k)
    local xc, hc = gate(2 * WIDTH + k)
    local z, c = sigmoid(xz + hz), math.tanh(xc + sigmoid(xr + hr) * hc)
    out[k] = (1 - z) * c + z * h[k]
  end
  return out
end

local critics = {fast = 0, slow = 1}

--- The state that acting had before each row, by the parameters in force then; and the state after it.
local function remember(world, file)
  for stream = 1, STREAMS do
    local rows = world.rows[stream]
    for i, row in ipairs(rows) do
      if not row.after then
        local before = rows[i - 1]
        row.state = before and not before.ends and before.after or {0, 0}
        row.after = unit(file["params.memory"], row.x, row.state)
      end
    end
  end
end

--- The rows of the last rollout, by stream and step; `start` where a stretch begins.
local function batch(world)
  local rows = {}
  for stream = 1, STREAMS do
    local all, length = world.rows[stream], 0
    for i = #all - ROLLOUT + 1, #all do
      local first = i == #all - ROLLOUT + 1 or all[i - 1].ends or length == STRETCH
      length = first and 1 or length + 1
      all[i].start, all[i].last = first and true or false, i == #all or all[i].ends ~= nil
      rows[#rows + 1] = all[i]
    end
  end
  return rows
end

--- Advantages and returns, by critic, from values at the states of then.
local function estimate(rows, before)
  for name, i in pairs(critics) do
    local mean, std = popart(before, i)
    local function value(x, state)
      return outputs(before["params.critic/" .. name], unit(before["params.memory"], x, state), 1)[1] * std + mean
    end
    local ahead
    for k = #rows, 1, -1 do
      local row = rows[k]
      local reward, gamma = name == "fast" and row.a or (row.b - row.a) / 2, row.ends == "terminated" and 0 or GAMMA[name]
      local own = value(row.x, row.state)
      local delta = reward + gamma * (row.ahead and value(row.ahead, row.after) or 0) - own
      ahead = delta + (row.last and 0 or gamma * LAMBDA * ahead)
      row.returns = row.returns or {}
      row.returns[name] = (ahead + own - mean) / std
      row.advantage = (row.advantage or 0) + WEIGHT[name] * ahead
    end
  end
  local sum, squares = 0, 0
  for _, row in ipairs(rows) do sum, squares = sum + row.advantage, squares + row.advantage ^ 2 end
  local mean = sum / #rows
  for _, row in ipairs(rows) do row.advantage = (row.advantage - mean) / math.sqrt(squares / #rows - mean ^ 2) end
end

--- What the update minimises, of the numbers of every set.
local function loss(rows, sets)
  local sum, h = 0, nil
  for _, row in ipairs(rows) do
    h = unit(sets["params.memory"], row.x, row.start and row.state or h)
    local out, total, entropy = outputs(sets["params.policy"], h, CHOICES), 0, 0
    for i = 1, CHOICES do total = total + math.exp(out[i]) end
    for i = 1, CHOICES do
      local log_prob = out[i] - math.log(total)
      entropy = entropy - math.exp(log_prob) * log_prob
      if i == row.action + 1 then sum = sum - log_prob * row.advantage end
    end
    sum = sum - ENTROPY * entropy
    for name in pairs(critics) do
      sum = sum + (outputs(sets["params.critic/" .. name], h, 1)[1] - row.returns[name]) ^ 2
    end
  end
  return sum / #rows
end

describe("an update of a2c through a memory", function()
  local folder
  setup(function() folder = recipes.folder() end)

  it("is that of its equations: two critics, ends of both kinds, stretches that begin in a stored state", function()
    local agent = prl.agent(prl.recipe.plan(assert(recipes.load(folder, RECIPE))))
    local world = {rows = {{}, {}, {}}, next = {}, count = 0}
    local function round()
      for _ = 1, ROLLOUT do step(agent, world) end
      remember(world, contents(agent)) -- nothing is learned yet
      local before, updates = contents(agent), agent:metrics().updates
      assert.equal(updates + 1, agent:learn().updates)
      return before, contents(agent)
    end
    for _ = 1, 3 do round() end -- PopArt has begun, and states have crossed updates
    local before, after = round()
    local rows, kinds, goes_on = batch(world), {}, 0
    for _, row in ipairs(rows) do
      kinds[row.ends or "goes on"] = true
      if row.start and row.state[1] ~= 0 then goes_on = goes_on + 1 end
    end
    for _, kind in ipairs {"terminated", "truncated", "goes on"} do assert.is_true(kinds[kind]) end -- or little is tested
    assert.is_true(goes_on >= 3)
    estimate(rows, before)
    local sets = {}
    for _, name in ipairs {"params.memory", "params.policy", "params.critic/fast", "params.critic/slow"} do sets[name] = before[name] end
    local function stepped(name, lr) return descended(sets[name], function() return loss(rows, sets) end, lr) end
    for _, name in ipairs {"params.memory", "params.policy"} do near(stepped(name, LR), after[name], before[name]) end
    for name, i in pairs(critics) do
      local set, mean, std = "params.critic/" .. name, popart(before, i)
      near(off_policy.rescaled(stepped(set, CRITIC_LR), mean, std, popart(after, i)), after[set], before[set])
    end
  end)
end)

describe("an update of sac through a memory", function()
  local folder
  setup(function() folder = recipes.folder() end)

  local ALPHA, CRITIC, MINIBATCH, WEIGHT_OF_WIN = 0.5, 0.1, 24, 2
  local SAC = [[return {
    env = {"host", observation = {"x", "y"}, action = {"continuous", aim = {-1, 3}}, responses = {a = {}, b = {}}},
    objective = {critics = {win = {reward = function(r) return r.a + r.b end, gamma = 0.9, weight = %g}}},
    policy = {hidden = {%d}, activation = "tanh", memory = {"gru", %d, stretch = %d}},
    algorithm = {"sac", rollout = 7, memory = 150, start = 0, minibatch = %d, updates = 0.0476190477, alpha = %g, lr = 0.1, alpha_lr = 0,
      critic_lr = %g, tau = 0, entropy_gamma = 0.8, optimizer = {"sgd"}},
    agent = {streams = %d},
    train = {seed = 5},
  }]]

  --- The drawn rows, from the agent's file alone: {x, state, action, reward, noise, start, ahead = {x, state}, last}.
  local function drawn(file)
    local function seen_at(place)
      local at, numbers = place * 4, file["memory.observation"]
      return {x = {numbers[at + 1], numbers[at + 2]}, state = {numbers[at + 3], numbers[at + 4]}}
    end
    local rows, length = {}, 0
    for k, place in ipairs(file["draw.place"]) do
      local row, following = seen_at(place), file["memory.next"][place + 1]
      row.action = file["memory.action"][place + 1]
      row.reward = file["memory.response"][2 * place + 1] + file["memory.response"][2 * place + 2]
      row.noise, row.start = file["draw.next_noise"][k], length == 0
      row.ahead = following >= 0 and seen_at(following) or nil
      local goes_on = following >= 0 and file["memory.kind"][following + 1] % 256 == 1
      length = goes_on and length + 1 < STRETCH and length + 1 or 0
      rows[k] = row
    end
    return rows
  end

  --- What a sampled action is at the features h, and its log-density.
  local function act(numbers, h, noise)
    local out = outputs(numbers, h, 2)
    local log_std = math.max(-5, math.min(2, out[2]))
    local u = out[1] + math.exp(log_std) * noise
    local log_prob = -0.5 * noise ^ 2 - log_std - 0.5 * math.log(2 * math.pi) - math.log(1 - math.tanh(u) ^ 2) - math.log(2)
    return 1 + 2 * math.tanh(u), log_prob
  end

  local function goals(rows, before)
    for _, row in ipairs(rows) do
      row.goal = {row.reward, 0}
      if row.ahead then
        local h = unit(before["params.memory"], row.ahead.x, row.ahead.state)
        local action, log_prob = act(before["params.actor"], h, row.noise)
        local best
        for i = 1, 2 do
          local q = outputs(before["params.target/twin_" .. i], {h[1], h[2], action}, 2)
          q.total = WEIGHT_OF_WIN * q[1] + ALPHA * q[2]
          if not best or q.total < best.total then best = q end
        end
        row.goal = {row.reward + 0.9 * best[1], 0.8 * (best[2] - log_prob)}
      end
    end
  end

  it("is that of its equations: the values' loss moves it, and the actor's does not", function()
    local text = SAC:format(WEIGHT_OF_WIN, HIDDEN, WIDTH, STRETCH, MINIBATCH, ALPHA, CRITIC, STREAMS)
    local agent = prl.agent(prl.recipe.plan(assert(recipes.load(folder, text))))
    local world, before = {rows = {{}, {}, {}}, next = {}, count = 0}, nil
    for _ = 1, 5 do
      for _ = 1, 7 do step(agent, world) end
      before = contents(agent)
      for _, name in ipairs {"memory", "actor", "twin_1", "twin_2", "target/twin_1", "target/twin_2"} do
        assert(before["params." .. name]) -- read before it is learned
      end
      agent:learn()
    end
    assert.equal(5, agent:metrics().updates)
    local after = contents(agent)
    local rows, sets, starts = drawn(after), {}, 0
    for _, row in ipairs(rows) do starts = starts + (row.start and row.state[1] ~= 0 and 1 or 0) end
    assert.is_true(starts > 2)
    goals(rows, before)
    for _, name in ipairs {"params.memory", "params.twin_1", "params.twin_2"} do sets[name] = before[name] end
    local function values_loss()
      local sum, h = 0, nil
      for _, row in ipairs(rows) do
        h = unit(sets["params.memory"], row.x, row.start and row.state or h)
        for i = 1, 2 do
          local q = outputs(sets["params.twin_" .. i], {h[1], h[2], row.action}, 2)
          sum = sum + (q[1] - row.goal[1]) ^ 2 + (q[2] - row.goal[2]) ^ 2
        end
      end
      return sum / #rows
    end
    for name in pairs(sets) do near(descended(sets[name], values_loss, CRITIC), after[name], before[name]) end
    local moved = 0
    for i, number in ipairs(after["params.actor"]) do moved = math.max(moved, math.abs(number - before["params.actor"][i])) end
    assert.is_true(moved > 1e-4)
  end)
end)

describe("a policy's memory", function()
  local folder
  setup(function()
    folder = recipes.folder()
    recipes.write(folder, "recall.lua", assert(prl.io.read("examples/recall/recall.lua")))
  end)

  local RECALL = [[return {
    env = {lua = "./recall.lua", n = 8, delay = 4},
    objective = {critics = {right = {reward = function(r) return r.right end, gamma = 0.95}}},
    policy = {hidden = {16}, memory = %s},
    algorithm = {%s},
    train = {steps = 1e5},
  }]]
  local GRU, PPO = '{"gru", 8, stretch = 5}', '"ppo", rollout = 33, minibatch = 67, epochs = 2, lr = 5e-3, critic_lr = 5e-3'

  local function load(memory, algorithm)
    return assert(recipes.load(folder, RECALL:format(memory, algorithm), {trust = true}))
  end
  local function env_of(loaded, seed) return assert(environment.make(loaded.env, 8, seed or 1)) end
  local function make(memory, algorithm)
    local loaded = load(memory, algorithm)
    return prl.agent(prl.recipe.plan(loaded)), env_of(loaded), loaded
  end
  --- The share of the episodes of which the agent recalls the cue.
  local function recalls(agent, loaded)
    local sum = 0
    for _, row in ipairs(agent:evaluate(env_of(loaded, 9), 64):totable()) do sum = sum + row[1] end
    return sum / 64
  end

  it("#figure solves by ppo what nothing else solves, from a file, too", function()
    local agent, env, loaded = make(GRU, PPO)
    agent:drive(env, 4e4)
    assert.equal(1, recalls(agent, loaded))
    local path = folder .. "agent.safetensors"
    assert(agent:save(path))
    assert.equal(1, recalls(assert(prl.load_agent(path)), loaded))
    agent, env, loaded = make("false", PPO)
    agent:drive(env, 4e4)
    assert.near(0.5, recalls(agent, loaded), 0.2)
  end)

  it("#figure solves it by a2c", function()
    local agent, env, loaded = make(GRU, '"a2c", rollout = 16, lr = 3e-3, critic_lr = 3e-3')
    agent:drive(env, 6e4)
    assert.equal(1, recalls(agent, loaded))
  end)

  it("#figure solves it by a2c from a replay memory", function()
    local agent, env, loaded = make(GRU, '"a2c", correction = {"vtrace"}, memory = 5000, rollout = 8, updates = 0.25, lr = 3e-3, '
      .. "critic_lr = 3e-3")
    agent:drive(env, 5e4)
    assert.equal(1, recalls(agent, loaded))
  end)

  it("is trained through the states that acting had: without a step nothing moves", function()
    local agent, env = make(GRU, PPO:gsub("5e%-3", "0"))
    agent:drive(env, 3000)
    local metrics = agent:metrics()
    assert.equal(11, metrics.updates)
    assert.equal(0, metrics.approx_kl) -- of minibatches of whole stretches, in the same bytes
    assert.equal(0, metrics.clip_fraction)
  end)

  it("goes on from a file, byte for byte", function()
    local path = folder .. "agent.safetensors"
    local memory = '"a2c", rollout = 7, correction = {"vtrace"}, memory = 500, start = 64, minibatch = 33'
    for _, algorithm in ipairs {PPO, '"a2c", rollout = 7', memory} do
      local agent, env, loaded = make(GRU, algorithm)
      local straight = drive.updates(agent, env, 9)
      agent, env = make(GRU, algorithm)
      drive.updates(agent, env, 4)
      agent:drive(env, 24) -- in the middle of episodes and of a rollout
      assert(agent:save(path, env))
      agent, env = assert(prl.load_agent(path)), env_of(loaded)
      assert(agent:load_env(path, env))
      for i, line in ipairs(drive.updates(agent, env, 5)) do assert.equal(straight[4 + i], line) end
    end
  end)

  it("goes on from a file by sac, too", function()
    local path = folder .. "agent.safetensors"
    local loaded = assert(recipes.load(folder, [[return {env = {"pendulum", n = 2}, objective = {critics = {reward = {}}},
      policy = {hidden = {8}, observes = {hide = {"angular_*"}}, memory = {"gru", 4, stretch = 6}, normalise = 5},
      algorithm = {"sac", memory = 500, start = 50, minibatch = 20, rollout = 9, updates = 0.2}, train = {steps = 1000}}]]))
    local function begun() return prl.agent(prl.recipe.plan(loaded)), prl.env("pendulum", {n = 2, seed = 1}) end
    local agent, env = begun()
    local straight = drive.updates(agent, env, 12)
    agent, env = begun()
    drive.updates(agent, env, 7)
    assert(agent:save(path, env))
    agent, env = assert(prl.load_agent(path)), prl.env("pendulum", {n = 2, seed = 1})
    assert(agent:load_env(path, env))
    for i, line in ipairs(drive.updates(agent, env, 5)) do assert.equal(straight[7 + i], line) end
  end)

  it("goes on from a file inside of an update", function()
    local loaded = assert(recipes.load(folder, (RECIPE:gsub('"a2c"', '"ppo", minibatch = 8'))))
    local function lived()
      local agent, world = prl.agent(prl.recipe.plan(loaded)), {rows = {{}, {}, {}}, next = {}, count = 0}
      for _ = 1, ROLLOUT do step(agent, world) end
      return agent
    end
    local path, straight, agent, inside = folder .. "agent.safetensors", lived(), lived(), 0
    straight:learn()
    for _ = 1, 100 do -- an unfinished program begins again, so that there must be some that are finished
      agent:learn(20)
      assert(agent:save(path))
      local _, metadata = assert(prl.io.safetensors_read(path))
      inside = inside + (metadata.verb == "run" and 1 or 0)
      agent = assert(prl.load_agent(path))
    end
    assert.is_true(inside > 0)
    agent:learn()
    assert.equal(1, agent:metrics().updates)
    for _, name in ipairs {"params.memory", "params.policy", "experience.memory"} do
      assert.same(contents(straight)[name], contents(agent)[name])
    end
  end)

  --- A host's agent whose mean action follows from the state.
  local function hosted()
    return prl.agent(prl.recipe.plan(assert(recipes.load(folder, [[return {
      env = {"host", observation = {"x"}, action = {"continuous", aim = {-1, 1}}, responses = {hit = {}}},
      objective = {critics = {hit = {}}},
      policy = {hidden = {8}, memory = {"gru", 4}, last_gain = 1},
      algorithm = {"ppo", rollout = 8, minibatch = 64},
      agent = {streams = 4, rows = 40},
    }]]))))
  end
  local function mean(agent, streams, rows, record)
    return agent:act(streams, prl.tensor(rows), "mean", record or false):totable()
  end

  it("is of a stream's episode, whatever other rows come along", function()
    local agent, alone = hosted(), hosted()
    local first = mean(agent, {1}, {{0.5}})
    for i = 1, 5 do
      local x = math.sin(i)
      local together = mean(agent, {3, 1, 2}, {{0.1 * i}, {x}, {-x}}, true)
      assert.same(together[2], mean(alone, {1}, {{x}}, true)[1])
    end
    local later = mean(agent, {1}, {{0.5}})
    assert.not_same(first, later)
    assert.same(later, mean(agent, {1}, {{0.5}})) -- what is not recorded moves nothing on
    assert.same(first, mean(agent, {9}, {{0.5}})) -- a stream that nobody knows
    agent:finish(1, "terminated")
    assert.same(first, mean(agent, {1}, {{0.5}})) -- the next episode
    assert.not_same(later, mean(agent, {2}, {{0.5}}))
  end)

  it("goes on where steps are not recorded for want of room, and is empty where a stream has no place", function()
    local agent, reference = hosted(), hosted()
    for i = 1, 60 do
      local found = mean(agent, {1, 2}, {{math.sin(i)}, {1}}, true)[1]
      assert.same(mean(reference, {1}, {{math.sin(i)}}, true)[1], found)
    end
    assert.is_true(agent:metrics().dropped_steps > 0 and reference:metrics().dropped_steps > 0)
    local actions = mean(reference, {1, 2, 3, 4, 5}, {{0}, {0.5}, {0.5}, {0.5}, {0.5}}, true)
    assert.same(actions[2], actions[5])
    for i = 1, 3 do actions = mean(reference, {2, 3, 4, 1, 5}, {{i}, {i}, {i}, {i}, {0.5}}, true) end
    assert.same(mean(hosted(), {7}, {{0.5}})[1], actions[5])
  end)

  it("has densities of rows in their order alone", function()
    local agent = hosted()
    local ok, message = pcall(agent.log_prob, agent, prl.zeros(1, 1), prl.zeros(1, 1))
    assert.is_false(ok)
    assert.truthy(tostring(message):find("the policy has a memory (policy.memory): densities depend on what was observed before", 1, true))
    ok, message = pcall(agent.values, agent, prl.zeros(1, 1))
    assert.is_false(ok)
    assert.truthy(tostring(message):find("the policy has a memory (policy.memory): values depend on what was observed before", 1, true))
  end)

  it("stays in a swap, and another width is refused", function()
    local agent, env, loaded = make(GRU, PPO)
    agent:drive(env, 1000)
    local before = contents(agent)["experience.memory"]
    agent:swap(prl.recipe.plan(load('{"gru", 8, stretch = 7}', PPO:gsub("epochs = 2", "epochs = 1"))))
    assert.same(before, contents(agent)["experience.memory"])
    agent:drive(env, 1000)
    assert.equal(2000, agent:metrics().steps)
    for _, memory in ipairs {'{"gru", 9}', "false"} do
      local ok, message = pcall(agent.swap, agent, prl.recipe.plan(load(memory, PPO)))
      assert.is_false(ok)
      assert.truthy(tostring(message):find("swap: policy.memory: its width is", 1, true), message)
    end
    assert.is_true(recalls(agent, loaded) > 0)
  end)

  it("begins at that of a run, and has no copy to stay near, nor rows to be cloned by", function()
    local path = folder .. "begun.safetensors"
    local agent, env = make(GRU, PPO)
    agent:drive(env, 1000)
    assert(agent:save(path))
    local function recipe(memory, algorithm) return load(memory .. (', start = "%s"'):format(path), algorithm) end
    local begun = prl.agent(prl.recipe.plan(recipe(GRU, PPO)))
    for _, set in ipairs {"params.memory", "params.policy"} do assert.same(contents(agent)[set], contents(begun)[set]) end
    local function refused(sentence, fn, ...)
      local ok, message = pcall(fn, ...)
      assert.is_false(ok)
      assert.truthy(tostring(message):find(sentence, 1, true), message)
    end
    refused("and here it is not given", recipe, "nil", PPO)
    refused("algorithm.trust: this compares the policy with a copy of its start, and that of policy.memory is not kept", recipe, GRU,
      PPO .. ', trust = {"penalty"}')
    refused("has a memory, policy.memory, and no state of one comes with these rows", load, "nil", ('"bc", from = "%s"'):format(path))
  end)

  it("serves a control group, and users who are judged by day", function()
    local path = folder .. "served.safetensors"
    local feed = [[return {env = {"shortvideo", n = 16}, policy = {hidden = {8}, memory = {"gru", 6}, last_gain = 1},
      objective = {critics = {watch = {reward = function(r) return r.watch_time end}}}, algorithm = {"a2c", rollout = 4},
      agent = {%s}, train = {steps = 1000}}]]
    local function made(more)
      local loaded = assert(recipes.load(folder, feed:format(more)))
      return prl.agent(prl.recipe.plan(loaded)), assert(environment.make(loaded.env, 16, 1, loaded.env.twins))
    end
    local first, env = made ""
    first:drive(env, 2000)
    assert(first:save(path))
    local agent, twins = made(('baseline = {policy = "%s", traffic = 0.5}'):format(path))
    drive.updates(agent, twins, 4)
    local states = contents(agent)["control.experience.memory"]
    local moved = 0
    for _, number in ipairs(states) do moved = moved + math.abs(number) end
    assert.is_true(moved > 0.1)
    local function panel(threads)
      return assert(prl.panel("shortvideo", nil, {agent = path, users = 40, days = 1, threads = threads, seed = 3})):totable()
    end
    assert.same(panel(1), panel(2)) -- whichever instances and threads the users came to
  end)

  it("leaves no trace in a recipe without one, and is checked", function()
    assert.equal(load("nil", PPO).hash, load("false", PPO).hash)
    assert.equal(load('{"gru", 8}', PPO).hash, load('{"gru", 8, stretch = 32}', PPO).hash)
    local function refused(memory, algorithm, sentence)
      local loaded, message = recipes.load(folder, RECALL:format(memory, algorithm), {trust = true})
      assert.is_nil(loaded)
      assert.truthy(message:find(sentence, 1, true), message)
    end
    refused(GRU, '"dqn"', 'policy.memory: dqn does not train the memory of a policy, here {"gru", 8}; a2c, a3c, ppo and sac do')
    refused(GRU, '"cem"', 'policy.memory: cem does not train the memory of a policy, here {"gru", 8}; a2c, a3c, ppo and sac do')
    refused(GRU, '"ppo", minibatch = 4', "algorithm.minibatch: a minibatch holds whole stretches of policy.memory, which have up "
      .. "to 5 steps; expected at least as many, got 4")
    local steps = 'algorithm.steps: a policy\'s memory is learned from rows that follow each other by one step'
    local _, message = recipes.load(folder, [[return {env = {"pendulum"}, policy = {memory = {"gru", 8}},
      algorithm = {"sac", steps = 3}}]])
    assert.truthy(message:find(steps, 1, true), message)
    refused('{"lstm", 8}', PPO, 'policy.memory: expected one of gru, got "lstm"')
    refused('{"gru"}', PPO, "policy.memory: expected a whole number from 1 to 65536 of units, got nil")
    refused('{"gru", 2.5}', PPO, "policy.memory: expected a whole number from 1 to 65536 of units, got 2.5")
    refused('{"gru", 8, stretch = 0}', PPO, "policy.memory.stretch: expected a whole number from 1 to 1048576 of steps, got 0")
    refused('{"gru", 8, length = 9}', PPO, "policy.memory.length: unknown key")
    refused("64", PPO, 'policy.memory: expected a unit and its width, as in {"gru", 64}, or false, got 64')
  end)
end)
