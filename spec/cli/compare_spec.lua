--- What `perilune compare` refuses, since the two sides would not be measured alike.
local posix = require "posix"
local command = require "support.command"
local files = require "support.files"
local recipes = require "support.recipes"

describe("perilune compare", function()
  local root
  setup(function()
    root = files.folder()
    recipes.write(root .. "/", "feed.lua", [[return {
      env = {"shortvideo", n = 4}, objective = {critics = {watch_time = {scale = 100}}}, policy = {hidden = {4}},
      algorithm = {"a2c", rollout = 4}, train = {steps = 32}, eval = {users = 4, days = 1}}]])
    recipes.write(root .. "/", "pole.lua", [[return {env = {"cartpole", n = 4}, algorithm = {"ppo", rollout = 16, minibatch = 64},
      objective = {critics = {upright = {reward = function(r) return r.reward end}}}, train = {steps = 64}, eval = {episodes = 2}}]])
  end)

  local function run(words) return command.run(root, words) end
  local function variant(name, base, change)
    recipes.write(root .. "/", name, ('return extend(require "%s", %s)'):format(base, change))
    return name
  end
  local function refused(words, message)
    local out, err, code = run(words)
    assert.same({"", 2}, {out, code}, err)
    assert.truthy(err:find(message, 1, true), err)
  end

  it("refuses recipes that are judged by other users, days, starts or environments, before any is trained", function()
    for change, message in pairs {
      ["{eval = {users = 8}}"] = "eval.users is 4 in feed.lua and 8 in other.lua: they cannot be compared; with --set eval.users=…",
      ["{eval = {days = 2}}"] = "eval.days is 1 in feed.lua and 2 in other.lua",
      ["{eval = {seed = 5}}"] = "eval.seed is 900001 in feed.lua and 5 in other.lua",
      ['{eval = {action = "sample"}}'] = "eval.action is mean in feed.lua and sample in other.lua",
      ['{env = {preset = "weak"}}'] = "in feed.lua and",
    } do
      refused("compare feed.lua " .. variant("other.lua", "feed", change) .. " --seeds 1", message)
    end
    refused("compare pole.lua " .. variant("other.lua", "pole", "{env = {max_steps = 100}}"), "env.max_steps is 500 in pole.lua and 100")
    assert.is_nil(posix.stat(root .. "/runs"))
    local _, err, code = run("compare feed.lua " .. variant("other.lua", "feed", "{eval = {seed = 5}, train = {steps = 48}}")
      .. " --seeds 1 -q --set eval.seed=7")
    assert.equal(0, code, err)
  end)

  it("refuses folders of runs that were judged differently, or have a seed twice", function()
    for _, words in ipairs {"pole.lua --runs a", "pole.lua --runs b --set eval.seed=3", "pole.lua --runs c", "pole.lua --runs c"} do
      local _, err, code = run(("train %s -q"):format(words))
      assert.equal(0, code, err)
    end
    refused("compare a b", "eval.seed is 900001 in a and 3 in b: they cannot be compared")
    refused("compare a c", "have the same seed, 1: of a folder's runs one of each seed is compared")
  end)

  it("says of what its numbers are", function()
    local out, err, code = run "compare feed.lua feed.lua --seeds 1 -q --out same"
    assert.equal(0, code, err)
    assert.is_nil(out:find("sum over an episode", 1, true))
  end)
end)
