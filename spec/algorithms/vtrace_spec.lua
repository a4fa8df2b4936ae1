--- V-trace in a2c and ppo. A whole update of a2c off policy against the paper's formulas (Espeholt et al. 2018) in plain
--- numbers: what was drawn is read from the agent's file, all else is worked out here from what the host told the agent.

local off_policy = require "support.off_policy"
local on_policy = require "support.on_policy"
local prl = require "perilune"
local recipes = require "support.recipes"

local contents, new_world, outputs, step = off_policy.contents, off_policy.new_world, off_policy.outputs, off_policy.step
local HIDDEN, STREAMS = off_policy.HIDDEN, off_policy.STREAMS
local popart, descended, rescaled, near = off_policy.popart, off_policy.descended, off_policy.rescaled, off_policy.near
local GAMMA, WEIGHT, ROLLOUT = {fast = 0.6, slow = 0.9}, {fast = 2, slow = -0.5}, 14
local MINIBATCH, STRETCH, LAMBDA, RHO, C = 40, 4, 0.8, 1.2, 0.9
local LR, CRITIC_LR, ENTROPY, CHOICES = 0.3, 0.2, 0.05, 3

local RECIPE = [[return {
  env = {"host", observation = {"row", "x"}, action = {"discrete", go = {"left", "stay", "right"}}, responses = {
    a = {unit = "", missing = 0, combine = "sum"}, b = {unit = "", missing = 0, combine = "sum"}}},
  objective = {critics = {
    fast = {reward = function(r) return r.a end, gamma = %g, weight = %g},
    slow = {reward = function(r) return r.b - r.a end, gamma = %g, weight = %g, scale = 2},
  }},
  policy = {hidden = {%d}, activation = "tanh", last_gain = 1},
  algorithm = {"a2c", correction = {"vtrace", rho = %g, c = %g}, rollout = %d, memory = 150, start = 0, minibatch = %d,
    stretch = %d, updates = %.17g, lambda = %g, lr = %g, critic_lr = %g, entropy = %g, max_norm = 1e9, optimizer = {"sgd"}},
  agent = {streams = %d},
  train = {seed = 5},
}]]

-- ---- An update in plain numbers ----

--- Log-probabilities of the choices.
local function log_probs(numbers, x)
  local out, sum = outputs(numbers, x, CHOICES), 0
  for i = 1, CHOICES do sum = sum + math.exp(out[i]) end
  for i = 1, CHOICES do out[i] = out[i] - math.log(sum) end
  return out
end

local critics = {fast = 0, slow = 1}

local function observation(world, number) return {number / 100, world.rows[number].x} end

--- The drawn rows, in their order: {number, x, action, log_prob (then), run (the next row is its successor), ends, ahead (the
--- observation after it; nil: it was terminated)}. A run ends after STRETCH rows, where its episode or what is remembered does,
--- and with the batch.
local function drawn(world, file)
  local rows, length = {}, 0
  for k, from_0 in ipairs(file["draw.place"]) do
    local place = from_0 + 1
    local number = math.floor(file["memory.observation"][2 * place - 1] * 100 + 0.5)
    local one = world.rows[number]
    local next_place = file["memory.next"][place] + 1
    length = length + 1
    local goes_on = not one.ends and file["memory.kind"][next_place] % 256 == 1
    local row = {number = number, x = observation(world, number), action = one.action, log_prob = file["memory.log_prob"][place],
      ends = one.ends or "goes on", run = goes_on and length < STRETCH and k < MINIBATCH}
    if one.ends == "truncated" then row.ahead = one.final end
    if not one.ends then row.ahead = observation(world, one.next) end
    if not row.run then length = 0 end
    rows[k] = row
    if rows[k - 1] and rows[k - 1].run then assert(number == world.rows[rows[k - 1].number].next) end
  end
  return rows
end

