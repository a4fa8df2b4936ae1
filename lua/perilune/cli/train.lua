--- `perilune train RECIPE`: trains an agent in a folder of its own; `--resume RUN` goes on with one.

local failure = require "perilune.failure"
local options = require "perilune.cli.options"

local train = {summary = "train an agent by a recipe, or go on with a run"}

local function parse(argv)
  local parser = options.parser("train", "Trains an agent; the run gets a folder of its own with its report.")
  parser:argument("recipe", "The recipe's file."):args("?")
  options.recipe(parser)
  parser:option("--resume", "Go on with this run from its last checkpoint."):argname("RUN")
  parser:option("--runs", "The folder that holds the runs."):argname("FOLDER"):default("runs")
  parser:flag("-q --quiet", "No progress line.")
  local words = options.parse(parser, argv)
  if (words.recipe == nil) == (words.resume == nil) then
    failure.usage("train takes a recipe or --resume RUN\n" .. parser:get_usage())
  end
  if words.resume and (#words.set > 0 or words.seed) then
    failure.usage("a resumed run keeps its recipe and its seed: --set and --seed do not go with --resume")
  end
  return words
end

function train.run(argv)
  local words = parse(argv)
  local prl = require "perilune"
  local trainer = require "perilune.trainer"
  local run
  if words.resume then
    run = trainer.resume(words.resume, {quiet = words.quiet, trust = words.trust})
  else
    local loaded = failure.check_recipe(prl.recipe.load(words.recipe, {
      set = words.set, seed = words.seed, trust = words.trust,
    }))
    run = trainer.start(loaded, {root = words.runs, quiet = words.quiet, set = words.set})
  end
  if prl.catch_interrupt then prl.catch_interrupt() end
  local status, report = run:train()
  local path = run.folder.path
  if status == "interrupted" then
    io.write(("Stopped at step %d and saved. Go on with:\n  perilune train --resume %s\n"):format(run.state.step, path))
    return 130
  end
  io.write(("Trained %s for %s in %s.\n"):format(run.info.name,
    require("perilune.report.format").count(run.state.step) .. " steps",
    require("perilune.report.format").duration(run.info.seconds)))
  io.write(run:evaluation_text() or "")
  io.write("Report: ", report, "\n")
  return 0
end

return train
