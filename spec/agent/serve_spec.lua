--- An agent that was trained in a simulator serves a program of one's own.
local files = require "support.files"
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
  local path = files.path()
  assert(agent:save(path))
  return assert(prl.load_agent(path))
end

describe("an agent from a simulator", function()
  it("has room for other streams once the training's are finished", function()
    local width = #prl.env_spec("shortvideo").observation.names
    local streams = {}
    for i = 1, 8 do streams[i] = 1000 + i end
    local function serve(agent)
      local before, now = agent:metrics(), agent:time()
      assert.is_true(now > 0)
      for step = 1, 40 do
        agent:time(now + step * 60e6)
        local _, decisions = agent:act(streams, prl.randn(8, width))
        agent:feedback(decisions, {watch_time = 30})
        agent:learn()
      end
      local after = agent:metrics()
      return after.updates - before.updates, after.dropped_steps
    end
    local agent = trained() -- agent.streams is env.n, 8
    local updates, dropped = serve(loaded(agent))
    assert.are.same({0, 320}, {updates, dropped})
    local finished = loaded(agent)
    assert.are.equal(8, finished:finish_all "truncated")
    updates, dropped = serve(finished)
    assert.are.same({5, 0}, {updates, dropped})
    assert.are.equal(8, finished:finish_all "truncated")
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
