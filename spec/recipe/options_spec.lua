--- Every option that the schema offers is one that the builder and the agent take: each choice learns for a few steps.

local prl = require "perilune"
local recipes = require "support.recipes"
local schema = require "perilune.recipe.schema"

local RECIPE = [[
return {env = {"pendulum", n = 2}, algorithm = {"ppo", rollout = 8, minibatch = 8, epochs = 1}, policy = {hidden = {8}}}
]]

local variants = {
  {"policy.log_std.kind=free"}, {"policy.log_std.kind=state"}, {"policy.log_std.kind=fixed"},
  {"policy.bounded=true"}, {"policy.hidden={}"}, {"policy.last_gain=0"},
  {"policy.normalise=5", "train.warmup=32"}, {"policy.trunk=shared", "policy.hidden={8, 8}"},
  {"algorithm.optimizer=sgd"}, {"algorithm.optimizer=rmsprop"}, {"algorithm.optimizer=adam"},
  {"algorithm.optimizer=adamw"},
  {"algorithm.optimizer={'sgd', momentum = 0.9, nesterov = true, decay = 0.1, max_value = 1}"},
  {"algorithm.optimizer={'rmsprop', momentum = 0.9}"},
  {"algorithm.target_kl=0.01", "algorithm.clip_value=0.2"},
  {"algorithm.lr=linear {from = 1e-3, to = 0}"}, {"algorithm.lr=cosine {from = 1e-3, to = 0}"},
  {"algorithm.lambda=warmup {to = 0.9, over = 100}"}, {"algorithm.lr=piecewise {{0, 1e-3}, {10, 1e-4}}"},
  {"algorithm.entropy=expression(function(step) return 0.01 * exp(-step / 10) end)"},
  {"objective.critics.reward.gamma=linear {from = 0.9, to = 0.99}"},
  {"objective.critics.reward.weight=expression(function(step) return 1 + step / 100 end)"},
  {"objective.critics.reward.scale=baseline", "train.warmup=32"},
  {"objective.critics.reward.activation=relu", "objective.critics.reward.hidden={4}"},
  {"policy.action.torque={-1, 0.5}"}, {"agent.rows=64"}, {"agent.streams=5"}, {"agent.idle=3 s"},
  {"env=cartpole"}, {"algorithm=a2c"}, {"algorithm.correction=vtrace"}, {"algorithm.correction={'vtrace', rho = 2, c = 0.5}"},
  {"algorithm.correction={'vtrace', rho = linear {from = 2, to = 1}}"},
  {"algorithm={'a2c', correction = {'vtrace'}, memory = 64, start = 0, minibatch = 16, stretch = 4}"},
  {"algorithm={'sac', exploration = {'gsde', steps = 4, log_std = -2}, memory = 64, start = 0, minibatch = 16}"},
  {"algorithm={'td3', exploration = {'ou', theta = 0.2, dt = 0.5}, memory = 64, start = 0, minibatch = 16}"},
}
for _, option in ipairs(schema.policy) do
  for _, choice in ipairs(option.choices or {}) do
    variants[#variants + 1] = {("policy.%s=%s"):format(option.name, choice)}
  end
end

describe("the option", function()
  local folder
  setup(function() folder = recipes.folder() end)

  for _, set in ipairs(variants) do
    it(table.concat(set, ", ") .. " learns", function()
      local loaded = assert(recipes.load(folder, RECIPE, {set = set}))
      local agent = prl.agent(prl.recipe.plan(loaded))
      local env = prl.env(loaded.env.name, {n = loaded.env.n, seed = 1})
      env:reset()
      agent:drive(env, 96)
      assert.is_true(agent:metrics().updates >= 1)
    end)
  end
end)
