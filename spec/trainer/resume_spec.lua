--- What stands twice in a run's folder, and what a run leaves that was killed.

local posix = require "posix"
local command = require "support.command"
local files = require "support.files"
local message_of = require "support.refusal"
local sealed = require "support.sealed"
local prl = require "perilune"
local trained = require "support.trained"
local trainer = require "perilune.trainer"
local report = require "support.report"

local read, silently = trained.read, trained.silently

local recipe = [[
return {
  name = "pole",
  env = {"cartpole", n = 4},
  objective = {critics = {upright = {reward = function(r) return r.reward end}}},
  policy = {hidden = {4}},
  algorithm = {"ppo", rollout = 16, minibatch = 64, epochs = 1},
  train = {steps = 1024, checkpoint = 320},
  eval = {every = 256, episodes = 2},
}
]]

local feed = [[
return {
  name = "feed",
  env = {"shortvideo", n = 4},
  objective = {critics = {watch = {reward = function(r) return r.watch_time end, scale = "baseline"}}},
  algorithm = {"cem", population = 4, elites = 2, generations = 3, users = 2},
  train = {warmup = 64, checkpoint = 100},
  eval = {users = 4, days = 1, curve = 4},
}
]]

local twins = [[
return {
  name = "twins",
  env = {"shortvideo", n = 4},
  objective = {critics = {watch = {reward = function(r) return r.watch_time end, gamma = 1, scale = "baseline"}}},
  policy = {hidden = {}, log_std = {kind = "fixed", init = -1.6}},
  algorithm = {"twins", rollout = 32},
  train = {steps = 4000, warmup = 64, checkpoint = 500},
  eval = {every = 0, users = 4, days = 1},
}
]]