--- v and the advantage of each row, by critic: eq. 1 as the sum over what follows in the row's run.
local function targets(world, rows, before)
  for name, i in pairs(critics) do
    local mean, std = popart(before, i)
    local numbers = before["params.critic/" .. name]
    local function value(x) return outputs(numbers, x, 1)[1] * std + mean end
    for _, row in ipairs(rows) do
      local one = world.rows[row.number]
      row.ratio = math.exp(log_probs(before["params.policy"], row.x)[row.action + 1] - row.log_prob)
      row.reward = name == "fast" and one.a or (one.b - one.a) / 2
      row.value, row.next_value = value(row.x), row.ahead and value(row.ahead) or 0
    end
    for k, row in ipairs(rows) do
      local sum, factor, t = row.value, 1, k
      while true do
        local at = rows[t]
        local gamma = at.ends == "terminated" and 0 or GAMMA[name]
        sum = sum + factor * math.min(RHO, at.ratio) * (at.reward + gamma * at.next_value - at.value)
        factor = factor * gamma * LAMBDA * math.min(C, at.ratio)
        if not at.run then break end
        t = t + 1
      end
      row.v = row.v or {}
      row.v[name] = sum
    end
    for k, row in ipairs(rows) do
      local ahead = row.run and rows[k + 1].v[name] or row.next_value
      local gamma = row.ends == "terminated" and 0 or GAMMA[name]
      row.advantage = (row.advantage or 0) + WEIGHT[name] * math.min(RHO, row.ratio) * (row.reward + gamma * ahead - row.value)
    end
  end
  on_policy.standardise(rows, function(row) return math.min(RHO, row.ratio) end)
end

local function policy_loss(rows, numbers)
  local sum = 0
  for _, row in ipairs(rows) do
    local all, entropy = log_probs(numbers, row.x), 0
    for i = 1, CHOICES do entropy = entropy - math.exp(all[i]) * all[i] end
    sum = sum - all[row.action + 1] * row.advantage - ENTROPY * entropy
  end
  return sum / #rows
end

local function value_loss(rows, numbers, name, mean, std)
  local sum = 0
  for _, row in ipairs(rows) do sum = sum + (outputs(numbers, row.x, 1)[1] - (row.v[name] - mean) / std) ^ 2 end
  return sum / #rows
end

