--- Observations that are ids: what networks see of them, that it is learned, and ids that there are not.

local drive = require "support.drive"
local environment = require "perilune.trainer.environment"
local off_policy = require "support.off_policy"
local prl = require "perilune"
local recipes = require "support.recipes"

local contents = off_policy.contents

-- Each id has a class, which is asked for; the second id is often missing.
local CLASSES = [[
  local env = {observation = {"x", "video_1", "video_2"}, action = {"discrete", say = {"no", "yes"}},
    responses = {right = {}}, max_steps = 8, options = {}}
  local function see(self)
    self.id = math.random(%d) - 1
    return {math.random(), self.id, math.random(4) == 1 and self.id or -1}
  end
  function env.new() return {} end
  function env.reset(self) return see(self) end
  function env.step(self, action)
    local right = (action.say == 1) == (self.id * 7919 %% 13 < 6)
    return see(self), {right = right and 1 or 0}, false
  end
  function env.save(self) return {id = self.id} end
  function env.load(data) return {id = data.id} end
  return env]]

local RECIPE = [[return {
  env = {lua = "./classes.lua", n = 8},
  objective = {critics = {right = {gamma = 0}}},
  policy = {hidden = {%d}, activation = "tanh", last_gain = 1, %s},
  algorithm = {"ppo", rollout = 32, minibatch = 64, lr = 1e-2, critic_lr = 1e-2},
  train = {steps = 1e5},
}]]
local EMBED = "embed = {video = {vocabulary = 30, width = 3}}"

