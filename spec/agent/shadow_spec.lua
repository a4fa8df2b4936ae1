--- A shadow: another recipe that learns beside, from the same rows, while the agent acts and learns as before in every byte; what
--- brings it into force, and what is refused, since it would be a guess.
local prl = require "perilune"
local recipes = require "support.recipes"

local text = [[return {
  env = {%s, n = 4},
  objective = {critics = {main = {reward = function(r) return %s end, gamma = 0.9}%s}%s},
  policy = {hidden = {8}, activation = "tanh"%s},
  algorithm = {%s},
  agent = {rows = 256%s},
  train = {steps = 4000, seed = 5, warmup = 0},
}]]

local function recipe(env, algorithm, more)
  more = more or {}
  return text:format(env, more.reward or "r.reward", more.critics or "", more.objective or "", more.policy or "", algorithm,
    more.agent or "")
end

local cartpole, pendulum, feed = '"cartpole"', '"pendulum"', '"shortvideo"'
local calm = ', calm = {reward = function(r) return -abs(r.reward) end, gamma = 0.5}'
local sac = '"sac", minibatch = 8, start = 16, memory = 200'
local memory = '"a2c", rollout = 8, minibatch = 16, start = 16, stretch = 4, updates = 0.25, memory = 200, correction = {"vtrace"}'
local function limits(lr)
  return (', constraints = {main = {at_least = -1, window = 20, multiplier = learned {lr = %s, max = 5}}}'):format(lr)
end

-- Name = {env, the recipe that acts, the one that learns beside}.
local cases = {
  sac = {"pendulum", recipe(pendulum, sac), recipe(pendulum, sac .. ", lr = 1e-2", {reward = "2 * r.reward"})},
  sac_gru = {"pendulum", recipe(pendulum, sac, {policy = ', memory = {"gru", 4, stretch = 4}'}),
    recipe(pendulum, sac, {reward = "-r.reward", policy = ', memory = {"gru", 4, stretch = 4}'})},
  sac_normalised = {"pendulum", recipe(pendulum, sac, {policy = ", normalise = 5"}),
    recipe(pendulum, sac, {policy = ", normalise = 5", reward = "3 * r.reward"})},
  td3 = {"pendulum", recipe(pendulum, sac), recipe(pendulum, '"td3", minibatch = 8, start = 16, memory = 200')},
  dqn = {"cartpole", recipe(cartpole, '"dqn", minibatch = 8, start = 16, target = 8, memory = 200, priority = 0.6'),
    recipe(cartpole, '"dqn", minibatch = 4, start = 16, target = 8, memory = 200, steps = 3', {reward = "3 * r.reward"})},
  memory = {"pendulum", recipe(pendulum, memory), recipe(pendulum, memory, {critics = calm})},
  a2c = {"pendulum", recipe(pendulum, '"a2c", rollout = 8'),
    recipe(pendulum, '"a2c", rollout = 8, correction = {"vtrace"}', {critics = calm})},
  ppo = {"pendulum", recipe(pendulum, '"ppo", rollout = 16, minibatch = 32, epochs = 2', {policy = ", normalise = 5"}),
    recipe(pendulum, '"ppo", rollout = 16, minibatch = 16, epochs = 3, correction = {"vtrace"}', {policy = ", normalise = 5",
      reward = "3 * r.reward"})},
  multipliers = {"pendulum", recipe(pendulum, '"ppo", rollout = 16, minibatch = 32', {objective = limits(0.1)}),
    recipe(pendulum, '"ppo", rollout = 16, minibatch = 32, correction = {"vtrace"}', {objective = limits(0.2)})},
  feed = {"shortvideo", recipe(feed, memory, {reward = "r.watch_time"}),
    recipe(feed, memory, {reward = "r.watch_time + 9 * r.like",
      critics = ", share = {reward = function(r) return r.share end, gamma = 0.5}"})},
}

