--- The trial of kills: a training that is watched, asked for swaps, checks and rollbacks and stopped by its guards is ended by
--- `kill -9` at random moments, and goes on. After each kill the run's folder must be one that the commands read and that
--- goes on from its last whole checkpoint; and that checkpoint must have the bytes of an agent that was never stopped and had
--- the swaps of the journal at their steps.
local posix = require "posix"
local failure = require "perilune.failure"
local folder = require "perilune.trainer.folder"
local journal = require "perilune.records.journal"
local prl = require "perilune"
local records = require "perilune.records"
local run_record = require "perilune.records.run"
local trained = require "support.trained"
local trainer = require "perilune.trainer"

local kills = {}

local text = [[
return {
  name = "feed",
  env = {"shortvideo", n = 64, episode = "life", lifetime = 0.5},
  objective = {critics = {watch = {reward = function(r) return %s * r.watch_time end, gamma = %s, scale = 10}%s}},
  policy = {hidden = {8}},
  algorithm = {"ppo", rollout = 32, minibatch = 256, epochs = 1, lr = %s},
  agent = {
    baseline = {traffic = 0.5},
    guards = {kl = {at_most = 0.05}, watch_time = {at_least = relative(-0.5)}, days = 0.1, users = 200},
    ramp = {shares = {0.2, 0.6, 1}, after = 100},
  },
  train = {steps = 1e9, checkpoint = 20480},
  eval = {every = 102400, episodes = 4},
}
]]
local shares = ", shares = {reward = function(r) return r.share end, gamma = 0.5}"
local variants = {text:format(1, 0.9, "", 1e-3), text:format(2, 0.9, "", 1e-3), text:format(1, 0.5, "", 1e-3),
  text:format(1, 0.9, shares, 1e-3), text:format(1, 0.9, "", 0.3)} -- the last one breaches the guard kl
local mistaken = text:format(1, 0.9, "", 1e-3):gsub("gamma", "gama")

local Trial = {}
Trial.__index = Trial

-- ---- processes ----

local function sleep(seconds) posix.nanosleep(0, math.floor(seconds * 1e9)) end

-- A process of the executable's: {pid, out, words}.
function Trial:begin(words)
  self.started = self.started + 1
  local out = ("%s/out-%d"):format(self.root, self.started)
  local line = ("exec '%s' %s >'%s' 2>&1 </dev/null"):format(self.perilune, words, out)
  local pid = posix.fork()
  if pid == 0 then
    posix.execp("sh", "-c", line)
    posix._exit(127)
  end
  return {pid = pid, out = out, words = words}
end

local function said(process) return prl.io.read(process.out) or "" end

function Trial:fail(what, process)
  error(("kill %d of seed %d: %s%s"):format(self.count, self.seed, what,
    process and (" (perilune %s):\n%s"):format(process.words, said(process)) or ""), 0)
end

-- How a process ended: its exit code; it is given some seconds.
function Trial:ended(process)
  for _ = 1, 1000 do
    local pid, how, code = posix.wait(process.pid, posix.WNOHANG)
    if pid == process.pid then return how == "exited" and code or self:fail(how .. " by " .. tostring(code), process) end
    sleep(0.02)
  end
  self:fail("does not end", process)
end

-- A command must do what it is asked or refuse it in a sentence.
function Trial:command(process, expected)
  local code = self:ended(process)
  if said(process):find "traceback" or code > 2 or (code > 0 and not said(process):find "^perilune: [^\n]+\n") then
    self:fail("is no refusal", process)
  end
  if expected and code ~= expected then self:fail(("ended with code %d"):format(code), process) end
  os.remove(process.out)
  return code
end

-- ---- what is done to the training ----

