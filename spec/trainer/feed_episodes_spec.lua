--- Episodes of a feed that are sessions, days or lives: what learns with them, and what is the same whichever they are.

local comparison = require "perilune.trainer.comparison"
local files = require "support.files"
local kuairand_world = require "support.kuairand_world"
local message_of = require "support.refusal"
local panel = require "perilune.trainer.panel"
local prl = require "perilune"
local recipes = require "support.recipes"
local trainer = require "perilune.trainer"

local kinds = {"session", "day", "life"}

local recipe = [[
return {
  name = "feed",
  env = {"shortvideo", n = 8},
  objective = {critics = {watch = {reward = function(r) return r.watch_time end, scale = "baseline", gamma = 0.9, per = "hour"}}},
  policy = {hidden = {8}, bounded = true, last_gain = 0, normalise = 5},
  algorithm = {"a2c", rollout = 4},
  train = {steps = 640, seed = 3, warmup = 64, checkpoint = 320},
  eval = {every = 0, users = 12, days = 1, curve = 6},
}
]]

-- Acts with the zero action, but for some 1e-13: what a user does depends on nothing that learns.
local still = [[
return {
  env = {"shortvideo", n = 32, episode = %q, lifetime = 2},
  objective = {
    critics = {watch_time = {}},
    constraints = {
      day = {critic = "watch_time", at_least = 1, per = "user_day", window = 8, multiplier = 0},
      episode = {critic = "watch_time", at_least = 1, per = "episode", window = 8, multiplier = 0},
    },
  },
  policy = {hidden = {4}, bounded = true, last_gain = 0, log_std = {kind = "fixed", init = -30}},
  algorithm = {"a2c", rollout = 8, lr = 0},
  agent = {baseline = {traffic = 0.5, per = %q, window = 100}},
}
]]

describe("episodes of a feed", function()
  local root

  before_each(function()
    root = files.folder() .. "/"
    assert(prl.io.write(root .. "feed.lua", recipe))
  end)

  local function load(set) return prl.recipe.load(root .. "feed.lua", {set = set}) end
  local function train(kind, set)
    set = set or {}
    set[#set + 1] = "env.episode=" .. kind
    local run = trainer.start(assert(load(set)), {root = root .. kind, quiet = true})
    assert.equal("finished", run:train())
    return run
  end

  it("are sessions where a recipe says nothing, or says so", function()
    local unsaid, said = assert(load()), assert(load "env.episode=session")
    assert.is_nil(said.recipe.env.episode)
    assert.equal(unsaid.hash, said.hash)
    local day = assert(load "env.episode=day")
    assert.equal("day", day.recipe.env.episode)
    assert.are_not.equal(unsaid.hash, day.hash)
    assert.equal(day.hash, assert(recipes.load(root, prl.recipe.text(day.recipe))).hash)
  end)

  it("have names in Lua, too", function()
    local world = kuairand_world.write(root .. "world.safetensors")
    for _, given in ipairs {{"shortvideo"}, {"kuairand", world = world}} do
      local env = prl.env(given[1], {n = 2, episode = "life", world = given.world})
      local found
      for _, option in ipairs(env:spec().options) do
        if option.name == "episode" then found = option end
      end
      assert.same(kinds, found.words)
      assert.equal("life", found.value)
      assert.truthy(message_of(function() prl.env(given[1], {episode = "lives", world = given.world}) end):find(
        'episode has no choice "lives"; the nearest is "life"', 1, true))
      assert.truthy(message_of(function() prl.env(given[1], {episode = 2, world = given.world}) end):find(
        "episode is a number", 1, true))
    end
  end)

  it("leave the judgement by user and day as it is: the same users, requests and sessions", function()
    local info, sums = train("session").info, {}
    for i, kind in ipairs(kinds) do
      info.environment.options.episode = kind
      local judged = panel.run(info, {users = 40, days = 3, seed = 9, action = "mean", threads = 2}, {constant = {0.2, 0, 0, 0,
        0, 0, 0, 0.5, 0, 0}})
      sums[i] = judged.sums:totable()
      assert.is_true(judged.columns.sessions[1] > 0)
    end
    assert.same(sums[1], sums[2])
    assert.same(sums[1], sums[3])
  end)

  it("may differ between runs that are compared by user, not by episode", function()
    train "session"
    local life = train "life"
    assert.equal("life", life.info.environment.options.episode)
    local compared = comparison.of_folders {root .. "session", root .. "life"}
    assert.equal("user", compared.by_user and "user")
    assert.truthy(compared.lift)
    train("day", {"eval.users=0", "eval.episodes=2"})
    os.execute(("rm -r '%slife'"):format(root))
    train("life", {"eval.users=0", "eval.episodes=2"})
    local message = message_of(function() comparison.of_folders {root .. "day", root .. "life"} end)
    assert.truthy(message:find("env.episode is day in ", 1, true), message)
  end)

  it("go on byte for byte after a stop", function()
    local whole, steps = train "life", 0
    prl.interrupted = function() -- luacheck: ignore
      steps = steps + 1
      return steps == 15
    end
    local part = trainer.start(assert(load "env.episode=life"), {root = root .. "part", quiet = true})
    assert.equal("interrupted", part:train())
    prl.interrupted = nil -- luacheck: ignore
    local rest = trainer.resume(part.folder.path, {quiet = true})
    assert.equal("finished", rest:train())
    local function agent_of(run) return assert(prl.io.read((run.folder:last_checkpoint()))) end
    assert.equal(agent_of(whole), agent_of(rest))
  end)

  it("are the units of constraints and lifts per episode, and change nothing of days", function()
    local by_day, by_episode = {}, {}
    for _, kind in ipairs(kinds) do
      for _, per in ipairs {"user_day", "episode"} do
        local loaded = assert(recipes.load(root, still:format(kind, per)))
        local agent = prl.agent(prl.recipe.plan(loaded))
        agent:drive(prl.env("shortvideo", {n = 48, twins = 16, seed = 2, episode = kind, lifetime = 2}), 32 * 400)
        local metrics = agent:metrics()
        assert.near(0, metrics["lift/watch_time"], 1e-9) -- the policy is the control group's
        by_day[kind], by_episode[kind] = metrics["constrained/day"], metrics["constrained/episode"]
      end
    end
    assert.equal(by_day.session, by_day.day)
    assert.equal(by_day.session, by_day.life)
    assert.is_true(by_episode.session < by_episode.day and by_episode.day < by_episode.life)
  end)

  it("are refused where there are none", function()
    local function refused(env, message)
      local loaded, said = recipes.load(root, (recipe:gsub('env = %b{}', "env = " .. env)))
      assert.is_nil(loaded)
      assert.truthy(said:find(message, 1, true), said)
    end
    refused('{"shortvideo", episode = "lives"}', 'env.episode: expected one of session, day, life, got "lives"; the nearest is "life"')
    refused('{"shortvideo", episode = 1}', "env.episode: expected one of session, day, life, got 1")
    refused('{"cartpole", episode = "day"}',
      'env.episode: the env "cartpole" has no clock, and so no sessions or days that its episodes could be')
  end)
end)
