--- `perilune values`: what critics of two runs expect, beside the returns that came.
local posix = require "posix"
local command = require "support.command"
local files = require "support.files"
local prl = require "perilune"
local recipes = require "support.recipes"

local joint = [[return {
  env = {"shortvideo", n = 8},
  objective = {critics = {reward = {reward = function(r) return r.watch_time + 20 * r.like end, gamma = 0.9, scale = 50}}},
  policy = {hidden = {8}, bounded = true, last_gain = 0, normalise = 5}, algorithm = {"a2c", rollout = 4},
  train = {steps = 640, warmup = 64}, eval = {users = 4, days = 1, curve = 4},
}]]
local separate = [[return extend(require "joint", {objective = {critics = {reward = remove,
  watching = {reward = function(r) return r.watch_time end, gamma = 0.9, scale = 50},
  liking = {reward = function(r) return r.like end, gamma = 0.9, weight = 0.4},
}}})]]

describe("perilune values", function()
  local root
  setup(function()
    root = files.folder()
    recipes.write(root .. "/", "joint.lua", joint)
    recipes.write(root .. "/", "separate.lua", separate)
  end)

  local function run(words)
    local out, err, code = command.run(root, words)
    assert.equal(0, code, err)
    return out, err
  end
  local function train(recipe, runs, more)
    if not posix.stat(root .. "/" .. runs) then run(("train %s.lua --runs %s -q %s"):format(recipe, runs, more or "")) end
  end
  local function refused(words, message)
    local out, err, code = command.run(root, words)
    assert.same({"", 2}, {out, code}, err)
    assert.truthy(err:find(message, 1, true), err)
  end
  local function of(found, name)
    for _, one in ipairs(found.estimates) do
      if one.name == name then return one end
    end
  end

  it("compares the weighted sums of two sides, and the critics of each", function()
    train("joint", "j")
    train("separate", "s")
    local found = prl.from_json((run "values j s --users 40 --steps 20 --json -q"))
    assert.equal(1, found.seeds)
    local sum = of(found, "weighted sum")
    assert.is_true(sum.same) -- 50 and 1/0.4 are of one return
    for _, side in ipairs {sum.a, sum.b} do assert.same({800, 0}, {side.counted, side.left}) end
    for _, row in ipairs(sum.rows) do
      assert.near(row.b.mean - row.a.mean, row.difference.mean, 1e-6)
      assert.is_true(row.difference.half > 0)
    end
    assert.is_false(of(found, "watching").a)
    assert.truthy(of(found, "watching").rows[1].b)
    assert.is_false(of(found, "reward").b)
    -- Watching and likes are the parts of the reward, and the policies have hardly moved.
    assert.near(of(found, "reward").a.mean, 50 * sum.a.mean, 1e-4)
    assert.near(50 * sum.b.mean, of(found, "watching").b.mean + 20 * of(found, "liking").b.mean, 1e-4)
    local text = run "values j s --users 40 --steps 20 -q"
    for _, words in ipairs {"A  joint, 1 run, value networks of ", "weighted sum", "explained variance",
      "one seed says nothing about another training"} do
      assert.truthy(text:find(words, 1, true), text)
    end
  end)

  it("judges one side alone, and shows what moves its values, by groups that are named", function()
    train("joint", "j")
    train("separate", "s")
    local both, one = prl.from_json((run "values j s --users 20 --steps 10 --json -q")),
      prl.from_json((run "values j --users 20 --steps 10 --json -q"))
    assert.same({{"joint"}, false}, {one.names, of(one, "weighted sum").b})
    for i, row in ipairs(of(both, "reward").rows) do assert.same(row.a, of(one, "reward").rows[i].a) end
    assert.same({both.importance[1]}, one.importance)
    assert.same({"like", 3}, {both.importance[2].critics[2] and "like", #both.importance[2].critics})
    local text = run "values j --users 20 --steps 10 -q --group mean_action_* --group '*_mean, *_sd'"
    for _, words in ipairs {"A  joint, 1 run, value networks of ", "its own policy acts.", "mean_action_*", "*_mean, *_sd", "fast_*",
      "deviation over users"} do
      assert.truthy(text:find(words, 1, true), text)
    end
    assert.is_nil(text:find("B", 1, true), text)
    refused("values j --group , -q", "--group: expected patterns as in 'fast_*,slow_*', got ','")
    refused("values j --group nothing_* -q", 'there is no observation "nothing_*"')
  end)

  it("finds no difference between a run and itself, nor between runs on one policy's rows where nothing is learned", function()
    train("joint", "j")
    local found = prl.from_json((run "values j j --users 10 --steps 5 --json -q"))
    for _, row in ipairs(of(found, "weighted sum").rows) do assert.same({0, 0}, {row.difference.mean, row.difference.half}) end
    train("joint", "still", "--set algorithm.lr=0")
    train("separate", "still_too", "--set algorithm.lr=0")
    local own = prl.from_json((run "values still still_too --users 10 --steps 5 --json -q"))
    for _, policy in ipairs {"a", "b"} do -- both policies are what they began with, and explore by the same draws
      local common = prl.from_json((run(("values still still_too --users 10 --steps 5 --json -q --policy %s"):format(policy))))
      assert.same(own.estimates, common.estimates)
    end
  end)

  it("pairs the runs of two folders by their seeds", function()
    for seed = 1, 2 do
      train("joint", "pairs/a" .. seed, "--set train.seed=" .. seed)
      train("separate", "pairs/b" .. seed, "--set train.seed=" .. seed)
    end
    os.execute(("cd '%s/pairs' && mkdir -p a b && cp -r a1/* a2/* a/ && cp -r b1/* b2/* b/"):format(root))
    local found = prl.from_json((run "values pairs/a pairs/b --users 10 --steps 5 --json -q"))
    assert.equal(2, found.seeds)
    assert.equal(2 * 10 * 5, of(found, "weighted sum").a.counted)
    assert.truthy((run "values pairs/a pairs/b --users 10 --steps 5 -q"):find("Intervals over users crossed with seeds.", 1, true))
  end)

  it("says where two sides estimate other returns", function()
    train("joint", "j")
    train("joint", "far", "--set objective.critics.reward.gamma=0.99")
    local text = run "values j far --users 10 --steps 5 -q"
    assert.truthy(text:find("Not the same return on both sides (another reward, discount, weight or scale), so that errors do not "
      .. "compare: weighted sum, reward.", 1, true), text)
    local found = prl.from_json((run "values j far --users 10 --steps 5 --json -q"))
    assert.is_nil(of(found, "reward").rows[1].difference)
    assert.truthy(of(found, "reward").rows[3].difference) -- a share of what each has to explain
  end)

  it("leaves out what is not known yet, counts it, and fails where nothing is", function()
    local life = "--set env.episode=life --set objective.critics.reward.gamma=0.9 --set objective.critics.reward.per=hour"
    train("joint", "life", life)
    local found = prl.from_json((run "values life life --users 10 --steps 30 --horizon 10 --json -q"))
    local sum = of(found, "weighted sum").a
    assert.is_true(sum.counted > 0 and sum.left > 0, sum.counted)
    assert.equal(300, sum.counted + sum.left)
    local out, err, code = command.run(root, "values life life --users 3 --steps 1 --horizon 0 -q")
    assert.same({"", 1}, {out, code})
    assert.truthy(err:find("the return of no row is known within 1 steps: a longer --horizon is needed", 1, true), err)
  end)

  it("refuses what cannot be compared, in one sentence", function()
    train("joint", "j")
    train("joint", "day", "--set env.episode=day")
    refused("values j day -q", "env.episode is nil in j/")
    refused("values j j --seed 1 -q", "was trained on the users and chances of seed 1: give another one")
    refused("values j joint.lua -q", "joint.lua is a file: a run's folder is needed, or a folder of runs")
    refused("values j nowhere -q", "there is no run and no folder of runs nowhere")
    refused("values j j --users 1", "--users must be at least 2")
    refused("values j j --steps 0", "--steps must be at least 1")
    refused("values j j --policy c", "must be one of")
    recipes.write(root .. "/", "sac.lua", [[return {env = {"pendulum", n = 2}, policy = {hidden = {4}}, train = {steps = 40},
      algorithm = {"sac", memory = 200, start = 0, minibatch = 8}, eval = {episodes = 1}}]])
    train("sac", "sac")
    refused("values sac sac -q", "sac learns no values of states: there is nothing to judge")
  end)
end)

describe("the recipes of joint and separate critics", function()
  it("have as many parameters, and the same return", function()
    local function critics(name)
      local agent = prl.agent(prl.recipe.plan(assert(prl.recipe.load(("recipes/shortvideo/%s.lua"):format(name)))))
      return select(2, agent:critics())
    end
    assert.equal(16770, critics "a2c_joint")
    assert.equal(16770, critics "a2c_separate")
  end)
end)
