--- critics.NAME.lambda and critics.NAME.observes: what is in the plan, what a critic's network reads, and what is refused.
local prl = require "perilune"
local recipes = require "spec.support.recipes"
local observes = require "perilune.recipe.observes"

local TEXT = [[return {
  env = {"pendulum", n = 2}, objective = {critics = {reward = {%s}}}, policy = {hidden = {4} %s},
  algorithm = {%s}, train = {steps = 100},
}]]

describe("a critic of its own", function()
  local folder
  setup(function() folder = recipes.folder() end)
  teardown(function() recipes.remove(folder) end)

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
