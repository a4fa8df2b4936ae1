--- What a host learns of an agent's critics: their values, rewards and parameters, and rollouts to judge them by.

local prl = require "perilune"
local recipes = require "support.recipes"
local values = require "perilune.stats.values"

local pendulum = [[return {
  env = {"pendulum", n = 4},
  objective = {critics = {
    upright = {reward = function(r) return r.reward end, gamma = 0.9, scale = 4, hidden = {}},
    half = {reward = function(r) return max(r.reward, -2) / 2 end, gamma = 0.5, hidden = {5}},
  }},
  policy = {hidden = {8}, normalise = 5},
  algorithm = {"ppo", rollout = 64, minibatch = 64, epochs = 2},
}]]

describe("an agent's critics", function()
  local folder = recipes.folder()

  local function trained(text, steps)
    local loaded = assert(recipes.load(folder, text))
    local agent = prl.agent(prl.recipe.plan(loaded))
    agent:drive(prl.env(loaded.env.name, {n = loaded.recipe.env.n, seed = 1}), steps)
    return agent
  end

  it("have names, in the order of their values, and a number of parameters", function()
    local names, parameters = trained(pendulum, 512):critics()
    assert.same({"half", "upright"}, names)
    assert.equal((3 * 5 + 5 + 5 + 1) + (3 + 1), parameters)
  end)

  it("give rewards as the recipe says them", function()
    local agent = trained(pendulum, 512)
    local rows = {}
    for i = 1, 200 do rows[i] = {-i / 10} end
    local found = agent:rewards(prl.tensor(rows)):totable()
    for i = 1, 200 do
      assert.near(math.max(-i / 10, -2) / 2, found[i][1], 1e-6)
      assert.near(-i / 10, found[i][2], 1e-5)
    end
    assert.error_matches(function() agent:rewards(prl.tensor {{-1}, {0 / 0}}) end,
      'the reward of critic "half" of row 2 is %-?nan')
  end)

  it("give values in units of rewards: of the network, the statistics of returns and the scale", function()
    local agent = trained(pendulum, 1024)
    local path = folder .. "agent.safetensors"
    assert(agent:save(path))
    local saved = assert(prl.io.safetensors_read(path))
    local slab, popart = saved["params.critic/upright"]:totable(), saved["critic.1.popart"]:totable()
    local shift, scale = saved["normaliser.shift"]:totable(), saved["normaliser.scale"]:totable()
    local rows = prl.tensor {{1, 0, 0}, {-0.5, 0.8, -3}, {0, -1, 7}}
    local value = agent:values(rows):totable()
    for i, row in ipairs(rows:totable()) do
      local sum = slab[1] -- the bias; parameters begin at 64 bytes
      for k = 1, 3 do sum = sum + slab[16 + k] * math.max(-5, math.min(5, (row[k] - shift[k]) * scale[k])) end
      assert.near(4 * (sum * popart[5] + popart[4]), value[i][2], 1e-3 * math.abs(value[i][2]) + 1e-4)
    end
    local again = assert(prl.load_agent(path))
    assert.same(value, again:values(rows):totable())
    local one = again:values(rows:slice(1, 2, 2):clone()):totable()
    assert.same({value[2]}, one) -- a row's bytes do not depend on those beside it
  end)

  it("do not change what an agent learns by being asked", function()
    local a, b = trained(pendulum, 512), trained(pendulum, 512)
    b:values(prl.randn(700, 3))
    local env = prl.env("pendulum", {n = 4, seed = 2})
    a:drive(env, 512)
    b:drive(prl.env("pendulum", {n = 4, seed = 2}), 512)
    assert.same(a:metrics(), b:metrics())
  end)

  it("learn what the next reward is, where nothing later counts", function()
    local agent = trained([[return {env = {"pendulum", n = 8}, policy = {hidden = {32}, normalise = 5},
      objective = {critics = {reward = {gamma = 0, scale = 10}}}, algorithm = {"ppo", rollout = 64, minibatch = 128}}]], 40000)
    local observation, response = agent:rollout(prl.env("pendulum", {n = 8, seed = 9}), 200, "sample")
    local value, sums = agent:values(observation:reshape(1600, 3)):totable(), values.sums()
    for i, row in ipairs(response:reshape(1600, 1):totable()) do values.add(sums, value[i][1], row[1]) end
    local found = values.compare({{sums}}, nil, true)[3].a.mean
    assert.is_true(found > 0.75, found)
  end)

  it("are refused where an algorithm has none of states", function()
    local agent = trained([[return {env = {"pendulum", n = 1}, policy = {hidden = {8}},
      algorithm = {"sac", memory = 200, start = 0, minibatch = 8}}]], 20)
    assert.equal(1, select("#", agent:critics()))
    assert.error_matches(function() agent:values(prl.zeros(1, 3)) end, "the plan of this agent has no program for values of states")
    assert.error_matches(function() trained(pendulum, 512):values(prl.tensor {{1, 0, 0 / 0}}) end, "of row 1 is %-?nan")
  end)
end)

