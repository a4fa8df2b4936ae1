--- What an actor-critic explores by beside rnd (rnd_spec.lua): noise in its parameters, a width by state, a weight of the entropy.

local off_policy = require "support.off_policy"
local on_policy = require "support.on_policy"
local prl = require "perilune"
local recipes = require "support.recipes"

local contents, outputs, near = off_policy.contents, off_policy.outputs, off_policy.near
local CHOICES, ENTROPY, LR = 3, 0.05, 0.3

local RECIPE = [[return {
  env = {"host", observation = {"row", "x"}, action = {"discrete", go = {"left", "stay", "right"}}, responses = {a = {}}},
  objective = {critics = {goal = {reward = function(r) return r.a end, gamma = 0.6}}},
  policy = {hidden = {5}, activation = "tanh", last_gain = 1},
  algorithm = {"a2c", rollout = 14, lambda = 0.8, lr = 0.3, critic_lr = 0, entropy = 0.05, max_norm = 1e9, optimizer = {"sgd"},
    exploration = %s},
  agent = {streams = 3},
  train = {seed = 5},
}]]

describe("exploration", function()
  local folder
  setup(function() folder = recipes.folder() end)

  local function agent_of(exploration)
    return prl.agent(prl.recipe.plan(assert(recipes.load(folder, RECIPE:format(exploration)))))
  end

  -- ---- parameter_noise ----

  local function sum(a, b)
    local out = {}
    for i, number in ipairs(a) do out[i] = number + b[i] end
    return out
  end

  --- The numbers of a set of the policy's shape that are parameters: 5, 10, 3 and 15 of them, each from a multiple of 16 on.
  local function each(numbers)
    local out = {}
    for _, part in ipairs {{0, 5}, {16, 10}, {32, 3}, {48, 15}} do
      for i = 1, part[2] do out[#out + 1] = numbers[part[1] + i] end
    end
    return out
  end

  local function width_of(numbers)
    local squares, all = 0, each(numbers)
    for _, number in ipairs(all) do squares = squares + number ^ 2 end
    return math.sqrt(squares / #all)
  end

  local function log_probs(numbers, x)
    local out, total = outputs(numbers, x, CHOICES), 0
    for i = 1, CHOICES do total = total + math.exp(out[i]) end
    for i = 1, CHOICES do out[i] = out[i] - math.log(total) end
    return out
  end

  local function greatest(list)
    local best = 1
    for i = 2, #list do best = list[i] > list[best] and i or best end
    return best - 1
  end

  --- Advantages of rows with one critic that does not learn, from its numbers and PopArt's statistics in force.
  local function advantages(rows, file)
    local _, _, _, mean, std = unpack(file["critic.0.popart"])
    local function value(x) return outputs(file["params.critic/goal"], x, 1)[1] * std + mean end
    for k = #rows, 1, -1 do
      local row, follows = rows[k], rows[k + 1] and rows[k + 1].stream == rows[k].stream and not rows[k].ends
      local ahead = row.ends and row.ends ~= "truncated" and 0 or value(follows and rows[k + 1].x or row.arrival)
      row.plain = row.a + 0.6 * ahead - value(row.x) + 0.6 * 0.8 * (follows and rows[k + 1].plain or 0)
    end
    local mean_of = on_policy.mean_of
    local middle = mean_of(rows, function(row) return row.plain end)
    local deviation = math.sqrt(mean_of(rows, function(row) return (row.plain - middle) ^ 2 end))
    for _, row in ipairs(rows) do row.advantage = (row.plain - middle) / deviation end
  end

  it("by noise in the parameters steps those behind the perturbed policy, whose densities rows have", function()
    local agent, world = agent_of '{"parameter_noise", width = 0.3, divergence = 0.02, factor = 1.5}', on_policy.new_world()
    on_policy.round(agent, world, 5)
    local grown, fallen = 0, 0
    for update = 6, 12 do
      local before = contents(agent)
      local rows = on_policy.round(agent, world, update)
      local after, metrics = contents(agent), agent:metrics()
      local policy, noise = before["params.policy"], before["params.perturbation"]
      advantages(rows, before)
      local expected = off_policy.descended(policy, function(numbers)
        return on_policy.policy_loss(rows, sum(numbers, noise), ENTROPY)
      end, LR)
      near(each(expected), each(after["params.policy"]), each(policy), 1e-3)
      local divergence = on_policy.mean_of(rows, function(row)
        local plain, perturbed, kl = log_probs(expected, row.x), log_probs(sum(expected, noise), row.x), 0
        for i = 1, CHOICES do kl = kl + math.exp(plain[i]) * (plain[i] - perturbed[i]) end
        return kl
      end)
      assert.near(divergence, metrics.perturbation_kl, 1e-4)
      local grows = divergence < 0.02
      grown, fallen = grown + (grows and 1 or 0), fallen + (grows and 0 or 1)
      local width = width_of(noise) * (grows and 1.5 or 1 / 1.5)
      assert.near(width, width_of(after["params.perturbation"]), 1e-5)
      assert.near(width, metrics.perturbation, 1e-5)
      local other = false
      for i, number in ipairs(each(noise)) do
        local now = each(after["params.perturbation"])[i]
        other = other or math.abs(now / number - width / width_of(noise)) > 0.1
      end
      assert.is_true(other) -- a fresh draw, not the old one at another width
    end
    assert.is_true(grown > 0 and fallen > 0)
  end)

  it("by noise in the parameters acts with it, and is judged and asked without", function()
    local agent, world = agent_of '{"parameter_noise", width = 2}', on_policy.new_world()
    on_policy.round(agent, world, 2)
    local file, apart = contents(agent), 0
    for i = 1, 40 do
      local x = {math.sin(i), math.cos(3 * i)}
      local perturbed = log_probs(sum(file["params.policy"], file["params.perturbation"]), x)
      local plain = log_probs(file["params.policy"], x)
      assert.equal(greatest(perturbed), agent:act(1, prl.tensor({x}), "mean"):get(1, 1))
      assert.equal(greatest(plain), agent:act(1, prl.tensor({x}), "mean", false):get(1, 1))
      for choice = 1, CHOICES do
        assert.near(plain[choice], agent:log_prob(prl.tensor({x}), prl.tensor({{choice - 1}})):get(1), 1e-5)
      end
      apart = apart + (greatest(perturbed) ~= greatest(plain) and 1 or 0)
    end
    assert.is_true(apart > 5, apart)
  end)

  -- ---- lasting_noise ----

  local COUNT = 3 * CHOICES -- a matrix over row, x and 1

  --- The rows that wait to be learned from, by their numbers: what lasted of their draws, and the density with which they were acted.
  local function waiting(file)
    local found = {}
    for place = 1, #file["experience.log_prob"] do
      local number = math.floor(file["experience.observation"][2 * place - 1] * 100 + 0.5) + 1
      local draws = {}
      for i = 1, COUNT do draws[i] = file["experience.lasting"][(place - 1) * COUNT + i] end
      found[number] = {draws = draws, log_prob = file["experience.log_prob"][place]}
    end
    return found
  end

  local function shift_of(row)
    local out, seen = {}, {row.x[1], row.x[2], 1}
    for choice = 1, CHOICES do
      out[choice] = 0
      for k = 1, 3 do
        local draw = (row.draws[(k - 1) * CHOICES + choice] - 0.5) * math.sqrt(12)
        out[choice] = out[choice] + 2 * seen[k] * draw / math.sqrt(3)
      end
    end
    return out
  end

  it("by noise that lasts a session acts with one draw an episode, and learns by the densities given it", function()
    local agent, world = agent_of '{"lasting_noise", width = 2}', on_policy.new_world()
    on_policy.round(agent, world, 3)
    local before, checked = contents(agent), 0
    for _ = 1, on_policy.ROLLOUT do -- the next update comes with the step after these, at the earliest
      on_policy.step(agent, world)
      local told = waiting(contents(agent))
      for _, row in pairs(world.open) do
        if told[row.number] then
          row.draws = told[row.number].draws
          local logits, shift, total = outputs(before["params.policy"], row.x, CHOICES), shift_of(row), 0
          for i = 1, CHOICES do total = total + math.exp(logits[i] + shift[i]) end
          local chosen = row.action + 1
          assert.near(logits[chosen] + shift[chosen] - math.log(total), told[row.number].log_prob, 1e-4)
          checked = checked + 1
        end
      end
      for number, one in pairs(told) do
        if world.rows[number] then world.rows[number].draws = world.rows[number].draws or one.draws end
      end
    end
    assert.is_true(checked > 20, checked)
    local rows = on_policy.round(agent, world, 4)
    local after, last, lasted, changed = contents(agent), nil, 0, 0
    for _, row in ipairs(rows) do
      if last and last.stream == row.stream and last.draws and row.draws then
        if last.ends then
          assert.not_same(last.draws, row.draws)
          changed = changed + 1
        else
          assert.same(last.draws, row.draws)
          lasted = lasted + 1
        end
      end
      row.draws = row.draws or last.draws -- of the last step, which was not looked at: no row of it begins an episode
      last = row
    end
    assert.is_true(lasted > 15 and changed > 5, lasted .. " " .. changed)
    advantages(rows, before)
    near(each(off_policy.descended(before["params.policy"], function(numbers)
      return on_policy.policy_loss(rows, numbers, ENTROPY, shift_of)
    end, LR)), each(after["params.policy"]), each(before["params.policy"]), 1e-3)
  end)

  it("by noise that lasts a session goes on where it was saved, and is judged by the mean without", function()
    local agent, world = agent_of '{"lasting_noise", steps = 2}', on_policy.new_world()
    local path = folder .. "agent"
    for _ = 1, 30 do
      on_policy.step(agent, world)
      assert(agent:save(path))
      local again = assert(prl.load_agent(path))
      agent:learn()
      again:learn()
      assert.equal(prl.to_json(agent:metrics()), prl.to_json(again:metrics()))
      agent = again
    end
    local policy = contents(agent)["params.policy"]
    for i = 1, 20 do
      local x = {math.sin(i), math.cos(3 * i)}
      assert.equal(greatest(outputs(policy, x, CHOICES)), agent:act(1, prl.tensor({x}), "mean", false):get(1, 1))
    end
  end)

  -- ---- state_noise ----

  it("by a width of each state divides logits by a temperature that learns", function()
    local agent, world = agent_of '{"state_noise", init = 0.5}', on_policy.new_world()
    on_policy.round(agent, world, 1)
    local function odds(x)
      local p = {}
      for choice = 1, CHOICES do p[choice] = agent:log_prob(prl.tensor({x}), prl.tensor({{choice - 1}})):get(1) end
      return p
    end
    -- logits, then the temperature's network: each a hidden layer of 5 and a last layer
    local file = contents(agent)["params.policy"]
    local temperature = {}
    for i = 65, #file do temperature[i - 64] = file[i] end
    for _, x in ipairs {{0.3, -1}, {2, 0.5}} do
      local logits, total = outputs(file, x, CHOICES), 0
      local by = math.exp(outputs(temperature, x, 1)[1] + 0.5)
      for i = 1, CHOICES do total = total + math.exp(logits[i] / by) end
      for i = 1, CHOICES do assert.near(logits[i] / by - math.log(total), odds(x)[i], 1e-5) end
    end
    on_policy.round(agent, world, 3)
    local moved = 0
    for i, number in ipairs(contents(agent)["params.policy"]) do
      if i > 64 then moved = math.max(moved, math.abs(number - file[i])) end
    end
    assert.is_true(moved > 0.01, moved)
  end)

  it("by a width of each state is the recipe's own where actions are continuous", function()
    local TEXT = [[return {env = {"pendulum", n = 2}, %s algorithm = {"ppo", rollout = 16, minibatch = 16%s}, train = {seed = 2}}]]
    local function trained(policy, exploration)
      local loaded = assert(recipes.load(folder, TEXT:format(policy, exploration)))
      local agent, env = prl.agent(prl.recipe.plan(loaded)), prl.env("pendulum", {n = 2, seed = 2})
      for _ = 1, 3 do agent:drive(env, 1e6, true) end
      return contents(agent)["params.policy"]
    end
    assert.same(trained('policy = {log_std = {kind = "state", init = -1}},', ""),
      trained("", ', exploration = {"state_noise", init = -1}'))
  end)

  -- ---- entropy ----

  it("by a weight of the entropy stands for the algorithm's own, and may be a schedule", function()
    local function trained(exploration)
      local agent, world = agent_of(exploration), on_policy.new_world()
      on_policy.round(agent, world, 4)
      return contents(agent)["params.policy"]
    end
    assert.same(trained "false", trained '{"entropy", weight = 0.05}')
    assert.not_same(trained "false", trained '{"entropy", weight = linear {from = 0.05, to = 0, over = 100}}')
  end)

  -- ---- bad input ----

  it("is refused with what it does not go with", function()
    local TEXT = [[return {
      env = {"%s"}, policy = {%s}, train = {steps = 100},
      algorithm = {%s},
    }]]
    local function refused(env, policy, algorithm)
      local loaded, message = recipes.load(folder, TEXT:format(env, policy, algorithm))
      assert.is_nil(loaded)
      return message
    end
    assert.equal("x.lua:3: algorithm.exploration: parameter_noise perturbs the policy alone, and policy.trunk shares its layers with the "
      .. "critics", refused("cartpole", 'trunk = "shared"', '"a2c", exploration = {"parameter_noise"}'))
    assert.equal('x.lua:3: algorithm.exploration: state_noise learns a deviation for each state, and policy.log_std.kind is "fixed"',
      refused("pendulum", 'log_std = {kind = "fixed"}', '"ppo", exploration = {"state_noise"}'))
    assert.equal("x.lua:3: algorithm.exploration: parameter_noise explores for steps that are learned from once, and algorithm.memory "
      .. "keeps them", refused("cartpole", "", '"a2c", memory = 1e4, correction = {"vtrace"}, exploration = {"parameter_noise"}'))
    assert.equal("x.lua:3: algorithm.exploration: lasting_noise has densities given what lasts, and a correction asks for them without",
      refused("cartpole", "", '"ppo", correction = {"vtrace"}, exploration = {"lasting_noise"}'))
    assert.equal("x.lua:3: algorithm.exploration.factor: expected a number ≥ 1 or a schedule, got 0.5",
      refused("cartpole", "", '"ppo", exploration = {"parameter_noise", factor = 0.5}'))
  end)
end)
