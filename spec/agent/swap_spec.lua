--- A running agent takes a new recipe.
local files = require "support.files"
local prl = require "perilune"

local text = [[return {
  env = {"pendulum", n = 4},
  objective = {critics = {swing = {reward = function(r) return r.reward end, gamma = 0.9} %s}},
  policy = {hidden = {16}, activation = "tanh"},
  algorithm = {"ppo", rollout = 16, minibatch = 32, epochs = 1},
  train = {steps = 1000, seed = 3},
}]]

local function plan_of(more, set)
  return prl.recipe.plan(assert(prl.recipe.load(files.write(text:format(more)), {set = set})))
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

  it("changes nothing where the recipe is in force already, and the way back stays", function()
    local first, two = agent:hash(), plan_of ", calm = {reward = function(r) return -abs(r.reward) end, gamma = 0.5}"
    assert.is_true((agent:swap(two)))
    agent:drive(env, 300)
    local version = agent:metrics().version
    assert.is_false((agent:swap(two)))
    assert.is_false((agent:swap(two, {schedules = "restart"}))) -- it has none
    assert.same({first, version}, {agent:previous(), agent:metrics().version})
    assert.is_false((select(2, agent:check_swap(two))))
    assert.is_true((select(2, agent:check_swap(plan_of ""))))
    agent:set("algorithm.lr", 1e-2)
    assert.is_true((agent:swap(two))) -- what was set is the recipe's again
    assert.equal(two:document().hash, agent:previous())
    agent:rollback()
    assert.equal(1e-2, agent:get "algorithm.lr")
  end)

  it("says which response differs", function()
    local function host(responses)
      local path = files.write(([[return {env = {"host", observation = {"x"}, action = {"continuous", aim = {-1, 1}}, responses = {%s}},
        objective = {critics = {hit = {}}}, algorithm = {"ppo", rollout = 16}}]]):format(responses))
      return prl.recipe.plan(assert(prl.recipe.load(path)))
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

  it("names the options of a recipe where what follows from them must stay", function()
    local feed = [[return {env = {"shortvideo", n = 64}, objective = {critics = {watch_time = {scale = 1}}}, policy = {hidden = {4}},
      algorithm = {"a2c", rollout = %d}, agent = {baseline = {policy = "zero", traffic = %g}%s}, train = {warmup = 0, seed = %d}}]]
    local function feed_plan(rollout, traffic, more, seed)
      local path = files.write(feed:format(rollout or 8, traffic or 0.5, more or "", seed or 1))
      return prl.recipe.plan(assert(prl.recipe.load(path)))
    end
    local running = prl.agent(feed_plan())
    for message, plan in pairs {
      ["agent.rows is 512 in the new plan and 1024 in the running agent; it must stay: it is 0 in the recipe, and follows from the steps "
        .. "of an update; agent.rows = 1024 keeps it"] = feed_plan(4),
      ["agent.rows is 4000 in the new plan and 1024 in the running agent; it must stay"] = feed_plan(8, 0.5, ", rows = 4000"),
      ["agent.idle is 5 in the new plan and 0 in the running agent; it must stay"] = feed_plan(8, 0.5, ', idle = "5 s"'),
      ["agent.baseline.traffic is 0.4 in the new plan and 0.5 in the running agent; it must stay"] = feed_plan(8, 0.4),
      ["train.seed (of a control group) is 2 in the new plan and 1 in the running agent; it must stay"] = feed_plan(8, 0.5, "", 2),
    } do
      assert.has_error(function() running:swap(plan) end, "swap: " .. message)
    end
    running:swap(feed_plan(4, 0.5, ", rows = 1024")) -- as it was told
    assert.has_error(function() agent:swap(plan_of("", "policy.memory={'gru', 4}")) end,
      "swap: policy.memory: its width is 4 in the new plan and absent in the running agent; it must stay")
  end)

  describe("of schedules", function()
    local function plan(lr, more)
      local path = files.write((text:format(more or ""):gsub("epochs = 1", "epochs = 1, lr = " .. lr)))
      return prl.recipe.plan(assert(prl.recipe.load(path)))
    end
    local falling, steeper = "linear {from = 1e-2, to = 0, over = 1000}", "linear {from = 1e-3, to = 0, over = 500}"
    local calm = ", calm = {reward = function(r) return -abs(r.reward) end}"

    -- At step 400.
    local function running(lr)
      local one, its = prl.agent(plan(lr)), prl.env("pendulum", {n = 4, seed = 3})
      one:drive(its, 400)
      return one, its
    end
    local function lr_of(one) return math.floor(one:get "algorithm.lr" * 1e6 + 0.5) end
    local function said_of(one, what, how)
      for _, part in ipairs(one:check_swap(what, how)) do
        if part.part == "schedule" then return ("%s: %s"):format(part.outcome, part.reason) end
      end
    end

    it("wants to be told where another one would be at another number", function()
      local one = running(falling)
      local asked = "swap: the schedule of algorithm.lr is at 0.0002 if it goes on at step 400, and at 0.001 if it starts again; " ..
        "it must be said which: schedules go_on or restart"
      assert.has_error(function() one:swap(plan(steeper)) end, asked)
      assert.has_error(function() one:check_swap(plan(steeper), {}) end, asked)
      assert.equal(6000, lr_of(one))
      assert.has_error(function() running("1e-3"):swap(plan(steeper)) end, asked) -- also where there was none
      assert.error_matches(function() one:swap(plan(steeper), {schedules = "on"}) end,
        'schedules has no choice "on"; there are go_on, restart')
      assert.error_matches(function() one:swap(plan(steeper), {schedule = "go_on"}) end, 'agent:swap.*"schedule".*schedules')
    end)

    it("goes on, or starts again", function()
      local one, its = running(falling)
      assert.equal("kept: the new recipe's goes on at its step 400", said_of(one, plan(steeper), {schedules = "go_on"}))
      one:swap(plan(steeper), {schedules = "go_on"})
      assert.equal(200, lr_of(one))
      local other = running(falling)
      assert.equal("started anew: it starts again, at step 400", said_of(other, plan(steeper), {schedules = "restart"}))
      other:swap(plan(steeper), {schedules = "restart"})
      assert.equal(1000, lr_of(other))
      other:drive(its, 100)
      assert.equal(800, lr_of(other))
    end)

    it("goes on unasked where it is the running one, or where it makes no difference", function()
      local one, its = running(falling)
      assert.equal("kept: it goes on, unchanged, at its step 400", said_of(one, plan(falling, calm)))
      one:swap(plan(falling, calm))
      assert.equal(6000, lr_of(one))
      one:swap(plan(falling), {schedules = "restart"})
      assert.equal(10000, lr_of(one))
      one:drive(its, 100)
      one:swap(plan "linear {from = 1e-3, to = 1e-3, over = 10}")
      assert.equal(1000, lr_of(one))
      one:swap(plan "1e-3")
    end)

    it("is at its own step after it started again: in a file, after a swap that goes on, and before it after a rollback", function()
      local one, its = running(falling)
      one:swap(plan(steeper), {schedules = "restart"})
      one:drive(its, 100)
      local file = files.path()
      assert(one:save(file))
      local again = assert(prl.load_agent(file))
      assert.equal(800, lr_of(again))
      assert.error_matches(function() again:swap(plan(falling)) end,
        "algorithm.lr is at 0.009 if it goes on at step 100, and at 0.01 if it starts again")
      again:swap(plan(steeper, calm))
      assert.equal(800, lr_of(again))
      again:rollback()
      assert.equal(800, lr_of(again))
      one:rollback()
      assert.equal(5000, lr_of(one))
    end)
  end)

  it("refuses a plan for another environment", function()
    local path = files.write('return {env = {"cartpole", n = 4}, objective = {critics = {long = {reward = function(r) return '
      .. 'r.reward end}}}, algorithm = {"ppo", rollout = 16}}')
    local other = prl.recipe.plan(assert(prl.recipe.load(path)))
    local ok, message = pcall(agent.swap, agent, other)
    assert.is_false(ok)
    assert.truthy(message:find("observation.names", 1, true))
  end)
end)
