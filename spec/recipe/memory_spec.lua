--- What a recipe takes of memory is added up before it is allocated, and refused above a budget.

local prl = require "perilune"
local command = require "support.command"
local recipes = require "support.recipes"

local MB = 1e6

describe("the memory of a recipe", function()
  local folder
  setup(function() folder = recipes.folder() end)
  after_each(function() prl.memory(0) end)

  local function load(lines, options)
    return recipes.load(folder, "return {env = {'cartpole', n = 8}, algorithm = {'ppo', rollout = 32, minibatch = 64},\n" ..
      lines .. "\n}", options)
  end

  --- Loads with as much of the budget left.
  local function within(bytes, lines, options)
    collectgarbage()
    collectgarbage()
    prl.memory(prl.memory().live_bytes + bytes)
    return load(lines, options)
  end

  it("has a budget: the machine's memory, or another", function()
    assert.is_true(prl.memory().budget_bytes > 100 * MB)
    assert.equal(12345678, prl.memory(12345678).budget_bytes)
    assert.equal(12345678, prl.memory().budget_bytes)
    assert.error_matches(function() prl.memory(-1) end, "budget_bytes is %-1")
  end)

  it("refuses networks before they are made, at their line", function()
    for lines, says in pairs {
      ["policy = {hidden = {4096, 4096}},"] = "^x.lua:2: policy.hidden: networks of %d+ parameters take 1.3 GB of memory; ",
      ["policy = {hidden = {4096, 4096}, trunk = 'shared'},"] = "^x.lua:2: policy.hidden: networks of %d+ parameters take 672",
      ["policy = {\nhidden = {65536, 65536}},"] = "^x.lua:3: policy.hidden: networks of %d+ parameters take 343.6 GB",
      ["objective = {critics = {main = {reward = function(r) return r.reward end,\nhidden = {8192, 8192}}}},"] =
        "^x.lua:3: objective.critics.main.hidden: networks of 67166209 parameters take 2.7 GB",
      ["eval = {episodes = 1e8},"] = "^x.lua:2: eval.episodes: 100000000 episodes take 1.6 GB of memory; ",
    } do
      local peak = prl.memory().peak_bytes
      local loaded, message = within(100 * MB, lines)
      assert.is_nil(loaded)
      assert.matches(says, message)
      assert.matches("100.0 MB are left of a budget of", message, 1, true)
      assert.is_true(prl.memory().peak_bytes - peak < MB)
    end
    local loaded, message = within(100 * MB, "", {set = {"policy.hidden={4096, 4096}"}})
    assert.is_nil(loaded)
    assert.matches("--set policy.hidden={4096, 4096}: policy.hidden: networks of", message, 1, true)
  end)

  it("refuses the users and days of a panel", function()
    prl.memory(prl.memory().live_bytes + 100 * MB)
    local loaded, message = recipes.load(folder, "return {env = {'shortvideo'}, algorithm = {'a2c'},\n" ..
      "objective = {critics = {watch_time = {}}},\neval = {users = 1e6, days = 100}}")
    assert.is_nil(loaded)
    assert.matches("^x.lua:3: eval.users: 1000000 users × 100 days take %d+.%d GB of memory; ", message)
  end)

  it("adds up networks as they are then made", function()
    local memory = require "perilune.recipe.memory"
    for _, lines in ipairs {"policy = {hidden = {1024, 1024}},", "policy = {hidden = {1024, 1024}, trunk = 'shared'},"} do
      local loaded, refused = assert(load(lines)), nil
      prl.memory(1)
      pcall(memory.check, {fail = function(_, message) refused = message error "" end}, loaded.recipe, loaded.spec,
        loaded.algorithm)
      prl.memory(0)
      local told = refused:match "take ([%d.]+) MB" * MB
      collectgarbage()
      collectgarbage()
      local before = prl.memory().live_bytes
      local agent = assert(prl.recipe.agent(loaded))
      local taken = prl.memory().live_bytes - before
      assert.is_true(told > taken / 2 and told < taken * 1.25, ("%f told, %f taken"):format(told, taken))
      agent:free()
    end
  end)

  it("refuses an agent before it is made, at the option that makes it large", function()
    for lines, says in pairs {
      ["agent = {\nstreams = 2e8},"] = "x.lua:3: agent.streams = 200000000 takes %d+.%d GB of the agent's %d+.%d GB; ",
      ["agent = {rows = 2e8},"] = "x.lua:2: agent.rows = 200000000 takes %d+.%d GB of the agent's %d+.%d GB; ",
    } do
      local loaded = assert(within(100 * MB, lines))
      local peak = prl.memory().peak_bytes
      local agent, message, code = prl.recipe.agent(loaded)
      assert.same({nil, "ELIMIT"}, {agent, code})
      assert.matches(says, message)
      assert.is_true(prl.memory().peak_bytes - peak < MB)
    end
    local loaded = assert(within(100 * MB, "", {set = {"algorithm.rollout=1e6"}}))
    assert.matches("^%-%-set algorithm.rollout=1e6: algorithm.rollout takes", select(2, prl.recipe.agent(loaded)))
    loaded = assert(within(100 * MB, "", {set = {"algorithm.rollout=1e4", "algorithm.minibatch=8e4", "policy.hidden={600, 600}"}}))
    assert.matches("^%-%-set algorithm.minibatch=8e4: algorithm.minibatch takes", select(2, prl.recipe.agent(loaded)))
  end)

  it("is told by the plan, part by part", function()
    local needs, sum = prl.recipe.plan(assert(load "agent = {rows = 5000},")):memory(), 0
    local by = {}
    for _, need in ipairs(needs) do
      sum, by[need.option] = sum + need.bytes, need
    end
    assert.equal(needs.bytes, sum)
    assert.same({8, 5000}, {by["agent.streams"].value, by["agent.rows"].value})
    assert.is_true(by["policy.hidden"].bytes > 4 * 4 * (2 * (64 * 64 + 4 * 64)))
  end)

  it("ends a command with one sentence where it was not added up before", function()
    local small = require "support.small_log"
    small.write(folder)
    local out, err, code = command.run(folder, "fit recipe.lua --data . --memory 100MB --set 'model.hidden={65536,65536}' --quiet")
    assert.same({"", 1}, {out, code})
    assert.matches("^perilune: out of memory: the allocator gave no block of %d+ bytes; the budget is 100.0 MB %(%-%-memory%)\n$", err)
  end)

  it("is an option of the commands, and printed by check", function()
    local path = recipes.write(folder, "pole.lua", "return {env = 'cartpole', algorithm = {'ppo', rollout = 2048}}")
    local out, err, code = command.run(folder, "check pole.lua")
    assert.same({"", 0}, {err, code})
    assert.matches("\n-- the agent takes %d+.%d MB: algorithm.rollout %d+.%d MB, ", out)
    for _, name in ipairs {"check", "train"} do
      out, err, code = command.run(folder, name .. " pole.lua --memory 6MB")
      assert.same({"", 2}, {out, code})
      assert.matches("^perilune: pole.lua:1: algorithm.rollout takes %d+.%d MB of the agent's %d+.%d MB; .* of 6.0 MB %(", err)
      assert.is_nil(err:find("traceback", 1, true))
    end
    assert.matches("'much' is not a size such as 500MB or 8GB", select(2, command.run(folder, "check pole.lua --memory much")))
    assert.truthy(path)
    -- Runs in processes of their own have the same budget.
    out, err, code = command.run(folder, "sweep pole.lua --memory 60MB --seeds 1 --set agent.streams=8,64 --set train.steps=512 " ..
      "--set eval.episodes=2 --quiet --out many")
    assert.same({"", 0}, {err, code}, out)
    code = select(3, command.run(folder, "compare pole.lua pole.lua --memory 6MB --seeds 1 --quiet --out two"))
    assert.equal(2, code)
  end)
end)
