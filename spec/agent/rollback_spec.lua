--- A rollback: all that was learned before a swap comes back byte for byte, whatever the algorithm, and experience, time and
--- counts go on.
local prl = require "perilune"
local recipes = require "support.recipes"

local text = [[return {
  env = {%s, n = 4},
  objective = {critics = {main = {reward = function(r) return %s end, gamma = 0.9}%s}%s},
  policy = {hidden = {8}, activation = "tanh"%s},
  algorithm = {%s},
  agent = {rows = 256},
  train = {steps = 4000, seed = 5, warmup = 0},
}]]

local function recipe(env, algorithm, more)
  more = more or {}
  return text:format(env, more.reward or "r.reward", more.critics or "", more.objective or "", more.policy or "", algorithm)
end

local cartpole, pendulum, feed = '"cartpole"', '"pendulum"', '"shortvideo"'
local limits = ', constraints = {main = {at_least = -1, window = 20, multiplier = learned {lr = 0.1, max = 5}}}'

-- Name = {env, the recipe that is gone back to, the one that was swapped in}.
local cases = {
  a2c = {"cartpole", recipe(cartpole, '"a2c", rollout = 8'),
    recipe(cartpole, '"a2c", rollout = 8', {reward = "2 * r.reward", policy = ", memory = nil"})},
  ppo = {"pendulum", recipe(pendulum, '"ppo", rollout = 16, minibatch = 32, epochs = 2, lr = linear {from = 1e-2, to = 0}'),
    recipe(pendulum, '"a2c", rollout = 8', {critics = ', calm = {reward = function(r) return -abs(r.reward) end, gamma = 0.5}'})},
  multipliers = {"pendulum", recipe(pendulum, '"ppo", rollout = 16, minibatch = 32', {objective = limits}),
    recipe(pendulum, '"ppo", rollout = 16, minibatch = 32')},
  novelty = {"pendulum", recipe(pendulum, '"ppo", rollout = 16, minibatch = 32, exploration = {"rnd"}'),
    recipe(pendulum, '"ppo", rollout = 16, minibatch = 32')},
  recurrent = {"pendulum", recipe(pendulum, '"ppo", rollout = 16, minibatch = 32', {policy = ', memory = {"gru", 4, stretch = 8}'}),
    recipe(pendulum, '"ppo", rollout = 16, minibatch = 64, epochs = 1', {policy = ', memory = {"gru", 4, stretch = 4}'})},
  a3c = {"cartpole", recipe(cartpole, '"a3c", rollout = 8'), recipe(cartpole, '"a2c", rollout = 8')},
  reinforce = {"cartpole", recipe(cartpole, '"reinforce", rollout = 8, longest = 50'),
    recipe(cartpole, '"reinforce", rollout = 8, longest = 50, lr = 1e-2', {reward = "-r.reward"})},
  dqn = {"cartpole", recipe(cartpole, '"dqn", minibatch = 8, start = 16, target = 8, memory = 200'),
    recipe(cartpole, '"dqn", minibatch = 4, start = 16, target = 8, memory = 200', {reward = "3 * r.reward"})},
  sac = {"pendulum", recipe(pendulum, '"sac", minibatch = 8, start = 16, memory = 200'),
    recipe(pendulum, '"td3", minibatch = 8, start = 16, memory = 200')},
  td3 = {"pendulum", recipe(pendulum, '"td3", minibatch = 8, start = 16, memory = 200'),
    recipe(pendulum, '"sac", minibatch = 8, start = 16, memory = 200')},
  bc = {"pendulum", recipe(pendulum, '"sac", minibatch = 8, start = 16, memory = 200'),
    recipe(pendulum, '"bc", updates = 1, start = 0, rollout = 4, minibatch = 8, memory = 200')},
  two_stage = {"shortvideo", recipe(feed, '"two_stage", main = "main", first = 0, rollout = 4', {reward = "r.watch_time",
    critics = ", share = {reward = function(r) return r.share end, gamma = 0.5}"}),
    recipe(feed, '"two_stage", main = "main", first = 0, rollout = 4', {reward = "r.watch_time + r.like",
      critics = ", share = {reward = function(r) return r.share end, gamma = 0.8}"})},
}

