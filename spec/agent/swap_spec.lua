--- A running agent takes a new recipe.
local prl = require "perilune"

local text = [[return {
  env = {"pendulum", n = 4},
  objective = {critics = {swing = {reward = function(r) return r.reward end, gamma = 0.9} %s}},
  policy = {hidden = {16}, activation = "tanh"},
  algorithm = {"ppo", rollout = 16, minibatch = 32, epochs = 1},
  train = {steps = 1000, seed = 3},
}]]

local function plan_of(more)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(text:format(more))
  file:close()
  local loaded = assert(prl.recipe.load(path))
  os.remove(path)
  return prl.recipe.plan(loaded)
end

describe("agent:swap", function()
  local agent, env

  before_each(function()
    agent, env = prl.agent(plan_of ""), prl.env("pendulum", {n = 4, seed = 3})
    agent:drive(env, 300)
  end)

  it("brings a critic and takes it away, and steps go on", function()
    agent:swap(plan_of ", calm = {reward = function(r) return -abs(r.reward) end, gamma = 0.5}")
    agent:drive(env, 300)
    local metrics = agent:metrics()
    assert.truthy(metrics["value_loss/calm"])
    assert.are.equal(600, metrics.steps)
    agent:swap(plan_of "")
    agent:drive(env, 300)
    assert.is_nil(agent:metrics()["value_loss/calm"])
    assert.are.equal(900, agent:metrics().steps)
  end)

  it("says which response differs", function()
    local function host(responses)
      local path = os.tmpname()
      local file = assert(io.open(path, "w"))
      file:write(([[return {env = {"host", observation = {"x"}, action = {"continuous", aim = {-1, 1}}, responses = {%s}},
        objective = {critics = {hit = {}}}, algorithm = {"ppo", rollout = 16}}]]):format(responses))
      file:close()
      local plan = prl.recipe.plan(assert(prl.recipe.load(path)))
      os.remove(path)
      return plan
    end
    local running = prl.agent(host "hit = {}, like = {}")
    local function refuses(responses, message)
      local ok, said = pcall(running.swap, running, host(responses))
      assert.is_false(ok)
      assert.truthy(said:find(message, 1, true), said)
    end
    refuses('hit = {}, like = {combine = "last"}',
      'responses.2 (like).combine is "last" in the new plan and "sum" in the running agent')
    refuses("hit = {}, love = {}", 'responses.2.name is "love" in the new plan and "like" in the running agent')
    refuses("hit = {}", 'responses.2 is absent in the new plan and "like" in the running agent')
    refuses('hit = {wait = "2 s"}, like = {}', "responses.1 (hit).wait_us is 2000000 in the new plan and")
  end)

  it("refuses a plan for another environment", function()
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write('return {env = {"cartpole", n = 4}, objective = {critics = {long = {reward = function(r) return '
      .. 'r.reward end}}}, algorithm = {"ppo", rollout = 16}}')
    file:close()
    local other = prl.recipe.plan(assert(prl.recipe.load(path)))
    os.remove(path)
    local ok, message = pcall(agent.swap, agent, other)
    assert.is_false(ok)
    assert.truthy(message:find("observation.names", 1, true))
  end)
end)
