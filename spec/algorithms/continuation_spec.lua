--- Returns without the luck of who went on. A whole update of a2c against plain numbers: the parameters before it are read from the
--- agent's file, all else is worked out here from what the host told the agent. What the model comes to in a world whose ends have
--- a known probability; what is refused. (Targets of sac and td3: update_rules_spec.lua; sums over the coin: spec/rl/returns_test.c.)

local drive = require "support.drive"
local off_policy = require "support.off_policy"
local on_policy = require "support.on_policy"
local prl = require "perilune"
local recipes = require "support.recipes"

local contents, outputs, HIDDEN = off_policy.contents, off_policy.outputs, off_policy.HIDDEN
local descended, rescaled, near = off_policy.descended, off_policy.rescaled, off_policy.near
local round, mean_of, policy_loss = on_policy.round, on_policy.mean_of, on_policy.policy_loss
local STREAMS, ROLLOUT, LAMBDA, ENTROPY = off_policy.STREAMS, on_policy.ROLLOUT, 0.8, 0.05
local LR, CRITIC_LR, MODEL_LR = 0.3, 0.2, 0.4
local critics = {far = {place = 0, gamma = 0.9, weight = 2, of = function(a) return a end},
  near = {place = 1, gamma = 0.5, weight = -0.5, of = function(a) return 1 - a end}}

local RECIPE = [[return {
  env = {"host", observation = {"row", "x"}, action = {"discrete", go = {"left", "stay", "right"}}, responses = {a = {}}},
  objective = {critics = {far = {gamma = %g, weight = %g}, near = {reward = function(r) return 1 - r.a end, gamma = %g, weight = %g}}},
  policy = {hidden = {%d}, activation = "tanh", last_gain = 1},
  algorithm = {"a2c", rollout = %d, lambda = %g, lr = %g, critic_lr = %g, entropy = %g, max_norm = 1e9, optimizer = {"sgd"},
    continuation = {"model", responses = {"a"}, hidden = {%d}, lr = %g}},
  agent = {streams = %d},
  train = {seed = 5},
}]]

local function text()
  return (RECIPE:format(critics.far.gamma, critics.far.weight, critics.near.gamma, critics.near.weight, HIDDEN, ROLLOUT, LAMBDA, LR,
    CRITIC_LR, ENTROPY, HIDDEN, MODEL_LR, STREAMS):gsub("far = {gamma", "far = {reward = function(r) return r.a end, gamma", 1))
end

-- ---- An update in plain numbers ----

local function popart(file, name)
  local numbers = file[("critic.%d.popart"):format(critics[name].place)]
  return numbers[4], numbers[5]
end

local function symlog(x) return x > 0 and math.log(1 + x) or -math.log(1 - x) end

--- c of a row, by the model's numbers.
local function probability(numbers, row)
  local seen = {row.x[1], row.x[2], 0, 0, 0, symlog(row.a)}
  seen[3 + row.action] = 1
  return 1 / (1 + math.exp(-outputs(numbers, seen, 1)[1]))
end

local function terminated(row) return row.ends == "told" or row.ends == "untold" end

--- Σ_l (γλ)^l δ_{t+l}, in which the coin of each step that is known counts by its probability, times the value of its state.
local function targets(rows, before)
  for name, critic in pairs(critics) do
    local mean, std = popart(before, name)
    local function value(x) return outputs(before["params.critic/" .. name], x, 1)[1] * std + mean end
    for k = #rows, 1, -1 do
      local row, next_row = rows[k], rows[k + 1]
      local follows = next_row and next_row.stream == row.stream and not row.ends
      local here, ahead = value(row.x), terminated(row) and 0 or value(follows and next_row.x or row.arrival)
      local luck = row.ends == "truncated" and 0 or (terminated(row) and 0 or 1) - probability(before["params.continuation"], row)
      local error = critic.of(row.a) + critic.gamma * ahead - here - critic.gamma * luck * here
      row.delta = row.delta or {}
      row.delta[name] = {advantage = error + (follows and critic.gamma * LAMBDA * next_row.delta[name].advantage or 0)}
      row.delta[name].returns = row.delta[name].advantage + here
    end
  end
  on_policy.weigh(rows, critics)
end