-- What goes on with the experience, or is overwritten before it is read.
local goes_on = {"^experience%.", "^memory%.", "^batch%.", "^draw%.", "^control%.", "^env%.", "^before%.", "^metrics$",
  "^policy%.counts$", "^policy%.noise", "^learner%.counts$", "^learner%.lengths$", "^novelty%.sum$", "^novelty%.arrival$",
  "^critic%.%d+%.episode$", "^critic%.%d+%.reward$", "^critic%.%d+%.advantage$", "^critic%.%d+%.returns$", "^critic%.%d+%.value$",
  "^critic%.%d+%.bootstrap$", "^constraint%.%d+%.%a+%.sum$", "^constraint%.%d+%.%a+%.gone$"}

local function is_learned(name)
  for _, pattern in ipairs(goes_on) do
    if name:find(pattern) then return false end
  end
  return true
end

describe("agent:rollback", function()
  local folder = recipes.folder()
  local path = folder .. "agent.safetensors"

  local function plan_of(body) return prl.recipe.plan(assert(recipes.load(folder, body))) end

  -- Every bit of the numbers; those that are not finite, too.
  local function text_of(tensor)
    local numbers = tensor:totable()
    for i, number in ipairs(numbers) do numbers[i] = ("%a"):format(number) end
    return table.concat(numbers, " ")
  end

  -- Everything in the agent's file as bytes: {name = bytes}, {key = text}.
  local function contents(agent, env)
    assert(agent:save(path, env))
    local tensors, metadata = assert(prl.io.safetensors_read(path))
    local list = {}
    for name, tensor in pairs(tensors) do
      if not name:find("^env%.") then list[name] = text_of(tensor) end
    end
    return list, metadata
  end

  local function begin(case)
    local agent, env = prl.agent(plan_of(case[2])), prl.env(case[1], {n = 4, seed = 5})
    agent:drive(env, 600)
    while agent:metrics().updates < 2 do agent:drive(env, 1e6, true) end
    return agent, env
  end

  local function learned_same(before, after)
    local count = 0
    for name, bytes in pairs(before) do
      if is_learned(name) then
        count = count + 1
        assert.is_true(after[name] == bytes, name .. " is another")
      end
    end
    return count
  end

  for name, case in pairs(cases) do
    it("gives back what was learned: " .. name, function()
      local agent, env = begin(case)
      agent:drive(env, 1e6, true) -- to the end of an update
      local before, plan = contents(agent, env)
      local hash = agent:hash()
      assert.is_nil(agent:previous())
      agent:swap(plan_of(case[3]))
      assert.are_not.equal(hash, agent:hash())
      assert.are.equal(hash, agent:previous())
      agent:drive(env, 400)
      agent:drive(env, 1e6, true)
      local swapped, both = contents(agent, env)
      assert.are.equal(plan.plan, both.before)
      for block, bytes in pairs(before) do
        if is_learned(block) then assert.is_true(swapped["before." .. block] == bytes, block .. " is not kept") end
      end
      local metrics = agent:metrics()
      agent:rollback()
      local after, text_after = contents(agent, env)
      assert.is_true(learned_same(before, after) > 8)
      assert.are.equal(plan.plan, text_after.plan)
      assert.is_nil(text_after.before)
      assert.are.equal(hash, agent:hash())
      local now = agent:metrics()
      assert.are.equal(metrics.steps, now.steps)
      assert.are.equal(metrics.updates, now.updates)
      assert.are.equal(metrics.version + 1, now.version)
      agent:drive(env, 400)
      agent:drive(env, 1e6, true)
      assert.is_true(agent:metrics().updates > now.updates)
    end)
  end

  it("is the same after a resume, and what goes on from there too", function()
    for _, name in ipairs {"ppo", "sac", "multipliers"} do
      local case = cases[name]
      local agent, env = begin(case)
      agent:drive(env, 1e6, true)
      agent:swap(plan_of(case[3]))
      agent:drive(env, 401)
      assert(agent:save(path, env))
      local again, other = assert(prl.load_agent(path)), prl.env(case[1], {n = 4, seed = 5})
      assert(again:load_env(path, other))
      local function bytes(one, of)
        assert(one:save(folder .. "one.safetensors", of))
        return assert(prl.io.read(folder .. "one.safetensors"))
      end
      assert.are.equal(bytes(agent, env), bytes(again, other))
      agent:rollback()
      again:rollback()
      assert.are.equal(agent:hash(), again:hash())
      agent:drive(env, 401)
      again:drive(other, 401)
      assert.are.equal(bytes(agent, env), bytes(again, other))
    end
  end)

  it("at once after a swap is as if there had been none, but for the policy's version", function()
    for _, name in ipairs {"ppo", "multipliers", "recurrent", "two_stage", "dqn", "sac"} do
      local case = cases[name]
      local agent, env = begin(case)
      agent:drive(env, 1e6, true)
      local straight, other = begin(case)
      straight:drive(other, 1e6, true)
      agent:swap(plan_of(case[3]))
      agent:rollback()
      agent:drive(env, 500)
      straight:drive(other, 500)
      local one, two = contents(agent, env), contents(straight, other)
      assert.is_true(learned_same(one, two) > 8)
    end
  end)

  it("takes a swap back that is not in force, and waits for the end of an update itself", function()
    local case = cases.ppo
    local agent, env = begin(case)
    local straight, other = begin(case)
    agent:drive(env, 40)
    straight:drive(other, 40)
    agent:swap(plan_of(case[3]))
    agent:rollback()
    agent:drive(env, 200)
    straight:drive(other, 200)
    assert.is_true(learned_same(contents(agent, env), contents(straight, other)) > 8)
  end)

  it("is refused where there is nothing to go back to", function()
    local agent, env = begin(cases.ppo)
    local refused = "rollback: there is nothing to go back to: no swap has come into force, the last one was rolled back, or " ..
      "learning had failed before it"
    assert.has_error(function() agent:rollback() end, refused)
    agent:drive(env, 1e6, true)
    agent:swap(plan_of(cases.ppo[3]))
    agent:rollback()
    assert.has_error(function() agent:rollback() end, refused)
    assert.is_nil(agent:previous())
  end)

  it("gives back options that were set, and the new recipe's are gone", function()
    local agent, env = begin(cases.ppo)
    agent:set("algorithm.lr", 0.0123)
    agent:drive(env, 1e6, true)
    agent:swap(plan_of(cases.ppo[3]))
    assert.are_not.equal(0.0123, agent:get "algorithm.lr")
    agent:set("algorithm.lr", 0.5)
    agent:drive(env, 200)
    agent:drive(env, 1e6, true)
    agent:rollback()
    assert.are.equal(0.0123, agent:get "algorithm.lr")
  end)

  it("leaves rows without a density behind where the recipe before needs one", function()
    local process = recipe(pendulum, '"td3", rollout = 16, minibatch = 8, start = 16, memory = 200, exploration = {"ou", dt = 0.3}')
    local agent, env = begin(cases.ppo)
    agent:drive(env, 1e6, true)
    agent:swap(plan_of(process))
    agent:drive(env, 300)
    agent:drive(env, 1e6, true)
    agent:drive(env, 24)
    local stale = agent:metrics().stale_steps
    agent:rollback()
    agent:drive(env, 400)
    assert.is_true(agent:metrics().stale_steps > stale)
  end)

  it("keeps a file without a swap as it was", function()
    local agent = begin(cases.ppo)
    local tensors, metadata = contents(agent)
    assert.is_nil(metadata.before)
    for name in pairs(tensors) do assert.is_nil(name:find("^before")) end
  end)
end)