describe("a shadow", function()
  local folder = recipes.folder()
  local path = folder .. "agent.safetensors"

  local function plan_of(body) return prl.recipe.plan(assert(recipes.load(folder, body))) end
  local function shadow(agent, body) agent:swap(plan_of(body), {mode = "shadow"}) end

  -- Every bit of what the agent's file holds: {name = bytes}.
  local function contents(agent, env)
    assert(agent:save(path, env))
    local list = {}
    for name, tensor in pairs((assert(prl.io.safetensors_read(path)))) do
      list[name] = type(tensor) == "string" and tensor or tensor:bytes()
    end
    return list
  end

  local function begin(case, before)
    local agent, env = prl.agent(plan_of(case[2])), prl.env(case[1], {n = 4, seed = 5})
    agent:drive(env, before or 600)
    if before ~= 0 then agent:drive(env, 1e6, true) end -- to the end of an update
    return agent, env
  end

  local function count_of(list, prefix)
    local count = 0
    for name in pairs(list) do count = count + (name:find(prefix, 1, true) == 1 and 1 or 0) end
    return count
  end

  -- What of `one` begins with the prefix is in `other` without it; how many.
  local function same(one, other, prefix, pattern)
    local count = 0
    for name, bytes in pairs(one) do
      local plain = name:sub(1, #prefix) == prefix and name:sub(#prefix + 1)
      if plain and (not pattern or plain:find(pattern)) then
        count = count + 1
        assert.is_true(bytes == other[plain], plain .. " is another")
      end
    end
    return count
  end

  for name, case in pairs(cases) do
    it("learns beside, and what acts is as without it: " .. name, function()
      local agent, env = begin(case)
      local alone, other = begin(case)
      shadow(agent, case[3])
      local first = contents(agent, env)
      agent:drive(env, 401)
      alone:drive(other, 401)
      local one, two = contents(agent, env), contents(alone, other)
      for block, bytes in pairs(two) do assert.is_true(bytes == one[block], block .. " is another") end
      assert.equal(0, count_of(two, "shadow."))
      assert.is_true(same(first, first, "shadow.", "^experience") == 0 and count_of(one, "shadow.memory") <= 1)
      local moved, metrics = 0, agent:metrics()
      for block, bytes in pairs(first) do
        if block:find "^shadow%.params%." and one[block] ~= bytes then moved = moved + 1 end
      end
      assert.is_true(moved >= 2)
      local state = agent:shadow()
      assert.same({true, agent:metrics().updates - first["learner.counts"]:byte(1)}, {state.begun, state.updates % 256})
      assert.is_true(metrics.shadow_ess > 0 and metrics.shadow_ess <= 1 and metrics.shadow_ess == state.ess)
      assert.is_true(metrics.shadow_overlap > 0 and metrics.shadow_overlap <= 1 and metrics.shadow_overlap == state.overlap)
      assert.is_nil(metrics.shadow_steps)
    end)

    it("goes on from a file, comes into force, and can be taken back: " .. name, function()
      local agent, env = begin(case)
      shadow(agent, case[3])
      agent:drive(env, 401)
      assert(agent:save(path, env))
      local again, other = assert(prl.load_agent(path)), prl.env(case[1], {n = 4, seed = 5})
      assert(again:load_env(path, other))
      assert.same(agent:shadow(), again:shadow())
      agent:drive(env, 401)
      again:drive(other, 401)
      local one, two = contents(agent, env), contents(again, other)
      for block, bytes in pairs(one) do assert.is_true(bytes == two[block], block .. " is another") end
      agent:drive(env, 1e6, true)
      one = contents(agent, env)
      local was, hash = agent:shadow().hash, agent:hash()
      agent:confirm()
      assert.same({was, hash}, {agent:hash(), agent:previous()})
      assert.is_nil(agent:shadow())
      two = contents(agent, env)
      assert.equal(0, count_of(two, "shadow."))
      assert.is_true(same(one, two, "shadow.", "^params%.") >= 2 and same(one, two, "shadow.", "^moment") >= 2)
      assert.is_true(same(one, two, "shadow.", "^published%.") >= 1)
      agent:drive(env, 401)
      agent:drive(env, 1e6, true)
      agent:rollback()
      assert.equal(hash, agent:hash())
      two = contents(agent, env)
      for block, bytes in pairs(one) do
        if block:find "^params%." or block:find "^moment" then assert.is_true(bytes == two[block], block .. " is another") end
      end
      agent:drive(env, 401)
    end)
  end

  -- It has the same parameters, rows and draws as what acts, and so has to come to the same bytes.
  it("of the same recipe, from the first step on, is what acts", function()
    for _, name in ipairs {"sac", "sac_gru", "sac_normalised", "memory", "feed"} do
      local agent, env = begin(cases[name], 0)
      shadow(agent, cases[name][2])
      agent:drive(env, 802)
      assert.is_true(agent:metrics().updates > 20)
      local all = contents(agent, env)
      assert.is_true(same(all, all, "shadow.", "^params%.") >= 2 and same(all, all, "shadow.", "^moment") >= 2, name)
      assert.is_true(same(all, all, "shadow.", "^published%.") >= 1 and same(all, all, "shadow.", "^critic%.0%.") >= 2, name)
      same(all, all, "shadow.", "^normaliser")
    end
  end)

  it("of the same recipe that corrects for what acted, too", function()
    for _, algorithm in ipairs {'"ppo", rollout = 16, minibatch = 32', '"a2c", rollout = 8'} do
      local body = recipe(pendulum, algorithm .. ', correction = {"vtrace"}', {critics = calm, policy = ", normalise = 5"})
      local agent, env = begin({"pendulum", body}, 0)
      shadow(agent, body)
      agent:drive(env, 803)
      local all = contents(agent, env)
      assert.is_true(same(all, all, "shadow.", "^params%.") >= 2 and same(all, all, "shadow.", "^critic%.") >= 4)
      same(all, all, "shadow.", "^normaliser")
    end
  end)

  it("leaves the multipliers to what acts", function()
    local agent, env = begin(cases.multipliers)
    shadow(agent, cases.multipliers[3])
    agent:drive(env, 400)
    agent:drive(env, 1e6, true)
    local multiplier = agent:metrics()["multiplier/main"]
    assert.is_nil(agent:metrics()["shadow_multiplier/main"])
    agent:confirm()
    agent:drive(env, 1e6, true)
    local now = agent:metrics()["multiplier/main"]
    assert.is_true(multiplier > 0 and math.abs(now - multiplier) < 0.5 * multiplier + 0.5)
  end)

  it("has no effective sample size where what acts has no density", function()
    local process = '"td3", rollout = 16, minibatch = 8, start = 16, memory = 200, exploration = {"ou", dt = 0.3}'
    local agent, env = begin {"pendulum", recipe(pendulum, process)}
    shadow(agent, recipe(pendulum, process, {reward = "2 * r.reward"}))
    agent:drive(env, 400)
    assert.is_nil(agent:shadow().ess)
    assert.is_nil(agent:metrics().shadow_ess)
    assert.is_true(agent:shadow().updates > 3 and agent:metrics().shadow_value_loss ~= nil)
  end)

  it("begins at the end of the update that runs, and is not confirmed before it has learned", function()
    local agent, env = begin(cases.ppo)
    agent:drive(env, 72) -- an update is under way, or steps for it are
    while agent:metrics().updates < 12 do agent:drive(env, 1) end
    shadow(agent, cases.ppo[3])
    assert.has_error(function() agent:confirm() end, "confirm: the shadow has learned nothing yet")
    agent:drive(env, 200)
    assert.is_true(agent:shadow().begun and agent:shadow().updates >= 2)
    agent:confirm()
    agent:drive(env, 200)
    assert.is_nil(agent:shadow())
  end)

  it("is dropped by a rollback, and keeps another recipe out while it learns", function()
    local agent, env = begin(cases.sac)
    local alone, other = begin(cases.sac)
    assert.has_error(function() agent:confirm() end, "confirm: no shadow learns beside the running agent")
    shadow(agent, cases.sac[3])
    local hash = agent:shadow().hash
    local refused = ("swap: a shadow of the recipe %s learns beside: confirm it, or drop it by a rollback"):format(hash:sub(1, 8))
    assert.has_error(function() agent:swap(plan_of(cases.sac[2])) end, refused)
    assert.has_error(function() shadow(agent, cases.sac[3]) end, refused)
    assert.has_error(function() agent:check_swap(plan_of(cases.sac[2])) end, refused)
    agent:drive(env, 100)
    agent:rollback()
    assert.is_nil(agent:shadow())
    assert.is_nil(agent:previous())
    agent:drive(env, 100)
    alone:drive(other, 200)
    local one, two = contents(agent, env), contents(alone, other)
    for block, bytes in pairs(two) do assert.is_true(bytes == one[block], block .. " is another") end
    assert.equal(0, count_of(one, "shadow."))
  end)

  it("whose learning fails is dropped, and what acts goes on", function()
    local agent, env = begin(cases.sac)
    local alone, other = begin(cases.sac)
    shadow(agent, recipe(pendulum, sac, {reward = "log(r.reward)"})) -- which is below 0
    agent:drive(env, 300)
    alone:drive(other, 300)
    assert.is_nil(agent:shadow())
    assert.truthy(agent:notice():find('^the shadow of the recipe %x+ was dropped, since its learning failed: the reward of critic "main" '
      .. 'is %-?nan at step %d+ of an episode; the recipe in force goes on$'), agent:notice())
    local one, two = contents(agent, env), contents(alone, other)
    for block, bytes in pairs(two) do assert.is_true(bytes == one[block], block .. " is another") end
  end)

  it("goes with what it learns beside, where a guard fires", function()
    local guarded = {agent = ", baseline = {}, guards = {kl = {at_most = 0}}"}
    local vtrace = '"ppo", rollout = 16, minibatch = 32, epochs = 2, correction = {"vtrace"}'
    local agent, env = prl.agent(plan_of(recipe(pendulum, vtrace, guarded))), prl.env("pendulum", {n = 4, seed = 5, twins = 2})
    agent:drive(env, 600)
    agent:drive(env, 1e6, true)
    local hash = agent:hash()
    guarded.reward = "2 * r.reward"
    agent:swap(plan_of(recipe(pendulum, vtrace, guarded)))
    shadow(agent, recipe(pendulum, vtrace, guarded))
    agent:drive(env, 200)
    assert.equal(hash, agent:hash())
    assert.is_nil(agent:shadow())
    assert.equal("kl", agent:breach().name)
  end)

  it("is refused where it would be a guess", function()
    local vtrace = '"ppo", rollout = 16, minibatch = 32, correction = {"vtrace"}'
    local agent = begin {"pendulum", recipe(pendulum, vtrace)}
    local function refuses(body, message)
      assert.has_error(function() shadow(agent, body) end, message)
      assert.is_nil(agent:shadow())
    end
    refuses(recipe(pendulum, sac), "shadow: the new plan draws from a replay memory, and the running agent has none (algorithm.memory): a "
      .. "shadow learns from what the running agent keeps")
    refuses(recipe(pendulum, '"ppo", rollout = 16, minibatch = 32'), 'shadow: "advantages" of the new plan takes the steps as acted by '
      .. "its own policy, and they are the running one's: what it learned would be a guess; a replay memory (algorithm.memory) or "
      .. 'algorithm.correction = {"vtrace"} is needed')
    refuses(recipe(pendulum, vtrace .. ', exploration = {"rnd"}'), "shadow: the new plan learns from novelty (algorithm.exploration), "
      .. "which is that of where its own policy goes")
    refuses(recipe(pendulum, '"a2c", rollout = 8, correction = {"vtrace"}'), "shadow: an update of the new plan takes at most 32 steps, "
      .. "and the running agent's 64 (algorithm.rollout); it must not be less")
    refuses(recipe(pendulum, vtrace, {agent = ", streams = 9"}), "swap: agent.streams is 9 in the new plan and 4 in the running agent; "
      .. "it must stay")
    assert.has_error(function() agent:swap(plan_of(recipe(pendulum, vtrace)), {mode = "shade"}) end)
    agent = begin(cases.dqn)
    refuses(cases.dqn[2], "shadow: the new plan draws by priorities (algorithm.priority is 0.6), which are those of the running agent's "
      .. "learning; 0 draws uniformly")
    refuses(recipe(pendulum, sac), 'swap: observation.names.1 is "cos_angle" in the new plan and "cart_position" in the running agent; '
      .. "it must stay")
  end)
end)
