--- Runs that operators change while they train, in a folder that goes away: begin and finish are called before and after each test.

local files = require "support.files"
local prl = require "perilune"
local journal = require "perilune.records.journal"
local progress = require "perilune.trainer.progress"
local report = require "support.report"
local requests = require "perilune.trainer.requests"
local stub = require "luassert.stub"
local trained = require "support.trained"
local trainer = require "perilune.trainer"

local operated = {}

-- ---- recipes ----

operated.pole = [[
return {
  name = "pole",
  env = {"cartpole", n = 4},
  objective = {critics = {upright = {reward = function(r) return r.reward end, gamma = 0.98}%s}},
  policy = {hidden = {4}},
  algorithm = {"ppo", rollout = 16, minibatch = 64, epochs = 1},
  train = {steps = 1280, checkpoint = 320},
  eval = {every = 640, episodes = 2},
}
]]
--- A second critic of it.
operated.calm = ", calm = {reward = function(r) return -r.reward end, gamma = 0.5}"

--- With a control group, and a guard that no update holds.
function operated.guarded(critics)
  return (operated.pole:format(critics):gsub("epochs = 1", "epochs = 2"):gsub("train = ",
    "agent = {baseline = {}, guards = {kl = {at_most = 0}}},\n  train = "))
end

--- Draws from a memory, so that another can learn beside.
function operated.remembers(critics)
  return (operated.pole:format(critics):gsub('"ppo", rollout = 16, minibatch = 64, epochs = 1',
    '"dqn", rollout = 16, minibatch = 8, memory = 400, start = 16, target = 8'))
end

--- A feed whose users live for half a simulated day, so that many come. Of a weight, how far watch_time may fall, and steps.
operated.feed = [[return {
  name = "pole", env = {"shortvideo", n = 64, episode = "life", lifetime = 0.5},
  objective = {critics = {watch = {reward = function(r) return %s * r.watch_time end, gamma = 0.9, scale = 10}}},
  policy = {hidden = {4}}, algorithm = {"ppo", rollout = 16, minibatch = 512, epochs = 1},
  agent = {baseline = {traffic = 1}, guards = {watch_time = {at_least = relative(%s)}, days = 0.05, users = 200},
    ramp = {shares = {0.5, 1}, after = 100}},
  train = {steps = %d, checkpoint = 0}, eval = {every = 0, episodes = 1},
}]]

-- ---- the folder ----

local root

function operated.path(name) return root .. "/" .. name end
function operated.write(name, text) assert(prl.io.write(operated.path(name), text)) end

--- pole.lua is what runs train, two.lua what they are asked for.
function operated.begin()
  root = files.folder()
  operated.write("pole.lua", operated.pole:format "")
  operated.write("two.lua", operated.pole:format(operated.calm))
  local clock = 0
  stub(progress, "now", function() -- each look at the clock is a second after the one before
    clock = clock + 1
    return clock
  end)
end

function operated.finish()
  progress.now:revert()
  prl.interrupted = nil
end

-- ---- runs ----

function operated.start(options)
  options = options or {}
  options.root, options.quiet, options.report = operated.path "runs", true, report
  return trainer.start(assert(prl.recipe.load(operated.path "pole.lua", {trust = options.trust})), options)
end

function operated.resume(run, options)
  options = options or {}
  options.quiet, options.report = true, report
  return trainer.resume(run.folder.path, options)
end

function operated.entries_of(run) return (journal.read(run.folder.path, trained.info(run))) end

--- The run, killed as by trained.killed, and what it said is not shown.
function operated.killed(run, where)
  trained.silently(trained.killed, run, where)
  return run
end

-- ---- what is asked of them ----

local function request(run, fields, own)
  own.format = 1
  for name, value in pairs(fields or {}) do own[name] = value end
  assert(prl.io.write(run.folder:file(requests.name), prl.to_json(own)))
end

--- Asks for a swap to two.lua, but for these fields.
function operated.ask(run, fields)
  request(run, fields, {id = "1.2.3", kind = "swap", author = "ada", recipe = operated.path "two.lua", set = {}})
end

--- The same before the run's n-th update.
function operated.asks(run, n, fields) trained.at(run, n, function() operated.ask(run, fields) end) end

--- Asks for a rollback before the run's n-th update.
function operated.asks_rollback(run, n, fields)
  trained.at(run, n, function() request(run, fields, {id = "4.5.6", kind = "rollback", author = "bob", reason = "worse"}) end)
end

--- Writes this text to its recipe's file before the run's n-th update.
function operated.edits(run, n, text) trained.at(run, n, function() operated.write("pole.lua", text) end) end

return operated
