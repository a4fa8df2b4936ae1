--- Twins: whole updates against a reference that is written out here in float64; a resumed run, over two critics; that sessions are
--- learned; swaps; what is refused. The differences themselves: spec/rl/returns_test.c.
local prl = require "perilune"
local recipes = require "support.recipes"
local written = require "support.written"

local text = [[return {
  env = {"shortvideo", n = 8, requests = 6},
  objective = {critics = {watch = {reward = function(r) return r.watch_time / 100 end, gamma = 0.5},
    views = {reward = function(r) return r.video_views end, gamma = 0.9, weight = -0.4}}},
  policy = {hidden = {}, log_std = {kind = "fixed", init = -1}, bounded = false},
  algorithm = {"twins", rollout = 6, longest = 8, lr = 0.01, max_norm = 1e9, optimizer = {"sgd"}, %s},
  train = {steps = 2000},
}]]

describe("twins", function()
  local folder = recipes.folder()
  local path = folder .. "agent.safetensors"

  local function made(more)
    local loaded = assert(recipes.load(folder, text:format(more or "")))
    return prl.agent(prl.recipe.plan(loaded)), prl.env("shortvideo", {n = 8, requests = 6, couples = true, seed = 1}), loaded
  end

  local function bytes_of(agent)
    assert(agent:save(path))
    return assert(prl.io.read(path))
  end

  for _, hold in ipairs {0, 1, 2} do
    it("goes on from a file with the same bytes, hold " .. hold, function()
      local more = ("hold = %d, width = linear {from = 1, to = 0.5}, epochs = 2, minibatch = 16"):format(hold)
      local agent, env = made(more)
      agent:drive(env, 8 * 37)
      assert(agent:save(path, env))
      agent:drive(env, 8 * 60)
      assert.is_true(agent:metrics().updates > 3)
      assert.equal(0, agent:metrics().dropped_steps)
      local other, again = assert(prl.load_agent(path)), select(2, made(more))
      assert(other:load_env(path, again))
      other:drive(again, 8 * 60)
      assert.is_true(bytes_of(agent) == bytes_of(other))
    end)
  end

  -- ---- whole updates ----

  local actions, observations, sigma = 10, 64, 0.7 * math.exp(-1)

  -- {weight (observations × actions), bias} of the policy, of a slab in which the bias is padded to 16 numbers.
  local function policy_of(slab)
    local policy = {bias = {}, weight = {}}
    for k = 1, actions do policy.bias[k] = slab[k] end
    for i = 1, observations * actions do policy.weight[i] = slab[16 + i] end
    return policy
  end

  local function mean_of(policy, obs)
    local mean = {}
    for k = 1, actions do
      mean[k] = policy.bias[k]
      for j = 1, observations do mean[k] = mean[k] + obs[j] * policy.weight[(j - 1) * actions + k] end
    end
    return mean
  end

  -- The batch as episodes by stream: {rows = {obs, z = the noise that acted, watch, views}}.
  local function episodes_of(tensors, policy, names)
    local function column(name) return tensors["batch." .. name]:totable() end
    local obs, action, response = column "observation", column "action", column "response"
    local stream, ends, step, by_stream = column "stream", column "end", column "step", {}
    local place = {}
    for k, one in ipairs(names) do place[one.name] = k end
    local rows = {}
    for i = 1, #stream do
      local row = {at = i, obs = {}, z = {}}
      for j = 1, observations do row.obs[j] = obs[(i - 1) * observations + j] end
      local mean = mean_of(policy, row.obs)
      for k = 1, actions do row.z[k] = (action[(i - 1) * actions + k] - mean[k]) / sigma end
      row.watch = response[(i - 1) * #names + place.watch_time] / 100
      row.views = response[(i - 1) * #names + place.video_views]
      local list = by_stream[stream[i]] or {}
      by_stream[stream[i]], rows[i] = list, row
      if step[i] == 0 then list[#list + 1] = {} end
      table.insert(list[#list], row)
      assert.equal(ends[i] == 1, i == #stream or step[i + 1] == 0)
    end
    return by_stream, rows
  end

  local function return_of(episode, from, name, gamma)
    local sum = 0
    for t = #episode, from, -1 do sum = episode[t][name] + gamma * sum end
    return sum
  end

  -- Both act from the same state, by one draw with two signs that lasts an episode (hold 0) or a step (hold 1).
  local function check_noise(plus, minus, hold)
    for j = 1, observations do assert.equal(plus[1].obs[j], minus[1].obs[j]) end
    for t = 1, math.max(#plus, #minus) do
      for k = 1, actions do
        local here, there = plus[t] and plus[t].z[k], minus[t] and minus[t].z[k]
        if here and there then assert.near(here, -there, 2e-3) end
        if hold == 0 then assert.near((plus[t] and plus or minus)[1].z[k], here or there, 2e-3) end
      end
    end
    if hold == 1 and plus[2] then assert.is_true(math.abs(plus[1].z[1] - plus[2].z[1]) > 1e-3) end
  end

  -- What each row is weighted by: a_i of the header of lua/perilune/algorithms/twins.lua.
  local function weigh(plus, minus, hold)
    local both = math.min(#plus, #minus)
    local every = hold == 0 and both or hold
    for from = 1, both, every do
      local last = math.min(from + every - 1, both)
      local gain = 0.5 * (return_of(plus, from, "watch", 0.5) - return_of(minus, from, "watch", 0.5))
        - 0.4 * 0.5 * (return_of(plus, from, "views", 0.9) - return_of(minus, from, "views", 0.9))
      for t = from, last do plus[t].gain, minus[t].gain = gain / (last - from + 1), -gain / (last - from + 1) end
    end
  end

  -- One step of Adam (Kingma and Ba 2015) over the gradient of −mean log π · A, clipped to a norm of .5.
  local function adam(policy, rows, moments)
    local gradient, norm = {bias = {}, weight = {}}, 0
    for set, numbers in pairs(policy) do
      for i = 1, #numbers do gradient[set][i] = 0 end
    end
    for _, row in ipairs(rows) do
      for k = 1, actions do
        local slope = -(row.gain or 0) * row.z[k] / sigma / #rows
        gradient.bias[k] = gradient.bias[k] + slope
        for j = 1, observations do
          local i = (j - 1) * actions + k
          gradient.weight[i] = gradient.weight[i] + slope * row.obs[j]
        end
      end
    end
    for _, numbers in pairs(gradient) do
      for _, g in ipairs(numbers) do norm = norm + g * g end
    end
    local scale = math.min(1, 0.5 / (math.sqrt(norm) + 1e-6))
    moments.steps = (moments.steps or 0) + 1
    for set, numbers in pairs(gradient) do
      moments[set] = moments[set] or {}
      for i, g in ipairs(numbers) do
        local m = moments[set][i] or {0, 0}
        m = {0.9 * m[1] + 0.1 * g * scale, 0.999 * m[2] + 0.001 * (g * scale) ^ 2}
        moments[set][i] = m
        local first, second = m[1] / (1 - 0.9 ^ moments.steps), m[2] / (1 - 0.999 ^ moments.steps)
        policy[set][i] = policy[set][i] - 0.01 * first / (math.sqrt(second) + 1e-5)
      end
    end
    return scale < 1
  end

  local function plan_of(rollout, hold)
    local whole = text:format(("hold = %d, width = 0.7"):format(hold)):gsub("rollout = 6", "rollout = " .. rollout)
      :gsub("max_norm = 1e9, optimizer = {\"sgd\"}", "max_norm = 0.5, optimizer = {\"adam\", epsilon = 1e-5}")
      :gsub("train = ", "agent = {rows = 800}, train = "):gsub("requests = 6", "requests = 9, satisfaction = 2, fatigue = 2")
      :gsub("longest = 8", "longest = 9")
    return prl.recipe.plan(assert(recipes.load(folder, whole)))
  end

  for _, hold in ipairs {0, 1, 2} do
    it("makes the steps of antithetic evolution strategies over two critics, hold " .. hold, function()
      local agent = prl.agent(plan_of(60, hold))
      local env = prl.env("shortvideo", {n = 8, requests = 9, satisfaction = 2, fatigue = 2, couples = true, seed = 1})
      local names, moments, clipped, apart = env:spec().responses, {}, 0, 0
      local policy = policy_of(written.read(agent, path)["params.policy"]:totable())
      for update = 1, 2 do
        agent:drive(env, 8 * 50) -- fewer than 60 steps each: what is due waits for the other plan
        agent:swap(plan_of(6, hold))
        local tensors = written.at(agent, "run", path)
        local by_stream, rows = episodes_of(tensors, policy, names)
        for first = 0, 6, 2 do
          assert.equal(#by_stream[first], #by_stream[first + 1])
          for e, plus in ipairs(by_stream[first]) do
            local minus = by_stream[first + 1][e]
            if update == 1 or e > 1 then check_noise(plus, minus, hold) end -- else the policy before acted a part of it
            weigh(plus, minus, hold)
            apart = apart + (#plus ~= #minus and 1 or 0)
          end
        end
        local advantage = tensors["batch.advantage"]:totable()
        for i, row in ipairs(rows) do assert.near(row.gain or 0, advantage[i], 1e-4 * math.max(1, math.abs(advantage[i]))) end
        clipped = clipped + (adam(policy, rows, moments) and 1 or 0)
        agent:learn()
        assert.equal(update, agent:metrics().updates)
        local found = policy_of(written.read(agent, path)["params.policy"]:totable())
        for set, numbers in pairs(policy) do
          for i, number in ipairs(numbers) do assert.near(number, found[set][i], 1e-4) end
        end
        policy = found
        agent:swap(plan_of(60, hold))
      end
      assert.equal(2, clipped)
      assert.is_true(apart > 0)
    end)
  end

  it("refuses hosts, environments that do not say that chances are keyed, odd numbers and learned widths", function()
    local function refused(pattern, changed)
      local loaded, message = recipes.load(folder, changed)
      assert.is_nil(loaded)
      assert.matches(pattern, message, 1, true)
    end
    local plain = text:format ""
    refused("users of a host have no twins", (plain:gsub('{"shortvideo", n = 8, requests = 6}',
      '{"host", observation = {"x"}, action = {"continuous", a = {-1, 1}}, responses = {watch_time = {}, video_views = {}}}')))
    refused("expected an even number, got 7", (plain:gsub("n = 8", "n = 7")))
    refused("policy.log_std.kind", (plain:gsub('"fixed"', '"free"')))
    refused("drives continuous actions", (plain:gsub("requests = 6", "action_item = 1")))
  end)

  it("is not swapped for an algorithm without pairs, nor put in its place, and goes on as it was", function()
    local reinforce = text:gsub('algorithm = {"twins".-},\n', 'algorithm = {"reinforce", rollout = 6, longest = 8},\n')
    local alone, agent, env = prl.agent(prl.recipe.plan(assert(recipes.load(folder, reinforce)))), made()
    local function refused(running, changed, message)
      local plan = prl.recipe.plan(assert(recipes.load(folder, changed)))
      local before = bytes_of(running)
      for _, way in ipairs {"check_swap", "swap"} do
        local ok, said = pcall(running[way], running, plan)
        assert.is_false(ok)
        assert.matches(message, said, 1, true)
      end
      assert.is_true(before == bytes_of(running))
    end
    agent:drive(env, 8 * 9)
    refused(agent, reinforce, "the new plan learns from instances alone, and the running agent from pairs of instances; it must stay")
    refused(agent, (text:format(""):gsub('algorithm = {"twins".-},\n', 'algorithm = {"a2c", rollout = 6},\n')),
      "the new plan waits for steps, and the running agent for whole episodes; it must stay")
    refused(alone, text:format "", "the new plan learns from pairs of instances, and the running agent from instances alone; it must stay")
    agent:drive(env, 8 * 60)
    assert.is_true(agent:metrics().updates > 3)
    agent:swap(prl.recipe.plan(assert(recipes.load(folder, text:format "hold = 1")))) -- with pairs it may be
    local updates = agent:metrics().updates
    agent:drive(env, 8 * 60)
    assert.is_true(agent:metrics().updates > updates)
  end)

  it("is told by drives that environment and agent do not fit", function()
    local agent = made()
    local ok, message = pcall(agent.drive, agent, prl.env("shortvideo", {n = 8}), 8)
    assert.is_false(ok)
    assert.matches("instances are not coupled", message, 1, true)
  end)

  it("records nothing for a host, since a user has no twin", function()
    local agent = made()
    local _, decisions = agent:act({1, 2}, prl.zeros(2, 64))
    assert.same({0, 0}, {decisions[1] or decisions:get(1), decisions[2] or decisions:get(2)})
  end)

  it("#figure learns what brings more in a session", function()
    local loaded = assert(recipes.load(folder, [[return {
      env = {"shortvideo", n = 64},
      objective = {critics = {watch = {reward = function(r) return r.watch_time / 100 end, gamma = 1}}},
      policy = {hidden = {}, bounded = true, last_gain = 0, log_std = {kind = "fixed", init = -1.6}},
      algorithm = {"twins", rollout = 16, longest = 60, lr = 3e-3},
      train = {steps = 1e5},
    }]]))
    local agent = prl.agent(prl.recipe.plan(loaded))
    local env = prl.env("shortvideo", {n = 64, couples = true, seed = 1})
    agent:drive(env, 64 * 200)
    local before = agent:metrics()["response/watch_time"]
    agent:drive(env, 1e5)
    assert.is_true(agent:metrics()["response/watch_time"] > before)
    assert.is_true(agent:metrics().pairs_alike > 0.8)
  end)
end)
