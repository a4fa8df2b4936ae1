--- How a run ends: its files whole, whether it finished, was stopped or failed.

local failure = require "perilune.failure"
local runs = require "perilune.records.run"
local folder = require "perilune.trainer.folder"

local ending = {}

-- Notes in run.json's table how far the run is.
local function note(run, status, message)
  local info, driver = run.info, run.driver
  info.status, info.message, info.step, info.updates = status, message, run.state.step, run.state.updates
  for _, critic in ipairs(info.critics) do
    critic.found = critic.scale == "baseline" and driver:scale(critic.name) or nil
  end
  info.seconds = run.seconds_before + run.progress:seconds()
  info.search = driver:summary()
end

-- The report by whoever was named for it (options.report of trainer.start): its path; nil where nobody was.
local function write_report(run)
  if not run.report then return nil end
  local loaded = failure.check(runs.load(run.folder.path))
  loaded.info = run.info
  return failure.check(run.report(loaded))
end

--- The run's files, whole; run.json last, so that a run that calls itself finished has everything. Returns the report's path.
function ending.close(run, status)
  run:save()
  if run.operator then run.operator:close() end
  run.log:close()
  run.driver:close()
  failure.check(run.evaluations:close())
  note(run, status)
  local report = write_report(run)
  run.folder:write_json("run.json", run.info)
  return report
end

-- What can be said of the checkpoints when training has failed. One is good that has been tried: an update was learned
-- from it since.
local function good_checkpoint(run)
  if #run.folder:checkpoints() == 0 then return "" end
  local checkpoint = run.folder:last_checkpoint(run.driver:tried_updates())
  if checkpoint then return "; the last good checkpoint is " .. checkpoint end
  return "; none of its checkpoints is known to be good, since no update was learned from one"
end

--- A failure is noted in the run's folder, as far as that can still be written, and raised.
function ending.fail(run, outcome)
  pcall(note, run, "failed", outcome.message)
  pcall(run.folder.write_json, run.folder, "run.json", run.info)
  if run.operator then pcall(run.operator.close, run.operator) end
  pcall(write_report, run)
  local found, good = pcall(good_checkpoint, run)
  folder.unlock(run.lock)
  failure.raise(outcome.message .. (found and good or ""), 1)
end

return ending
