--- Random network distillation (Burda et al. 2018). A whole update of a2c against plain numbers: networks, statistics and the
--- parameters before it are read from the agent's file, all else is worked out here from what the host told the agent.

local off_policy = require "support.off_policy"
local on_policy = require "support.on_policy"
local prl = require "perilune"
local recipes = require "support.recipes"

local contents, outputs, padded, HIDDEN = off_policy.contents, off_policy.outputs, off_policy.padded, off_policy.HIDDEN
local descended, rescaled, near = off_policy.descended, off_policy.rescaled, off_policy.near
local step, round, mean_of, policy_loss = on_policy.step, on_policy.round, on_policy.mean_of, on_policy.policy_loss
local STREAMS, ROLLOUT, LAMBDA, ENTROPY = off_policy.STREAMS, on_policy.ROLLOUT, 0.8, 0.05
local LR, CRITIC_LR, PREDICTOR_LR, OUTPUTS, CLIP = 0.3, 0.2, 0.02, 2, 1.5
local critics = {goal = {place = 0, gamma = 0.6, weight = 0.5}, novelty = {place = 1, gamma = 0.9, weight = 2}}

local RECIPE = [[return {
  env = {"host", observation = {"row", "x"}, influenced = {"x"}, action = {"discrete", go = {"left", "stay", "right"}},
    responses = {a = {}}},
  objective = {critics = {goal = {reward = function(r) return r.a end, gamma = %g, weight = %g}}},
  policy = {hidden = {%d}, activation = "tanh", last_gain = 1},
  algorithm = {"a2c", rollout = %d, lambda = %g, lr = %g, critic_lr = %g, entropy = %g, max_norm = 1e9, optimizer = {"sgd"},
    exploration = {"rnd", observes = {"x", "row"}, hidden = {%d}, outputs = %d, clip = %g, gamma = %g, weight = %g, lr = %g}},
  agent = {streams = %d},
  train = {seed = 5},
}]]

local function text()
  return RECIPE:format(critics.goal.gamma, critics.goal.weight, HIDDEN, ROLLOUT, LAMBDA, LR, CRITIC_LR, ENTROPY, HIDDEN, OUTPUTS, CLIP,
    critics.novelty.gamma, critics.novelty.weight, PREDICTOR_LR, STREAMS)
end

-- ---- An update in plain numbers ----

local function popart(file, name)
  local numbers = file[("critic.%d.popart"):format(critics[name].place)]
  return numbers[4], numbers[5]
end

--- Mean and deviation of what was counted before and of these rows together.
local function statistics(file, prefix, rows, column, of)
  local count, mean, m2 = file[prefix .. ".count"][1], file[prefix .. ".mean"][column], file[prefix .. ".m2"][column]
  local sum, squares = count * mean, m2 + count * mean ^ 2
  for _, row in ipairs(rows) do sum, squares = sum + of(row), squares + of(row) ^ 2 end
  count = count + #rows
  return sum / count, math.sqrt(squares / count - (sum / count) ^ 2)
end

--- A network with one hidden layer of rectified units over two inputs.
local function network(numbers, x)
  local first = padded(HIDDEN)
  local bias = first + padded(2 * HIDDEN)
  local second, out = bias + padded(OUTPUTS), {}
  for o = 1, OUTPUTS do
    out[o] = numbers[bias + o]
    for h = 1, HIDDEN do
      local inner = math.max(0, numbers[h] + x[1] * numbers[first + h] + x[2] * numbers[first + HIDDEN + h])
      out[o] = out[o] + inner * numbers[second + (h - 1) * OUTPUTS + o]
    end
  end
  return out
end

local function novelty(predictor, random, x)
  local sum, f, fixed = 0, network(predictor, x), network(random, x)
  for o = 1, OUTPUTS do sum = sum + (f[o] - fixed[o]) ^ 2 end
  return sum
end

