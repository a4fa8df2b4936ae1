--- Run folders that somebody has changed, file by file and value by value: every command that reads them ends with one
--- sentence or with what it was asked for, and never with a traceback, with code that ran, or not at all.
--- PERILUNE_MUTATIONS=N goes through every Nth of them, and through the first ones of each file.

local posix = require "posix"
local files = require "support.files"
local prl = require "perilune"
local cli = require "perilune.cli"
local mutations = require "support.mutations"
local sweep = require "perilune.trainer.sweep"
local trainer = require "perilune.trainer"

local pole = [[
return {
  name = "pole", tags = {"a"},
  env = {"cartpole", n = 4},
  objective = {critics = {upright = {reward = function(r) return r.reward end, gamma = 0.98}}},
  policy = {hidden = {4}},
  algorithm = {"ppo", rollout = 16, minibatch = 64, epochs = 1},
  train = {steps = 640, checkpoint = 320},
  eval = {every = 320, episodes = 2, metrics = {each = ratio("reward", "steps")}},
}
]]

local feed = [[
return {
  name = "feed",
  env = {"shortvideo", n = 4},
  objective = {critics = {watch = {reward = function(r) return r.watch_time + 20 * r.like end, scale = "baseline"}}},
  algorithm = {"cem", population = 4, elites = 2, generations = 3, users = 2},
  train = {warmup = 64, checkpoint = 200},
  eval = {every = 400, users = 6, days = 1, curve = 4, groups = {"activity"}, beside = {half = {watch = 0.5}},
    metrics = {like_rate = ratio("like", "video_views"), long = ratio("steps", "sessions")},
    front = {x = "watch_time", y = {"like"}, vectors = {{watch = 0.5}, {like = 1}}}},
}
]]

local longest = 60 -- s of one command: it hangs
local every = tonumber(os.getenv("PERILUNE_MUTATIONS")) or 16 -- all of them, 1, take minutes