local function known(rows)
  local list = {}
  for _, row in ipairs(rows) do
    if row.ends ~= "truncated" then list[#list + 1] = row end
  end
  return list
end

local function cross_entropy(rows, numbers)
  return mean_of(known(rows), function(row)
    local c = probability(numbers, row)
    return -math.log(terminated(row) and 1 - c or c)
  end)
end

describe("an update of a2c with a model of who goes on", function()
  local folder = recipes.folder()

  it("takes the luck out by the model of before the update, and moves the model down its cross entropy", function()
    local agent, world = prl.agent(prl.recipe.plan(assert(recipes.load(folder, text())))), on_policy.new_world()
    round(agent, world, 5)
    local before = contents(agent)
    local rows = round(agent, world, 6)
    local after, metrics = contents(agent), agent:metrics()
    targets(rows, before)
    local kinds = {}
    for _, row in ipairs(rows) do kinds[row.ends or "goes on"] = true end
    for _, kind in ipairs {"goes on", "told", "untold", "truncated"} do assert.is_true(kinds[kind], kind) end

    near(descended(before["params.policy"], function(numbers) return policy_loss(rows, numbers, ENTROPY) end, LR),
      after["params.policy"], before["params.policy"])
    for name in pairs(critics) do
      local mean, std = popart(before, name)
      local numbers = before["params.critic/" .. name]
      local stepped = descended(numbers, function(list)
        return mean_of(rows, function(row) return (outputs(list, row.x, 1)[1] - (row.delta[name].returns - mean) / std) ^ 2 end)
      end, CRITIC_LR)
      near(rescaled(stepped, mean, std, popart(after, name)), after["params.critic/" .. name], numbers)
    end
    local model = before["params.continuation"]
    near(descended(model, function(numbers) return cross_entropy(rows, numbers) end, MODEL_LR), after["params.continuation"], model)

    assert.near(cross_entropy(rows, model), metrics.continuation_loss, 1e-4)
    local list = known(rows)
    local share = mean_of(list, function(row) return terminated(row) and 0 or 1 end)
    local mean = mean_of(list, function(row) return probability(model, row) end)
    local error = mean_of(list, function(row) return ((terminated(row) and 0 or 1) - probability(model, row)) ^ 2 end)
    assert.near(mean, metrics.continuation, 1e-4)
    assert.near(mean - share, metrics.continuation_bias, 1e-4)
    assert.near(1 - error / (share * (1 - share)), metrics.continuation_variance, 1e-3)
  end)
end)

describe("a model of who goes on", function()
  local folder = recipes.folder()

  local COIN = [[return {
    env = {"host", observation = {"x"}, action = {"continuous", push = {-2, 2}}, responses = {brought = {}}},
    objective = {critics = {brought = {gamma = 0.9}}},
    policy = {hidden = {8}, log_std = {init = 0}},
    algorithm = {%s, continuation = {"model", responses = {"brought"}, hidden = {16}, lr = 0.01, action = %s}},
    agent = {streams = 64},
  }]]

  --- How likely a step goes on, by what it brought alone.
  local function chance(brought) return 1 / (1 + math.exp(-1.5 - 1.2 * symlog(brought))) end

  --- What a step brings is 2 + x + half of what was done, and noise; the streams' steps, until so many updates are made.
  local function live(agent, updates)
    local streams, x, rows = {}, {}, {}
    for i = 1, 64 do streams[i], x[i] = i, math.random() * 2 - 1 end
    while (agent:metrics().updates or 0) < updates do
      local observation = {}
      for i = 1, 64 do observation[i] = {x[i]} end
      local action, decisions = agent:act(streams, prl.tensor(observation))
      local responses = {}
      for i = 1, 64 do
        local push = math.max(-2, math.min(2, action:get(i, 1)))
        responses[i] = {x[i] + 0.5 * push + 2 * math.random() - 1}
      end
      agent:feedback(decisions, prl.tensor(responses))
      for i = 1, 64 do
        local goes_on = math.random() < chance(responses[i][1])
        x[i] = math.random() * 2 - 1
        if not goes_on then agent:finish(i, "terminated") end
        if goes_on and math.random() < 0.05 then agent:finish(i, "truncated", prl.tensor {{x[i]}}) end
        rows[#rows + 1] = {brought = responses[i][1], goes_on = goes_on}
      end
      agent:learn()
    end
    return rows
  end

  local function check(algorithm, action)
    math.randomseed(1)
    local agent = prl.agent(prl.recipe.plan(assert(recipes.load(folder, COIN:format(algorithm, action)))))
    live(agent, 1)
    local first = agent:metrics().continuation_loss
    live(agent, 300)
    local loss, bias, variance, rows = 0, 0, 0, {}
    for i = 301, 340 do
      for _, row in ipairs(live(agent, i)) do rows[#rows + 1] = row end
      local metrics = agent:metrics()
      loss, bias = loss + metrics.continuation_loss / 40, bias + metrics.continuation_bias / 40
      variance = variance + metrics.continuation_variance / 40
    end
    local entropy = mean_of(rows, function(row)
      local c = chance(row.brought)
      return -c * math.log(c) - (1 - c) * math.log(1 - c)
    end)
    local share = mean_of(rows, function(row) return row.goes_on and 1 or 0 end)
    local explained = mean_of(rows, function(row) return (chance(row.brought) - share) ^ 2 end) / (share * (1 - share))
    assert.is_true(first > entropy + 0.05, ("%g at first, and there are %g nats"):format(first, entropy))
    assert.near(entropy, loss, 0.02)
    assert.near(0, bias, 0.015)
    assert.near(explained, variance, 0.04)
  end

  it("finds the probability in a2c, though steps are truncated", function() check('"a2c", rollout = 8', "true") end)
  it("finds it in ppo", function() check('"ppo", rollout = 8, minibatch = 256, epochs = 2', "false") end)

  it("says that nothing ends where nothing does, and changes nothing then", function()
    local loaded = assert(recipes.load(folder, [[return {
      env = {"pendulum", n = 8}, policy = {hidden = {8}},
      objective = {critics = {swing = {reward = function(r) return r.reward end, gamma = 0.9}}},
      algorithm = {"a2c", continuation = {"model", lr = 0.05}}, train = {steps = 1e5},
    }]]))
    local agent, env = prl.agent(prl.recipe.plan(loaded)), prl.env("pendulum", {n = 8, seed = 1})
    drive.updates(agent, env, 300)
    local metrics = agent:metrics()
    assert.is_true(metrics.continuation > 0.99, metrics.continuation)
    assert.is_nil(metrics.continuation_variance)
  end)

  it("comes to a running agent by a swap, and goes", function()
    local swapped = [[return {
      env = {"cartpole", n = 8}, policy = {hidden = {8}}, objective = {critics = {up = {reward = function(r) return r.reward end}}},
      algorithm = {"a2c", rollout = 4, continuation = %s}, train = {steps = 1e5},
    }]]
    local plain = prl.recipe.plan(assert(recipes.load(folder, swapped:format "false")))
    local model = prl.recipe.plan(assert(recipes.load(folder, swapped:format '{"model", lr = 0.03}')))
    local agent, env = prl.agent(plain), prl.env("cartpole", {n = 8, seed = 1})
    drive.updates(agent, env, 5)
    assert.is_nil(agent:metrics().continuation)
    agent:swap(model)
    drive.updates(agent, env, 100)
    assert.is_true(math.abs(agent:metrics().continuation - 0.95) < 0.06, agent:metrics().continuation)
    agent:swap(plain)
    drive.updates(agent, env, 5)
    assert.is_nil(agent:metrics().continuation)
  end)

  local function refused(message, algorithm, more)
    local loaded, said = recipes.load(folder, ([[return {
      env = {"host", observation = {"x", "y"}, action = {"continuous", aim = {-4, 4}}, responses = {skip = {}, watch = {}}},
      objective = {critics = {watch = {gamma = 0.5, per = %s}}}, algorithm = {%s}, policy = {%s}, agent = {streams = 6},
    }]]):format(more and more.per or '"step"', algorithm, more and more.policy or ""))
    assert.is_nil(loaded)
    assert.truthy(said:find(message, 1, true), said)
  end

  it("is refused where it is wrong", function()
    refused('algorithm.continuation: expected one of model, got "modle"; the nearest is "model"', '"a2c", continuation = {"modle"}')
    for _, name in ipairs {"a2c", "ppo", "sac", "td3"} do
      refused('algorithm.continuation.responses.2: the env has no response "wach"; the nearest is "watch"',
        ('"%s", continuation = {"model", responses = {"skip", "wach"}}'):format(name))
    end
    refused('algorithm.continuation.per: the env has no response "skp"', '"ppo", continuation = {"model", per = "skp"}')
    refused("the model sees observations, and policy.memory sees more than those", '"ppo", continuation = {"model"}',
      {policy = 'memory = {"gru", 4}'})
    refused("it is known of a step, and algorithm.steps sums the rewards of several", '"sac", steps = 2, continuation = {"model"}')
    refused("and that of watch is by time", '"td3", continuation = {"model"}', {per = '"hour"'})
  end)
end)
