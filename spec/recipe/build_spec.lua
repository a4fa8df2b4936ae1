--- The builder: policies of every kind, the same bytes for the same recipe, and what it refuses.

local files = require "support.files"
local prl = require "perilune"

--- The agent of a recipe's text after so many steps of its own environment, and the bytes of its published policy on a
--- few observations.
local function run(text, steps, options)
  options = options or {}
  local loaded = assert(prl.recipe.load(files.write(text), {set = options.set, seed = options.seed}))
  local agent = prl.agent(prl.recipe.plan(loaded))
  for name, value in pairs(options.live or {}) do agent:set(name, value) end
  local env = prl.env(loaded.env.name, {n = loaded.env.n, seed = loaded.recipe.train.seed})
  agent:drive(env, steps or 2000)
  prl.seed(9)
  local streams = {}
  for i = 1, 8 do streams[i] = 1000 + i end
  local obs = prl.randn(8, #loaded.spec.observation.names)
  return agent, agent:act(streams, obs, "sample", false):bytes(), loaded
end

local pendulum = [[
  return {
    env = {"pendulum", n = 4},
    objective = {critics = {
      swing = {reward = function(r) return r.reward end, gamma = 0.9, weight = 1, scale = "baseline"},
      calm = {reward = function(r) return where(gt(r.reward, -1), 1, 0) end, gamma = 0.5, weight = 0.3},
    }},
    policy = {hidden = {16, 16}, normalise = 5, %s},
    algorithm = {%s},
    train = {steps = 4000, warmup = 64},
  }
]]

local small_ppo = [["ppo", rollout = 32, minibatch = 64, epochs = 2, target_kl = 1, clip_value = 0.2]]

local function recipe(policy, algorithm)
  return pendulum:format(policy or "", algorithm or small_ppo)
end

describe("the builder", function()
  it("gives the same bytes for the same recipe and seed, and others for another seed", function()
    local _, a = run(recipe())
    local _, b = run(recipe())
    local _, c = run(recipe(), nil, {seed = 2})
    assert.is_true(a == b)
    assert.is_false(a == c)
  end)

  it("makes every kind of policy for continuous actions", function()
    for _, policy in ipairs {
      'trunk = "shared"', 'bounded = true, last_gain = 0', 'log_std = {kind = "state", init = -1}',
      'log_std = {kind = "fixed", init = -1}', 'init = "xavier", activation = "relu"', 'action = {torque = {-1, 1}}',
      'unit = "half_range", bounded = true', 'unit = "half_range", log_std = {kind = "state", init = -1}',
    } do
      local agent = run(recipe(policy))
      assert.is_true(agent:metrics().updates > 0, policy)
    end
  end)

  it("starts a zero last layer at the middle of the bounds", function()
    local path = files.write(recipe 'bounded = true, last_gain = 0, action = {torque = {-1, 2}}')
    local agent = prl.agent(prl.recipe.plan(assert(prl.recipe.load(path))))
    assert.are.same({{.5}}, agent:act(1, prl.randn(1, 3), "mean", false):totable())
  end)

  it("counts means and deviations in half ranges where the recipe says so", function()
    -- The same noise and network in dimensions of another width: what is drawn and its density are those of a Gaussian that is as
    -- much wider, and a step of the optimizer moves the mean as far in half ranges.
    local function made(policy, low, high)
      local path = files.write(([[return {
        env = {"host", observation = {"x"}, action = {"continuous", aim = {%g, %g}}, responses = {win = {}}},
        objective = {critics = {win = {gamma = 0}}},
        policy = {hidden = {4}, last_gain = 1, unit = "half_range", log_std = {init = -1}, %s},
        algorithm = {"a2c", rollout = 8, lr = 1e-2}, agent = {streams = 8},
      }]]):format(low, high, policy))
      return prl.agent(prl.recipe.plan(assert(prl.recipe.load(path))))
    end
    for _, policy in ipairs {"", "bounded = true", 'log_std = {kind = "state", init = -1}'} do
      local unit, wide = made(policy, -1, 1), made(policy, 3, 11) -- centre 7, half 4
      local x, streams = prl.randn(8, 1), {1, 2, 3, 4, 5, 6, 7, 8}
      local function compare(mode)
        local a, ids_a = unit:act(streams, x, mode)
        local b, ids_b = wide:act(streams, x, mode)
        local da, db = unit:act_log_prob(), wide:act_log_prob()
        for i = 1, 8 do
          local inside = math.abs(a:get(i, 1)) < 1 and math.abs(b:get(i, 1) - 7) < 4
          if inside then assert.near(7 + 4 * a:get(i, 1), b:get(i, 1), 1e-5) end
          if inside and mode == "sample" then assert.near(da:get(i) - math.log(4), db:get(i), 1e-4) end
        end
        return ids_a, ids_b
      end
      compare("mean")
      for _ = 1, 24 do
        local ids_a, ids_b = compare("sample")
        local win = prl.randn(8, 1)
        unit:feedback(ids_a, win); wide:feedback(ids_b, win)
        unit:learn(); wide:learn()
      end
      assert.is_true(unit:metrics().updates > 1)
      compare("mean")
    end
  end)

  it("drives discrete actions, with both algorithms", function()
    for _, algorithm in ipairs {'"ppo", rollout = 16, minibatch = 32', '"a2c", rollout = 4'} do
      local agent = run(([[return {env = {"cartpole", n = 4},
        objective = {critics = {pole = {reward = function(r) return r.reward end}}},
        policy = {hidden = {8}}, algorithm = {%s}}]]):format(algorithm))
      local metrics = agent:metrics()
      assert.is_true(metrics.updates > 5)
      assert.is_true(metrics.entropy > 0 and metrics.entropy <= math.log(2) + 1e-6)
    end
  end)

  it("reports each critic's share of the signal, and the shares add up", function()
    local metrics = run(recipe()):metrics()
    assert.is_true(math.abs(metrics["signal_share/swing"] + metrics["signal_share/calm"] - 1) < 1e-3)
  end)

  it("refuses an algorithm that asks for what is not there", function()
    local build = require "perilune.recipe.build"
    local loaded = assert(prl.recipe.load(files.write(recipe())))
    local broken = {options = {}, build = function(learn)
      return {learn:program(function(batch) return batch.zebra end)}
    end}
    assert.error_matches(function() build.plan(loaded.recipe, loaded.spec, broken, loaded.hash) end,
      'batch has no field "zebra"; there are action, advantage,')
    broken.build = function(learn)
      learn:acts(function(obs) return prl.distribution.point(obs:slice(2, 1, 1)) end, 0)
      return {learn:program(function(batch) return batch.noise end)}
    end
    assert.error_matches(function() build.plan(loaded.recipe, loaded.spec, broken, loaded.hash) end,
      "batch.noise: what acts draws no numbers", 1, true)
    broken.build = function(learn)
      return {learn:program(function(batch) learn:metric("rows", batch.obs:sum() * #batch.obs) end)}
    end
    assert.error_matches(function() build.plan(loaded.recipe, loaded.spec, broken, loaded.hash) end,
      "update: line %d+ does something else for another number of rows")
  end)
end)

describe("every live option", function()
  local function other(live)
    local value = type(live.value) == "number" and live.value or 0
    local new = value * .7 + .013
    if live.high and new > live.high then new = live.high * .5 end
    return new
  end

  for _, algorithm in ipairs {
    [["ppo", rollout = 32, minibatch = 64, epochs = 2, target_kl = .05, clip_value = .3, max_norm = .4]],
    [["a2c", rollout = 8]],
  } do
    it("changes without a rebuild as a fresh build would, " .. algorithm:sub(2, 4), function()
      local text = recipe(nil, algorithm)
      local _, before, loaded = run(text)
      local count = 0
      for path, live in pairs(loaded.live) do
        local value = other(live)
        local _, changed = run(text, nil, {live = {[path] = value}})
        local _, fresh = run(text, nil, {set = {("%s=%.17g"):format(path, value)}})
        assert.is_true(changed == fresh, path)
        count = count + 1
      end
      assert.is_true(count >= 8)
      assert.is_truthy(before)
    end)
  end
end)