--- Where each row arrived, normalised; its novelty, and its reward from it. Sums of novelty run on by stream.
local function make_novelty(rows, before)
  for column, at in ipairs {2, 1} do -- observes = {"x", "row"}
    local mean, std = statistics(before, "novelty.inputs", rows, column, function(row) return row.arrival[at] end)
    for _, row in ipairs(rows) do
      row.seen = row.seen or {}
      row.seen[column] = math.max(-CLIP, math.min(CLIP, (row.arrival[at] - mean) / std))
    end
  end
  local sums = {unpack(before["novelty.sum"])}
  for _, row in ipairs(rows) do
    row.novelty = novelty(before["params.predictor"], before["params.random"], row.seen)
    sums[row.stream] = critics.novelty.gamma * sums[row.stream] + row.novelty
    row.sum = sums[row.stream]
  end
  local _, scale = statistics(before, "novelty.returns", rows, 1, function(row) return row.sum end)
  for _, row in ipairs(rows) do row.reward = {goal = row.a, novelty = row.novelty / scale} end
  return scale
end

--- Generalised advantages, as sums over what follows: that of novelty goes on into the next episode of the stream.
local function targets(rows, before)
  for name, critic in pairs(critics) do
    local mean, std = popart(before, name)
    local function value(x) return outputs(before["params.critic/" .. name], x, 1)[1] * std + mean end
    for k = #rows, 1, -1 do
      local row, next_row = rows[k], rows[k + 1]
      local follows = next_row and next_row.stream == row.stream and (not row.ends or name == "novelty")
      local ahead = follows and value(next_row.x) or value(row.arrival)
      if row.ends and row.ends ~= "truncated" and name ~= "novelty" then ahead = 0 end
      row.delta = row.delta or {}
      row.delta[name] = {error = row.reward[name] + critic.gamma * ahead - value(row.x), follows = follows}
      local later = follows and rows[k + 1].delta[name].advantage or 0
      row.delta[name].advantage = row.delta[name].error + critic.gamma * LAMBDA * later
      row.delta[name].returns = row.delta[name].advantage + value(row.x)
    end
  end
  on_policy.weigh(rows, critics)
end

describe("an update of a2c with rnd", function()
  local folder
  setup(function() folder = recipes.folder() end)

  it("is that of Burda et al.: novelty before the predictor learns, over its running deviation, with returns over all ends", function()
    local agent, world = prl.agent(prl.recipe.plan(assert(recipes.load(folder, text())))), on_policy.new_world()
    round(agent, world, 5)
    local before = contents(agent)
    local rows, seen = round(agent, world, 6), {}
    local after, metrics = contents(agent), agent:metrics()
    local scale = make_novelty(rows, before)
    targets(rows, before)
    local over = 0 -- ends within a stream's rows, over which the return of novelty goes on
    for k, row in ipairs(rows) do
      seen[row.ends or "goes on"] = true
      if row.ends and rows[k + 1] and rows[k + 1].stream == row.stream then over = over + 1 end
    end
    assert.is_true(over > 5, over)
    for _, kind in ipairs {"goes on", "told", "untold", "truncated"} do assert.is_true(seen[kind], kind) end
    assert.near(mean_of(rows, function(row) return row.novelty end), metrics.novelty, 1e-4)
    assert.near(metrics.novelty, metrics.predictor_loss, 1e-5) -- of the same rows by the same parameters
    assert.near(scale, metrics.novelty_scale, 1e-4)
    near(descended(before["params.policy"], function(numbers) return policy_loss(rows, numbers, ENTROPY) end, LR),
      after["params.policy"], before["params.policy"])
    for name in pairs(critics) do
      local mean, std = popart(before, name)
      local function loss(numbers)
        return mean_of(rows, function(row)
          return (outputs(numbers, row.x, 1)[1] - (row.delta[name].returns - mean) / std) ^ 2
        end)
      end
      local numbers = before["params.critic/" .. name]
      assert.near(loss(numbers), metrics["value_loss/" .. name], 1e-4)
      near(rescaled(descended(numbers, loss, CRITIC_LR), mean, std, popart(after, name)), after["params.critic/" .. name], numbers)
    end
    local random = before["params.random"]
    near(descended(before["params.predictor"], function(numbers)
      return mean_of(rows, function(row) return novelty(numbers, random, row.seen) end)
    end, PREDICTOR_LR), after["params.predictor"], before["params.predictor"])
    assert.same(random, after["params.random"])
    local last = {}
    for _, row in ipairs(rows) do last[row.stream] = row.sum end
    for stream = 1, STREAMS do assert.near(last[stream], after["novelty.sum"][stream], 1e-3) end
  end)
end)

