--- REINFORCE: whole updates against returns and losses that are written out here, differentiated by central differences in
--- float64, over two critics, episodes that were terminated, truncated and still running; how a run goes on; what is refused.
local drive = require "support.drive"
local prl = require "perilune"
local recipes = require "support.recipes"
local written = require "support.written"

local text = [[return {
  env = {"host", observation = {"x", "y"}, action = {"continuous", aim = {-40, 40}, push = {-40, 40}}, responses = {watch = {}, skip = {}}},
  objective = {critics = {watch = {gamma = 0.5}, skip = {gamma = 0.9, weight = -0.4}}},
  policy = {hidden = {}, log_std = {kind = "fixed", init = -0.5}, last_gain = 1},
  algorithm = {"reinforce", rollout = 4, longest = 10, lr = 0.05, critic_lr = 0.1, max_norm = 1e9, optimizer = {"sgd"}, %s},
  agent = {streams = 6},
  train = {steps = 100},
}]]
local log_std, gamma, weight = -0.5, {watch = 0.5, skip = 0.9}, {watch = 1, skip = -0.4}

describe("reinforce", function()
  local folder = recipes.folder()
  local path = folder .. "agent.safetensors"
  local function parameters(tensors)
    return written.parameters(tensors, function(set) return set:find "^critic" and 1 or 2 end)
  end

  --- One step of six streams; what became of them is in `open`, and whole episodes go to `ended`.
  local function step(agent, number, open, ended)
    local streams, observation = {1, 2, 3, 4, 5, 6}, prl.randn(6, 2)
    local action, decisions = agent:act(streams, observation)
    local responses = {}
    for i = 1, 6 do
      local given = {watch = action:get(i, 1) - i % 3, skip = action:get(i, 2) * number / 4}
      responses[i] = {given.skip, given.watch} -- in the order of their names
      open[i] = open[i] or {}
      table.insert(open[i], {obs = {observation:get(i, 1), observation:get(i, 2)}, action = {action:get(i, 1), action:get(i, 2)},
        responses = given})
    end
    agent:feedback(decisions, prl.tensor(responses))
    for i = 1, 6 do
      if (3 * i + number) % 5 == 0 then
        if i == 2 then agent:observe({i}, prl.randn(1, 2)) end -- what follows is known before the end is
        agent:finish({i}, i % 2 == 0 and "terminated" or "truncated", prl.randn(1, 2))
        ended[#ended + 1], open[i] = open[i], nil
      end
    end
  end

  --- Rows of the episodes with what they are weighted by, Σ weight · return.
  local function rows_of(episodes)
    local rows = {}
    for _, episode in ipairs(episodes) do
      local ahead = {watch = 0, skip = 0}
      for t = #episode, 1, -1 do
        local row = episode[t]
        row.gain = 0
        for name, discount in pairs(gamma) do
          ahead[name] = row.responses[name] + discount * ahead[name]
          row.gain = row.gain + weight[name] * ahead[name]
        end
        rows[#rows + 1] = row
      end
    end
    return rows
  end

  local function loss(rows, baseline)
    local mean, sum = 0, 0
    for _, row in ipairs(rows) do mean = mean + row.gain / #rows end
    return function(now)
      sum = 0
      for _, row in ipairs(rows) do
        local log_prob = written.log_prob(written.linear(now.policy, 2, row.obs), log_std, row.action)
        sum = sum - log_prob * (row.gain - (baseline == "mean" and mean or 0)) / #rows
      end
      return sum
    end
  end

  for _, baseline in ipairs {"none", "mean"} do
    it("makes the step of Williams's rule with baseline " .. baseline, function()
      local agent = prl.agent(prl.recipe.plan(assert(recipes.load(folder, text:format(('baseline = "%s"'):format(baseline))))))
      local open, ended, updates, longest = {}, {}, 0, 0
      for number = 1, 24 do
        step(agent, number, open, ended)
        local rows = rows_of(ended)
        local before = parameters(written.read(agent, path))
        agent:learn()
        local now = agent:metrics().updates
        assert.equal(#rows >= 24, now > updates)
        if now > updates then
          for _, episode in ipairs(ended) do longest = math.max(longest, #episode) end
          local wanted = written.descended(before, {policy = 0.05}, loss(rows, baseline))
          written.same(wanted, parameters(written.read(agent, path)), baseline)
          assert.near(loss(rows, baseline)(before), agent:metrics().policy_loss, 1e-3)
          ended, updates = {}, now
        end
      end
      assert.is_true(updates >= 3 and longest == 5)
      assert.equal(0, agent:metrics().dropped_steps)
    end)
  end

  it("follows advantages over the critics with baseline value, and a truncated episode goes on with theirs", function()
    local agent = prl.agent(prl.recipe.plan(assert(recipes.load(folder, text:format "baseline = 'value'"))))
    local open, ended, number = {}, {}, 0
    for _ = 1, 2 do
      repeat
        number = number + 1
        step(agent, number, open, ended)
      until #rows_of(ended) >= 24
      local tensors = written.at(agent, "run", path)
      local advantage, obs = tensors["batch.advantage"]:totable(), tensors["batch.observation"]:totable()
      local action, rows = tensors["batch.action"]:totable(), {}
      assert.equal(#rows_of(ended), #advantage)
      for i, gain in ipairs(advantage) do
        rows[i] = {obs = {obs[2 * i - 1], obs[2 * i]}, action = {action[2 * i - 1], action[2 * i]}, gain = gain, returns = {}}
        for k, name in ipairs {"skip", "watch"} do
          rows[i].returns[name] = tensors[("critic.%d.returns"):format(k - 1)]:get(i)
        end
      end
      local before = parameters(tensors)
      local policy_loss = loss(rows, "value")
      local wanted = written.descended(before, {policy = 0.05, ["critic/watch"] = 0.1, ["critic/skip"] = 0.1}, function(now)
        local sum = policy_loss(now)
        for _, row in ipairs(rows) do
          for name, goal in pairs(row.returns) do
            sum = sum + (written.linear(now["critic/" .. name], 1, row.obs)[1] - goal) ^ 2 / #rows
          end
        end
        return sum
      end)
      written.same(wanted, parameters(written.at(agent, "publish", path)), "value")
      agent:learn()
      ended = {}
    end
  end)

  it("goes on from a file inside of episodes, byte for byte", function()
    local loaded = assert(recipes.load(folder, [[return {
      env = {"cartpole", n = 4}, policy = {hidden = {8}},
      algorithm = {"reinforce", rollout = 32, longest = 500, baseline = "mean"}, train = {steps = 1200},
    }]]))
    local function make() return prl.agent(prl.recipe.plan(loaded)), prl.env("cartpole", {n = 4, seed = 1}) end
    local agent, env = make()
    local straight = drive.updates(agent, env, 6)
    agent, env = make()
    drive.updates(agent, env, 3)
    assert(agent:save(path, env))
    agent, env = assert(prl.load_agent(path)), select(2, make())
    assert(agent:load_env(path, env))
    for i, line in ipairs(drive.updates(agent, env, 3)) do assert.equal(straight[3 + i], line) end
  end)

  it("cuts an episode where memory is full, and says so", function()
    local agent = prl.agent(prl.recipe.plan(assert(recipes.load(folder, [[return {
      env = {"pendulum", n = 2}, policy = {hidden = {8}},
      algorithm = {"reinforce", rollout = 8, longest = 20}, train = {steps = 400},
    }]]))))
    agent:drive(prl.env("pendulum", {n = 2}), 400)
    local metrics = agent:metrics()
    assert.is_true(metrics.updates > 0 and metrics.dropped_steps > 0)
    assert.truthy(agent:notice():find("dropped_steps", 1, true))
  end)

  it("is refused where it has no place, and in a swap from steps", function()
    local loaded, said = recipes.load(folder, (text:format "":gsub("longest = 10", "longest = 1e8")))
    assert.is_nil(loaded)
    assert.truthy(said:find("algorithm.longest: 6 streams take 600000024 steps", 1, true), said)
    local agent = prl.agent(prl.recipe.plan(assert(recipes.load(folder, (text:format "":gsub("agent = {", "agent = {rows = 84, "))))))
    local other = prl.recipe.plan(assert(recipes.load(folder, (text:format "":gsub('"reinforce".-}, }', '"a2c", rollout = 4}')
      :gsub("agent = {", "agent = {rows = 84, ")))))
    local ok, message = pcall(agent.swap, agent, other)
    assert.is_false(ok)
    assert.truthy(tostring(message):find("swap: the new plan waits for steps, and the running agent for whole episodes", 1, true), message)
  end)
end)