function Trial:any(list) return list[self.random(#list)] end

local acts = {}
function acts.swap(t, asked) asked[#asked + 1] = t:begin(("swap '%s' '%s' --reason trial"):format(t.run, t:any(t.recipes))) end
function acts.ramp(t, asked)
  asked[#asked + 1] = t:begin(("swap '%s' '%s' --mode ramp --reason trial"):format(t.run, t:any(t.recipes)))
end
function acts.check(t, asked) asked[#asked + 1] = t:begin(("swap '%s' '%s' --check"):format(t.run, t:any(t.recipes))) end
function acts.rollback(t, asked) asked[#asked + 1] = t:begin(("rollback '%s'"):format(t.run)) end
function acts.edit(t) assert(prl.io.write(t.recipe, t:any(variants))) end
function acts.mistake(t) assert(prl.io.write(t.recipe, mistaken)) end
function acts.half(t) -- as an editor that writes in place, in two parts
  local file, whole = assert(io.open(t.recipe, "w")), t:any(variants)
  file:write(whole:sub(1, 100))
  file:flush()
  sleep(t.random() * 0.05)
  file:write(whole:sub(101))
  file:close()
end
local often = {"swap", "swap", "swap", "ramp", "ramp", "check", "rollback", "rollback", "edit", "edit", "mistake", "half"}

-- The training lives until a random moment, in which it is killed.
function Trial:live(training)
  local asked, left = {}, self.random() * self.longest
  while left > 0 do
    local pause = math.min(left, 0.02 + 0.2 * self.random())
    sleep(pause)
    left = left - pause
    if left > 0 then acts[self:any(often)](self, asked) end
  end
  posix.kill(training.pid, posix.SIGKILL)
  local _, how, code = posix.wait(training.pid)
  if how ~= "killed" then self:fail(("ended by itself, %s %s"):format(how, code), training) end
  if said(training):find "damaged" or said(training):find "traceback" then self:fail("says so", training) end
  for _, process in ipairs(asked) do self:command(process) end
end

-- ---- what a kill leaves ----

function Trial:files(path, pattern)
  local found = {}
  for name in io.popen(("find '%s' -name '%s'"):format(path, pattern)):lines() do found[#found + 1] = name end
  return found
end

-- Each file that a command reads is whole.
function Trial:check_files()
  local schemas = {["run.json"] = "run", ["about.json"] = "about", ["request.json"] = "request",
    ["taken.json"] = "request"}
  for _, path in ipairs(self:files(self.run, "*.json")) do
    local ok, message = pcall(records.read, path, schemas[path:match "[^/]+$"])
    if not ok then self:fail(tostring(message.message or message)) end
  end
  for _, base in ipairs(folder.open(self.run):checkpoints()) do
    local agent, message = prl.load_agent(base .. ".safetensors")
    if not agent then self:fail(message) end
  end
  self:command(self:begin(("journal '%s'"):format(self.run)), 0)
  self:command(self:begin(("status '%s'"):format(self.run)), 0)
end

-- The hash that the journal ends with; nil where nothing came into force.
local function in_force(entries)
  for i = #entries, 1, -1 do
    if entries[i].outcome == "in force" or entries[i].kind == "resume" then return entries[i].after end
  end
end

-- A copy of the run goes on from its last whole checkpoint, and its records are of that.
function Trial:check_resumed()
  local copy = self.root .. "/copy"
  os.execute(("rm -rf '%s' && cp -r '%s' '%s'"):format(copy, self.run, copy))
  local all = folder.open(copy):checkpoints()
  local _, ok, run = trained.silently(xpcall, trainer.resume, failure.handler, copy, {quiet = true})
  if not ok then self:fail(run.message) end
  folder.unlock(run.lock)
  local function expect(what, wanted, found)
    if wanted ~= found then self:fail(("%s: %s, not %s"):format(what, tostring(found), tostring(wanted))) end
  end
  expect("the checkpoint", all[#all] .. ".safetensors", run.checkpoint)
  local info, hash = records.read(copy .. "/run.json", "run"), run.agent:hash()
  local entries = journal.read(copy, info)
  expect("the recipe of run.json", hash, info.hash)
  for _, name in ipairs {"recipe.lua", "recipe.json", "resolved.lua"} do
    local kept = prl.io.read(("%s/recipes/%s/%s"):format(copy, hash, name))
    if kept and kept ~= prl.io.read(copy .. "/" .. name) then self:fail(name .. " is of another recipe than the checkpoint") end
  end
  expect("the recipe of the journal", hash, in_force(entries) or hash)
  expect("whether it was swapped", #journal.swaps(entries) > 0 or info.swaps ~= nil, info.swaps ~= nil)
  if #journal.swaps(entries) > 0 then expect("how often it was swapped", #journal.swaps(entries), info.swaps) end
  local before = run.agent:previous()
  if before and not posix.stat(("%s/recipes/%s/about.json"):format(copy, before)) then self:fail("the recipe before is lost") end
  expect("halves", 0, #self:files(copy, "*.tmp"))
  local steps = run_record.load(copy).metrics.columns.step
  for i = 2, #steps do
    if steps[i] <= steps[i - 1] then self:fail(("metrics.csv: row %d is at step %d"):format(i, steps[i])) end
  end
  if (steps[#steps] or 0) > run.state.step then self:fail("metrics.csv goes beyond the checkpoint") end
  return run, entries
end

-- ---- the agent that was never stopped ----

-- Drives to that step: in a ramp also to one inside of an update.
local function drive_to(agent, env, step)
  while agent:metrics().steps < step do agent:drive(env, step - agent:metrics().steps, true) end
end

-- The checkpoint has the bytes of an agent that went on from the one that the kill before left, with what the journal says.
function Trial:check_bytes(run, entries)
  local file, kept = run.checkpoint, self.root .. "/before.safetensors"
  if self.step then
    local agent, env = assert(prl.load_agent(kept)), prl.env("shortvideo", self.env)
    assert(agent:load_env(kept, env))
    for _, entry in ipairs(journal.swaps(entries)) do
      if entry.step > self.step and entry.step <= run.state.step then
        drive_to(agent, env, entry.step)
        if entry.kind == "swap" then
          agent:swap(self.plans[entry.after], entry.ramp and {mode = "ramp"})
        elseif entry.author ~= "perilune" then
          agent:rollback()
        end
      end
    end
    drive_to(agent, env, run.state.step)
    assert(agent:save(kept, env))
    if prl.io.read(kept) ~= prl.io.read(file) then
      self:fail(("%s is not what an agent that went on from step %d comes to"):format(file, self.step))
    end
  end
  assert(prl.io.write(kept, assert(prl.io.read(file))))
  self.step = run.state.step
end

-- ---- the trial ----

local function count_of(entries)
  local counts = {}
  for _, entry in ipairs(entries) do
    local name = entry.kind .. ": " .. entry.outcome:match "^[^:;]+"
    counts[name] = (counts[name] or 0) + 1
  end
  return counts
end

function Trial:first()
  local training = self:begin(("train '%s' --runs '%s/runs' --watch"):format(self.recipe, self.root))
  for _ = 1, 3000 do
    sleep(0.02)
    self.run = self:files(self.root, "feed-*")[1]
    if self.run and #self:files(self.run, "step-*.json") > 0 then return training end
  end
  self:fail("no checkpoint came", training)
end

--- options: perilune (the executable), root (an empty folder), kills, seed, longest (s of a life; 1.2), told (called after each
--- kill with its number and the step). Returns what the journal counts, by kind and outcome, and the step; raises what was found.
function kills.trial(options)
  local self = setmetatable({perilune = options.perilune, root = options.root, seed = options.seed, count = 0, started = 0,
    longest = options.longest or 1.2, recipes = {}, plans = {}, recipe = options.root .. "/feed.lua"}, Trial)
  math.randomseed(options.seed)
  self.random = math.random
  for i, variant in ipairs(variants) do
    self.recipes[i] = ("%s/variant-%d.lua"):format(self.root, i)
    assert(prl.io.write(self.recipes[i], variant))
    local loaded = assert(prl.recipe.load(self.recipes[i]))
    self.plans[loaded.hash] = prl.recipe.plan(loaded)
    self.env = {n = loaded.env.n + loaded.env.twins, twins = loaded.env.twins, seed = 1, episode = "life", lifetime = 0.5}
  end
  assert(prl.io.write(self.recipe, variants[1]))
  local training, entries = self:first(), nil
  for count = 1, options.kills do
    self.count = count
    self:live(training)
    self:check_files()
    local run
    run, entries = self:check_resumed()
    self:check_bytes(run, entries)
    if options.told then options.told(count, self.step) end
    if count < options.kills then training = self:begin(("train --resume '%s' --watch"):format(self.run)) end
  end
  self:command(self:begin(("train --resume '%s' --steps %d"):format(self.run, self.step + 10000)), 0)
  self:command(self:begin(("journal '%s'"):format(self.run)), 0)
  return count_of(entries), self.step
end

return kills
