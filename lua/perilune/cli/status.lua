--- `perilune status RUN`: how far a run is, and by which recipe.

local failure = require "perilune.failure"
local format = require "perilune.format"
local options = require "perilune.cli.options"
local show = require("perilune.cli.entry").show
local terminal = require "perilune.terminal"

local status = {summary = "how far a run is, and by which recipe"}

-- The step of the last update in metrics.csv, since run.json has that of its last writing.
local function step_of(run)
  local steps = run.metrics.columns.step
  return math.max(run.info.step, steps[#steps] or 0)
end

function status.run(argv)
  local parser = options.parser("status", "Says how far a run is, whether a training is at work in it, which recipe is in force, and "
    .. "what was last done to it.")
  parser:argument("run", "The run's folder.")
  local words = options.parse(parser, argv)
  local run = failure.check_recipe(require("perilune.records.run").load(words.run))
  local info, journal = run.info, require "perilune.records.journal"
  local at_work = require("perilune.trainer.requests").at_work(run.folder)
  terminal.out(("%s: %s, step %s%s\n"):format(run.folder, at_work and "a training is at work" or info.status == "running"
    and "its process is gone" or info.status, format.grouped(step_of(run)), info.steps and " of " .. format.grouped(info.steps) or ""))
  local swaps = journal.swaps(run.journal)
  local last = swaps[#swaps]
  terminal.out(("recipe %s, in force since step %s\n"):format(info.hash:sub(1, 8), last and format.grouped(last.step) or "0"))
  local brought = journal.brought(run.journal)
  last = brought[#brought]
  if last and last.ramp and last.ramp.share < 1 then
    terminal.out(("ramp: it serves %s of the users since step %s, the recipe before the others\n"):format(
      format.share(last.ramp.share), format.grouped(last.step)))
  end
  for _, change in ipairs(info.changes or {}) do
    terminal.out(("set since step %s: %s\n"):format(format.grouped(change.step), change.set))
  end
  if #run.journal > 0 then
    terminal.out(("last of %s in its journal:\n"):format(format.plural(#run.journal, "line")))
    show(run.journal[#run.journal])
  end
  return 0
end

return status
