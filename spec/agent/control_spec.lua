--- The control group: who is of it, what is counted of it, and constraints that are relative to it.
local drive = require "support.drive"
local prl = require "perilune"
local recipes = require "support.recipes"

-- Acts with 0.5 or so; the control group's policy with what the recipe says.
local host = [[return {
  env = {"host", observation = {"x"}, action = {"continuous", aim = {-1, 1}, pull = {0.25, 1}},
    responses = {gain = {unit = ""}, cost = {unit = ""}}},
  objective = {critics = {gain = {}, cost = {weight = -1}}, constraints = {%s}},
  policy = {hidden = {4}},
  algorithm = {"a2c", rollout = 2, lr = 0},
  agent = {streams = 64, baseline = {%s}},
}]]

local function raises(message, fn, ...)
  local ok, text = pcall(fn, ...)
  assert.is_false(ok)
  assert.truthy(tostring(text):find(message, 1, true), text)
end

describe("a control group", function()
  local folder = recipes.folder()

  local function load(constraints, baseline) return recipes.load(folder, host:format(constraints or "", baseline or "")) end
  local function agent_of(constraints, baseline)
    return prl.agent(prl.recipe.plan(assert(load(constraints, baseline))))
  end

  -- The numbers from 1 on that are of the group, and those that are not.
  local function sides(traffic, salt, n)
    local own, control = {}, {}
    for user = 1, n do
      local list = prl.bucket(user, salt) < traffic * 10000 and control or own
      list[#list + 1] = user
    end
    return own, control
  end

  it("is a share of the users, by their numbers and the salt", function()
    assert.same({78, 7077, 3916}, -- of another implementation of XXH3
       {prl.bucket(1), prl.bucket(1, "spring"), prl.bucket(2 ^ 53)})
    local _, control = sides(0.2, "a", 10000)
    assert.is_true(math.abs(#control - 2000) < 150, #control)
    local _, other = sides(0.2, "b", 10000)
    assert.is_not.same(control, other)
    raises("group: one id is needed, not 2", prl.bucket, {1, 2})
  end)

  it("is served by its own policy, row by row of a call", function()
    local agent = agent_of("", 'policy = {aim = -0.75}, traffic = 0.3, salt = "x"')
    local users = {}
    for i = 1, 40 do users[i] = i end
    local action, decisions = agent:act(users, prl.randn(40, 1))
    local log_prob, served = agent:act_log_prob(), 0
    for i, user in ipairs(users) do
      local control = prl.bucket(user, "x") < 3000
      if control then served = served + 1 end
      assert.equal(control, action:get(i, 1) == -0.75 and action:get(i, 2) == 0.25) -- pull: nearest to 0
      assert.equal(control, decisions:get(i) % 2 ^ 32 >= 2 ^ 31)
      assert.is_true(control or log_prob:get(i) ~= 0)
    end
    assert.is_true(served > 3 and served < 25)
    -- a group of several streams; who began with one policy stays with it until the episode ends
    local _, control = sides(0.3, "x", 100)
    local own = sides(0.3, "x", 100)
    local function aims(streams, groups)
      return agent:act(streams, prl.zeros(#streams, 1), "mean", true, groups):slice(2, 1, 1):totable()
    end
    local function is_control(rows, i) return rows[i][1] == -0.75 end
    local rows = aims({501, 502}, {control[1], own[1]})
    assert.same({true, false}, {is_control(rows, 1), is_control(rows, 2)})
    rows = aims({501, 502}, {own[1], control[1]})
    assert.same({true, false}, {is_control(rows, 1), is_control(rows, 2)})
    agent:finish({501, 502}, "terminated")
    rows = aims({501, 502}, {own[1], control[1]})
    assert.same({false, true}, {is_control(rows, 1), is_control(rows, 2)})
    assert.equal(42, agent:finish_all "truncated")
  end)

  it("is never learned from, and gives each response's lift", function()
    local agent = agent_of("", 'policy = "zero", traffic = 0.5, per = "episode", window = 1e9')
    local users = {}
    for i = 1, 60 do users[i] = i end
    local sums = {[true] = {n = 0, gain = 0, cost = 0}, [false] = {n = 0, gain = 0, cost = 0}}
    local own = sides(0.5, "", 60)
    for episode = 1, 30 do
      local events
      for step = 1, 2 do
        local _, decisions = agent:act(users, prl.randn(60, 1))
        local responses = {}
        for i, user in ipairs(users) do
          local control = prl.bucket(user) < 5000
          responses[i] = {user % 3 + step, (control and 2 or 3) + (user + episode) % 2} -- cost, gain
          local sum = sums[control]
          sum.cost, sum.gain = sum.cost + responses[i][1], sum.gain + responses[i][2]
        end
        events = prl.tensor(users, "int64")
        agent:feedback(decisions, prl.tensor(responses), nil, events)
        agent:feedback(decisions, prl.tensor(responses), nil, events) -- once
      end
      for _, user in ipairs(users) do
        local sum = sums[prl.bucket(user) < 5000]
        sum.n = sum.n + 1
      end
      agent:finish(users, "terminated")
      agent:learn()
    end
    local metrics = agent:metrics()
    assert.equal(30 * 2 * 60, metrics.duplicate_feedback) -- of both sides
    assert.equal(30 * 2 * #own, metrics.steps)
    -- what waits at the end is not yet counted; each episode of a side is like the next but one
    local own_gain, control_gain = sums[false].gain / sums[false].n, sums[true].gain / sums[true].n
    assert.near(own_gain / control_gain - 1, metrics["lift/gain"], 0.01)
    assert.is_true(metrics["lift_error/gain"] > 0 and metrics["lift_error/gain"] < metrics["lift/gain"])
    assert.is_true(math.abs(metrics["lift/cost"]) < metrics["lift_error/cost"])
  end)

  it("may be served by a saved agent, by its mean action", function()
    -- a policy with statistics of its observations, a shared trunk and a schedule
    local path = folder .. "saved.safetensors"
    local trained = [[return {
      env = {"pendulum", n = 4}, policy = {hidden = {8}, trunk = "shared", normalise = 5},
      algorithm = {"ppo", rollout = 16, minibatch = 32, epochs = 1, lr = linear {from = 1e-2, to = 0}}, train = {steps = 1e4},%s
    }]]
    local agent, env = prl.agent(prl.recipe.plan(assert(recipes.load(folder, trained:format(""))))), prl.env("pendulum", {n = 4})
    agent:drive(env, 640)
    assert(agent:save(path))
    local recipe = trained:format((' agent = {streams = 8, baseline = {policy = "%s", traffic = 1, per = "step"}}'):format(path))
      :gsub('hidden = {8}, trunk = "shared", normalise = 5', "hidden = {4}")
    local loaded = assert(recipes.load(folder, recipe))
    assert.equal(32, #loaded.recipe.agent.baseline.digest)
    local other = prl.agent(prl.recipe.plan(loaded))
    local rows, users = prl.randn(8, 3), {1, 2, 3, 4, 5, 6, 7, 8}
    assert.same(agent:act(users, rows, "mean", false):totable(), (other:act(users, rows):totable()))
    assert(other:save(folder .. "other.safetensors"))
    other = assert(prl.load_agent(folder .. "other.safetensors"))
    assert.same(agent:act(users, rows, "mean", false):totable(), (other:act(users, rows, "sample", false):totable()))
    -- the hash is of the file, not of its place
    assert(prl.io.write(folder .. "copy.safetensors", assert(prl.io.read(path))))
    assert.equal(loaded.hash, assert(recipes.load(folder, (recipe:gsub("saved%.s", "copy.s")))).hash)
    local again = assert(prl.recipe.load(recipes.write(folder, "again.lua", prl.recipe.text(loaded.recipe))))
    assert.equal(loaded.hash, again.hash)
    local _, text = recipes.load(folder, (recipe:gsub("baseline = {", 'baseline = {digest = "0123", ')))
    assert.truthy(text:find("and digest says 0123", 1, true), text)
    _, text = recipes.load(folder, (recipe:gsub('"pendulum", n = 4', '"cartpole", n = 4')))
    assert.truthy(text:find("its observation 1 is", 1, true), text)
  end)

  it("has lifts by the size of what is below 0, and none of auxiliary policies", function()
    local path = folder .. "arms.lua"
    assert(prl.io.write(path, (host:format("", 'traffic = 0.5, per = "step", window = 1e9')
      :gsub('{"a2c", rollout = 2, lr = 0}', '{"two_stage", main = "gain", first = 0, share = 1, rollout = 2, lr = 0}'))))
    local agent, users = prl.agent(prl.recipe.plan(assert(prl.recipe.load(path)))), {}
    for i = 1, 60 do users[i] = i end
    for i = 1, 20 do
      local action, decisions = agent:act(users, prl.zeros(60, 1), "mean")
      local responses = {}
      for k, user in ipairs(users) do
        -- the control group gets −2; of the policies that learn, which all have the mean 0 or so, the auxiliary ones get 9
        local arm = agent:act_log_prob() and prl.bucket(user, "arms") < 5000 and -1 or 9
        responses[k] = {0, prl.bucket(user) < 5000 and -2 or arm}
      end
      assert(action)
      agent:feedback(decisions, prl.tensor(responses))
      if i % 2 == 0 then
        agent:observe(users, prl.zeros(60, 1))
        agent:learn()
      end
    end
    assert.near(0.5, agent:metrics()["lift/gain"], 1e-9) -- (−1 + 2)/2
  end)

  it("counts steps that are not learned from, or long episodes would be missing on one side", function()
    local agent = agent_of('cost = {at_most = 1, per = "episode", window = 1000}', 'traffic = 0.5, per = "episode", window = 1e9')
    local users = {}
    for i = 1, 60 do users[i] = i end
    for step = 1, 400 do -- episodes of 1 to 12 steps, and updates within them
      local _, decisions = agent:act(users, prl.randn(60, 1))
      agent:feedback(decisions, prl.ones(60, 2))
      agent:learn()
      local ended = {}
      for _, user in ipairs(users) do
        if (step + user) % (1 + user % 12) == 0 then ended[#ended + 1] = user end
      end
      if #ended > 0 then agent:finish(ended, "terminated") end
    end
    local metrics = agent:metrics()
    assert.is_true(metrics.stale_steps > 1000)
    local lengths = {[true] = {0, 0}, [false] = {0, 0}}
    for _, user in ipairs(users) do -- each has as many episodes as its length allows
      local side, length = lengths[prl.bucket(user) < 5000], 1 + user % 12
      side[1], side[2] = side[1] + 400, side[2] + 400 / length
    end
    local wanted = lengths[false][1] / lengths[false][2] / (lengths[true][1] / lengths[true][2]) - 1
    assert.near(wanted, metrics["lift/gain"], 0.01)
    assert.near(lengths[false][1] / lengths[false][2], metrics["constrained/cost"], 0.2)
  end)

  it("has room, and says where it has not", function()
    local path = folder .. "x.lua"
    assert(prl.io.write(path, (host:format("", "traffic = 0.5"):gsub("streams = 64", "streams = 64, rows = 200"))))
    local agent = prl.agent(prl.recipe.plan(assert(prl.recipe.load(path))))
    local _, control = sides(0.5, "", 200)
    for _ = 1, 4 do agent:act({unpack(control, 1, 60)}, prl.zeros(60, 1)) end
    assert.truthy(agent:notice():find("a decision of the control group was not recorded (dropped_steps): it has room for 64 streams "
      .. "and 216 steps; set agent.rows to more, or agent.baseline.traffic to less", 1, true), agent:notice())
    assert.equal(240 - 216, agent:metrics().dropped_steps)
    local other = prl.recipe.plan(assert(load("", "policy = {aim = 0.5}, traffic = 0.5")))
    agent = agent_of("", "traffic = 0.5")
    raises("swap: agent.baseline.policy is of 1 entries in the new plan", agent.swap, agent, other)
  end)

  it("makes a constraint relative", function()
    local agent = agent_of("gain = {at_least = relative(-0.1), window = 64, multiplier = learned {lr = 0.5, max = 4}}",
      'traffic = 0.5, per = "step"')
    local users = {}
    for i = 1, 60 do users[i] = i end
    for i = 1, 20 do
      local _, decisions = agent:act(users, prl.randn(60, 1))
      local responses = {}
      for k, user in ipairs(users) do responses[k] = {0, prl.bucket(user) < 5000 and -4 or -5} end
      agent:feedback(decisions, prl.tensor(responses))
      if i % 2 == 0 then
        agent:observe(users, prl.randn(60, 1))
        agent:learn()
        if i == 12 then
          local path = folder .. "agent.safetensors"
          assert(agent:save(path))
          agent = assert(prl.load_agent(path))
        end
      end
    end
    local metrics = agent:metrics()
    assert.near((-4 * 1.1 + 5) / 4, metrics["violation/gain"], 1e-6) -- the bound is 10 % below −4
    assert.is_true(metrics.updates >= 3)
    assert.near(0.5 * 0.15 * metrics.updates, metrics["multiplier/gain"], 1e-6)
    assert.same({-5, -4}, {metrics["constrained/gain"], metrics["reference/gain"]})
  end)

  it("goes on from a file that was saved anywhere within an update", function()
    local constraint = "gain = {at_least = relative(-0.1), window = 64, multiplier = learned {lr = 0.5, max = 4}}"
    local text = host:format(constraint, 'traffic = 0.5, per = "step"'):gsub('"a2c", rollout = 2, lr = 0',
      '"ppo", rollout = 2, minibatch = 64, epochs = 1'):gsub("baseline = ", "guards = {gain = {at_least = relative(-0.2)}}, baseline = ")
    local loaded, path, users = assert(recipes.load(folder, text)), folder .. "agent.safetensors", {}
    for i = 1, 60 do users[i] = i end
    -- Its bytes after a few updates in pieces; before the piece of that number it is saved, and another one goes on from the file.
    local function live(save_at)
      local agent, pieces = prl.agent(prl.recipe.plan(loaded)), 0
      prl.seed(1)
      for step = 1, 16 do
        local _, decisions = agent:act(users, prl.randn(60, 1))
        agent:feedback(decisions, prl.randn(60, 2):sub(4))
        if step % 2 == 0 then
          agent:observe(users, prl.randn(60, 1))
          repeat
            pieces = pieces + 1
            if pieces == save_at then
              assert(agent:save(path))
              agent = assert(prl.load_agent(path))
            end
          until agent:learn(1).waiting
        end
      end
      assert.is_true(agent:metrics().updates >= 3)
      assert(agent:save(path))
      return assert(prl.io.read(path)), pieces
    end
    local straight, pieces = live()
    assert.is_true(pieces > 12, pieces)
    for piece = 1, pieces do assert.is_true(straight == live(piece), ("saved before piece %d of %d"):format(piece, pieces)) end
  end)

  it("is refused where it cannot be", function()
    local function refused(message, constraints, baseline)
      local loaded, text = load(constraints, baseline)
      assert.is_nil(loaded)
      assert.truthy(text:find(message, 1, true), text)
    end
    refused('the action has no dimension "ami"; the nearest is "aim"', "", "policy = {ami = 1}")
    refused("a run or a saved agent: there is no run or agent runs/x", "", 'policy = "runs/x"')
    refused("traffic: expected a number above 0 and at most 1, got 2", "", "traffic = 2")
    refused("this is of a saved policy, and none is given", "", 'digest = "12"')
    refused("expected less than 1, got 1: nobody would be left to learn from", "", "traffic = 1")
    refused('at_least: expected a number, or relative(share) as in relative(-0.005), got {"relative", -0.1}',
      'gain = {at_least = {"relative", -0.1}}', "")
    refused('unknown key; the nearest is "traffic"', "", "trafic = 0.1")
    refused("a bound that is relative has the control group's mean as its unit", "gain = {at_least = relative(0), unit = 2}", "")
    local path = folder .. "none.lua"
    assert(prl.io.write(path, (host:format("gain = {at_least = relative(-0.1)}", ""):gsub(", baseline = {}", ""))))
    local _, text = prl.recipe.load(path)
    assert.truthy(text:find("a relative bound is measured against a control group, and there is none", 1, true), text)
    assert(prl.io.write(path, (host:format("", ""):gsub('"a2c", rollout = 2, lr = 0', '"fixed"'))))
    _, text = prl.recipe.load(path)
    assert.truthy(text:find("a search serves its vectors to users of their own", 1, true), text)
  end)

  describe("in a simulation", function()
    local simulated = [[return {
      env = {"shortvideo", n = 32},
      objective = {critics = {watch = {reward = function(r) return r.watch_time end, scale = 10}}},
      policy = {hidden = {4}, log_std = {kind = "fixed", init = -20}, last_gain = 0},
      algorithm = {"a2c", rollout = 8, lr = 0},
      train = {steps = 1e5},
      agent = {baseline = {policy = "zero", traffic = 0.5, per = "step"}},
    }]]

    it("is made of twins, who meet the same chances", function()
      local loaded = assert(recipes.load(folder, simulated))
      assert.equal(16, loaded.env.twins)
      assert.equal(3, assert(recipes.load(folder, (simulated:gsub("n = 32", "n = 3")))).env.twins) -- 16, where there are as many
      local agent = prl.agent(prl.recipe.plan(loaded))
      local env = prl.env("shortvideo", {n = 48, twins = 16, seed = 1})
      drive.updates(agent, env, 20)
      local metrics = agent:metrics()
      assert.equal(20 * 8 * 32, metrics.steps) -- twins cost no steps
      for _, response in ipairs(env:spec().responses) do -- the policy is the zero action, and so are their lives
        local lift = metrics["lift/" .. response.name]
        assert.is_true(lift == nil or math.abs(lift) < 1e-6, response.name)
      end
      assert.is_true(metrics["lift/watch_time"] ~= nil)
      local plain = prl.agent(prl.recipe.plan(assert(recipes.load(folder, (simulated:gsub("agent = .-},\n", "agent = {},\n"))))))
      raises("the environment has twins, and the agent no control group", plain.drive, plain, env, 8)
      raises("the agent has a control group, and the environment no twins for it", agent.drive, agent,
        prl.env("shortvideo", {n = 8}), 8)
      raises("twins is 5; it must be from 0 to 4", prl.env, "shortvideo", {n = 8, twins = 5})
    end)

    it("goes on from a file, byte for byte", function()
      local loaded = assert(recipes.load(folder, (simulated:gsub("lr = 0", "lr = 1e-3"):gsub("init = %-20", "init = -1"))))
      local function make() return prl.agent(prl.recipe.plan(loaded)), prl.env("shortvideo", {n = 48, twins = 16, seed = 1}) end
      local agent, env = make()
      local straight = drive.updates(agent, env, 12)
      agent, env = make()
      drive.updates(agent, env, 5)
      local path = folder .. "agent.safetensors"
      assert(agent:save(path, env))
      agent, env = assert(prl.load_agent(path)), select(2, make())
      assert(agent:load_env(path, env))
      local rest = drive.updates(agent, env, 7)
      for i, line in ipairs(rest) do assert.equal(straight[5 + i], line) end
    end)
  end)
end)
