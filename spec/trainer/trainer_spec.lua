--- The trainer: runs, their folders, checkpoints, and going on byte for byte.

local posix = require "posix"
local failure = require "perilune.failure"
local files = require "support.files"
local html = require "perilune.report.html"
local prl = require "perilune"
local message_of = require "support.refusal"
local trainer = require "perilune.trainer"
local report = require "support.report"
local trained = require "support.trained"

local read, silently = trained.read, trained.silently

local recipe = [[
return {
  name = "pole",
  env = {"cartpole", n = 4},
  objective = {critics = {upright = {reward = function(r) return r.reward end, gamma = 0.98}}},
  policy = {hidden = {16}},
  algorithm = {"ppo", rollout = 64, minibatch = 64, epochs = 2},
  train = {steps = 3000, seed = 3, checkpoint = 700},
  eval = {every = 900, episodes = 5},
}
]]

describe("the trainer", function()
  local root

  before_each(function()
    root = files.folder()
    assert(prl.io.write(root .. "/pole.lua", recipe))
  end)
  after_each(function() prl.interrupted = nil end)

  local function load(set) return assert(prl.recipe.load(root .. "/pole.lua", {set = set})) end
  local function start(runs, set)
    return trainer.start(load(set), {root = root .. "/" .. runs, quiet = true, set = set, report = report})
  end

  it("leaves a whole folder behind", function()
    local run = start("runs")
    assert.equal("finished", run:train())
    assert.truthy(run.folder.path:find("/runs/pole%-%d+%-%d+%-%x+%-s3$"))
    assert.is_true(run.state.step >= 3000 and run.state.step % 256 == 0)
    assert.equal(recipe, read(run, "recipe.lua"))
    assert.equal(load().recipe.train.steps, assert(prl.from_json(read(run, "recipe.json"))).train.steps)
    local lines = select(2, read(run, "metrics.csv"):gsub("\n", ""))
    assert.equal(1 + run.state.updates, lines)
    local evaluations = read(run, "evaluations.csv")
    assert.truthy(evaluations:find("^step,episodes,mean/reward,sd/reward,mean/length,sd/length\n0,5,"))
    assert.equal(1 + 4 + 1, select(2, evaluations:gsub("\n", "")))
    assert.truthy(read(run, "report.html"):find("pole", 1, true))
    assert.equal("finished", assert(prl.from_json(read(run, "run.json"))).status)
    assert.equal(3, #run.folder:checkpoints())
    assert.truthy(run:evaluation_text():find("reward"))
  end)

  it("goes on from a stop, and from the middle of a rollout, to the same bytes", function()
    local whole = start("whole")
    whole:train()
    for _, stop_at in ipairs {2, 5, 9} do
      local asked = 0
      prl.interrupted = function()
        asked = asked + 1
        return asked == stop_at
      end
      local part = start("part" .. stop_at)
      assert.equal("interrupted", part:train())
      prl.interrupted = nil
      local rest = trainer.resume(part.folder.path, {quiet = true})
      assert.equal("finished", rest:train())
      for _, name in ipairs {"metrics.csv", "evaluations.csv"} do
        assert.equal(read(whole, name), read(rest, name))
      end
      local ours, theirs = rest.folder:checkpoints(), whole.folder:checkpoints()
      local one = assert(prl.io.read(ours[#ours] .. ".safetensors"))
      local other = assert(prl.io.read(theirs[#theirs] .. ".safetensors"))
      assert.is_true(one == other, ("the checkpoints differ after a stop at %d"):format(part.state.step))
    end
  end)

  it("says what the metrics of an algorithm of one's own mean, in its report", function()
    local loaded = assert(prl.recipe.load("examples/own_algorithm/recipe.lua", {trust = true,
      set = {"train.steps=512", "eval.every=0", "eval.episodes=2"}}))
    local run = trainer.start(loaded, {root = root .. "/runs", quiet = true, report = report})
    run:train()
    local learning = read(run, "report.html"):match("<h2>Learning</h2>.-<h2>")
    for kind, said in pairs(loaded.algorithm.metrics) do
      assert.truthy(learning:find(("<b>%s</b>"):format(said[1]), 1, true), kind)
      assert.truthy(learning:find(html.escape(said[2]), 1, true), kind)
    end
    local own, every = learning:find("<b>Temperature</b>", 1, true), learning:find("<b>Gradient norm</b>", 1, true)
    assert.is_true(own < every) -- the algorithm's own come first
  end)

  it("goes on after a crash from the last whole checkpoint, making later rows anew", function()
    local whole = start("whole")
    whole:train()
    local crashed = start("crashed")
    local advance, drives = crashed.driver.advance, 0
    function crashed.driver:advance()
      drives = drives + 1
      if drives == 12 then error("power cut") end
      advance(self)
    end
    assert.truthy(message_of(function() crashed:train() end):find("power cut", 1, true))
    assert.equal("failed", assert(prl.from_json(read(crashed, "run.json"))).status)
    local checkpoints = crashed.folder:checkpoints()
    os.remove(checkpoints[#checkpoints] .. ".json") -- the newest was cut short
    local rest = trainer.resume(crashed.folder.path, {quiet = true})
    assert.equal("finished", rest:train())
    assert.equal(read(whole, "metrics.csv"), read(rest, "metrics.csv"))
    assert.equal(read(whole, "evaluations.csv"), read(rest, "evaluations.csv"))
  end)

  local function flip(path, at, bit)
    local text = assert(prl.io.read(path))
    local byte = require("bit").bxor(text:byte(at), 2 ^ bit)
    assert(prl.io.write(path, text:sub(1, at - 1) .. string.char(byte) .. text:sub(at + 1)))
  end

  it("goes back to the newest checkpoint that is whole, naming those that are not", function()
    local whole, part = start("whole"), start("part", {"train.steps=2100"})
    whole:train()
    part:train()
    local all = part.folder:checkpoints()
    flip(all[3] .. ".safetensors", 5000, 3)
    local cut = assert(prl.io.read(all[2] .. ".json"))
    assert(prl.io.write(all[2] .. ".json", cut:sub(1, #cut / 2)))
    local said, rest = silently(trainer.resume, part.folder.path, {quiet = true, steps = 3000})
    assert.equal(all[1] .. ".safetensors", rest.checkpoint)
    assert.truthy(said:find(all[3] .. ".safetensors is damaged or was changed: it carries the digest ", 1, true), said)
    assert.truthy(said:find(all[2] .. ".json is damaged or was changed: its bytes are not those of the digest ", 1, true), said)
    assert.truthy(said:find("the newest whole checkpoint before it is " .. all[1] .. ".safetensors\n", 1, true), said)
    assert.equal("finished", rest:train())
    assert.equal(read(whole, "metrics.csv"), read(rest, "metrics.csv"))
    assert(prl.load_agent((rest.folder:last_checkpoint())))
    for _, base in ipairs(rest.folder:checkpoints()) do flip(base .. ".safetensors", 100, 1) end
    silently(function()
      local message, code = message_of(function() trainer.resume(part.folder.path, {quiet = true}) end)
      assert.truthy(message:find("has no checkpoint that is whole: .*step%-%d+%.safetensors is damaged"), message)
      assert.equal(1, code)
    end)
  end)

  it("keeps what it saves while later checkpoints that are damaged stand there", function()
    local part = start("part", {"train.steps=2500"})
    part:train()
    local all = part.folder:checkpoints()
    for i = 2, 3 do flip(all[i] .. ".safetensors", 100, 0) end
    local _, rest = silently(trainer.resume, part.folder.path, {quiet = true, steps = 4000})
    for step = rest.state.step + 1, rest.state.step + 4 do
      rest.state.step = step
      assert.truthy(posix.stat(rest:save()))
    end
  end)

  it("notices every bit of its own state that is wrong", function()
    local run = start("runs", {"train.steps=300"})
    run:train()
    local all = run.folder:checkpoints()
    local path = all[#all] .. ".json"
    local text = assert(prl.io.read(path))
    for i = 1, #all - 1 do os.remove(all[i] .. ".json") end
    for at = 1, #text do
      flip(path, at, at % 8)
      silently(function()
        local message = message_of(function() run.folder:last_checkpoint() end)
        assert.truthy(message and message:find(path, 1, true), ("bit %d of byte %d went unnoticed"):format(at % 8, at))
      end)
      assert(prl.io.write(path, text))
    end
    assert.equal(run.state.step, select(2, run.folder:last_checkpoint()).step)
  end)

  it("names a checkpoint that an update was learned from, and keeps it, when learning fails", function()
    local run = start("runs", {"train.checkpoint=50"})
    local advance = run.driver.advance
    function run.driver:advance()
      if run.state.updates == 3 then run.agent:set("algorithm.critic_lr", 1e30) end
      advance(self)
    end
    local message = message_of(function() run:train() end)
    assert.truthy(message:find("training stopped at step %d+: .*; the last good checkpoint is "), message)
    local good = message:match("the last good checkpoint is (%S+)$")
    local updates = assert(prl.from_json(prl.io.read((good:gsub("safetensors$", "json"))))).updates
    assert.equal(run.state.updates - 1, updates)
    local agent = assert(prl.load_agent(good))
    assert.equal(4, agent:act(prl.tensor({1, 2, 3, 4}, "int64"), prl.randn(4, 4), "sample"):shape()[1])
    local first = start("first", {"algorithm.critic_lr=1e30", "train.checkpoint=50"})
    message = message_of(function() first:train() end)
    assert.truthy(message:find("; none of its checkpoints is known to be good", 1, true), message)
  end)

  it("leaves a cell empty and writes no event where an update has no value of a metric", function()
    local csv = require "perilune.records.csv"
    for _, every in ipairs {1, 3} do
      local run = start("every" .. every, {"env.n=1", "algorithm.rollout=8", "algorithm.minibatch=8", "train.steps=400", "eval.every=0"})
      run.log.every = every
      local points, expected, sum, count, updates = 0, {}, 0, 0, 0
      local events, update = run.log.events, run.log.update
      run.log.events = {
        scalar = function(_, tag) points = points + (tag == "charts/episodic_return/upright" and 1 or 0) return true end,
        flush = function() return true end,
        path = function() return events:path() end,
        size = function() return events:size() end,
        close = function() return events:close() end,
      }
      function run.log:update(step, metrics)
        local value = metrics["episodic_return/upright"] -- of the episodes that ended in this update
        if value then sum, count = sum + value, count + 1 end
        updates = updates + 1
        if updates % every == 0 then
          expected[#expected + 1], sum, count = sum / count, 0, 0 -- NaN: none
        end
        update(self, step, metrics)
      end
      run:train()
      local cells, full, gaps = csv.read(run.folder:file("metrics.csv")).columns["episodic_return/upright"], 0, 0
      for i, value in ipairs(cells) do
        assert.equal(expected[i] == expected[i], value == value)
        if value == value then
          assert.is_true(math.abs(value - expected[i]) < 1e-9)
          full = full + 1
        elseif full > 0 then
          gaps = gaps + 1
        end
      end
      assert.is_true(full > 0 and gaps > 0 and points == full)
    end
  end)

  it("makes one row of several updates, and the same ones after a stop", function()
    local function thin(run)
      run.log.every = 3
      run.info.updates_per_row = 3
      return run
    end
    local whole = thin(start("whole"))
    whole:train()
    assert.equal(1 + math.floor(whole.state.updates / 3), select(2, read(whole, "metrics.csv"):gsub("\n", "")))
    local asked = 0
    prl.interrupted = function()
      asked = asked + 1
      return asked == 6
    end
    local part = thin(start("part"))
    part:train()
    prl.interrupted = nil
    local rest = trainer.resume(part.folder.path, {quiet = true})
    rest:train()
    assert.equal(read(whole, "metrics.csv"), read(rest, "metrics.csv"))
  end)

  it("trains a finished run further, as if more steps had been asked for", function()
    local whole = start("whole")
    whole:train()
    local part = start("part", {"train.steps=1000"})
    part:train()
    assert.is_false(part.state.step >= 3000)
    assert.is_true(trainer.resume(part.folder.path, {quiet = true}):ended())
    local message, code = message_of(function() trainer.resume(part.folder.path, {steps = 1000}) end)
    assert.equal(("expected more than the 1024 steps that %s has made already, got 1000"):format(part.folder.path), message)
    assert.equal(2, code)
    local rest = trainer.resume(part.folder.path, {quiet = true, steps = 3000})
    assert.is_false(rest:ended())
    assert.equal("finished", rest:train())
    assert.equal(read(whole, "metrics.csv"), read(rest, "metrics.csv"))
    local info = assert(prl.from_json(read(rest, "run.json")))
    assert.same({"finished", 3000, whole.state.step}, {info.status, info.steps, info.step})
    local steps = {}
    for step in read(rest, "evaluations.csv"):gmatch("\n(%d+),") do steps[#steps + 1] = tonumber(step) end
    assert.same({0, 900, 1024, 1800, 2700, whole.state.step}, steps)
  end)

  it("shows the critics with the largest weight", function()
    assert(prl.io.write(root .. "/pole.lua", (recipe:gsub("upright = ", [[a = {reward = function(r) return r.reward end,
      weight = 0.1}, b = {reward = function(r) return r.reward end, weight = -0.5},
      c = {reward = function(r) return r.reward end, weight = linear {from = 0, to = 0.01}}, upright = ]]))))
    local run = start("runs", {"train.steps=1"})
    run:train()
    assert.same({"c", "upright", "b", "a"}, run.progress.critics)
  end)

  it("never takes a folder that is there", function()
    local first, second = start("runs"), start("runs")
    assert.are_not.equal(first.folder.path, second.folder.path)
  end)

  it("lets one process alone train in a folder", function()
    local run = start("runs")
    local pid = posix.fork()
    if pid == 0 then
      local ok, err = xpcall(trainer.resume, failure.handler, run.folder.path, {quiet = true})
      posix._exit(not ok and err.message:find("another process is training in " .. run.folder.path, 1, true) and 7 or 1)
    end
    local _, reason, code = posix.wait(pid)
    assert.same({"exited", 7}, {reason, code})
    run:train()
  end)

  it("says what is wrong with a folder that is no run", function()
    local message, code = message_of(function() trainer.resume(root, {}) end)
    assert.equal(root .. ": no run of perilune (there is no run.json in it)", message)
    assert.equal(2, code)
    message, code = message_of(function() trainer.resume(root .. "/nothing", {}) end)
    assert.equal("there is no run " .. root .. "/nothing", message)
    assert.equal(2, code)
  end)

  it("runs code that a run's folder names only when it is trusted", function()
    assert(prl.io.write(root .. "/code.lua", assert(prl.io.read "examples/lua_env/tank.lua")))
    assert(prl.io.write(root .. "/pole.lua", [[
return {
  env = {lua = "./code.lua", n = 2},
  objective = {critics = {level = {reward = function(r) return -r.deviation end}}},
  policy = {hidden = {8}},
  algorithm = {"ppo", rollout = 32, minibatch = 32, epochs = 1},
  train = {steps = 100},
  eval = {episodes = 2},
}]]))
    local loaded = assert(prl.recipe.load(root .. "/pole.lua", {trust = true}))
    local run = trainer.start(loaded, {root = root .. "/runs", quiet = true})
    run:train()
    local message, code = message_of(function() trainer.resume(run.folder.path, {quiet = true}) end)
    assert.truthy(message:find("code.lua, is code: it runs only with --trust", 1, true))
    assert.equal(2, code)
    assert.equal("finished", trainer.resume(run.folder.path, {quiet = true, trust = true, steps = 200}):train())
  end)

  it("names a run whose host drives the env", function()
    assert(prl.io.write(root .. "/pole.lua", [[
return {
  env = {"host", observation = {"hp"}, action = {"continuous", aim = {-1, 1}},
    responses = {reward = {unit = "", missing = 0, combine = "sum"}}},
  algorithm = {"ppo"},
}]]))
    local message, code = message_of(function() start("runs") end)
    assert.truthy(message:find("driven by its host", 1, true))
    assert.equal(2, code)
  end)
end)
