--- Twins: a resumed run, over two critics; that sessions are learned; what is refused. The differences themselves: spec/rl/returns_test.c.
local prl = require "perilune"
local recipes = require "support.recipes"

local text = [[return {
  env = {"shortvideo", n = 8, requests = 6},
  objective = {critics = {watch = {reward = function(r) return r.watch_time / 100 end, gamma = 0.5},
    views = {reward = function(r) return r.video_views end, gamma = 0.9, weight = -0.4}}},
  policy = {hidden = {}, log_std = {kind = "fixed", init = -1}, bounded = false},
  algorithm = {"twins", rollout = 6, longest = 8, lr = 0.01, max_norm = 1e9, optimizer = {"sgd"}, %s},
  train = {steps = 2000},
}]]

describe("twins", function()
  local folder = recipes.folder()
  teardown(function() recipes.remove(folder) end)
  local path = folder .. "agent.safetensors"

  local function made(more)
    local loaded = assert(recipes.load(folder, text:format(more or "")))
    return prl.agent(prl.recipe.plan(loaded)), prl.env("shortvideo", {n = 8, requests = 6, couples = true, seed = 1}), loaded
  end

  local function bytes_of(agent)
    assert(agent:save(path))
    return assert(prl.io.read(path))
  end

  for _, hold in ipairs {0, 1, 2} do
    it("goes on from a file with the same bytes, hold " .. hold, function()
      local more = ("hold = %d, width = linear {from = 1, to = 0.5}, epochs = 2, minibatch = 16"):format(hold)
      local agent, env = made(more)
      agent:drive(env, 8 * 37)
      assert(agent:save(path, env))
      agent:drive(env, 8 * 60)
      assert.is_true(agent:metrics().updates > 3)
      assert.equal(0, agent:metrics().dropped_steps)
      local other, again = assert(prl.load_agent(path)), select(2, made(more))
      assert(other:load_env(path, again))
      other:drive(again, 8 * 60)
      assert.is_true(bytes_of(agent) == bytes_of(other))
    end)
  end

  it("refuses hosts, environments that do not say that chances are keyed, odd numbers and learned widths", function()
    local function refused(pattern, changed)
      local loaded, message = recipes.load(folder, changed)
      assert.is_nil(loaded)
      assert.matches(pattern, message, 1, true)
    end
    local plain = text:format ""
    refused("users of a host have no twins", (plain:gsub('{"shortvideo", n = 8, requests = 6}',
      '{"host", observation = {"x"}, action = {"continuous", a = {-1, 1}}, responses = {watch_time = {}, video_views = {}}}')))
    refused("expected an even number, got 7", (plain:gsub("n = 8", "n = 7")))
    refused("policy.log_std.kind", (plain:gsub('"fixed"', '"free"')))
    refused("drives continuous actions", (plain:gsub("requests = 6", "action_item = 1")))
  end)

  it("is told by drives that environment and agent do not fit", function()
    local agent = made()
    local ok, message = pcall(agent.drive, agent, prl.env("shortvideo", {n = 8}), 8)
    assert.is_false(ok)
    assert.matches("instances are not coupled", message, 1, true)
  end)

  it("records nothing for a host, since a user has no twin", function()
    local agent = made()
    local _, decisions = agent:act({1, 2}, prl.zeros(2, 64))
    assert.same({0, 0}, {decisions[1] or decisions:get(1), decisions[2] or decisions:get(2)})
  end)

  it("learns what brings more in a session", function()
    local loaded = assert(recipes.load(folder, [[return {
      env = {"shortvideo", n = 64},
      objective = {critics = {watch = {reward = function(r) return r.watch_time / 100 end, gamma = 1}}},
      policy = {hidden = {}, bounded = true, last_gain = 0, log_std = {kind = "fixed", init = -1.6}},
      algorithm = {"twins", rollout = 16, longest = 60, lr = 3e-3},
      train = {steps = 1e5},
    }]]))
    local agent = prl.agent(prl.recipe.plan(loaded))
    local env = prl.env("shortvideo", {n = 64, couples = true, seed = 1})
    agent:drive(env, 64 * 200)
    local before = agent:metrics()["response/watch_time"]
    agent:drive(env, 1e5)
    assert.is_true(agent:metrics()["response/watch_time"] > before)
    assert.is_true(agent:metrics().pairs_alike > 0.8)
  end)
end)
