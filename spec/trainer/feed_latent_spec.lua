--- What the world knows of a user, as observations of a yardstick's policy: in recipes.

local prl = require "perilune"
local recipes = require "support.recipes"

local RECIPE = [[return {
  env = {"shortvideo", n = 4}, objective = {critics = {watch_time = {}}}, algorithm = {"a2c", rollout = 4},
}]]

describe("what is latent", function()
  local folder = recipes.folder()

  local function load(env) return recipes.load(folder, (RECIPE:gsub("n = 4", "n = 4" .. env))) end

  it("is none where a recipe says nothing, or says so", function()
    local unsaid, said, some = assert(load ""), assert(load ", latent = 0"), assert(load ", latent = 1")
    assert.is_nil(said.recipe.env.latent)
    assert.equal(unsaid.hash, said.hash)
    assert.are_not.equal(unsaid.hash, some.hash)
    assert.equal(1, some.recipe.env.latent)
  end)

  it("comes behind what production knows, and before the history", function()
    local plain = prl.env("shortvideo", {n = 1}):spec().observation.names
    local seen = prl.env("shortvideo", {n = 1, latent = 1, history = 2}):spec().observation
    for i, name in ipairs(plain) do assert.equal(name, seen.names[i]) end
    for i = #plain + 1, #seen.names - 2 do assert.truthy(seen.names[i]:find "^latent_") end
    assert.same({"video_1", "video_2"}, {seen.names[#seen.names - 1], seen.names[#seen.names]})
    local influenced = {}
    for _, name in ipairs(seen.influenced) do influenced[name] = true end
    assert.is_true(influenced.latent_mood and influenced.latent_memory_1)
    assert.is_nil(influenced.latent_boredom)
  end)

  it("can be hidden by a pattern, and is refused with items", function()
    assert(recipes.load(folder, (RECIPE:gsub("n = 4", 'n = 4, latent = 1'):gsub("algorithm",
      'policy = {observes = {hide = {"latent_*"}}}, algorithm'))))
    local loaded, said = load ", latent = 1, action_item = 1"
    assert.is_nil(loaded)
    assert.truthy(said:find("latent is 1, but with action_item = 1", 1, true), said)
    loaded, said = load ", latent = 2"
    assert.is_nil(loaded)
    assert.truthy(said:find("env.latent: expected a number from 0 to 1", 1, true), said)
  end)
end)
