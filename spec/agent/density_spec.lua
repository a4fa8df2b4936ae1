--- The log-density of given actions is that of the distribution that acts, for every kind of action.
local files = require "support.files"
local prl = require "perilune"

local root = files.folder()
local function recipe(text)
  local path = root .. "/r.lua"
  local file = assert(io.open(path, "w"))
  file:write("return " .. text)
  file:close()
  return prl.recipe.plan(assert(prl.recipe.load(path)))
end

local kinds = {
  continuous = [[{env = {"host", observation = {"x", "y"}, action = {"continuous", left = {-1, 1}, right = {-2, 2}},
    responses = {reward = {}}}, algorithm = {"ppo", rollout = 4, minibatch = 4}, agent = {streams = 8},
    policy = {hidden = {8}, log_std = {kind = "state", init = -1}, action = {right = 0.5}}}]],
  discrete = [[{env = {"host", observation = {"x", "y"}, action = {"discrete", choice = {"a", "b", "c", "d"}}, responses = {reward = {}}},
    algorithm = {"ppo", rollout = 4, minibatch = 4}, agent = {streams = 8}, policy = {hidden = {8}, last_gain = 1}}]],
  several = [[{env = {"host", observation = {"x", "y"}, action = {"multi_discrete", left = {"a", "b", "c"},
    right = {"a", "b"}}, responses = {reward = {}}},
    algorithm = {"ppo", rollout = 4, minibatch = 4}, agent = {streams = 8}, policy = {hidden = {8}, last_gain = 1}}]],
}

local function streams(n)
  local list = {}
  for i = 1, n do list[i] = i end
  return list
end

describe("densities", function()
  for name, text in pairs(kinds) do
    it("of " .. name .. " actions are those of acting, byte for byte", function()
      local agent, observation = prl.agent(recipe(text)), prl.randn(8, 2)
      local action = agent:act(streams(8), observation)
      assert.same(agent:act_log_prob():totable(), agent:log_prob(observation, action):totable())
      -- and of rows by themselves
      assert.same({agent:act_log_prob():totable()[3]},
        agent:log_prob(observation:slice(1, 3, 3):clone(), action:slice(1, 3, 3):clone()):totable())
    end)
  end

  it("of all choices add up to 1 in each dimension, and hold that of the one that was made", function()
    local agent, observation = prl.agent(recipe(kinds.several)), prl.randn(8, 2)
    local action = agent:act(streams(8), observation):totable()
    local all, own = agent:log_probs(observation):totable(), agent:act_log_prob():totable()
    for i = 1, 8 do
      local left, right = 0, 0
      for k = 1, 3 do left = left + math.exp(all[i][k]) end
      for k = 4, 5 do right = right + math.exp(all[i][k]) end
      assert.is_true(math.abs(left - 1) < 1e-5 and math.abs(right - 1) < 1e-5)
      assert.is_true(math.abs(all[i][action[i][1] + 1] + all[i][action[i][2] + 4] - own[i]) < 1e-6)
    end
  end)

  it("refuse what cannot be asked in one sentence", function()
    local agent, observation = prl.agent(recipe(kinds.several)), prl.randn(1, 2)
    assert.error_matches(function() agent:log_prob(observation, prl.tensor {{3, 0}}) end,
      'action "left" of row 1 is 3; a whole number from 0 to 2 is needed')
    assert.error_matches(function() agent:log_prob(prl.tensor {{0 / 0, 0}}, prl.tensor {{0, 0}}) end, 'observation "x" of row 1')
    assert.error_matches(function() prl.agent(recipe(kinds.continuous)):log_probs(observation) end,
      "no program for densities of all choices")
  end)

  it("say what metrics mean", function()
    local meanings = prl.agent(recipe(kinds.discrete)):meanings()
    assert.same({"Policy loss", "What the actor's update minimises."}, meanings.policy_loss)
    assert.equal("Explained variance", meanings.explained_variance[1])
  end)
end)