-- The points in an event file, "tag step", in their order.
local function points_of(text)
  local at, found = 1, {}
  local function varint(s, i)
    local value, scale = 0, 1
    while true do
      local byte = s:byte(i)
      value, scale, i = value + byte % 128 * scale, scale * 128, i + 1
      if byte < 128 then return value, i end
    end
  end
  while at <= #text do
    local size = text:byte(at) + 256 * text:byte(at + 1)
    local event = text:sub(at + 12, at + 11 + size)
    local step, i = varint(event, 11) -- behind the wall time and a tag
    if event:byte(i) == 0x2a then -- a summary: its one value begins with the name
      local _, inner = varint(event, i + 1)
      local _, value = varint(event, inner + 1)
      local length, name = varint(event, value + 1)
      found[#found + 1] = ("%s %d"):format(event:sub(name, name + length - 1), step)
    end
    at = at + size + 16
  end
  return found
end

describe("a run that goes on", function()
  local root

  before_each(function()
    root = files.folder()
    assert(prl.io.write(root .. "/pole.lua", recipe))
    assert(prl.io.write(root .. "/feed.lua", feed))
    assert(prl.io.write(root .. "/twins.lua", twins))
  end)
  after_each(function() prl.interrupted = nil end)

  local function start(name, trust)
    return trainer.start(assert(prl.recipe.load(("%s/%s.lua"):format(root, name), {trust = trust})),
      {root = root .. "/runs", quiet = true, report = report})
  end
  local function resume(run, options)
    options = options or {}
    options.quiet, options.report = true, report
    return trainer.resume(run.folder.path, options)
  end

  -- The run, after a process that trained it was killed in its n-th drive.
  local function killed(run, n) return trained.killed(run, function(kill) trained.at(run, n, kill) end) end

  -- All points of a run in TensorBoard, sorted.
  local function points(run)
    local list = {}
    for _, name in ipairs(posix.dir(run.folder.path)) do
      for _, point in ipairs(name:find("tfevents") and points_of(read(run, name)) or {}) do list[#list + 1] = point end
    end
    table.sort(list)
    return list
  end

  it("has the bytes of one that never stopped, where instances wait for their partners", function()
    local whole = start "twins"
    whole:train()
    assert.truthy(whole.state.undecided > 0)
    local run = killed(start "twins", 20)
    resume(run):train()
    assert.equal(read(whole, "metrics.csv"), read(run, "metrics.csv"))
  end)

  it("has each point once in TensorBoard, after any number of kills", function()
    local whole = start "pole"
    whole:train()
    local run = killed(start "pole", 14)
    killed(resume(run), 4)
    assert.is_true(#points(run) > 50)
    resume(run):train()
    assert.same(points(whole), points(run))
    assert.equal(read(whole, "metrics.csv"), read(run, "metrics.csv"))
  end)

  it("says so where its event file was cut or taken away, and begins another", function()
    local run = killed(start "pole", 14)
    local events
    for _, name in ipairs(posix.dir(run.folder.path)) do events = name:find("tfevents") and name or events end
    assert(prl.io.write(run.folder:file(events), read(run, events):sub(1, 100)))
    local text = silently(function() resume(run):train() end)
    assert.truthy(text:find(events .. " has less than the %d+ bytes that the checkpoint counts: TensorBoard's points"), text)
  end)

  it("cuts no file elsewhere that a checkpoint calls its event file", function()
    local run = killed(start "pole", 14)
    local checkpoint, victim = run.folder:last_checkpoint():gsub("safetensors$", "json"), root .. "/victim"
    assert(prl.io.write(victim, ("x"):rep(1e6)))
    assert(prl.io.write(checkpoint, sealed(assert(prl.io.read(checkpoint)):gsub('"name": "[^"]*"', '"name": "../../victim"'))))
    local text = silently(function() resume(run):train() end)
    assert.truthy(text:find(
      'log.events.name: expected the name of an event file, as in events.out.tfevents.…, got "../../victim"', 1, true), text)
    assert.equal(1e6, #assert(prl.io.read(victim)))
  end)

  it("is refused before anything is trained where its tables lack rows that the checkpoint counts", function()
    local run = killed(start "pole", 14)
    local function refused(name, text)
      local whole = read(run, name)
      if text then assert(prl.io.write(run.folder:file(name), text(whole))) else os.remove(run.folder:file(name)) end
      local message, code = message_of(function() resume(run) end)
      assert.equal(1, code)
      assert(prl.io.write(run.folder:file(name), whole))
      return message:sub(#run.folder.path + 2)
    end
    assert.equal("metrics.csv has 2 of the 10 rows that the checkpoint counts: it was cut since; put it back as it was",
      refused("metrics.csv", function(text) return text:match("^[^\n]*\n[^\n]*\n[^\n]*\n[^\n]*") end))
    assert.equal("metrics.csv: empty; a header line was expected", refused("metrics.csv", function() return "" end))
    assert.truthy(refused("metrics.csv"):find("is not there, and the checkpoint counts 10 of its rows", 1, true))
    assert.truthy(refused("metrics.csv", function(text) return (text:gsub("\n(%d+),", "\n%1,x,", 1)) end):find(
      "csv:2: .*: expected a number, got \"x\""))
    assert.equal("evaluations.csv has 2 of the 3 rows that the checkpoint counts: it was cut since; put it back as it was",
      refused("evaluations.csv", function(text) return (text:gsub("\n512.*", "\n")) end))
    assert.truthy(refused("evaluations.csv", function(text) return (text:gsub("mean", "men", 1)) end):find(
      "has the columns step, episodes, men/reward", 1, true))
  end)

  it("takes up a table that a spreadsheet has saved", function()
    local whole = start "pole"
    whole:train()
    local run = killed(start "pole", 14)
    assert(prl.io.write(run.folder:file "metrics.csv", "\239\187\191" .. read(run, "metrics.csv"):gsub("\n", "\r\n")))
    resume(run):train()
    assert.equal(read(whole, "metrics.csv"), read(run, "metrics.csv"))
  end)

  it("goes back to the checkpoint before where the newest's state is not what it may be, or its two files of two moments", function()
    local whole = start "pole"
    whole:train()
    for change, message in pairs {
      [{'"updates": 10', '"updates": 9'}] = "json counts 9 updates, and .*safetensors beside it 10\n",
      [{'"step": 640', '"step": 639'}] = "json: step: its name says 0*640, and it 639\n",
      [{'"rows": %d+', '"rows": -1'}] = "json: log.rows: expected a whole number",
      [{'"evaluations"', '"evalutions"'}] = "json: evalutions: unknown key",
    } do
      local run = killed(start "pole", 14)
      local checkpoints = run.folder:checkpoints()
      local newest = checkpoints[#checkpoints] .. ".json"
      assert(prl.io.write(newest, sealed(assert(prl.io.read(newest)):gsub(unpack(change)))))
      local rest
      local text = silently(function() rest = resume(run) end)
      assert.truthy(text:find(message), text)
      assert.equal(checkpoints[#checkpoints - 1] .. ".safetensors", rest.checkpoint)
      rest:train()
      assert.equal(read(whole, "metrics.csv"), read(run, "metrics.csv"))
      assert.same(points(whole), points(run))
    end
  end)

  it("goes on as a search where it was killed as one", function()
    local whole = start "feed"
    whole:train()
    local run = killed(start "feed", 9)
    local rest = resume(run)
    assert.equal("finished", rest:train())
    for _, name in ipairs {"trials.csv", "metrics.csv", "evaluations.csv"} do
      assert.equal(read(whole, name), read(run, name))
    end
  end)

  it("goes on as a search from any folder where its recipe names a policy's file", function()
    assert(prl.io.write(root .. "/net.lua", "return function(net) return require('perilune').nn.linear(net.inputs, net.outputs) end"))
    assert(prl.io.write(root .. "/feed.lua", (feed:gsub("algorithm =", 'policy = {lua = "./net.lua"}, algorithm ='))))
    local run = killed(start("feed", true), 9)
    assert.truthy(message_of(function() resume(run) end):find("its policy, .*/net.lua, is code: it runs only with %-%-trust"))
    assert.equal("finished", resume(run, {trust = true}):train())
  end)

  it("searches by the recipe that it began with, or is refused", function()
    local run = killed(start "feed", 9)
    local path, text = run.folder:file "recipe.json", read(run, "recipe.json")
    assert(prl.io.write(path, (text:gsub('"population": 4', '"population": 5'))))
    assert.truthy(message_of(function() resume(run) end):find("recipe.json: this is another recipe than the run's", 1, true))
    assert(prl.io.write(path, (text:gsub('"population": 4', '"population": "4"'))))
    assert.truthy(message_of(function() resume(run) end):find(
      'recipe.json: algorithm.population: expected a whole number ≥ 2 of trials, got "4"', 1, true))
  end)

  it("is finished only when its report is written", function()
    local run = start "pole"
    assert(posix.mkdir(run.folder:file "report.html")) -- what a full disk does: it cannot be written
    assert.truthy(message_of(function() run:train() end):find("cannot write .*report.html: it is not a plain file"))
    assert.equal("failed", trained.info(run).status)
    assert(posix.rmdir(run.folder:file "report.html"))
    local metrics = read(run, "metrics.csv")
    local rest = resume(run)
    assert.is_false(rest:ended())
    assert.equal("finished", rest:train())
    assert.equal("finished", trained.info(run).status)
    assert.truthy(read(run, "report.html"):find("pole", 1, true))
    assert.equal(metrics, read(run, "metrics.csv"))
  end)

  it("clears away what was not whole when a process was killed, and nothing of one that lives", function()
    local run = killed(start "pole", 14)
    local left = {"run.json.99999999.0.tmp", "judged.safetensors", "checkpoints/step-000000000001.safetensors",
      "checkpoints/step-000000000002.json", "checkpoints/step-000000000002.json.99999999.1.tmp"}
    local kept = {("report.html.%d.0.tmp"):format(posix.getpid "pid"), "notes.tmp"}
    for _, list in ipairs {left, kept} do
      for _, name in ipairs(list) do assert(prl.io.write(run.folder:file(name), "half")) end
    end
    resume(run):train()
    for _, name in ipairs(left) do assert.is_nil(posix.stat(run.folder:file(name)), name) end
    for _, name in ipairs(kept) do assert.truthy(posix.stat(run.folder:file(name)), name) end
  end)

  it("says that a file of code has changed", function()
    local algorithm = assert(prl.io.read "lua/perilune/algorithms/ppo.lua")
    assert(prl.io.write(root .. "/mine.lua", algorithm))
    assert(prl.io.write(root .. "/net.lua", "return function(net) return require('perilune').nn.linear(net.inputs, net.outputs) end"))
    assert(prl.io.write(root .. "/pole.lua", (recipe:gsub('"ppo"', 'lua = "./mine.lua"'):gsub("hidden = {4}", 'lua = "./net.lua"'))))
    local run = killed(start("pole", true), 14)
    assert.equal("", (silently(function() killed(resume(run), 2) end)))
    for _, name in ipairs {"mine", "net"} do assert(prl.io.write(("%s/%s.lua"):format(root, name), algorithm .. "\n")) end
    local text = silently(function() killed(resume(run), 2) end)
    assert.truthy(text:find("mine.lua has changed since this run began: the run continues with the algorithm as it was\n", 1, true), text)
    assert.truthy(text:find("net.lua has changed since this run began: the run continues with the network as it was\n", 1, true), text)
    os.remove(root .. "/mine.lua")
    assert.truthy(silently(function() resume(run):train() end):find("mine.lua is gone since this run began", 1, true))
  end)
end)

describe("a run's folder that names code", function()
  local root

  before_each(function() root = files.folder() end)

  it("has it run on a call with --trust alone, and where its kind says that it is code", function()
    assert(prl.io.write(root .. "/pole.lua", recipe))
    local _, err, code = command.run(root, "train pole.lua -q --runs runs")
    assert.equal(0, code, err)
    local folder = "runs/" .. table.concat(posix.dir(root .. "/runs"), " "):match("pole[^ ]*")
    local path = ("%s/%s/run.json"):format(root, folder)
    local whole = assert(prl.io.read(path))
    assert(prl.io.write(root .. "/evil.lua", ([[io.open("%s/ran", "w"):close()]]):format(root)))
    assert(prl.io.write(root .. "/evil.c", ([[#include <stdio.h>
      __attribute__((constructor)) static void run(void) { fclose(fopen("%s/ran", "w")); }]]):format(root)))
    assert.equal(0, os.execute(("cc -shared -fPIC -o '%s/evil.so' '%s/evil.c'"):format(root, root)))
    local environments = {
      ['"name": {"lua": "%s/evil.lua"}, "kind": "builtin"'] = {"", " --trust"},
      ['"name": {"c": "%s/evil.so"}, "kind": "builtin"'] = {"", " --trust"},
      ['"name": "%s/evil.so", "kind": "builtin"'] = {"", " --trust"},
      ['"path": "%s/evil.so", "kind": "c"'] = {""}, ['"path": "%s/evil.lua", "kind": "lua"'] = {""},
      ['"path": "%s/evil.so", "kind": "name"'] = {"", " --trust"},
    }
    for text, flags in pairs(environments) do
      local info = whole:gsub('"name": "cartpole"', (text:format(root):gsub("%%", "%%%%"))):gsub('"kind": "builtin",\n', "", 1)
      assert(prl.io.write(path, info))
      for _, flag in ipairs(flags) do
        for _, words in ipairs {"eval %s", "train --resume %s --steps 4096", "compare %s %s"} do
          local _, message, status = command.run(root, words:format(folder, folder) .. flag)
          assert.is_true(status == 1 or status == 2, message)
          assert.is_nil(message:find("traceback", 1, true), message)
          assert.is_nil(posix.stat(root .. "/ran"), text .. words .. flag)
        end
      end
    end
    assert(prl.io.write(path, (whole:gsub('"name": "cartpole"', ('"path": "%s/evil.so"'):format(root))
      :gsub('"kind": "builtin"', '"kind": "c"', 1))))
    command.run(root, "eval " .. folder)
    assert.is_nil(posix.stat(root .. "/ran"))
    command.run(root, "eval " .. folder .. " --trust")
    assert.truthy(posix.stat(root .. "/ran"))
  end)
end)