describe("ids among the observations", function()
  local folder
  setup(function() folder = recipes.folder() end)
  before_each(function() recipes.write(folder, "classes.lua", CLASSES:format(30)) end)

  local function load(policy) return assert(recipes.load(folder, RECIPE:format(off_policy.HIDDEN, policy), {trust = true})) end
  local function env_of(loaded, seed) return assert(environment.make(loaded.env, 8, seed or 1)) end
  local function make(policy)
    local loaded = load(policy)
    return prl.agent(prl.recipe.plan(loaded)), env_of(loaded), loaded
  end
  local function refused(sentence, fn, ...)
    local ok, message = pcall(fn, ...)
    assert.is_false(ok)
    assert.truthy(tostring(message):find(sentence, 1, true), message)
  end

  it("are seen as the mean of the rows of a bag, and none as a row of its own; numbers alone are normalised", function()
    local agent, env = make("normalise = 5, " .. EMBED)
    agent:drive(env, 2000)
    local file = contents(agent)
    local rows, shift, scale = file["published.embed/video"], file["normaliser.shift"], file["normaliser.scale"]
    assert.is_true(scale[2] ~= 1) -- what it would be for a number
    local function look(x, ids)
      local sum = {(x - shift[1]) * scale[1], 0, 0, 0}
      for _, id in ipairs(ids) do
        local row = id < 0 and 30 or id
        for k = 1, 3 do sum[1 + k] = sum[1 + k] + rows[3 * row + k] / #ids end
      end
      local out = off_policy.outputs(file["published.policy"], sum, 2)
      local total = math.log(math.exp(out[1]) + math.exp(out[2]))
      return {out[1] - total, out[2] - total}
    end
    local seen = {{0.5, 3, 17}, {0.25, 29, -1}, {0.75, -1, -1}, {0, 0, 0}}
    local found = agent:log_probs(prl.tensor(seen)):totable()
    for i, row in ipairs(seen) do
      local expected = look(row[1], {row[2], row[3]})
      for k = 1, 2 do assert.near(expected[k], found[i][k], 2e-6) end
    end
  end)

  it("are learned, row by row", function()
    local agent, env = make(EMBED)
    local before = contents(agent)["params.embed/video"]
    agent:drive(env, 256) -- an update, in which no id was drawn that is not in the observations
    local after, moved = contents(agent)["params.embed/video"], 0
    for row = 0, 30 do moved = moved + (after[3 * row + 1] ~= before[3 * row + 1] and 1 or 0) end
    assert.is_true(moved > 25)
    agent:drive(env, 3e4)
    local function right(of, loaded)
      local sum = 0
      for _, row in ipairs(of:evaluate(env_of(loaded, 5), 16):totable()) do sum = sum + row[1] end
      return sum / (16 * 8)
    end
    assert.is_true(right(agent, load(EMBED)) > 0.97)
    local plain, numbers, loaded = make "memory = nil"
    plain:drive(numbers, 3e4)
    assert.is_true(right(plain, loaded) < 0.85)
  end)

  it("that never came keep their rows", function()
    recipes.write(folder, "classes.lua", CLASSES:format(10))
    local agent, env = make(EMBED)
    local before = contents(agent)["params.embed/video"]
    agent:drive(env, 4000)
    local after = contents(agent)["params.embed/video"]
    for row = 10, 29 do
      for k = 1, 3 do assert.equal(before[3 * row + k], after[3 * row + k]) end
    end
    assert.not_equal(before[3 * 30 + 1], after[3 * 30 + 1])
  end)

  it("go on from a file, byte for byte, and through a memory", function()
    local path = folder .. "agent.safetensors"
    local policy = 'normalise = 5, memory = {"gru", 4, stretch = 4}, observes = {hide = {"x"}}, ' .. EMBED
    local agent, env, loaded = make(policy)
    local straight = drive.updates(agent, env, 8)
    agent, env = make(policy)
    drive.updates(agent, env, 4)
    assert(agent:save(path, env))
    agent, env = assert(prl.load_agent(path)), env_of(loaded)
    assert(agent:load_env(path, env))
    for i, line in ipairs(drive.updates(agent, env, 4)) do assert.equal(straight[4 + i], line) end
  end)

  it("that there are not are refused: acting, observing, at an episode's end and from an environment", function()
    local agent, _, loaded = make(EMBED)
    local last = "; it is an id, a whole number from -1 (none) to 29 (policy.embed)"
    refused('observation "video_1" of row 2 is 30' .. last, agent.act, agent, {1, 2}, prl.tensor {{0, 1, 2}, {0, 30, 2}})
    refused('observation "video_2" of row 1 is 2.5' .. last, agent.act, agent, {1}, prl.tensor {{0, 1, 2.5}})
    refused('observation "video_2" of row 1 is -2' .. last, agent.log_probs, agent, prl.tensor {{0, 1, -2}})
    agent:act({1}, prl.tensor {{0, 29, -1}})
    refused('observation "video_1" of row 1 is 99' .. last, agent.observe, agent, {1}, prl.tensor {{0, 99, 0}})
    refused('observation "video_1" of row 1 is 99' .. last, agent.finish, agent, {1}, "truncated", prl.tensor {{0, 99, 0}})
    recipes.write(folder, "classes.lua", CLASSES:format(31))
    refused("is 30" .. last, agent.drive, agent, env_of(loaded), 4000)
  end)

  it("stay the same in a swap", function()
    local agent, env = make(EMBED)
    agent:drive(env, 300)
    refused("swap: policy.embed: ids of observation.2 is 31 in the new plan and 30 in", agent.swap, agent,
      prl.recipe.plan(load "embed = {video = {vocabulary = 31, width = 3}}"))
    refused("swap: policy.embed: ids of observation is absent in", agent.swap, agent, prl.recipe.plan(load "memory = nil"))
    agent:swap(prl.recipe.plan(load "embed = {video = {vocabulary = 30, width = 5}}")) -- its rows begin anew
    agent:drive(env, 300)
  end)

  it("are checked in the recipe", function()
    local function wrong(policy, sentence, algorithm)
      local text = RECIPE:format(5, policy)
      if algorithm then text = text:gsub("algorithm = {.-}", "algorithm = {" .. algorithm .. "}") end
      local loaded, message = recipes.load(folder, text, {trust = true})
      assert.is_nil(loaded)
      assert.truthy(message:find(sentence, 1, true), message)
    end
    assert.equal(load("embed = false").hash, load("memory = nil").hash)
    wrong("embed = {vidio = {vocabulary = 5, width = 2}}", 'policy.embed.vidio: there is no observation "vidio", nor "vidio_1"')
    wrong("embed = {video = {width = 2}}", "policy.embed.video.vocabulary: this is missing")
    wrong("embed = {video = {vocabulary = 2^25, width = 2}}", "policy.embed.video.vocabulary: expected a whole number from 1 to 16777216")
    wrong("embed = {video = {vocabulary = 5, width = 2}, video_1 = {vocabulary = 5, width = 2}}",
      'policy.embed.video_1: observation "video_1" has the ids of video already')
    wrong('observes = {hide = {"video_*"}}, ' .. EMBED, 'policy.embed.video: observation "video_1" is hidden by policy.observes')
    wrong("embed = {5}", "policy.embed: expected ids by name, as in {video = {vocabulary = 5000, width = 8}}, or false, got {5}")
    wrong(EMBED, "policy.embed: dqn makes its own networks, which take hidden, activation and init from policy, and no embed", '"dqn"')
    wrong('observes = {hide = {"*"}}', 'policy.observes.hide: {"*"} hides every observation')
    wrong('observes = {hide = {"y"}}', 'policy.observes.hide.1: there is no observation "y"')
    wrong("observes = {}", "policy.observes.hide: this is missing")
  end)
end)

