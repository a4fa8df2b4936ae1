--- The driver of an agent that trains in simulated environments by its own calls.

local failure = require "perilune.failure"
local format = require "perilune.format"
local invocation = require "perilune.invocation"
local keys = require "perilune.keys"
local records = require "perilune.records"
local progress = require "perilune.trainer.progress"
local terminal = require "perilune.terminal"

local agent = {code_goes_on = false}

function agent.constant() return false end

local Agent = {}
Agent.__index = Agent

function agent.takes(algorithm) return algorithm.build ~= nil end
function agent.made(info) return info.steps ~= nil end
function agent.planned(loaded) return {steps = loaded.recipe.train.steps} end

--- The algorithm's own metrics first, as they are reported; then those of every agent.
function agent.meanings(made, algorithm)
  local said, kinds = made:meanings()
  local own, others = {}, {}
  for _, kind in ipairs(kinds) do
    local list = (algorithm.metrics or {})[kind] and own or others
    list[#list + 1] = {kind = kind, title = said[kind][1], text = said[kind][2]}
  end
  for _, one in ipairs(others) do own[#own + 1] = one end
  return own
end

function agent.check(_, state, path)
  if state.search then failure.run(("%s: search: the run is no search"):format(path)) end
end

--- Trains up to `steps` in place of the recipe's train.steps. Schedules that have ended keep their last value.
function agent.extend(run, steps)
  local info, state = run.info, run.state
  if steps <= state.step then
    failure.usage(("expected more than the %d steps that %s has made already, got %d"):format(state.step,
      run.folder.path, steps))
  end
  info.steps, info.status = steps, "running"
  while state.next_evaluation and state.next_evaluation <= state.step do
    state.next_evaluation = state.next_evaluation + info.evaluation.every
  end
  run.folder:write_json("run.json", info)
end

function agent.ended(info, state) return info.status == "finished" and state.step >= info.steps end

function agent.ended_text(info, state, path)
  return ("%s is finished: it made %s of %s steps. To train it further (schedules keep their last value, --set gives another):"
    .. "\n  %s\n"):format(path, format.grouped(state.step),
    format.grouped(info.steps), invocation.line("train", "--resume", path, "--steps",
      ("%.0f"):format(2 * math.max(info.steps, state.step))))
end

local function new(run, env) return setmetatable({run = run, environments = env}, Agent) end

function agent.start(run, env) return new(run, env) end

-- A run that goes on beyond its length where its step sizes have ended learns nothing, and would not say so.
local function note_ended(run)
  local recipe, ended = records.read(run.folder:file("recipe.json")), {}
  for _, name in ipairs(keys(recipe and recipe.algorithm or {})) do
    local scheduled = type(recipe.algorithm[name]) == "table" and recipe.algorithm[name].kind
    local ok, value = pcall(run.agent.get, run.agent, "algorithm." .. name)
    if scheduled and name:find("lr$") and ok and value == 0 then ended[#ended + 1] = "algorithm." .. name end
  end
  if #ended == 0 or run.state.step >= run.info.steps then return end
  terminal.err(("perilune: note: %s ended at 0: what has that step size changes no more; --set %s=… gives it another\n"):format(
    table.concat(ended, " and "), ended[1]))
end

--- A Lua environment without `save` leaves no state in the checkpoint: its episodes start anew, and the run says so.
--- State that is there and does not fit is a failure.
function agent.resume(run, env)
  note_ended(run)
  local ok, message, code = run.agent:load_env(run.checkpoint, env)
  if not ok then
    if code ~= "EABSENT" then failure.check(nil, message, code) end
    terminal.err("perilune: ", message, "\n")
  end
  return new(run, env)
end

function Agent:saved() return self.run.agent, self.environments end

-- Says once that a capacity was full, and the number to set.
function Agent:note_shortage()
  local notice = not self.noted and self.run.agent:notice()
  if not notice then return end
  self.noted = true
  self.run.progress:clear()
  terminal.err("perilune: note: ", notice, "\n")
end

-- Updates of a policy that serves few are far apart: what an operator asks is looked for meanwhile.
local piece = 64 -- steps of each instance

local function ramps(made_by)
  local ramp = made_by:ramp()
  return ramp ~= nil and ramp.share < 1
end

--- One drive: to the next stop or the end of an update, whichever comes first.
function Agent:advance()
  local run = self.run
  local state, made_by = run.state, run.agent
  local stop = math.min(state.next_evaluation or math.huge, state.next_checkpoint or math.huge)
  if not self:long_enough() then stop = math.min(stop, run.info.steps) end
  local steps = math.min(stop - state.step, ramps(made_by) and piece * run.info.environment.n or 2 ^ 50)
  local ok, made, days = pcall(made_by.drive, made_by, self.environments, steps, true,
    function() return not run:stop_asked() end)
  if not ok then failure.run(("training stopped at step %d: %s"):format(made_by:metrics().steps, made)) end
  state.step, state.user_days = state.step + made, (state.user_days or 0) + days
  self:note_shortage()
  local metrics = made_by:metrics()
  -- Steps without a decision: an instance waited for its partner, or there was no room.
  state.undecided = state.step > metrics.steps and state.step - metrics.steps or nil
  state.ended = metrics.updates > state.updates
  if state.ended then
    state.updates = metrics.updates
    run.log:update(state.step, metrics)
    run.progress:update(metrics)
  end
end

function Agent:long_enough() return self.run.state.step >= self.run.info.steps end

--- An update that was begun is finished; of several workers each has begun one at any time.
function Agent:over() return self:long_enough() and (self.run.state.ended or (self.run.info.workers or 1) > 1) end

function Agent:position() return self.run.state.step end
function Agent:place() return ("step %d"):format(self:position()) end

-- The critics' names, those with the largest weight in the objective first; a scheduled weight counts as large.
local function by_weight(critics)
  local names, size = {}, {}
  for i, critic in ipairs(critics) do
    names[i] = critic.name
    size[critic.name] = type(critic.weight) == "number" and math.abs(critic.weight) or math.huge
  end
  table.sort(names, function(a, b)
    if size[a] ~= size[b] then return size[a] > size[b] end
    return a < b
  end)
  return names
end

function Agent:progress(quiet)
  local info = self.run.info
  return progress.new(info.steps, self:position(), by_weight(info.critics), quiet)
end

--- Whether an agent that is swapped now has its new recipe at once; of several workers each is inside of an update, and one that
--- ramps waits for rows.
function Agent:between()
  local run = self.run
  return (run.info.workers or 1) > 1 or run.state.ended == true or ramps(run.agent)
end

--- The critics are others since a swap.
function Agent:follow() self.run.progress:follow(by_weight(self.run.info.critics)) end

function Agent:user_days() return self.run.state.user_days end

--- Known once the warm-up has found it.
function Agent:scale(critic)
  local run = self.run
  return run.state.updates > 0 and run.agent:get("objective.critics." .. critic .. ".scale") or nil
end

function Agent:tried_updates() return self.run.state.updates end
function Agent:summary() end

function Agent:importance(watch)
  local run = self.run
  local recipe = failure.check(records.read(run.folder:file("recipe.json")))
  return require("perilune.trainer.values").of_run(run.info, run.agent, recipe, watch)
end

function Agent:close() end

function Agent:closing_text(seconds)
  return ("Trained %s for %s steps in %s.\n"):format(self.run.info.name, format.count(self:position()), seconds)
end

return agent
