--- Behaviour cloning: the run's policy acts as its own agent does, whatever made it; whole updates against losses that are written
--- out here, differentiated by central differences in float64; a clone does what its teacher does; what is refused.
local drive = require "support.drive"
local prl = require "perilune"
local recipes = require "support.recipes"
local written = require "support.written"

local continuous = 'action = {"continuous", aim = {-1, 2}, push = {0, 4}}'
local choices = 'action = {"multi_discrete", colour = {"red", "green", "blue"}, size = {"small", "large"}}'
local one_choice = 'action = {"discrete", side = {"left", "right", "none"}}'

local text = [[return {
  env = {"host", observation = {"x", "y"}, %s, responses = {win = {}}},
  objective = {critics = {win = {}}},
  policy = {%s},
  algorithm = {%s},
  agent = {streams = 32},
  train = {steps = 1000, seed = 3},
}]]

describe("bc", function()
  local folder = recipes.folder()
  local teacher, path = folder .. "teacher.safetensors", folder .. "agent.safetensors"

  local function load(action, policy, algorithm) return recipes.load(folder, text:format(action, policy, algorithm)) end
  local function make(...) return prl.agent(prl.recipe.plan(assert(load(...)))) end

  --- Steps of streams 1 to 16, with what they earn.
  local function experience(agent, steps)
    local streams = {}
    for i = 1, 16 do streams[i] = i end
    for _ = 1, steps do
      local action, decisions = agent:act(streams, prl.randn(16, 2) * 2 + 1)
      local responses = {}
      for i = 1, 16 do responses[i] = {-(action:get(i, 1) - 1) ^ 2} end
      agent:feedback(decisions, prl.tensor(responses))
    end
    agent:observe(streams, prl.randn(16, 2))
  end

  local function taught(action, policy, algorithm)
    local agent = make(action, policy, algorithm)
    for _ = 1, 12 do
      experience(agent, 4)
      if algorithm:find "reinforce" then agent:finish_all "terminated" end
      agent:learn()
    end
    assert.is_true(agent:metrics().updates > 1)
    assert(agent:save(teacher))
    return agent
  end

  local from = ('from = %q'):format(teacher)
  local ways = {
    {continuous, "normalise = 3", '"ppo", rollout = 4', true}, {continuous, 'trunk = "shared"', '"a2c", rollout = 4', true},
    {continuous, "", '"sac", minibatch = 32, start = 64', true}, {continuous, "normalise = 5",
      '"sac", minibatch = 32, start = 64, exploration = {"gsde"}'}, {continuous, "", '"td3", minibatch = 32, start = 64', true},
    {continuous, "", '"td3", minibatch = 32, start = 64, exploration = {"ou"}'}, {choices, "", '"a2c", rollout = 4', true},
    {one_choice, "normalise = 3", '"dqn", minibatch = 32, start = 64', true}, {one_choice, "", '"reinforce", rollout = 4', true},
  }
  for _, way in ipairs(ways) do
    it(("lets the run's policy act as it does: %s, %s"):format(way[3], way[2]), function()
      local old = taught(way[1], way[2], way[3])
      local agent = make(way[1], way[2]:match "normalise = %d" or "", '"bc", ' .. from)
      local streams, observation = {}, prl.randn(12, 2) * 3
      for i = 1, 12 do streams[i] = 100 + i end
      local mean = old:act(streams, observation, "mean", false):totable()
      assert.same(mean, agent:act(streams, observation, "mean"):totable())
      agent = make(way[1], way[2]:match "normalise = %d" or "", '"bc", ' .. from) -- with the same draws
      local drawn = way[4] and old:act(streams, observation, "sample"):totable() or mean -- whose noise lasts acts by its mean
      assert.same(drawn, agent:act(streams, observation, "sample"):totable())
      assert.equal(way[4] and way[1] == continuous or false, prl.to_json(drawn) ~= prl.to_json(mean) and way[1] == continuous)
    end)
  end

  -- ---- updates ----

  local log_std = -0.5

  local function rows_of(tensors, width)
    local rows, obs, action = {}, tensors["batch.observation"]:totable(), tensors["batch.action"]:totable()
    local arm = tensors["batch.arm"]
    for i = 1, tensors["batch.counts"]:get(1) do
      rows[i] = {obs = {obs[2 * i - 1], obs[2 * i]}, action = {}, arm = arm and arm:get(i)}
      for k = 1, width do rows[i].action[k] = action[width * (i - 1) + k] end
    end
    return rows
  end

  --- One update of this agent beside that of loss(rows, now), a mean over the rows that count. width: of the action; outputs: of the
  --- policy's layer.
  local function check(agent, width, outputs, loss, steps)
    local function parameters(tensors)
      return written.parameters({["params.policy"] = tensors["params.policy"]}, function() return outputs end)
    end
    experience(agent, steps)
    local tensors = written.at(agent, "run", path)
    local rows, before = rows_of(tensors, width), parameters(tensors)
    local wanted = written.descended(before, {policy = 0.05}, function(now) return loss(rows, now) end)
    agent:learn()
    written.same(wanted, parameters(written.read(agent, path)), "an update")
    assert.near(loss(rows, before), agent:metrics().policy_loss, 1e-3)
    return rows
  end

  local sgd = 'rollout = 2, epochs = 1, minibatch = 1000, lr = 0.05, max_norm = 1e9, optimizer = {"sgd"}'
  local linear = 'hidden = {}, last_gain = 1, log_std = {kind = "fixed", init = -0.5}'

  local function likelihood(now, row, label) return -written.log_prob(written.linear(now.policy, 2, row.obs), log_std, label) end
  local function squared(now, row, label)
    local mean = written.linear(now.policy, 2, row.obs)
    return (mean[1] - label[1]) ^ 2 + (mean[2] - label[2]) ^ 2
  end

  it("makes the step of the likelihood of what was acted, and of the squared error", function()
    taught(continuous, "", '"a2c", rollout = 4')
    for loss, of in pairs {likelihood = likelihood, mse = squared} do
      local agent = make(continuous, linear, ('"bc", loss = %q, %s, %s'):format(loss, from, sgd))
      for _ = 1, 2 do
        local rows = check(agent, 2, 2, function(rows, now)
          local sum = 0
          for _, row in ipairs(rows) do sum = sum + of(now, row, row.action) / #rows end
          return sum
        end, 4)
        for _, row in ipairs(rows) do assert.equal(1, row.arm) end
      end
    end
  end)

  it("asks the run what it would have done where the clone acted", function()
    local wide = 'action = {"continuous", aim = {-90, 90}, push = {-90, 90}}' -- a host gets actions that are cut
    local old = taught(wide, "", '"a2c", rollout = 4')
    local agent, served = make(wide, linear, ('"bc", own = 2, label = "mean", %s, %s'):format(from, sgd)), {}
    local rows = check(agent, 2, 2, function(rows, now)
      local sum = 0
      for _, row in ipairs(rows) do
        row.label = row.label or old:act(1, prl.tensor {row.obs}, "mean", false):totable()[1]
        sum = sum + likelihood(now, row, row.label) / #rows
      end
      return sum
    end, 4)
    for _, row in ipairs(rows) do served[row.arm] = true end
    assert.same({[0] = true, [1] = true}, served)
  end)

  it("makes the step of the likelihood of choices", function()
    taught(one_choice, "", '"a2c", rollout = 4')
    check(make(one_choice, "hidden = {}, last_gain = 1", ('"bc", %s, %s'):format(from, sgd)), 1, 3, function(rows, now)
      local sum = 0
      for _, row in ipairs(rows) do
        local logits, total = written.linear(now.policy, 3, row.obs), 0
        for k = 1, 3 do total = total + math.exp(logits[k]) end
        sum = sum + (math.log(total) - logits[row.action[1] + 1]) / #rows
      end
      return sum
    end, 4)
  end)

  it("makes the step of rows that were drawn from the memory", function()
    local agent = make(continuous, linear, '"bc", memory = 500, start = 0, rollout = 4, updates = 0.01, minibatch = 40, lr = 0.05, '
      .. 'max_norm = 1e9, optimizer = {"sgd"}')
    experience(agent, 4)
    agent:learn()
    check(agent, 2, 2, function(rows, now)
      local sum = 0
      for _, row in ipairs(rows) do sum = sum + likelihood(now, row, row.action) / #rows end
      return sum
    end, 4)
  end)

  -- ---- what it is for ----

  local balance = [[return {
    env = {"cartpole", n = 8}, objective = {critics = {up = {reward = function(r) return r.reward end, gamma = 0.99}}},
    policy = {hidden = {32}, %s}, algorithm = {%s}, train = {steps = 60000, seed = 2},
  }]]

  local function balanced(policy, algorithm, steps)
    local agent = prl.agent(prl.recipe.plan(assert(recipes.load(folder, balance:format(policy, algorithm)))))
    agent:drive(prl.env("cartpole", {n = 8, seed = 2}), steps)
    local sum, episodes = 0, agent:evaluate(prl.env("cartpole", {n = 20, seed = 9}), 20):totable()
    for _, episode in ipairs(episodes) do sum = sum + episode[1] / #episodes end
    return agent, sum
  end

  it("leaves a policy that does what its teacher does, and from which another recipe begins", function()
    local old, best = balanced("normalise = 10", '"ppo", lr = 1e-3, critic_lr = 1e-3', 60000)
    assert(old:save(teacher))
    local clone, found = balanced("normalise = 10", ('"bc", from = %q'):format(teacher), 16000)
    assert.is_true(best > 300 and found > 0.8 * best, ("%g of a teacher with %g"):format(found, best))
    assert.is_true(clone:metrics().imitation_error < 0.3, clone:metrics().imitation_error)
    assert(clone:save(path))
    local saved = assert(prl.io.safetensors_read(path))
    local own = assert(prl.io.safetensors_read(teacher))
    for _, name in ipairs {"normaliser.mean", "normaliser.shift"} do assert.same(own[name]:totable(), saved[name]:totable()) end
    local again = balanced(("normalise = 10, start = %q"):format(path), ('"bc", from = %q'):format(teacher), 0) -- it goes on
    local next_one = balanced(("normalise = 10, start = %q"):format(path), '"ppo"', 0)
    local observation = prl.randn(50, 4)
    local streams = {}
    for i = 1, 50 do streams[i] = i end
    local function acts(agent) return agent:act(streams, observation, "mean", false):totable() end
    assert.same(acts(clone), acts(next_one))
    assert.same(acts(clone), acts(again))
  end)

  it("clones what is in the memory of an agent that it takes over in a swap", function()
    local swing = [[return {
      env = {"pendulum", n = 4}, objective = {critics = {swing = {reward = function(r) return r.reward end, gamma = 0.9}}},
      policy = {hidden = {32}, %s}, algorithm = {%s, memory = 4000, rollout = 8, minibatch = 128}, train = {steps = 6000},
    }]]
    local acts = swing:format("start = {constant = {torque = 1.5}}", '"td3", noise = 0.1, updates = 0, start = 4000')
    local agent, env = prl.agent(prl.recipe.plan(assert(recipes.load(folder, acts)))), prl.env("pendulum", {n = 4, seed = 1})
    agent:drive(env, 3000)
    agent:swap(prl.recipe.plan(assert(recipes.load(folder, swing:format("", '"bc", updates = 1, start = 0, lr = 3e-3')))))
    drive.updates(agent, env, 1)
    local first = agent:metrics().policy_loss
    drive.updates(agent, env, 10)
    assert.is_true(agent:metrics().policy_loss < first - 0.5, ("%g after %g"):format(agent:metrics().policy_loss, first))
    local mean = agent:act({1, 2}, prl.tensor {{1, 0, 0}, {0, 1, 1}}, "mean", false)
    for row = 1, 2 do assert.near(1.5, mean:get(row, 1), 0.4) end
  end)

  it("goes on from a file byte for byte, without its teacher", function()
    local old = balanced("", '"ppo"', 4000)
    assert(old:save(teacher))
    local clone = ('"bc", own = 1, label = "mean", rollout = 32, from = %q'):format(teacher)
    local loaded = assert(recipes.load(folder, balance:format("", clone)))
    local function new() return prl.agent(prl.recipe.plan(loaded)), prl.env("cartpole", {n = 8, seed = 1}) end
    local agent, env = new()
    local straight = drive.updates(agent, env, 5)
    agent, env = new()
    drive.updates(agent, env, 2)
    assert(agent:save(path, env))
    env = select(2, new())
    os.remove(teacher)
    agent = assert(prl.load_agent(path))
    assert(agent:load_env(path, env))
    for i, line in ipairs(drive.updates(agent, env, 3)) do assert.equal(straight[2 + i], line) end
  end)

  it("is refused where it cannot be, at the option's line", function()
    local function refused(policy, algorithm, message, action)
      local loaded, said = load(action or continuous, policy, algorithm)
      if loaded then
        local ok
        ok, said = pcall(prl.recipe.plan, loaded)
        assert.is_false(ok)
      end
      assert.truthy(tostring(said):find(message, 1, true), said)
    end
    taught(continuous, "", '"a2c", rollout = 4')
    refused("", '"bc"', 'algorithm.from: one of from, as in from = "runs/…", and memory says what is cloned; none is given')
    refused("", '"bc", memory = 1000, ' .. from, "both are given")
    refused("", '"bc", from = "runs/none"', "algorithm.from: expected a run or a saved agent: there is no run or agent runs/none")
    refused("", '"bc", from = 7', "algorithm.from: expected a run's folder or an agent's file, as in \"runs/…\", got 7")
    refused("", '"bc", from = {run = "x", digset = "y"}', 'algorithm.from.digset: unknown key; the nearest is "digest"')
    refused("", '"bc", own = 1, ' .. from, "algorithm.label: the clone acts itself (own), and what it did is nothing to learn")
    refused("", '"bc", memory = 1000, own = 1', "algorithm.own: own is for from, and there is none")
    refused("", '"bc", loss = "mse", memory = 1000', "algorithm.loss: mse is of continuous actions, and those here are discrete",
      one_choice)
    refused('trunk = "shared"', '"bc", ' .. from, "the clone and the run share no trunk")
    refused("normalise = 4", '"bc", ' .. from, "normalises observations with policy.normalise = false, and here it is 4")
    refused("", '"bc", ' .. from, "its action 1 is aim, and the environment's is side", one_choice)
  end)
end)
