--- Discounts by time, from a recipe to a running agent.
local files = require "support.files"
local prl = require "perilune"

local function plan_of(text, ...)
  return prl.recipe.plan(assert(prl.recipe.load(files.write(text), {set = {...}})))
end

local host = [[return {
  env = {"host", observation = {"x", "y"}, action = {"continuous", aim = {-1, 1}}, responses = {hit = {}}},
  objective = {critics = {hit = {gamma = 0.9, per = "minute"}}},
  policy = {hidden = {8}},
  algorithm = {"ppo", rollout = 8, minibatch = 16, epochs = 1},
  agent = {streams = 4},
}]]

local video = [[return {
  env = {"shortvideo", n = 8},
  objective = {critics = {watch_time = {gamma = 0.98, per = "minute", scale = 100}}},
  policy = {hidden = {8}},
  algorithm = {"a2c", rollout = 8},
}]]

local PER = "objective.critics.hit.per"

describe("a discount by time", function()
  --- The host decides every so many seconds.
  local function live(agent, seconds, steps, now)
    for _ = 1, steps or 60 do
      now = (now or 0) + seconds * 1e6
      agent:time(now)
      prl.seed(now % 997)
      local _, decisions = agent:act({1, 2, 3, 4}, prl.randn(4, 2))
      agent:feedback(decisions, {hit = 1})
      agent:learn()
    end
    return now
  end

  local function saved(agent)
    local path = files.path()
    assert(agent:save(path))
    return files.read(path)
  end

  it("is that of a step where a step takes the unit", function()
    local by_minute, by_step = prl.agent(plan_of(host)), prl.agent(plan_of(host, PER .. "=step"))
    live(by_minute, 60)
    live(by_step, 60)
    assert.is_true(math.abs(by_minute:metrics()["discount/hit"] - .9) < 1e-12)
    assert.is_nil(by_step:metrics()["discount/hit"])
    local numbers = by_step:metrics()
    for name, value in pairs(by_minute:metrics()) do
      if name ~= "discount/hit" then assert.equal(numbers[name], value, name) end
    end
  end)

  it("follows the host's clock and a new gamma, and cannot change its unit while it runs", function()
    local agent = prl.agent(plan_of(host))
    local now = live(agent, 30)
    assert.is_true(math.abs(agent:metrics()["discount/hit"] - .9 ^ .5) < 1e-12)
    agent:set("objective.critics.hit.gamma", .5)
    live(agent, 120, 30, now)
    assert.is_true(math.abs(agent:metrics()["discount/hit"] - .25) < 1e-12)
    assert.error_matches(function() agent:set(PER, 3600) end,
      '"objective.critics.hit.per" is structural: changing it needs a rebuild of the plan')
  end)

  it("comes to a running agent with a swap, for the steps before it too", function()
    local agent = prl.agent(plan_of(host, PER .. "=step"))
    local now = live(agent, 60, 20)
    agent:swap(plan_of(host, PER .. "=hour", "objective.critics.hit.gamma=0.5"))
    live(agent, 60, 20, now)
    assert.is_true(math.abs(agent:metrics()["discount/hit"] - .5 ^ (1 / 60)) < 1e-9)
    agent:swap(plan_of(host, PER .. "=step"))
    live(agent, 60, 20, now + 20 * 60e6)
    assert.is_nil(agent:metrics()["discount/hit"])
  end)

  it("is not asked of a host that tells no time", function()
    local agent = prl.agent(plan_of(host))
    assert.error_matches(function() live(agent, 0) end, "none of the %d+ steps took any time")
  end)

  it("goes by each user's own clock", function()
    local agent, env = prl.agent(plan_of(video)), prl.env("shortvideo", {n = 8, seed = 1})
    agent:drive(env, 4000)
    local mean = agent:metrics()["discount/watch_time"]
    assert.is_true(mean > .98 ^ 10 and mean < .98 ^ .2, mean) -- a request takes minutes, not the days to the next session
  end)

  it("goes on from a file as if it had not been saved", function()
    local path = files.path()
    local function train(agent, env, steps)
      agent:drive(env, steps)
      return agent
    end
    local straight, env = prl.agent(plan_of(video)), prl.env("shortvideo", {n = 8, seed = 1})
    train(straight, env, 1000)
    assert(straight:save(path, env))
    train(straight, env, 1000)
    local other = prl.env("shortvideo", {n = 8, seed = 1})
    local resumed = assert(prl.load_agent(path))
    assert(resumed:load_env(path, other))
    train(resumed, other, 1000)
    assert.is_true(saved(straight) == saved(resumed))
  end)

  it("stands in a plan only where it is by time", function()
    assert.equal("minute", plan_of(host):document().critics[1].per)
    assert.is_nil(plan_of(host, PER .. "=step"):document().critics[1].per)
  end)
end)
