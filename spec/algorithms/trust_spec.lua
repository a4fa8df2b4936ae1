--- What keeps a policy near its start: whole updates of a2c against the loss that is written out here, differentiated by central
--- differences in float64, with a penalty and with a bound, over two critics; and that a bound holds.
local drive = require "support.drive"
local prl = require "perilune"
local recipes = require "support.recipes"
local written = require "support.written"

local text = [[return {
  env = {"host", observation = {"x", "y"}, action = {"continuous", aim = {-40, 40}, push = {-40, 40}}, responses = {skip = {}, watch = {}}},
  objective = {critics = {watch = {gamma = 0.5}, skip = {gamma = 0.9, weight = -0.4}}},
  policy = {hidden = {}, log_std = {kind = "fixed", init = -0.5}, start = {constant = {aim = 1, push = -2}}},
  algorithm = {"a2c", rollout = 3, lr = 0.05, critic_lr = 0.1, entropy = 0, max_norm = 1e9, optimizer = {"sgd"}, trust = %s},
  agent = {streams = 6},
  train = {steps = 100},
}]]
local log_std = -0.5

describe("trust", function()
  local folder = recipes.folder()
  local path = folder .. "agent.safetensors"

  local function parameters(tensors)
    return written.parameters(tensors, function(set) return set:find "^critic" and 1 or set == "trust" and 0 or 2 end)
  end

  local function experience(agent)
    local streams = {1, 2, 3, 4, 5, 6}
    for step = 1, 3 do
      local action, decisions = agent:act(streams, prl.randn(6, 2))
      local responses = {}
      for i = 1, 6 do responses[i] = {action:get(i, 1) - i, action:get(i, 2) * step} end
      agent:feedback(decisions, prl.tensor(responses))
      if step == 2 then agent:finish({1, 2}, "terminated", prl.randn(2, 2)) end
    end
    agent:observe(streams, prl.randn(6, 2))
  end

  local function rows_of(tensors)
    local obs, action = tensors["batch.observation"]:totable(), tensors["batch.action"]:totable()
    local rows = {}
    for i, gain in ipairs(tensors["batch.advantage"]:totable()) do
      rows[i] = {obs = {obs[2 * i - 1], obs[2 * i]}, action = {action[2 * i - 1], action[2 * i]}, gain = gain, returns = {}}
      for k, name in ipairs {"skip", "watch"} do rows[i].returns[name] = tensors[("critic.%d.returns"):format(k - 1)]:get(i) end
    end
    return rows
  end

  local function divergence(rows, policy, start)
    local sum = 0
    for _, row in ipairs(rows) do
      sum = sum + written.kl(written.linear(policy, 2, row.obs), log_std, written.linear(start, 2, row.obs)) / #rows
    end
    return sum
  end

  --- The loss at `now`, a multiplier being that of `before`.
  local function loss(rows, before, now, weight, bound)
    local sum = 0
    for _, row in ipairs(rows) do
      sum = sum - row.gain * written.log_prob(written.linear(now.policy, 2, row.obs), log_std, row.action) / #rows
      for name, goal in pairs(row.returns) do
        sum = sum + (written.linear(now["critic/" .. name], 1, row.obs)[1] - goal) ^ 2 / #rows
      end
    end
    if bound then
      sum = sum + math.exp(now.trust[1]) * (bound - divergence(rows, before.policy, before["start/policy"]))
      weight = math.exp(before.trust[1])
    end
    return sum + weight * divergence(rows, now.policy, before["start/policy"])
  end

  local function check(trust, weight, bound, multiplier_lr)
    local agent = prl.agent(prl.recipe.plan(assert(recipes.load(folder, text:format(trust)))))
    for _ = 1, 3 do
      experience(agent)
      local tensors = written.at(agent, "run", path)
      local rows, before = rows_of(tensors), parameters(tensors)
      assert.same({0, 0, 0, 0, 1, -2}, before["start/policy"])
      local steps = {policy = 0.05, ["critic/watch"] = 0.1, ["critic/skip"] = 0.1, trust = multiplier_lr}
      local wanted = written.descended(before, steps, function(now) return loss(rows, before, now, weight, bound) end)
      written.same(wanted, parameters(written.at(agent, "publish", path)), trust)
      agent:learn()
      local metrics = agent:metrics()
      assert.near(divergence(rows, before.policy, before["start/policy"]), metrics.kl_to_start, 1e-4)
      assert.near(bound and math.exp(before.trust[1]) or weight, metrics.trust, 1e-5)
    end
    assert.is_true(agent:metrics().kl_to_start > 0)
  end

  it("makes the step of the penalised loss", function() check('{"penalty", kl_to_start = 0.7}', 0.7) end)
  it("makes the step of the loss with a multiplier", function() check('{"bound", kl_to_start = 0.02, lr = 0.3}', nil, 0.02, 0.3) end)

  it("is a live weight", function()
    local agent = prl.agent(prl.recipe.plan(assert(recipes.load(folder, text:format '{"penalty"}'))))
    agent:set("algorithm.trust.kl_to_start", 3)
    experience(agent)
    agent:learn()
    assert.equal(3, agent:metrics().trust)
  end)

  it("holds a policy to its bound, which goes further without", function()
    local function far(trust)
      local loaded = assert(recipes.load(folder, ([[return {
        env = {"pendulum", n = 8}, policy = {hidden = {16}, log_std = {init = -0.5}, start = {constant = {torque = 1}}},
        objective = {critics = {swing = {reward = function(r) return r.reward end, gamma = 0.9}}},
        algorithm = {"a2c", lr = 3e-3, trust = %s}, train = {steps = 40000},
      }]]):format(trust)))
      local agent, env = prl.agent(prl.recipe.plan(loaded)), prl.env("pendulum", {n = 8, seed = 1})
      drive.updates(agent, env, 400)
      local sum = 0
      for _ = 1, 200 do
        drive.updates(agent, env, 1)
        sum = sum + agent:metrics().kl_to_start / 200
      end
      return sum
    end
    local free, held = far '{"penalty", kl_to_start = 0}', far '{"bound", kl_to_start = 0.05, lr = 0.03}'
    assert.is_true(free > 0.5 and held < 0.07, ("%g and %g nats"):format(free, held))
  end)

  it("is described", function()
    local meanings = prl.agent(prl.recipe.plan(assert(recipes.load(folder, text:format '{"penalty"}')))):meanings()
    assert.equal("Divergence from the start", meanings.kl_to_start[1])
    local plain = prl.agent(prl.recipe.plan(assert(recipes.load(folder, (text:format "false":gsub(", trust = false", "")))))):meanings()
    assert.is_nil(plain.kl_to_start)
  end)

  it("is refused where it is wrong", function()
    local function refused(trust, message)
      local loaded, said = recipes.load(folder, text:format(trust))
      assert.is_nil(loaded)
      assert.truthy(said:find(message, 1, true), said)
    end
    refused('{"penalti"}', 'algorithm.trust: expected one of bound, penalty, got "penalti"; the nearest is "penalty"')
    refused('{"penalty", kl_to_strat = 1}', 'algorithm.trust.kl_to_strat: unknown key; the nearest is "kl_to_start"')
    refused('{"bound", kl_to_start = 0}', "algorithm.trust.kl_to_start: expected a number above 0 of nats or a schedule, got 0")
  end)
end)
