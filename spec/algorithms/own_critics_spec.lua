--- critics.NAME.lambda and critics.NAME.observes: what is in the plan, what a critic's network reads, whole updates of a2c against
--- plain numbers in float64, and what is refused.
local prl = require "perilune"
local off_policy = require "support.off_policy"
local on_policy = require "support.on_policy"
local recipes = require "spec.support.recipes"
local observes = require "perilune.recipe.observes"

local TEXT = [[return {
  env = {"pendulum", n = 2}, objective = {critics = {reward = {%s}}}, policy = {hidden = {4} %s},
  algorithm = {%s}, train = {steps = 100},
}]]

describe("a critic of its own", function()
  local folder
  setup(function() folder = recipes.folder() end)

  local function document(critic, policy, algorithm)
    local loaded = assert(recipes.load(folder, TEXT:format(critic, policy or "", algorithm or '"a2c"')))
    return prl.recipe.plan(loaded):document()
  end

  it("sees the names that are listed, or all but the hidden ones", function()
    local names = {"ax", "ay", "b"}
    assert.same({1, 2}, observes.kept(names, {"a*"}))
    assert.same({3}, observes.kept(names, {hide = {"a*"}}))
    assert.is_true(observes.same(names, {"b"}, {hide = {"a*"}}))
  end)

  it("has a network over what it observes alone, and a live λ", function()
    local plain, own = document "", document 'lambda = 0.25, observes = {hide = {"angular_*"}}'
    local function inputs(plan)
      for _, set in ipairs(plan.sets) do
        if set.name == "critic/reward" then return set.params[2].shape end -- the bias comes first
      end
    end
    assert.same({3, 4}, inputs(plain))
    assert.same({2, 4}, inputs(own))
    assert.is_nil(plain.critics[1].lambda)
    assert.equal("objective.critics.reward.lambda", own.critics[1].lambda)
    assert.equal(0.25, own.live["objective.critics.reward.lambda"].value)
  end)

  it("is refused where there is no λ, no network, or a shared sight", function()
    local function refused(text, ...)
      local loaded, message = recipes.load(folder, TEXT:format(...))
      assert.is_nil(loaded)
      assert.truthy(tostring(message):find(text, 1, true), tostring(message))
    end
    refused("sac has no λ, and so none of a critic's own", "lambda = 0.5", "", '"sac"')
    refused("sac has no network for this critic alone", 'observes = {"angular_velocity"}', "", '"sac"')
    refused("this critic reads what policy.trunk", 'observes = {"angular_velocity"}', ', trunk = "shared"', '"a2c"')
    refused("this critic reads what policy.memory", 'observes = {"angular_velocity"}', ', memory = {"gru", 4}', '"a2c"')
    refused('there is no observation "angular"', 'observes = {"angular"}', "", '"a2c"')
  end)
end)

-- One critic has a λ of its own and reads one observation; the other has the algorithm's λ and reads both; a third one has λ 0.
local own = {
  far = {place = 0, gamma = 0.9, weight = 2, lambda = 0.35, of = function(a) return a end, sees = function(x) return {x[2]} end},
  near = {place = 1, gamma = 0.5, weight = -0.5, lambda = 0.8, of = function(a) return 1 - a end, sees = function(x) return x end},
  next = {place = 2, gamma = 0.7, weight = 1, lambda = 0, of = function(a) return a * a end, sees = function(x) return x end},
}

local UPDATE = [[return {
  env = {"host", observation = {"row", "x"}, action = {"discrete", go = {"left", "stay", "right"}}, responses = {a = {}}},
  objective = {critics = {
    far = {reward = function(r) return r.a end, gamma = 0.9, weight = 2, lambda = 0.35, observes = {"x"}},
    near = {reward = function(r) return 1 - r.a end, gamma = 0.5, weight = -0.5},
    next = {reward = function(r) return r.a * r.a end, gamma = 0.7, lambda = 0},
  }},
  policy = {hidden = {%d}, activation = "tanh", last_gain = 1},
  algorithm = {"a2c", rollout = %d, lambda = 0.8, lr = 0.3, critic_lr = 0.2, entropy = 0.05, max_norm = 1e9, optimizer = {"sgd"}},
  agent = {streams = %d},
  train = {seed = 5},
}]]

describe("an update with critics of different λ and sight", function()
  local folder = recipes.folder()

  -- A_t = Σ_l (γλ)^l δ_{t+l} by each critic's own γ and λ, of what it sees.
  local function estimate(rows, before)
    for name, critic in pairs(own) do
      local mean, std = off_policy.popart(before, critic.place)
      local function value(x) return off_policy.outputs(before["params.critic/" .. name], critic.sees(x), 1)[1] * std + mean end
      for k = #rows, 1, -1 do
        local row, next_row = rows[k], rows[k + 1]
        local follows = next_row and next_row.stream == row.stream and not row.ends
        local ended = row.ends == "told" or row.ends == "untold"
        local ahead = ended and 0 or value(follows and next_row.x or row.arrival)
        row.delta = row.delta or {}
        local one = {advantage = critic.of(row.a) + critic.gamma * ahead - value(row.x)}
        if follows then one.advantage = one.advantage + critic.gamma * critic.lambda * next_row.delta[name].advantage end
        one.returns, row.delta[name] = one.advantage + value(row.x), one
      end
    end
    on_policy.weigh(rows, own)
  end

  it("is as written out", function()
    local text = UPDATE:format(off_policy.HIDDEN, on_policy.ROLLOUT, off_policy.STREAMS)
    local agent, world = prl.agent(prl.recipe.plan(assert(recipes.load(folder, text)))), on_policy.new_world()
    on_policy.round(agent, world, 3)
    for update = 4, 5 do
      local before = off_policy.contents(agent)
      local policy = before["params.policy"]
      local rows = on_policy.round(agent, world, update)
      local after = off_policy.contents(agent)
      estimate(rows, before)
      off_policy.near(off_policy.descended(policy, function(numbers) return on_policy.policy_loss(rows, numbers, 0.05) end, 0.3),
        after["params.policy"], policy)
      for name, critic in pairs(own) do
        local mean, std = off_policy.popart(before, critic.place)
        local numbers = before["params.critic/" .. name]
        local stepped = off_policy.descended(numbers, function(list)
          return on_policy.mean_of(rows, function(row)
            return (off_policy.outputs(list, critic.sees(row.x), 1)[1] - (row.delta[name].returns - mean) / std) ^ 2
          end)
        end, 0.2)
        off_policy.near(off_policy.rescaled(stepped, mean, std, off_policy.popart(after, critic.place)),
          after["params.critic/" .. name], numbers)
      end
    end
  end)
end)
