--- Two-stage constrained actor-critic: whole updates against losses that are written out here and differentiated by central
--- differences in float64; which policy serves whom; stages, resume and what is refused.
local drive = require "support.drive"
local prl = require "perilune"
local recipes = require "support.recipes"
local written = require "support.written"

local text = [[return {
  env = {"host", observation = {"x", "y"}, action = {"continuous", aim = {-4, 4}, push = {-4, 4}},
    responses = {watch = {}, share = {}, like = {}}},
  objective = {critics = {
    watch = {gamma = 0.5}, share = {gamma = 0.9, weight = 0.4}, like = {gamma = 0, weight = 0.8},
  }},
  policy = {hidden = {}, log_std = {kind = "fixed", init = -0.5}, last_gain = 1},
  algorithm = {"two_stage", main = "watch", first = 0, share = 1, rollout = 4, lr = 0.05, critic_lr = 0.1, max_norm = 1e9,
    entropy = 0, optimizer = {"sgd"}, %s},
  agent = {streams = 12},
  train = {steps = 10, seed = 1},
}]]

local names = {"watch", "share", "like"}
local log_std, lambda = -0.5, {share = 0.4, like = 0.8}

-- ---- the losses, written out ----

local linear = written.linear
local function log_prob(mean, action) return written.log_prob(mean, log_std, action) end
local function kl(mean, other) return written.kl(mean, log_std, other) end

local function weighted(rows, weight, value)
  local sum, total = 0, 0
  for i, row in ipairs(rows) do sum, total = sum + weight(row, i) * value(row, i), total + weight(row, i) end
  return sum / math.max(total, 1)
end

local function standardised(rows, weight, name)
  local mean = weighted(rows, weight, function(row) return row.advantage[name] end)
  local square = weighted(rows, weight, function(row) return (row.advantage[name] - mean) ^ 2 end)
  return function(row) return (row.advantage[name] - mean) / math.sqrt(square + 1e-8) end
end

local function value_loss(rows, weight, parameters, name)
  return weighted(rows, weight, function(row)
    return (linear(parameters["critic/" .. name], 1, row.obs)[1] - row.returns[name]) ^ 2
  end)
end

--- The main policy's loss at `now`; weights and the auxiliary policies are those of `before`.
local function main_loss(o, rows, now, before)
  local function own(row) return row.arm == 0 and 1 or 0 end
  local gain, mu = standardised(rows, own, "watch"), {}
  local function near(row)
    local sum = 0
    for name, one in pairs(lambda) do
      local mean = linear(before["auxiliary/" .. name], 2, row.obs)
      sum = sum + one * (log_prob(mean, row.action) - row.log_prob)
    end
    return sum / 1.2
  end
  local function logarithm(row) return log_prob(linear(now.policy, 2, row.obs), row.action) end
  local loss = value_loss(rows, own, now, "watch")
  if o.form == "kl" then
    loss = loss - weighted(rows, own, function(row) return gain(row) * logarithm(row) end)
    for name, one in pairs(lambda) do
      local driven = now["multiplier/" .. name]
      loss = loss + (driven and math.exp(before["multiplier/" .. name][1]) or one) * weighted(rows, own, function(row)
        return kl(linear(now.policy, 2, row.obs), linear(before["auxiliary/" .. name], 2, row.obs))
      end)
      if driven then
        loss = loss + math.exp(driven[1]) * (o.divergence - weighted(rows, own, function(row)
          return kl(linear(before.policy, 2, row.obs), linear(before["auxiliary/" .. name], 2, row.obs))
        end))
      end
    end
    return loss
  end
  local exponent = o.form == "exact" and function(row) return near(row) + row.advantage.watch / 1.2 end
    or function(row) return o.pull * near(row) + gain(row) / o.temperature end
  for i, row in ipairs(rows) do mu[i] = math.exp(math.min(exponent(row), math.log(o.cap))) end
  local mean = o.form == "exact" and 1 or weighted(rows, own, function(_, i) return mu[i] end)
  local less = o.form == "exact" and 0 or 1
  return loss - weighted(rows, own, function(row, i) return (mu[i] / mean - less) * logarithm(row) end)
end

