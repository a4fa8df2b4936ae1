--- A run: its driver works, and between two pieces of work the run is evaluated, saved and stopped. Fields: info (run.json),
--- state (the checkpoint's), folder, lock, agent, judge (judges/), driver (drivers/), operator (operator.lua; nil of a script),
--- log, evaluations (evaluations.csv), progress, last (the last evaluation of this process), checkpoint (from which it went on);
--- options: quiet, threads, report.

local failure = require "perilune.failure"
local format = require "perilune.format"
local interruption = require "perilune.interruption"
local drivers = require "perilune.trainer.drivers"
local ending = require "perilune.trainer.ending"
local folder = require "perilune.trainer.folder"
local judges = require "perilune.trainer.judges"
local log = require "perilune.trainer.log"
local start = require "perilune.trainer.start"

local Run = {}
Run.__index = Run

local run = {}

--- fields: folder, info, state, agent, lock, checkpoint, as far as they are known yet; options: of trainer.start.
function run.new(fields, options)
  fields.quiet, fields.threads, fields.report = options.quiet, options.threads, options.report
  return setmetatable(fields, Run)
end

--- How it is judged: whatever the recipe names for that is looked up before anything runs.
function Run:prepare()
  local judge = judges.of(self.info.evaluation, self.info.environment.kind)
  self.judge = judge.new(self.info, {threads = self.threads, watch = self:watch "evaluation"})
end

--- Its tables, going on after what a checkpoint counts of them. state: the checkpoint's, of a run that goes on.
function Run:open_log(state)
  self.log = log.open(self.folder, self.info.updates_per_row, state and state.log)
  self.evaluations = log.table(self.folder, "evaluations.csv", self.judge:columns(), self.state.evaluations)
end

-- ---- stopping ----

--- Whether Ctrl-C came, in this run.
function Run:stop_asked()
  self.stopped = self.stopped or interruption.came()
  return self.stopped
end

--- What a long piece of the run is watched by: it shows how far that is, and leaves it where Ctrl-C came. Nothing of it has
--- been noted then, so that it is made again when the run goes on.
function Run:watch(what)
  return function(done, total)
    if self.progress then self.progress:part(what, done, total) end
    if self:stop_asked() then interruption.leave() end
  end
end

-- ---- the loop ----

-- TensorBoard's tags of an evaluation's columns: mean/NAME and lift/NAME.
local tags = {mean = "eval/", lift = "lift/"}

-- last: no other evaluation comes after it.
function Run:evaluate(last)
  local result, row = self.judge:evaluate(self, last)
  if not result then return end
  failure.check(self.evaluations:row(row))
  for i, name in ipairs(self.judge:columns()) do
    local kind, metric = name:match("^(%a+)/(.+)$")
    if tags[kind] then self.log:scalar(tags[kind] .. metric, self.state.step, row[i]) end
  end
  self.state.evaluations = self.state.evaluations + 1
  self.state.evaluated = (last or not self.judge.last_apart) and self.state.step or nil
  self.last = result
end

--- What moves the critics' values at the end stays in the run's folder.
function Run:look_at_critics()
  local found = self.driver:importance(self:watch "critics")
  if found then self.folder:write_json("importance.json", found) end
end

--- What a checkpoint counts is on the disk before it.
function Run:save()
  self.log:flush()
  self.state.log = self.log:state()
  self.folder:sync {"metrics.csv", "evaluations.csv", "trials.csv", self.state.log.events.name}
  local agent, env = self.driver:saved()
  return agent and self.folder:save_checkpoint(agent, env, self.state)
end

-- The next multiple of `every`: a piece of work may have passed several.
local function following(step, every) return every * (math.floor(step / every) + 1) end

--- The evaluation and the checkpoint that are due at this step.
function Run:due()
  local state, info = self.state, self.info
  local at_last = self.judge.last_apart and self.driver:long_enough()
  if state.next_evaluation and state.step >= state.next_evaluation then
    if not at_last then self:evaluate() end
    state.next_evaluation = following(state.step, info.evaluation.every)
  end
  if state.next_checkpoint and state.step >= state.next_checkpoint then
    state.next_checkpoint = following(state.step, info.checkpoint)
    self:save()
  end
end

function Run:loop()
  local driver = self.driver
  while true do
    self:due()
    if self:stop_asked() then return "interrupted" end
    if driver:over() then return "finished" end
    driver:advance()
    if self.operator then self.operator:look() end
    self.progress:show(driver:position())
  end
end

-- The loop and the last evaluation: "finished", or "interrupted" wherever it was.
function Run:until_stopped()
  local ok, status = xpcall(function()
    local status = self:loop()
    if status == "finished" and self.state.evaluated ~= self.state.step then self:evaluate(true) end
    if status == "finished" then self:look_at_critics() end
    return status
  end, failure.handler)
  if ok then return status end
  if status.code == interruption.code then return "interrupted" end
  error(status, 0)
end

--- Works to the end or to Ctrl-C. Returns "finished" or "interrupted", and the report's path. A failure is raised.
function Run:train()
  self.seconds_before = self.info.seconds or 0
  self.progress = self.driver:progress(self.quiet)
  local report
  local ok, outcome = xpcall(function()
    local status = self:until_stopped()
    report = ending.close(self, status)
    return status
  end, failure.handler)
  if ok then self.progress:show(self.driver:position(), true) end
  self.progress:clear()
  if not ok then ending.fail(self, outcome) end
  folder.unlock(self.lock)
  return outcome, report
end

-- ---- for a terminal ----

--- What it began with of another run's; nil where with nothing.
function Run:start_text() return self.info.start and start.text(self.info.start) end

--- Whether there is nothing left to do.
function Run:ended() return drivers.of_run(self.info).ended(self.info, self.state) end

--- What is said then, in place of going on.
function Run:ended_text() return drivers.of_run(self.info).ended_text(self.info, self.state, self.folder.path) end

--- Where the run is, for a sentence: "step 1200", "trial 7".
function Run:place() return self.driver:place() end

--- What the run did, in a few sentences.
function Run:closing_text() return self.driver:closing_text(format.duration(self.info.seconds)) end

--- The last evaluation of this process; nil where there was none.
function Run:evaluation_text() return self.last and self.judge:text(self.last) end

return run
