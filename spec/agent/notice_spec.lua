--- A capacity that was full is said once, with the number to set; and agent.rows follows from the waits where they are known.
local prl = require "perilune"
local recipes = require "support.recipes"

local RECIPE = [[return {
  env = {"host", observation = {"a", "b"}, action = {"continuous", aim = {-1, 1}},
    responses = {seen = {}, hit = {wait = "2 s"}}},
  objective = {critics = {hit = {}}}, policy = {hidden = {4}},
  algorithm = {"ppo", rollout = 32, minibatch = 128, epochs = 1}, agent = {streams = 16},
}]]

describe("an agent whose capacity is full", function()
  local folder
  setup(function() folder = recipes.folder() end)

  local function plan_of(set) return prl.recipe.plan(assert(recipes.load(folder, RECIPE, {set = set}))) end
  local function agent_of(...) return prl.agent(plan_of {...}) end

  --- Frames of 1/60 s in which every stream decides. options: seconds (4), streams (16), still (no time is told), learn
  --- (false: never). Returns the decisions that were dropped and the notice.
  local function serve(agent, options)
    local streams, o = {}, options or {}
    for i = 1, o.streams or 16 do streams[i] = i end
    for frame = 0, 60 * (o.seconds or 4) do
      if not o.still then agent:time(math.floor(frame * 1e6 / 60)) end
      local _, decisions = agent:act(streams, prl.zeros(#streams, 2))
      agent:feedback(decisions, {seen = 1, hit = 1})
      if o.learn ~= false then agent:learn() end
    end
    return agent:metrics().dropped_steps, agent:notice()
  end

  it("names the number of rows by which nothing is dropped", function()
    local dropped, notice = serve(agent_of())
    assert.is_true(dropped > 0)
    local made, rows = notice:match("^a decision was not recorded %(dropped_steps%): 1024 steps were held, and steps wait 2 s " ..
      "for hit, in which about (%d+) are made; set agent%.rows to (%d+) or more$")
    assert.is_true(math.abs(tonumber(made) - 1920) < 40, notice)
    assert.equal(2 * 512 + tonumber(made), tonumber(rows))
    assert.same({0}, {serve(agent_of("agent.rows=" .. rows))})
  end)

  it("does not come to it where the recipe says how often a stream decides", function()
    assert.same({0}, {serve(agent_of 'agent.interval="16 ms"')})
    local function rows(...) return plan_of({...}):document().capacity.rows end
    assert.equal(2 * 512 + 16 * (2000 / 16 + 1), rows 'agent.interval="16 ms"')
    assert.is_nil(rows())
    assert.is_nil(rows('agent.interval="16 ms"', "env.responses.hit.wait=0"))
    assert.equal(700, rows('agent.interval="16 ms"', "agent.rows=700"))
  end)

  it("has nothing to say while all is recorded, also after a swap, which it outlives", function()
    local agent = agent_of 'agent.rows=4000'
    assert.same({0}, {serve(agent)})
    agent = agent_of()
    serve(agent, {seconds = 1.5})
    local notice = agent:notice()
    assert.is_string(notice)
    agent:learn()
    agent:swap(plan_of {"algorithm.epochs=2"})
    assert.equal(notice, agent:notice())
  end)

  it("tells what else may be the cause: no time, no place for a stream, learning that is behind, too few rows", function()
    local begins = "a decision was not recorded (dropped_steps): "
    local function said(agent, options) return (select(2, serve(agent, options)):sub(#begins + 1)) end
    assert.equal("1024 steps were held, and steps wait 2 s for hit, and no time has passed: tell it by agent:time " ..
      "(prl_agent_time)", said(agent_of(), {still = true}))
    assert.equal("each of 16 streams had an open episode; set agent.streams to 19 or more, finish episodes that have ended, " ..
      "or let agent.idle end them", said(agent_of(), {streams = 19, seconds = 0.1}))
    assert.equal("1024 steps were held, and 1008 of them were ready, of which an update takes 512: learn more often, or for " ..
      "longer", said(agent_of "env.responses.hit.wait=0", {learn = false}))
    assert.equal("512 steps were held, and an update takes 512; set agent.rows to 1024 or more",
      said(agent_of("env.responses.hit.wait=0", "agent.rows=512")))
  end)

  it("is refused where what waits has no place at all", function()
    local function refused(set) return (select(2, recipes.load(folder, RECIPE, {set = set}))) end
    assert.matches('agent.interval: expected a time above 0, as in "50 ms", got 0$', refused {"agent.interval=0"})
    assert.matches("agent.interval: 6400000016 steps of 16 streams wait at once, 400 s for hit; at most 134217728 are accepted$",
      refused {"agent.interval=1e-6", "env.responses.hit.wait=400"})
  end)

  it("whose weights have degenerated says so once", function()
    recipes.write(folder, "weights.lua", [[return {options = {share = {0.5}}, build = function(learn, opt)
      local actor = learn:actor()
      local update = learn:program(function(batch)
        learn:metric("effective", opt.share + 0)
        learn:minimise(actor(batch.obs):log_prob(batch.action):mean() * 0, {actor = 0})
      end)
      return {learn:collect(1), learn:freeze(), update, learn:publish()}
    end}]])
    local recipe = RECIPE:gsub('{"ppo".-}', '{lua = "./weights.lua"}')
    local agent = prl.agent(prl.recipe.plan(assert(recipes.load(folder, recipe, {trust = true}))))
    local function update()
      agent:act({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, prl.zeros(16, 2))
      agent:time(agent:time() + 3e6)
      agent:finish_all "terminated"
      agent:learn()
      return agent:notice()
    end
    assert.is_nil(update())
    agent:set("algorithm.share", 0.004)
    assert.equal("the weights of the steps have degenerated: the effective sample size of an update was 0.4 % of its steps "
      .. "(metric effective)", update())
  end)
end)