local function auxiliary_loss(o, rows, now, before, arm)
  local name, set = names[arm + 1], "auxiliary/" .. names[arm + 1]
  local function weight(row)
    if not o.off_policy then return row.arm == arm and 1 or 0 end
    return math.min(math.exp(log_prob(linear(before[set], 2, row.obs), row.action) - row.log_prob), o.off_policy)
  end
  local gain = standardised(rows, weight, name)
  return value_loss(rows, weight, now, name) - weighted(rows, weight, function(row)
    return gain(row) * log_prob(linear(now[set], 2, row.obs), row.action)
  end)
end

--- What one step of gradient descent makes of the parameters.
local function descended(o, rows, before)
  local steps = {}
  for set in pairs(before) do steps[set] = set:find "^critic/" and 0.1 or set:find "^multiplier/" and 0.3 or 0.05 end
  if o.reference then steps["auxiliary/share"] = 0 end
  return written.descended(before, steps, function(now)
    local sum = main_loss(o, rows, now, before) + auxiliary_loss(o, rows, now, before, 1)
    if not o.reference then return sum + auxiliary_loss(o, rows, now, before, 2) end
    return sum + value_loss(rows, function(row) return row.arm == 0 and 1 or 0 end, now, "share")
  end)
end

describe("two_stage", function()
  local folder = recipes.folder()
  local path = folder .. "agent.safetensors"

  local function read(agent) return written.read(agent, path) end

  --- A reference is called as the policy that it stands for.
  local function parameters(tensors)
    local out = {}
    for set, numbers in pairs(written.parameters(tensors, function(set)
      return set:find "^critic" and 1 or set:find "^multiplier" and 0 or 2
    end)) do
      out[set:gsub("^reference/(%a+)/%x+/policy$", "auxiliary/%1")] = numbers
    end
    return out
  end

  -- Steps of 12 streams, some of whose episodes end.
  local function experience(agent)
    local streams = {}
    for i = 1, 12 do streams[i] = i end
    for step = 1, 4 do
      local action, decisions = agent:act(streams, prl.randn(12, 2))
      local responses, ended = {}, {}
      for i = 1, 12 do
        local a, b = action:get(i, 1), action:get(i, 2)
        responses[i] = {b * b - i % 3, a - b, a * i / 6 + step} -- like, share, watch
        if (i + step) % 5 == 0 then ended[#ended + 1] = i end
      end
      agent:feedback(decisions, prl.tensor(responses))
      if #ended > 0 then agent:finish(ended, step % 2 == 0 and "terminated" or "truncated", prl.randn(#ended, 2)) end
    end
    agent:observe(streams, prl.randn(12, 2))
  end

  -- The batch as the programs read it, at the verb that runs them.
  local function rows_of(tensors)
    local rows, action, arm = {}, tensors["batch.action"]:totable(), tensors["batch.arm"]:totable()
    local obs, density = tensors["batch.observation"]:totable(), tensors["batch.log_prob"]:totable()
    for i = 1, #density do
      rows[i] = {obs = {obs[2 * i - 1], obs[2 * i]}, action = {action[2 * i - 1], action[2 * i]}, arm = arm[i],
        log_prob = density[i], advantage = {}, returns = {}}
    end
    for k, name in ipairs {"like", "share", "watch"} do -- critics are in the order of their names
      local advantage = tensors[("critic.%d.advantage"):format(k - 1)]:totable()
      local returns = tensors[("critic.%d.returns"):format(k - 1)]:totable()
      for i, row in ipairs(rows) do row.advantage[name], row.returns[name] = advantage[i], returns[i] end
    end
    return rows
  end

  local function at(agent, verb) return written.at(agent, verb, path) end

  local function check(options, o, updates)
    local recipe = text:format(options)
    if o.reference then
      local other = recipe:gsub('{"two_stage".-},\n', '{"a2c", rollout = 4},\n'):gsub("seed = 1", "seed = 2")
      assert(prl.agent(prl.recipe.plan(assert(recipes.load(folder, other)))):save(folder .. "other.safetensors"))
      recipe = recipe:gsub("agent = {", ('references = {share = "%sother.safetensors"}, %%0'):format(folder))
    end
    local agent = prl.agent(prl.recipe.plan(assert(recipes.load(folder, recipe))))
    for _ = 1, updates do
      experience(agent)
      local tensors = at(agent, "run")
      local rows, before = rows_of(tensors), parameters(tensors)
      local after, wanted = parameters(at(agent, "publish")), descended(o, rows, before) -- where PopArt moves critics again
      agent:learn()
      local served = {}
      for _, row in ipairs(rows) do served[row.arm] = true end
      assert.same({[0] = true, [1] = true, [2] = not o.reference or nil}, served)
      written.same(wanted, after, options)
    end
  end

  -- Arms are in the order of `names` but for their critics' names, which are sorted.
  it("makes the step of its losses in each form", function()
    names = {"watch", "like", "share"}
    check('form = "tempered", pull = 0.3, temperature = 0.7, cap = 3', {form = "tempered", pull = 0.3, temperature = 0.7, cap = 3}, 2)
    check('form = "exact", cap = 5', {form = "exact", cap = 5}, 1)
    check('form = "kl"', {form = "kl"}, 1)
    check('form = "kl", divergence = 0.2, multiplier_lr = 0.3', {form = "kl", divergence = 0.2}, 2)
    check('form = "kl", off_policy = 1.5', {form = "kl", off_policy = 1.5}, 1)
    check('form = "kl"', {form = "kl", reference = true}, 2)
    check('form = "tempered", pull = 0.3', {form = "tempered", pull = 0.3, temperature = 1, cap = 10, reference = true}, 1)
  end)

  it("is refused where it cannot be, at the option's line", function()
    local function refused(recipe, message)
      local loaded, said = recipes.load(folder, recipe)
      assert.is_nil(loaded)
      assert.truthy(said:find(message, 1, true), said)
    end
    local recipe = text:format ""
    refused(recipe:gsub('main = "watch"', 'main = "wach"'),
      'algorithm.main: expected the critic of the main response, got "wach"; the nearest is "watch"')
    refused(recipe:gsub('main = "watch", ', ""), 'got ""; there are like, share, watch')
    refused(recipe:gsub("share = {gamma.-like = {gamma = 0, weight = 0.8},", ""), "watch is the only critic; an auxiliary one is needed")
    refused(recipe:gsub("first = 0", "first = 0, divergence = 1"), "only the form kl has multipliers to drive, and form is tempered")
    refused(recipe:gsub("hidden = {}", 'hidden = {4}, trunk = "shared"'), "several policies share no trunk")
    refused(recipe:gsub("first = 0", "first = 10"), "stage one takes 10 steps, and train.steps is 10")
    refused(recipe:gsub("objective = {", "objective = {constraints = {share = {at_least = 1}}, "),
      "two_stage has no use for objective.constraints")
  end)

  it("goes on where no auxiliary policy has a weight", function()
    for _, form in ipairs {"tempered", "exact", "kl"} do
      local agent = prl.agent(prl.recipe.plan(assert(recipes.load(folder, text:format(('form = "%s"'):format(form))))))
      for _, name in ipairs {"share", "like"} do agent:set(("objective.critics.%s.weight"):format(name), name == "like" and -1 or 0) end
      for update = 1, 2 do
        experience(agent)
        agent:learn()
        assert.equal(update, agent:metrics().updates)
      end
    end
  end)

  it("goes from stage one to stage two, and on from a file, byte for byte", function()
    local loaded = assert(recipes.load(folder, [[return {
      env = {"shortvideo", n = 16},
      objective = {critics = {
        watch = {reward = function(r) return r.watch_time end, scale = 50}, like = {gamma = 0.5, weight = 0.1},
      }},
      policy = {hidden = {8}},
      algorithm = {"two_stage", main = "watch", first = 600, rollout = 4}, train = {steps = 1200},
    }]]))
    local function make() return prl.agent(prl.recipe.plan(loaded)), prl.env("shortvideo", {n = 16, seed = 1}) end
    local agent, env = make()
    local before = read(agent)
    local straight = drive.updates(agent, env, 8)
    assert.equal(0, agent:metrics().stage)
    local middle = read(agent)
    assert.same(before["params.policy"]:totable(), middle["params.policy"]:totable())
    assert.is_not.same(before["params.auxiliary/like"]:totable(), middle["params.auxiliary/like"]:totable())
    for _, line in ipairs(drive.updates(agent, env, 9)) do straight[#straight + 1] = line end
    assert.equal(1, agent:metrics().stage)
    local done = read(agent)
    assert.is_not.same(before["params.policy"]:totable(), done["params.policy"]:totable())
    agent, env = make()
    drive.updates(agent, env, 9)
    assert(agent:save(path, env))
    agent, env = assert(prl.load_agent(path)), select(2, make())
    assert(agent:load_env(path, env))
    for i, line in ipairs(drive.updates(agent, env, 8)) do assert.equal(straight[9 + i], line) end
  end)

  it("learns over choices, too", function()
    local loaded = assert(recipes.load(folder, [[return {
      env = {"cartpole", n = 8},
      objective = {critics = {up = {reward = function(r) return r.reward end}, still = {reward = function() return 1 end, weight = 0.1}}},
      algorithm = {"two_stage", main = "up", first = 400, form = "kl"}, train = {steps = 1000},
    }]]))
    local agent, env = prl.agent(prl.recipe.plan(loaded)), prl.env("cartpole", {n = 8})
    agent:drive(env, 1000)
    local metrics = agent:metrics()
    assert.is_true(metrics["kl/still"] > 0 and metrics.stage == 1)
    assert.equal(2, agent:log_probs(prl.randn(1, 4)):size(2))
    local action = agent:act(1, prl.randn(1, 4), "sample", false)
    assert.truthy(action:get(1, 1) == 0 or action:get(1, 1) == 1)
  end)

  describe("with references", function()
    local simulated = [[return {
      env = {"shortvideo", n = 8},
      objective = {critics = {
        watch = {reward = function(r) return r.watch_time end, scale = 50}, like = {gamma = 0.5, weight = 0.3}, share = {gamma = 0},
      }},
      policy = {hidden = {8}%s}, algorithm = {%s}, train = {steps = 1e4}, %s
    }]]

    --- Saves what a2c learned by a policy with these options.
    local function trained(name, policy)
      local agent = prl.agent(prl.recipe.plan(assert(recipes.load(folder, simulated:format(policy, '"a2c", rollout = 4', "")))))
      agent:drive(prl.env("shortvideo", {n = 8, seed = 3}), 400)
      assert(agent:save(folder .. name))
      return agent
    end

    local function with(references, options, policy)
      return simulated:format(policy or "", '"two_stage", main = "watch", rollout = 4, first = 100, ' .. (options or ""),
        ("references = {%s}"):format(references:gsub("@", folder)))
    end

    it("keeps near policies of other runs, by their own statistics of observations, and needs no other file then", function()
      local other = trained("like.safetensors", ', normalise = 5, trunk = "shared", bounded = true')
      trained("share.safetensors", ', log_std = {kind = "state"}, activation = "relu"')
      local references = 'like = "@like.safetensors", share = "@share.safetensors"'
      local loaded = assert(recipes.load(folder, with(references, 'form = "tempered", pull = 0.5', ", normalise = 3")))
      local agent, env = prl.agent(prl.recipe.plan(loaded)), prl.env("shortvideo", {n = 8, seed = 1})
      local lines = drive.updates(agent, env, 6)
      assert.is_nil(agent:metrics().stage) -- there is nothing for a first one to learn
      os.rename(folder .. "like.safetensors", folder .. "gone.safetensors")
      local before = read(agent)
      assert(agent:save(path, env))
      agent, env = assert(prl.load_agent(path)), prl.env("shortvideo", {n = 8, seed = 1})
      assert(agent:load_env(path, env))
      for _, line in ipairs(drive.updates(agent, env, 4)) do lines[#lines + 1] = line end
      os.rename(folder .. "gone.safetensors", folder .. "like.safetensors")
      local twin = prl.agent(prl.recipe.plan(loaded))
      assert.same(drive.updates(twin, prl.env("shortvideo", {n = 8, seed = 1}), 10), lines)
      -- as they were, while the main policy learns
      local digest = loaded.recipe.references.like.digest
      local set = ("params.reference/like/%s/policy"):format(digest)
      local after, theirs = read(agent), read(other)
      assert.same(theirs["params.policy"]:totable(), after[set]:totable())
      assert.is_not.same(before["params.policy"]:totable(), after["params.policy"]:totable())
    end)

    it("asks them for the densities that they have themselves", function()
      local other = trained("like.safetensors", ', normalise = 5, trunk = "shared", action = {diversity = 0.5}')
      assert(prl.io.write(folder .. "near.lua", [[
        local near = {references = true}
        function near.build(learn)
          local critics, like = learn:critics(), learn:reference "like"
          assert(like == learn:reference "like")
          local actor = learn:actor()
          local update = learn:program(function(batch)
            local theirs = like(batch.raw_obs)
            learn:metric("log_prob", theirs:log_prob(batch.action):mean())
            learn:metric("kl", actor(batch.obs):kl(theirs):mean())
            learn:minimise(-actor(batch.obs):log_prob(batch.action):mean() + critics[1](batch.obs):mean(), {actor = 0, critics = 0})
          end)
          return {learn:collect(1), learn:freeze(), learn:rewards(), update, learn:publish()}
        end
        return near]]))
      for _, normalise in ipairs {"", ", normalise = 2"} do
        -- actions that are never cut
        local recipe = simulated:format(', action = {diversity = 0.1}, log_std = {init = -2}' .. normalise, 'lua = "near.lua"',
          ('references = {like = "%slike.safetensors"}'):format(folder))
        local agent = prl.agent(prl.recipe.plan(assert(recipes.load(folder, recipe, {trust = true}))))
        local users = {1, 2, 3, 4, 5, 6, 7, 8}
        for _ = 1, 8 do -- statistics begin from 32 rows on
          local obs = prl.randn(8, #agent:spec().observation.names) * 3 + 1
          local action = agent:act(users, obs)
          agent:finish(users, "terminated")
          agent:learn()
          local wanted = other:log_prob(obs, action):totable()
          local sum = 0
          for _, one in ipairs(wanted) do sum = sum + one / 8 end
          assert.near(sum, agent:metrics().log_prob, 1e-4 * math.abs(sum))
          assert.is_true(agent:metrics().kl > 0)
        end
      end
    end)

    it("takes up another policy of the same name where a new recipe names it", function()
      trained("like.safetensors", "")
      local first = assert(recipes.load(folder, with 'like = "@like.safetensors"'))
      local agent = prl.agent(prl.recipe.plan(first))
      trained("like.safetensors", ", last_gain = 1")
      local second = assert(recipes.load(folder, with 'like = "@like.safetensors"'))
      assert.is_not.equal(first.hash, second.hash)
      agent:swap(prl.recipe.plan(second))
      local tensors = read(agent)
      assert.truthy(tensors[("params.reference/like/%s/policy"):format(second.recipe.references.like.digest)])
      assert.same(read(assert(prl.load_agent(folder .. "like.safetensors")))["params.policy"]:totable(),
        tensors[("params.reference/like/%s/policy"):format(second.recipe.references.like.digest)]:totable())
      -- the place is no part of the hash, and the resolved recipe is a recipe
      os.rename(folder .. "like.safetensors", folder .. "moved.safetensors")
      assert.equal(second.hash, assert(recipes.load(folder, with 'like = "@moved.safetensors"')).hash)
      os.rename(folder .. "moved.safetensors", folder .. "like.safetensors")
      local again = assert(prl.recipe.load(recipes.write(folder, "again.lua", prl.recipe.text(second.recipe))))
      assert.equal(second.hash, again.hash)
    end)

    it("are refused where they cannot be", function()
      local function refused(recipe, message)
        local loaded, said = recipes.load(folder, recipe)
        assert.is_nil(loaded)
        assert.truthy(said:find(message, 1, true), said)
      end
      trained("like.safetensors", "")
      refused(with 'like = "runs/x"', "references.like: expected a run or a saved agent: there is no run or agent runs/x")
      refused(with "like = 3", 'references.like: expected the folder of a run or the file of an agent, as in "runs/…", got 3')
      refused(with '["a b"] = "@like.safetensors"', "a reference has a name of letters, digits and _")
      refused(with 'like = {"@like.safetensors", digest = "12"}', "and digest says 12")
      refused(with 'like = {"@like.safetensors", digst = "12"}', 'unknown key; the nearest is "digest"')
      refused(with 'lik = "@like.safetensors"',
        'the reference "lik" stands for the policy of an auxiliary critic, and there is none of that name; the nearest is "like"')
      refused(with('like = "@like.safetensors"', "", ", action = {diversity = 0.2}"),
        "of the action's dimension diversity its policy sets it, and this recipe's holds it at 0.2")
      refused(simulated:format("", '"ppo"', ('references = {like = "%slike.safetensors"}'):format(folder)),
        "references: ppo makes no use of references; two_stage does")
      refused((with 'like = "@like.safetensors"'):gsub('env = .-objective', 'env = {"pendulum"}, objective'), "its observation 1 is")
      local function other(recipe, message)
        assert(prl.agent(prl.recipe.plan(assert(recipes.load(folder, recipe)))):save(folder .. "other.safetensors"))
        refused(with 'like = "@other.safetensors"', message)
      end
      other(simulated:format("", '"sac", memory = 1000', ""), "the policy of sac is of networks of its own; the policy of a run fits that")
      other(simulated:format("", '"cem"', ""), "the policy of cem is one action for everybody, without a density")
    end)
  end)
end)
