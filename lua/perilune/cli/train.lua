--- `perilune train RECIPE`: trains an agent in a folder of its own; `--resume RUN` goes on with one.

local failure = require "perilune.failure"
local format = require "perilune.format"
local interruption = require "perilune.interruption"
local invocation = require "perilune.invocation"
local options = require "perilune.cli.options"
local terminal = require "perilune.terminal"

local train = {summary = "train an agent by a recipe, or go on with a run"}

local function parse(argv)
  local parser = options.parser("train", "Trains an agent; the run gets a folder of its own with its report.")
  parser:argument("recipe", "The recipe's file."):args("?")
  options.recipe(parser)
  parser:option("--resume", "Go on with this run from its newest checkpoint that is whole."):argname("RUN")
  parser:option("--steps", "With --resume: train up to so many steps in all; schedules that have ended stay as they are.")
    :argname("N"):convert(options.whole)
  parser:option("--runs", "The folder that holds the runs."):argname("FOLDER"):default("runs")
  parser:option("--threads", "Threads of evaluations by user and day, in place of eval.threads; the numbers, and so "
    .. "the recipe's hash, are the same."):argname("N"):convert(options.whole)
  parser:flag("-q --quiet", "No progress line.")
  local words = options.parse(parser, argv)
  if (words.recipe == nil) == (words.resume == nil) then
    failure.usage("train takes a recipe or --resume RUN\n" .. parser:get_usage())
  end
  if words.threads and words.threads < 1 then failure.usage("--threads must be at least 1") end
  if words.resume and (#words.set > 0 or words.seed) then
    failure.usage("a resumed run keeps its recipe and its seed: --set and --seed do not go with --resume, but --steps does")
  end
  if words.steps and not words.resume then
    failure.usage(("--steps goes with --resume; for a new run it is --set train.steps=%.0f"):format(words.steps))
  end
  return words
end

-- A run that has ended is no failure: it says how to train it further.
local function say_ended(run)
  local info = run.info
  if info.search then
    terminal.out(("%s is finished: it made %s trials, as many as its recipe says.\n"):format(run.folder.path,
      format.grouped(info.search.trials)))
    return 0
  end
  terminal.out(("%s is finished: it made %s of %s steps. To train it further:\n  %s\n"):format(run.folder.path,
    format.grouped(run.state.step), format.grouped(info.steps),
    invocation.line("train", "--resume", run.folder.path, "--steps", ("%.0f"):format(2 * math.max(info.steps, run.state.step)))))
  return 0
end

function train.run(argv)
  local words = parse(argv)
  local prl = require "perilune"
  local trainer = require "perilune.trainer"
  local run
  if words.resume then
    run = trainer.resume(words.resume, {quiet = words.quiet, trust = words.trust, steps = words.steps,
      threads = words.threads})
    if run:ended() then return say_ended(run) end
    terminal.out("Going on from ", run.checkpoint, "\n")
  else
    local loaded = failure.check_recipe(prl.recipe.load(words.recipe, {
      set = words.set, seed = words.seed, trust = words.trust,
    }))
    options.note_sweep(loaded)
    run = trainer.start(loaded, {root = words.runs, quiet = words.quiet, set = words.set, threads = words.threads})
  end
  interruption.catch()
  local status, report = run:train()
  local path = run.folder.path
  if status == "interrupted" then
    terminal.out(("Stopped at %s and saved. Go on with:\n  %s\n"):format(run:place(),
      invocation.line("train", "--resume", path)))
    return interruption.code
  end
  terminal.out(run:closing_text())
  terminal.out(run:evaluation_text() or "")
  terminal.out("Report: ", report, "\n")
  return 0
end

return train