describe("observations that are hidden", function()
  local folder
  setup(function() folder = recipes.folder() end)

  it("move no action, whichever networks the algorithm has", function()
    local text = [[return {env = {"host", observation = {"a", "b_1", "b_2", "c"}, action = %s, responses = {hit = {}}},
      objective = {critics = {hit = {}}}, policy = {hidden = {6}, observes = {hide = {"b_*"}} %s}, algorithm = {%s},
      agent = {streams = 2}}]]
    local discrete, continuous = '{"discrete", go = {"left", "right", "on"}}', '{"continuous", aim = {-1, 1}}'
    for _, about in ipairs {{'"ppo"', continuous, ""}, {'"ppo"', discrete, ', trunk = "shared"'}, {'"sac"', continuous, ""},
      {'"dqn"', discrete, ""}, {'"a2c"', continuous, ', memory = {"gru", 3}'}} do
      local agent = prl.agent(prl.recipe.plan(assert(recipes.load(folder, text:format(about[2], about[3], about[1])))))
      local function act(a, b, c) return agent:act({1, 2}, prl.tensor {{a, b, b, c}, {c, -b, b, a}}, "mean", false):totable() end
      local found, moved = act(1, 0, -1), false
      for i = 1, 20 do
        assert.same(found, act(1, i, -1))
        moved = moved or act(math.sin(i), 0, 3 * math.cos(i))[1][1] ~= found[1][1]
      end
      assert.is_true(moved, about[1])
    end
  end)

  it("are known by their names, with stars for any letters", function()
    local observes = require "perilune.recipe.observes"
    local names = {"watch", "last_watch", "last_like", "like", "mean_action_watch", "watch_watch"}
    local function kept(...) return observes.kept(names, {hide = {...}}) end
    assert.same({1, 2, 3, 4, 5, 6}, observes.kept(names))
    assert.same({1, 4, 5, 6}, kept "last_*")
    assert.same({3, 4}, kept "*watch")
    assert.same({2, 3, 4, 5, 6}, kept "watch")
    assert.same({1, 2, 3, 4, 5}, kept "watch*watch")
    assert.same({1, 2, 3, 4, 6}, kept "m*action*w*")
    assert.same({}, kept "*")
    assert.same({1, 2, 5, 6}, kept("l*k*e", "x*"))
    assert.same({1, 2, 3, 4, 5, 6}, kept("last", "*h_"))
  end)
end)
