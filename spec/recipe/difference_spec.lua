--- What two resolved recipes say differently.

local difference = require "perilune.recipe.difference"

local function recipe(gamma, tree)
  return {name = "a", env = {"pendulum", n = 4}, objective = {critics = {reward = {reward = tree, gamma = gamma}}}}
end

describe("the difference of two recipes", function()
  it("is by option, also of a critic that is called reward", function()
    assert.same({{option = "objective.critics.reward.gamma", before = "0.9", after = "0.5"}},
      difference.list(recipe(0.9, {"r", "swing"}), recipe(0.5, {"r", "swing"})))
  end)

  it("takes a reward for one value", function()
    local found = difference.list(recipe(0.9, {"r", "swing"}), recipe(0.9, {"mul", 2, {"r", "swing"}}))
    assert.equal(1, #found)
    assert.equal("objective.critics.reward.reward", found[1].option)
  end)
end)
