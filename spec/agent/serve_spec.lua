--- An agent that was trained in a simulator serves a program of one's own.
local prl = require "perilune"

local function plan_of(...)
  local set = {"algorithm.rollout=8", "train.warmup=0", "objective.critics.reward.scale=100", "env.n=8", ...}
  return prl.recipe.plan(assert(prl.recipe.load("recipes/shortvideo/a2c.lua", {set = set})))
end

local function trained(...)
  local agent, env = prl.agent(plan_of(...)), prl.env("shortvideo", {n = 8, seed = 1, preset = "strong"})
  agent:drive(env, 500)
  return agent, env
end

local function loaded(agent)
  local path = os.tmpname()
  assert(agent:save(path))
  local again = assert(prl.load_agent(path))
  os.remove(path)
  return again
end

describe("an agent from a simulator", function()
  it("has room for other streams once the training's are finished and learned from", function()
    local agent = loaded(trained "agent.streams=16")
    local width = #prl.env_spec("shortvideo").observation.names
    local streams = {}
    for i = 1, 16 do streams[i] = 1000 + i end
    local now, updates = agent:time(), agent:metrics().updates
    assert.is_true(now > 0)
    assert.are.equal(8, agent:finish_all "truncated")
    for step = 1, 40 do
      agent:time(now + step * 60e6)
      local _, decisions = agent:act(streams, prl.randn(16, width))
      agent:feedback(decisions, {watch_time = 30})
      agent:learn()
    end
    local metrics = agent:metrics()
    assert.is_true(metrics.updates > updates)
    assert.are.equal(16, agent:finish_all "truncated") -- all 16 have their places
    assert.is_true(metrics.dropped_steps <= 8 * 8) -- those of the first rollout, until the places were free
  end)

  it("is not cut off by an idle time that is shorter than a step of its environment", function()
    local agent = trained "agent.idle=1 s"
    local without = trained()
    assert.are.equal(0, agent:metrics().idle_streams)
    assert.are.equal(without:time(), agent:time())
    local numbers = without:metrics()
    for name, value in pairs(agent:metrics()) do assert.are.equal(numbers[name], value, name) end
    agent:time(agent:time() + 1e6) -- from here on it is the host's time
    assert.are.equal(8, agent:metrics().idle_streams)
  end)
end)
