--- Critics whose returns say little at first, or for ever: statistics begin from enough data, and nothing grows without bound.
local recipes = require "support.recipes"
local prl = require "perilune"

local phases = [[
return {
  observation = {"bit", "noise"},
  action = {"continuous", aim = {-1, 1}},
  responses = {reward = {}},
  options = {
    quiet = {50, "count", "episodes of the reward that is always the same", low = 0, high = 1e9},
    size = {5, "", "that reward", low = -1e9, high = 1e9},
    spread = {1, "", "what the bit adds to it later", low = -1e9, high = 1e9},
  },
  max_steps = 200,
  new = function(options) return {options = options, episode = 0} end,
  reset = function(self)
    self.episode, self.bit = self.episode + 1, 0
    return {0, 0}
  end,
  step = function(self)
    local reward = self.options.size
    if self.episode > self.options.quiet then reward = reward + self.options.spread * self.bit end
    self.bit = math.random() < 0.5 and 0 or 1
    return {self.bit, math.random()}, {reward = reward}, false
  end,
}
]]

local recipe = [[
return {
  env = {lua = "./phases.lua", n = 8},
  objective = {critics = {c = {reward = function(r) return r.reward end, gamma = 0}}},
  policy = {hidden = {32, 32}},
  algorithm = {"ppo"},
}
]]

describe("a critic's statistics", function()
  local folder
  before_each(function()
    folder = recipes.folder()
    recipes.write(folder, "phases.lua", phases)
  end)

  local function trained(steps, options, ...)
    local loaded = assert(recipes.load(folder, recipe, {set = {...}, trust = true}))
    local agent = prl.agent(assert(prl.recipe.plan(loaded)))
    options.n, options.seed = options.n or 8, 1
    local env = assert(prl.env({lua = folder .. "phases.lua"}, options))
    agent:drive(env, steps)
    return agent:metrics()
  end

  for _, algorithm in ipairs {'{"ppo"}', '{"a2c"}', '{"a2c", critic_lr = 1e-3}'} do
    local set = "algorithm=" .. algorithm

    it("#figure survive a quiet start with " .. algorithm, function()
      for _, size in ipairs {5, -1e3, 5e-4} do
        local metrics = trained(2e5, {quiet = 50, size = size, spread = size / 5}, set)
        assert.is_true(metrics["explained_variance/c"] >= .95, size .. ": " .. metrics["explained_variance/c"])
      end
    end)

    it("#figure begin far from zero with " .. algorithm, function()
      local metrics = trained(2e5, {quiet = 0, size = 1000, spread = 2}, set)
      assert.is_true(metrics["explained_variance/c"] >= .95, metrics["explained_variance/c"])
    end)

    it("#figure let the value of a reward that never changes be learned with " .. algorithm, function()
      for _, gamma in ipairs {0, .9} do
        local metrics = trained(3e5, {quiet = 1e9, size = 7}, set, "objective.critics.c.gamma=" .. gamma)
        local off = math.abs(metrics.advantage_mean) + 2 * metrics.advantage_std -- returns less predictions
        assert.is_true(off < .1, ("gamma %g: %g off"):format(gamma, off))
      end
    end)
  end

  it("let updates of a single step teach the policy", function()
    local metrics = trained(2000, {n = 1, quiet = 0, size = 1, spread = 1}, 'algorithm={"a2c", rollout = 1, entropy = 0}', "env.n=1")
    assert.is_true(metrics.policy_loss ~= 0) -- one step less its own mean is 0
  end)
end)