describe("a rollout", function()
  local folder = recipes.folder()

  it("is the evaluation, step by step", function()
    local loaded = assert(recipes.load(folder, [[return {env = {"shortvideo", n = 8}, policy = {hidden = {8}, normalise = 5},
      objective = {critics = {watch_time = {scale = 100}}}, algorithm = {"a2c", rollout = 4}}]]))
    local agent = prl.agent(prl.recipe.plan(loaded))
    agent:drive(prl.env("shortvideo", {n = 8, seed = 1}), 640)
    local function env() return prl.env("shortvideo", {n = 3, seed = 5}) end
    for _, mode in ipairs {"mean", "sample"} do
      local sums, lengths = agent:evaluate(env(), 6, mode)
      local _, response, ends, elapsed = agent:rollout(env(), 400, mode)
      local rows, over = response:totable(), ends:totable()
      for user = 1, 3 do
        local sum, episode, length = 0, 0, 0
        for step = 1, 400 do
          sum, length = sum + rows[step][user][1], length + 1
          if over[step][user] > 0 and episode < 2 then
            episode = episode + 1
            assert.near(sums:get(2 * (user - 1) + episode, 1), sum, 1e-6)
            assert.equal(tonumber(lengths:get(2 * (user - 1) + episode)), length)
            sum, length = 0, 0
          end
        end
        assert.equal(2, episode)
      end
      assert.is_true(tonumber(elapsed:get(1, 1)) > 0)
    end
  end)

  it("observes what precedes the action, and tells truncations from terminations", function()
    local loaded = assert(recipes.load(folder, [[return {env = {"pendulum", n = 2, max_steps = 5}, policy = {hidden = {4}},
      algorithm = {"ppo", rollout = 8, minibatch = 8}}]]))
    local agent = prl.agent(prl.recipe.plan(loaded))
    local env = prl.env("pendulum", {n = 2, seed = 3, max_steps = 5})
    local observation, response, ends = agent:rollout(env, 11)
    assert.same({11, 2, 3}, observation:shape())
    assert.same({11, 2, 1}, response:shape())
    for step, row in ipairs(ends:totable()) do assert.same(step % 5 == 0 and {2, 2} or {0, 0}, row) end
    local first = prl.env("pendulum", {n = 2, seed = 3, max_steps = 5}):reset():totable()
    assert.same(first, observation:totable()[1])
    assert.same(observation:totable(), (agent:rollout(prl.env("pendulum", {n = 2, seed = 3, max_steps = 5}), 11)):totable())
  end)

  it("refuses what it cannot play", function()
    local loaded = assert(recipes.load(folder, [[return {env = {"cartpole", n = 2}, policy = {hidden = {4}},
      algorithm = {"ppo", rollout = 8, minibatch = 8}}]]))
    local agent = prl.agent(prl.recipe.plan(loaded))
    assert.error_matches(function() agent:rollout(prl.env("cartpole", {n = 1}), 0) end, "steps is 0")
    assert.error_matches(function() agent:rollout(prl.env("cartpole", {n = 1}), 2, "men") end,
      'mode has no choice "men"; the nearest is "mean"')
    assert.error_matches(function() agent:rollout(prl.env("pendulum", {n = 1}), 2) end, "pendulum")
    local function enough() error("enough", 0) end
    assert.error_matches(function() agent:rollout(prl.env("cartpole", {n = 1}), 300000, "mean", enough) end, "enough")
  end)
end)
