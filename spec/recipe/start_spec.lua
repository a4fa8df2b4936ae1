--- Where a policy begins: at a constant action for every observation, or at the policy of a saved agent; what is refused.
local drive = require "support.drive"
local prl = require "perilune"
local recipes = require "support.recipes"

local text = [[return {
  env = {"host", observation = {"x", "y"}, action = {"continuous", aim = {-1, 2}, push = {0, 4}, tilt = {-3, 3}}, responses = {win = {}}},
  objective = {critics = {win = {}}},
  policy = {hidden = {6}, activation = "relu", %s},
  algorithm = {%s},
  agent = {streams = 16},
  train = {steps = 100, seed = %d},
}]]

describe("policy.start", function()
  local folder = recipes.folder()
  local path = folder .. "run.safetensors"

  local function load(policy, algorithm, seed) return recipes.load(folder, text:format(policy, algorithm, seed or 1)) end

  local function make(policy, algorithm, seed)
    local loaded = assert(load(policy, algorithm, seed))
    return prl.agent(prl.recipe.plan(loaded)), loaded
  end

  local function means(agent, observation) return agent:act({1, 2, 3, 4, 5}, observation, "mean", false):totable() end

  local function refused(policy, algorithm, message)
    local loaded, said = load(policy, algorithm)
    if loaded then
      local ok
      ok, said = pcall(prl.recipe.plan, loaded)
      assert.is_false(ok)
    end
    assert.truthy(tostring(said):find(message, 1, true), said)
  end

  local observations = prl.tensor {{0, 0}, {1, -2}, {-30, 4}, {0.5, 0.1}, {7, 7}}

  describe("constant", function()
    local ways = {
      {"", '"a2c"'}, {"last_gain = 1, normalise = 5,", '"ppo"'}, {"bounded = true,", '"a2c"'}, {'trunk = "shared",', '"ppo"'},
      {'log_std = {kind = "state"},', '"reinforce"'}, {"bounded = true, action = {tilt = 1.5, push = {1, 3}},", '"a2c"'},
      {'unit = "half_range",', '"a2c"'}, {'unit = "half_range", bounded = true, action = {tilt = 1.5},', '"ppo"'},
      {"", '"sac"'}, {"", '"sac", exploration = {"gsde"}'}, {"", '"td3"'},
      {"", '"a2c", trust = {"penalty", kl_to_start = 1}'},
    }
    for _, way in ipairs(ways) do
      it(("is the mean for every observation: %s of %s"):format(way[1], way[2]), function()
        local agent = make(way[1] .. "start = {constant = {aim = 0.75, push = 2.5, tilt = 1.5}}", way[2])
        for round = 1, 2 do
          local found = means(agent, observations)
          for row = 1, 5 do
            for k, value in ipairs {0.75, 2.5, 1.5} do assert.near(value, found[row][k], 2e-6) end
          end
          if round == 1 then
            assert(agent:save(path))
            agent = assert(prl.load_agent(path))
          end
        end
      end)
    end

    it("begins at the nearest to 0 in a dimension that is not named", function()
      local found = means(make('action = {push = {1, 3}}, start = {constant = {aim = -0.5}}', '"a2c"'), observations)
      for row = 1, 5 do assert.same({-0.5, 1, 0}, found[row]) end
    end)

    it("is refused where it cannot be", function()
      local function wrong(start, message, policy, algorithm)
        refused((policy or "") .. "start = " .. start, algorithm or '"ppo"', message)
      end
      wrong("{constant = {aim = 0.5, puhs = 1}}",
        'policy.start.constant.puhs: the action has no dimension "puhs"; the nearest is "push"')
      wrong("{constant = {aim = 3}}", "policy.start.constant.aim: expected a number from -1 to 2, got 3")
      wrong("{constant = {push = 3.5}}", "policy.start.constant.push: expected a number within policy.action, {1, 3}, got 3.5",
        "action = {push = {1, 3}}, ")
      wrong("{constant = {tilt = 1}}", "policy.start.constant.tilt: policy.action holds it at 2, got 1", "action = {tilt = 2}, ")
      wrong("{constant = {aim = 0.5}}",
        "policy.start.constant.push: the mean stays between the bounds, {0, 4}, by tanh, and never comes to 0", "bounded = true, ")
      wrong("{constant = {aim = 0.5, push = 4}}", "never comes to 4", "", '"sac"')
      wrong("{}", "policy.start: expected one of constant and run")
      wrong("{constant = {aim = 0}, run = 'runs/x'}", "policy.start: expected one of constant and run")
      wrong("{constnat = {aim = 0}}", 'policy.start.constnat: unknown key; the nearest is "constant"')
      wrong("7", "policy.start: expected a table of options, got 7")
      wrong("{constant = {aim = 0}, digest = 'x'}", "policy.start.digest: this is of a run")
      local loaded, said = recipes.load(folder,
        [[return {env = {"cartpole"}, policy = {start = {constant = {push = 1}}}, algorithm = {"ppo"}}]])
      assert.is_nil(loaded)
      assert.truthy(said:find("a constant start is of continuous actions, and those of cartpole are discrete", 1, true), said)
      refused("", '"ppo", trust = {"penalty"}', "algorithm.trust: this keeps the policy near policy.start, and there is none")
    end)
  end)

  describe("of a run", function()
    --- An agent that has learned, in a file.
    local function learned(policy, algorithm)
      local agent = make(policy, algorithm, 3)
      local streams = {}
      for i = 1, 16 do streams[i] = i end
      for _ = 1, 40 do
        local action, decisions = agent:act(streams, prl.randn(16, 2) * 3 + 5)
        local responses = {}
        for i = 1, 16 do responses[i] = {-(action:get(i, 1) - 1) ^ 2} end
        agent:feedback(decisions, prl.tensor(responses))
        agent:learn()
      end
      assert.is_true(agent:metrics().updates > 1)
      assert(agent:save(path))
      return agent
    end

    local ways = {
      {"normalise = 4,", '"a2c", rollout = 4', '"ppo", trust = {"bound"}'},
      {'trunk = "shared", log_std = {kind = "state"}, bounded = true,', '"a2c", rollout = 4', '"a2c", trust = {"penalty"}'},
      {"normalise = 4,", '"sac", start = 100, minibatch = 32, exploration = {"gsde"}',
        '"sac", minibatch = 16, exploration = {"gsde"}, trust = {"bound"}'},
      {"", '"td3", start = 100, minibatch = 32', '"td3"'},
    }
    for _, way in ipairs(ways) do
      it(("is the same policy: %s %s, then %s"):format(unpack(way)), function()
        local old = learned(way[1], way[2])
        local agent, loaded = make(way[1] .. ("start = %q"):format(path), way[3])
        assert.same(means(old, observations), means(agent, observations))
        local actions = prl.tensor {{0, 1, 0}, {1, 2, 0}, {0, 3, 0}, {1, 1, 1}, {0.5, 2, 2}}
        assert.same(old:log_prob(observations, actions):totable(), agent:log_prob(observations, actions):totable())
        assert(agent:save(folder .. "new.safetensors"))
        local a = assert(prl.io.safetensors_read(path))
        local b = assert(prl.io.safetensors_read(folder .. "new.safetensors"))
        for name, tensor in pairs(b) do
          if name:find "^normaliser" then assert.same(a[name]:totable(), tensor:totable()) end
          local copy = name:match "^params.start/(.*)" or name:match "^params.target/(actor)"
          if copy then assert.same(b["params." .. copy]:totable(), tensor:totable()) end
        end
        local resolved = loaded.recipe.policy.start
        assert.same({run = path, digest = prl.hash_bytes(assert(prl.io.read(path)))}, resolved)
      end)
    end

    it("is of its content: neither the hash nor a resolved recipe ask for its place", function()
      learned("", '"a2c", rollout = 4')
      local _, loaded = make(("start = %q"):format(path), '"a2c"')
      local elsewhere = folder .. "elsewhere.safetensors"
      os.rename(path, elsewhere)
      local again = select(2, make(("start = {run = %q, digest = %q}"):format(elsewhere, loaded.recipe.policy.start.digest), '"a2c"'))
      assert.equal(loaded.hash, again.hash)
      assert.truthy(prl.recipe.text(again.recipe):find(loaded.recipe.policy.start.digest, 1, true))
    end)

    it("begins each of several policies", function()
      local old = learned("", '"a2c", rollout = 4')
      local loaded = assert(recipes.load(folder, (text:format(("start = %q"):format(path), '"two_stage", main = "win", first = 0', 1)
        :gsub("critics = {", "critics = {other = {reward = function(r) return r.win end}, "))))
      local agent = prl.agent(prl.recipe.plan(loaded))
      assert.same(means(old, observations), means(agent, observations))
      assert(agent:save(path))
      local tensors = assert(prl.io.safetensors_read(path))
      assert.same(tensors["params.policy"]:totable(), tensors["params.auxiliary/other"]:totable())
    end)

    it("is refused where it does not fit, both sides named", function()
      learned("", '"a2c", rollout = 4')
      local function wrong(policy, algorithm, message) refused(policy .. ("start = %q"):format(path), algorithm, message) end
      wrong("bounded = true, ", '"ppo"', "its policy.bounded is false, and here it is true")
      wrong('unit = "half_range", ', '"ppo"', 'its policy.unit is "env", and here it is "half_range"')
      wrong("activation = 'tanh', ", '"ppo"', 'its policy.activation is "relu", and here it is "tanh"')
      wrong("normalise = 3, ", '"ppo"', "its policy.normalise is false, and here it is 3")
      wrong("hidden = {7}, ", '"ppo"', "parameter 2 of policy is mean.1.bias (6), and here it is mean.1.bias (7)")
      wrong("log_std = {kind = 'state'}, ", '"ppo"', 'its policy.log_std is "free", and here it is "state"')
      wrong("", '"sac"', "has no parameters actor, which this policy acts by")
      refused("start = 'runs/none'", '"ppo"',
        "policy.start: expected a run or a saved agent: there is no run or agent runs/none")
      refused(("start = {run = %q, digest = 'abc'}"):format(path), '"ppo"', "and digest says abc")
      local loaded, said = recipes.load(folder, ([[return {env = {"pendulum"}, policy = {start = %q}, algorithm = {"ppo"}}]]):format(path))
      assert.is_nil(loaded)
      assert.truthy(said:find("its observation 1 is x, and the environment's is cos_angle", 1, true), said)
    end)
  end)

  it("changes by what is learned alone: a run goes on from a file byte for byte", function()
    local loaded = assert(recipes.load(folder, [[return {
      env = {"pendulum", n = 4}, policy = {hidden = {8}, bounded = true, start = {constant = {torque = 0.5}}},
      algorithm = {"ppo", rollout = 32, trust = {"bound", kl_to_start = 0.01}}, train = {steps = 1000},
    }]]))
    local function new() return prl.agent(prl.recipe.plan(loaded)), prl.env("pendulum", {n = 4, seed = 1}) end
    local agent, env = new()
    assert(agent:save(path))
    local before = assert(prl.io.safetensors_read(path))
    local straight = drive.updates(agent, env, 5)
    agent, env = new()
    drive.updates(agent, env, 3)
    assert(agent:save(path, env))
    local middle = assert(prl.io.safetensors_read(path))
    assert.same(before["params.start/policy"]:totable(), middle["params.start/policy"]:totable())
    assert.is_not.same(before["params.policy"]:totable(), middle["params.policy"]:totable())
    agent, env = assert(prl.load_agent(path)), select(2, new())
    assert(agent:load_env(path, env))
    for i, line in ipairs(drive.updates(agent, env, 2)) do assert.equal(straight[3 + i], line) end
  end)
end)
