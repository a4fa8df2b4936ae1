--- How much critics' values move with groups of observations: on networks whose change is known, and what a run keeps of it.

local files = require "support.files"
local importance = require "perilune.trainer.importance"
local observes = require "perilune.recipe.observes"
local prl = require "perilune"
local recipes = require "support.recipes"
local runs = require "perilune.records.run"
local trainer = require "perilune.trainer"

local function names_of(groups)
  local list = {}
  for i, group in ipairs(groups) do list[i] = group.name .. ":" .. table.concat(group.places, ",") end
  return list
end

describe("groups of observations", function()
  local names = {"hour_sin", "activity", "fast_like", "slow_like", "fast_view", "slow_view", "fast_share", "hour_cos", "like_mean",
    "view_mean"}

  it("follow the beginnings and ends of names, the largest first, and each observation is in one", function()
    assert.same({"fast_*:3,5,7", "hour_*:1,8", "slow_*:4,6", "*_mean:9,10", "activity:2"}, names_of(observes.groups(names)))
  end)

  it("are those that were asked for, of what is left", function()
    assert.same({"*_like:3,4", "fast_*, activity:2,5,7", "hour_*:1,8", "*_mean:9,10", "slow_view:6"},
      names_of(observes.groups(names, {{"*_like"}, {"fast_*", "activity"}, {"fast_view"}})))
  end)

  it("are at most so many, of which the last has what is left", function()
    assert.same({"fast_*:3,5,7", "hour_*:1,8", "the others:2,4,6,9,10"}, names_of(observes.groups(names, nil, 3)))
    assert.same({"x:1", "y:2"}, names_of(observes.groups {"x", "y"}))
    local many = {}
    for i = 1, 5000 do many[i] = "pixel" .. i end
    local groups = observes.groups(many)
    assert.same({24, "the others", 5000 - 23}, {#groups, groups[24].name, #groups[24].places})
  end)
end)

describe("the importance of observations", function()
  -- Two critics, linear in three observations: V₁ = 2x + 3y, V₂ = −z; the sum weighs them 1 and .5.
  local critics = {{name = "one", weight = 1}, {name = "two", weight = 0.5}}
  local agent = {values = function(_, rows)
    local list = {}
    for i, row in ipairs(rows:totable()) do list[i] = {2 * row[1] + 3 * row[2], -row[3]} end
    return prl.tensor(list)
  end}
  local names = {"x_left", "x_right", "z"}
  -- Two steps of three users, the users one after the other.
  local rows = {{1, 0, 0}, {2, 5, 1}, {4, 0, 5}, {0, 1, 2}, {1, 1, 2}, {0, 3, 8}}

  it("is the mean change when a group is exchanged for the next user's at the same step", function()
    local found = importance.of(agent, critics, prl.tensor(rows), 3, names)
    assert.same({{name = "x_*", observations = 2}, {name = "z", observations = 1}}, found.groups)
    local function value(row) return {2 * row[1] + 3 * row[2], -row[3]} end
    local expected = {{0, 0, 0}, {0, 0, 0}} -- of the first critic and of the second, by user
    for step = 0, 1 do
      for u = 1, 3 do
        local own, next_one = value(rows[3 * step + u]), value(rows[3 * step + u % 3 + 1])
        for c = 1, 2 do expected[c][u] = expected[c][u] + math.abs(next_one[c] - own[c]) / 2 end
      end
    end
    assert.same({"weighted sum", "one", "two"}, {found.critics[1].name, found.critics[2].name, found.critics[3].name})
    for u = 1, 3 do
      assert.near(expected[1][u], found.critics[2].changes[1][u], 1e-6)
      assert.near(0, found.critics[2].changes[2][u], 0) -- it does not read z
      assert.near(0, found.critics[3].changes[1][u], 0)
      assert.near(expected[2][u], found.critics[3].changes[2][u], 1e-6)
      assert.near(expected[1][u], found.critics[1].changes[1][u], 1e-6)
      assert.near(0.5 * expected[2][u], found.critics[1].changes[2][u], 1e-6)
    end
    -- Of V₂ at the two steps: 0, −1, −5 with mean −2, and −2, −2, −8 with mean −4.
    assert.near(math.sqrt(((4 + 1 + 9) + (4 + 4 + 16)) / 4), found.critics[3].deviation, 1e-6)
  end)

  it("has its mean and an interval over users and seeds, and leaves out a sum that is a critic", function()
    local function of(rows_) return importance.of(agent, critics, prl.tensor(rows_), 3, names) end
    local whole = importance.whole {of(rows), of(rows)}
    local changes = of(rows).critics[2].changes[1]
    assert.near((changes[1] + changes[2] + changes[3]) / 3, whole.critics[2].groups[1].mean, 1e-6)
    assert.is_true(whole.critics[2].groups[1].half > 0)
    assert.equal(3, #whole.critics)
    local single = {values = function(_, rows_) return agent:values(rows_):slice(2, 1, 1):clone() end}
    local one = importance.whole {importance.of(single, {critics[1]}, prl.tensor(rows), 3, names)}
    assert.same({"one"}, {one.critics[1].name, one.critics[2]})
  end)
end)

describe("a run", function()
  local root
  before_each(function() root = files.folder() .. "/" end)

  local feed = [[return {
    env = {"shortvideo", n = 8},
    objective = {critics = {
      watch_time = {gamma = 0.9, lambda = 0.5, observes = {hide = {"mean_action_*"}}}, like = {gamma = 0.5},
    }},
    policy = {hidden = {8}, bounded = true, last_gain = 0, normalise = 5}, algorithm = {"a2c", rollout = 4},
    train = {steps = 320, warmup = 64}, eval = {users = 4, days = 1, curve = 4},
  }]]

  local function trained(text)
    local run = trainer.start(assert(recipes.load(root, text)), {root = root .. "runs", quiet = true,
      report = function(loaded) return require("perilune.report.page").write(loaded, require("perilune.paths").write_whole
        or prl.io.write) end})
    assert.equal("finished", run:train())
    return assert(runs.load(run.folder.path))
  end

  it("keeps what moves its critics at the end, and shows it on its page beside λ and what they observe", function()
    local run = trained(feed)
    local found = run.importance
    assert.same({"weighted sum", "like", "watch_time"}, {found.critics[1].name, found.critics[2].name, found.critics[3].name})
    local at = {}
    for g, group in ipairs(found.groups) do at[group.name] = g end
    local hidden = at["mean_action_*"]
    assert.equal(10, found.groups[hidden].observations)
    assert.equal(0, found.critics[3].groups[hidden].mean) -- it does not read them
    assert.is_true(found.critics[2].groups[hidden].mean > 0)
    assert.is_true(found.critics[3].groups[at["fast_*"]].mean > 0)
    local page = require("perilune.report.page").render(run)
    for _, text in ipairs {"What moves the values", "mean_action_*", ">λ<", "Observes", "hide = {", "0.5"} do
      assert.truthy(page:find(text, 1, true), text)
    end
  end)

  it("has none where the algorithm learns no values, or they need a memory", function()
    assert.is_nil(trained([[return {env = {"pendulum", n = 2}, policy = {hidden = {4}}, train = {steps = 40},
      algorithm = {"sac", memory = 200, start = 0, minibatch = 8}, eval = {episodes = 1}}]]).importance)
    assert.is_nil(trained([[return {env = {"pendulum", n = 2}, policy = {hidden = {4}, memory = {"gru", 4}},
      algorithm = {"a2c", rollout = 16}, train = {steps = 64}, eval = {episodes = 1}}]]).importance)
  end)
end)