describe("a run's folder that somebody has changed", function()
  local root

  setup(function() root = files.folder() end)

  local function read(path) return assert(prl.io.read(path)) end
  local function write(path, text)
    os.remove(path)
    if text == mutations.pipe then
      assert(posix.mkfifo(path))
    elseif text then
      local file = assert(io.open(path, "w"))
      file:write(text)
      file:close()
    end
  end

  -- A run of a recipe, whole or stopped after so many looks at Ctrl-C: its folder.
  local function make(name, text, stop_at)
    write(("%s/%s.lua"):format(root, name), text)
    local looks = 0
    prl.interrupted = stop_at and function()
      looks = looks + 1
      return looks == stop_at
    end or nil
    local runs = ("%s/%s-%s"):format(root, name, stop_at and "stopped" or "whole")
    local run = trainer.start(assert(prl.recipe.load(("%s/%s.lua"):format(root, name))), {root = runs, quiet = true})
    assert.equal(stop_at and "interrupted" or "finished", (run:train()))
    prl.interrupted = nil
    return run.folder.path
  end

  -- What is wrong with how a command ended; nil where nothing is. It runs in this process.
  local function fault(words)
    local out, err, stdout, stderr = assert(io.open(root .. "/out", "w")), assert(io.open(root .. "/err", "w")), io.stdout, io.stderr
    io.stdout, io.stderr = out, err -- luacheck: ignore
    posix.alarm(longest)
    local argv = {[0] = "perilune"}
    for word in words:gmatch("%S+") do argv[#argv + 1] = word end
    local ok, code = pcall(cli.main, argv)
    posix.alarm(0)
    io.stdout, io.stderr = stdout, stderr -- luacheck: ignore
    out:close()
    err:close()
    local text, trained = read(root .. "/err"), words:find("^train") and code == 0
    if not ok then return "raised " .. tostring(code) end
    if text:find("traceback", 1, true) or text:find("attempt to", 1, true) or text:find("perilune/[%w_/]+%.lua:") then
      return text
    end
    local said = text ~= "" or words:find("^sweep") -- whose table says which points failed
    if code ~= 0 and (text:gsub("\n$", ""):find("\n") or not said) then return ("code %s: %q"):format(tostring(code), text) end
    return nil, trained
  end

  -- Runs the commands (with R for the folder) on mutations of these files of a folder; notes in a file what is being tried and
  -- what was wrong.
  local function try(folder, names, commands, file)
    local at, found = root .. "/changed", 0
    local copy = ("rm -rf '%s'; cp -r '%s' '%s'"):format(at, folder, at)
    local function one(name, mutation, words)
      file:write("in ", name, ": ", mutation[1], ": ", words, "\n")
      local wrong, trained = fault((words:gsub("%f[%w]R%f[%W]", at)))
      if trained then os.execute(copy) end
      if not wrong then return end
      found = found + 1
      file:write("WRONG ", name, ": ", mutation[1], ": ", words, ": ", (wrong:gsub("\n", " | ")), "\n")
    end
    for _, name in ipairs(names) do
      os.execute(copy)
      local kind = name:find("/step-", 1, true) and "state" or name:match("%.(%a+)$")
      local of = mutations["of_" .. kind] or mutations.of_bytes
      for i, mutation in ipairs(of(read(folder .. "/" .. name))) do
        if found < 5 and (i < 10 or i % every == 0) then -- what is done to a whole file comes first
          write(at .. "/" .. name, mutation[2])
          for _, words in ipairs(commands) do one(name, mutation, words) end
        end
      end
    end
    file:write("done\n")
  end

  -- The same in a child, since one of them may hang or crash. Returns what was wrong, in order; at most a few.
  local function faults(folder, names, commands)
    local findings = root .. "/findings"
    local pid = posix.fork()
    if pid == 0 then
      local file = assert(io.open(findings, "w"))
      file:setvbuf("line")
      try(folder, names, commands, file)
      file:close()
      posix._exit(0)
    end
    local _, reason, code = posix.wait(pid)
    local list, last = {}, nil
    for line in read(findings):gmatch("[^\n]+") do
      last = line
      if line:find("^WRONG") then list[#list + 1] = line end
    end
    if last ~= "done" then list[#list + 1] = ("%s %s %s"):format(reason, code, last) end
    return list
  end

  local function newest(folder)
    local names = posix.dir(folder .. "/checkpoints")
    table.sort(names)
    for i = #names, 1, -1 do
      if names[i]:find("json$") then return "checkpoints/" .. names[i] end
    end
  end

  it("is trained further, judged and shown, or refused in a sentence", function()
    local folder = make("pole", pole, 9)
    assert.is_nil(fault("eval " .. folder))
    assert.same({}, faults(folder, {"run.json", "metrics.csv", "evaluations.csv"}, {"report R", "eval R",
      "train --resume R -q"}))
    assert.same({}, faults(folder, {newest(folder), "recipe.json"}, {"train --resume R -q"}))
  end)

  it("goes on searching, or is refused in a sentence", function()
    local folder = make("feed", feed, 7)
    assert.is_nil(fault("train --resume " .. make("feed", feed, 8) .. " -q"))
    assert.same({}, faults(folder, {newest(folder), "recipe.json", "trials.csv"}, {"train --resume R -q"}))
  end)

  it("is compared and shown where it was judged by user and day, or refused in a sentence", function()
    local folder = make("feed", feed)
    assert.is_nil(fault(("compare %s %s --out %s/compared"):format(folder, folder, root)))
    assert.same({}, faults(folder, {"run.json", "evaluations.csv"}, {"report R",
      ("compare R %s --out %s/compared"):format(folder, root)}))
    assert.same({}, faults(folder, {"lift.json", "groups.json", "front.json"}, {"report R"}))
  end)

  it("is found by a sweep, or refused in a sentence", function()
    local set, folder = "algorithm.lr=1e-3,1e-4", root .. "/swept"
    write(root .. "/pole.lua", pole)
    local plan, place = sweep.plan(root .. "/pole.lua", {set = {set}, seeds = 1}), nil
    local jobs = sweep.grid_jobs(plan, folder)
    for _, point in ipairs(plan.points) do jobs[#jobs + 1] = sweep.fresh_jobs(plan, point, folder)[1] end
    for _, job in ipairs(jobs) do
      local run = trainer.start(assert(prl.recipe.load(job.recipe, {set = job.set, seed = job.seed})), {root = job.runs,
        quiet = true})
      run:train()
      place = place or run.folder.path:sub(#folder + 2)
    end
    local words = ("sweep %s/pole.lua --set %s --seeds 1 -q --out "):format(root, set)
    assert.is_nil(fault(words .. folder))
    assert.truthy(read(root .. "/out"):find("took no part in the choice", 1, true))
    assert.same({}, faults(folder, {place .. "/run.json", place .. "/evaluations.csv"}, {words .. "R"}))
  end)

  it("is compared in a folder of runs, or refused in a sentence", function()
    local folder = make("pole", pole)
    local runs = folder:match("^(.*)/[^/]+$")
    local name = folder:match("([^/]+)$")
    local names = {name .. "/run.json", name .. "/evaluations.csv"}
    assert.same({}, faults(runs, names, {("compare R %s --out %s/compared"):format(runs, root)}))
  end)
end)