describe("novelty", function()
  local folder
  setup(function() folder = recipes.folder() end)

  local PLACES = [[return {
    env = {"host", observation = {"a", "b", "c", "d"}, influenced = {"a", "b", "c", "d"}, action = {"discrete", go = {"left", "right"}},
      responses = {reward = {}}},
    algorithm = {"ppo", rollout = 64, minibatch = 16, exploration = {"rnd", lr = 1e-3}},
    agent = {streams = 1},
    train = {seed = %d},
  }]]

  --- Place k of four, as an observation.
  local function at(k)
    local row = {0, 0, 0, 0}
    row[k] = 1
    return row
  end

  --- Its novelty by the numbers of the agent's file.
  local function known(file, k)
    local x = {}
    for column, value in ipairs(at(k)) do
      x[column] = math.max(-5, math.min(5, (value - file["novelty.inputs.shift"][column]) * file["novelty.inputs.scale"][column]))
    end
    local function run(set)
      local tensors, sum = {}, 0
      for _, layer in ipairs {{4, 64}, {64, 64}, {64, 32}} do
        local bias, weight = {}, {}
        for o = 1, layer[2] do bias[o] = file["params." .. set][sum + o] end
        sum = sum + padded(layer[2])
        for i = 1, layer[1] * layer[2] do weight[i] = file["params." .. set][sum + i] end
        sum = sum + padded(layer[1] * layer[2])
        tensors[#tensors + 1] = {prl.tensor(weight):reshape(layer[1], layer[2]), prl.tensor(bias)}
      end
      local y = prl.tensor({x})
      for i, layer in ipairs(tensors) do y = prl.linear(y, layer[1], layer[2], i < 3 and "relu" or "identity") end
      return y
    end
    return (run "predictor" - run "random"):square():sum():item()
  end

  it("falls with the number of visits", function()
    for seed = 1, 3 do
      local agent = prl.agent(prl.recipe.plan(assert(recipes.load(folder, PLACES:format(seed)))))
      local i = 0
      while agent:learn().updates < 12 do -- of 64 steps 48 are at the first place, then 12, 3 and 1
        local turn = i % 64
        local place = turn < 48 and 1 or turn < 60 and 2 or turn < 63 and 3 or 4
        local _, decisions = agent:act(1, prl.tensor({at(place)}))
        agent:feedback(decisions[1], {reward = 0})
        i = i + 1
      end
      local file, found = contents(agent), {}
      for k = 1, 4 do found[k] = known(file, k) end
      assert.is_true(found[1] < found[2] and found[2] < found[3] and found[3] < found[4], table.concat(found, " "))
    end
  end)
end)

describe("an agent with rnd", function()
  local folder
  setup(function() folder = recipes.folder() end)

  local function same(agent, other)
    assert.equal(prl.to_json(agent:metrics()), prl.to_json(other:metrics()))
    local ours, others = contents(agent), contents(other)
    for _, name in ipairs {"params.policy", "params.critic/novelty", "params.predictor", "novelty.sum", "novelty.inputs.m2",
      "novelty.returns.m2"} do
      assert.same(ours[name], others[name])
    end
  end

  it("goes on byte for byte where it was saved, also inside of an update", function()
    local path = folder .. "agent"
    for _, algorithm in ipairs {text(), (text():gsub('"a2c"', '"ppo", minibatch = 16'))} do
      local loaded = assert(recipes.load(folder, algorithm))
      local agent, world = prl.agent(prl.recipe.plan(loaded)), on_policy.new_world()
      local other, world_2 = prl.agent(prl.recipe.plan(loaded)), on_policy.new_world()
      round(agent, world, 3)
      round(other, world_2, 3)
      local inside = 0
      for i = 1, 12 * ROLLOUT do
        step(agent, world)
        step(other, world_2)
        local told = other:learn(1e-9) -- a piece of an update, where there is one
        if agent:learn().updates > world.updates then
          for _ = 1, 13 * i % 40 do told = other:learn(1e-9) end
          inside = inside + (told.waiting and 0 or 1)
          assert(other:save(path))
          other = assert(prl.load_agent(path))
          other:learn()
          same(agent, other)
          world.updates = agent:metrics().updates
        end
      end
      assert.is_true(inside > 0, inside) -- how many pieces fit into a call is up to the machine
    end
  end)
end)

describe("an agent with rnd, asked", function()
  local folder
  setup(function() folder = recipes.folder() end)

  it("tells values and rewards of the objective's critics", function()
    local agent, world = prl.agent(prl.recipe.plan(assert(recipes.load(folder, text())))), on_policy.new_world()
    round(agent, world, 3)
    assert.same({"goal"}, (agent:critics()))
    assert.same({{2}, {-1}}, agent:rewards(prl.tensor {{2}, {-1}}):totable())
    local file, x = contents(agent), {{0.5, -1}, {0.1, 2}}
    local mean, std = popart(file, "goal")
    for i, row in ipairs(agent:values(prl.tensor(x)):totable()) do
      assert.near(outputs(file["params.critic/goal"], x[i], 1)[1] * std + mean, row[1], 1e-4)
      assert.is_nil(row[2])
    end
  end)
end)

describe("a recipe with rnd", function()
  local folder
  setup(function() folder = recipes.folder() end)

  local TEXT = [[return {
    env = %s,
    %s
    algorithm = {%s},
    train = {steps = 100},
  }]]
  local HOST = '{"host", observation = {"hp", "distance"}, action = {"discrete", go = {"left", "right"}}, responses = {reward = {}}%s}'

  local function refused(env, more, algorithm)
    local loaded, message = recipes.load(folder, TEXT:format(env, more, algorithm))
    assert.is_nil(loaded)
    return message
  end

  it("looks at what actions influence unless it says at what", function()
    local loaded = assert(recipes.load(folder, TEXT:format(HOST:format ', influenced = {"distance"}', "", '"ppo", exploration = "rnd"')))
    assert.same({"distance"}, prl.recipe.plan(loaded):document().novelty.observes)
    loaded = assert(recipes.load(folder, TEXT:format(HOST:format "", "", '"ppo", exploration = {"rnd", observes = {"hp"}}')))
    assert.same({"hp"}, prl.recipe.plan(loaded):document().novelty.observes)
  end)

  it("is refused where there is nothing to look at", function()
    local host = HOST:format ""
    assert.equal('x.lua:4: algorithm.exploration.observes.2: the env has no observation "distanze"; the nearest is "distance"',
      refused(host, "", '"ppo", exploration = {"rnd", observes = {"hp", "distanze"}}'))
    assert.equal("x.lua:4: algorithm.exploration: the env does not say which observations actions influence (`influenced`); observes = "
      .. "{…} names some of hp, distance", refused(host, "", '"a2c", exploration = {"rnd"}'))
    assert.equal("x.lua:4: algorithm.exploration.observes: expected at least one observation, got {}",
      refused(host, "", '"ppo", exploration = {"rnd", observes = {}}'))
    assert.equal('x.lua:2: env.influenced.1: there is no observation "hq"; the nearest is "hp"',
      refused(HOST:format ', influenced = {"hq"}', "", '"ppo"'))
  end)

  it("is refused with what it does not go with", function()
    assert.equal("x.lua:4: algorithm.exploration: rnd explores for steps that are learned from once, and algorithm.memory keeps them",
      refused('{"mountain_car"}', "", '"a2c", memory = 1e4, correction = {"vtrace"}, exploration = {"rnd"}'))
    assert.equal("x.lua:4: algorithm.exploration: rnd has a critic of its own, novelty, and the objective has one of that name",
      refused('{"mountain_car"}', "objective = {critics = {novelty = {reward = function(r) return r.reward end}}},",
        '"ppo", exploration = {"rnd"}'))
    assert.truthy(refused('{"mountain_car"}', "", '"dqn", exploration = {"rnd"}'):find("algorithm.exploration: unknown key", 1, true))
    assert.truthy(refused('{"mountain_car"}', "", '"ppo", exploration = {"rmd"}'):find('the nearest is "rnd"', 1, true))
  end)
end)