describe("an update of a2c off policy", function()
  local folder
  setup(function() folder = recipes.folder() end)

  it("is that of Espeholt et al.: two critics with their own discounts, ends of both kinds inside the batch", function()
    local text = RECIPE:format(GAMMA.fast, WEIGHT.fast, GAMMA.slow, WEIGHT.slow, HIDDEN, RHO, C, ROLLOUT, MINIBATCH, STRETCH,
      1 / (ROLLOUT * STREAMS), LAMBDA, LR, CRITIC_LR, ENTROPY, STREAMS)
    local agent, world = prl.agent(prl.recipe.plan(assert(recipes.load(folder, text)))), new_world()
    local function round(updates)
      while agent:learn().updates < updates do step(agent, world) end
    end
    round(4) -- the policy has moved away from what acted most rows; PopArt has begun
    local before = contents(agent)
    round(5)
    local after = contents(agent)
    local rows, seen, clipped, below = drawn(world, after), {}, 0, 0
    targets(world, rows, before)
    for _, row in ipairs(rows) do
      seen[row.ends], seen[row.run] = true, true
      clipped, below = clipped + (row.ratio > RHO and 1 or 0), below + (row.ratio < 0.9 and 1 or 0)
    end
    for _, kind in ipairs {"terminated", "truncated", "goes on", true, false} do assert.is_true(seen[kind]) end -- or little is tested
    assert.is_true(clipped > 2 and below > 2)
    local metrics = agent:metrics()
    assert.near(clipped / #rows, metrics["clip_rate/rho"], 1e-6)
    assert.is_true(metrics.lag > 0.5 and metrics.lag < 5)
    near(descended(before["params.policy"], function(numbers) return policy_loss(rows, numbers) end, LR),
      after["params.policy"], before["params.policy"])
    for name, i in pairs(critics) do
      local mean, std = popart(before, i)
      local function loss(numbers) return value_loss(rows, numbers, name, mean, std) end
      assert.near(loss(before["params.critic/" .. name]), metrics["value_loss/" .. name], 1e-5)
      local stepped = descended(before["params.critic/" .. name], loss, CRITIC_LR)
      near(rescaled(stepped, mean, std, popart(after, i)), after["params.critic/" .. name], before["params.critic/" .. name])
    end
  end)
end)

describe("a correction", function()
  local folder
  setup(function() folder = recipes.folder() end)

  local TEXT = [[return {
    env = {"host", observation = {"x"}, action = {"continuous", aim = {-1, 1}}, responses = {hit = {}}},
    objective = {critics = {hit = {reward = function(r) return r.hit end, gamma = 0.9}}},
    policy = {hidden = {8}},
    algorithm = {%s},
    agent = {streams = 3},
    train = {seed = 5},
  }]]

  local function loaded_of(algorithm) return assert(recipes.load(folder, TEXT:format(algorithm))) end

  --- A host whose streams each decide once more before their last step closes.
  local function live(algorithm)
    local agent = prl.agent(prl.recipe.plan(loaded_of(algorithm)))
    for i = 1, 200 do
      local action, decisions = agent:act({1, 2, 3}, prl.tensor {{math.sin(i)}, {math.cos(i)}, {math.sin(2 * i)}})
      agent:feedback(decisions, {hit = action:get(1, 1) > 0 and 1 or 0})
      agent:learn()
    end
    return agent:metrics()
  end

  it("keeps the steps that a2c drops, since it makes good that an older policy acted them", function()
    assert.is_true(live('"a2c"').stale_steps > 50)
    local corrected = live('"a2c", correction = {"vtrace"}')
    assert.equal(0, corrected.stale_steps)
    assert.is_true(corrected.lag > 0 and corrected.lag < 1, corrected.lag) -- of each stream the one that was open
    assert.is_true(corrected.updates > 30)
  end)

  it("is ppo's, too", function()
    local metrics = live('"ppo", rollout = 8, minibatch = 8, epochs = 2, correction = {"vtrace"}')
    assert.is_true(metrics.lag > 0 and metrics["clip_rate/c"] > 0)
  end)

  it("is explained where its metrics are", function()
    local agent = prl.agent(prl.recipe.plan(loaded_of('"a2c", correction = {"vtrace"}')))
    local about = agent:meanings()
    for _, kind in ipairs {"lag", "clip_rate"} do
      assert.is_true(#about[kind][1] > 0 and about[kind][2]:find "%.$" ~= nil)
    end
    assert.is_nil(prl.agent(prl.recipe.plan(loaded_of '"a2c"')):meanings().lag)
  end)

  it("that is off leaves no trace in a recipe, so that its hash is that of recipes from before there was one", function()
    local plain = loaded_of '"a2c"'
    assert.equal(plain.hash, loaded_of('"a2c", correction = false, memory = false').hash)
    for _, name in ipairs {"correction", "memory", "stretch", "minibatch", "updates", "start"} do
      assert.is_nil(plain.recipe.algorithm[name])
    end
    assert.not_equal(plain.hash, loaded_of('"a2c", correction = "vtrace"').hash)
    assert.equal(loaded_of('"a2c", correction = {"vtrace", rho = 1, c = 1}').hash, loaded_of('"a2c", correction = "vtrace"').hash)
  end)

  it("belongs to algorithms of one's own, too", function()
    recipes.write(folder, "mine.lua", [[
      local mine = {summary = "a test", actions = {"continuous"}, stale = "keep", options = {
        limit = {{"cut"}, "", "what is cut", forms = {cut = {at = {2, "", "where", min = 0}}}}}}
      function mine.build(learn, opt)
        learn:actor() learn:critics()
        local limit = opt.limit
        assert(limit[1] == "cut" and limit.at == "algorithm.limit.at")
        return {learn:collect(4), learn:freeze(), learn:rewards(), learn:values(), learn:ratios(),
          learn:vtrace {lambda = 1, rho = limit.at, c = 1}, learn:weigh(), learn:publish()}
      end
      return mine]])
    local loaded = assert(recipes.load(folder, TEXT:format('lua = "./mine.lua", limit = {"cut", at = 3}'), {trust = true}))
    local agent = prl.agent(prl.recipe.plan(loaded))
    assert.equal(3, agent:get "algorithm.limit.at")
    agent:set("algorithm.limit.at", 5)
    assert.is_false(pcall(agent.set, agent, "algorithm.limit.at", -1))
  end)
end)
