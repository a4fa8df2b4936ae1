--- `perilune train RECIPE`: trains an agent in a folder of its own; `--resume RUN` continues one.

local failure = require "perilune.failure"
local interruption = require "perilune.interruption"
local invocation = require "perilune.invocation"
local options = require "perilune.cli.options"
local terminal = require "perilune.terminal"

local train = {summary = "train an agent by a recipe, or continue a run"}

local function parse(argv)
  local parser = options.parser("train", "Trains an agent and writes a run folder with its report.")
  parser:argument("recipe", "The recipe's file, or the name of one that comes with Perilune, as in shortvideo/a2c."):args("?")
  options.recipe(parser)
  parser:option("--resume", "Continue this run from its newest valid checkpoint. With --set, live options change from here on.")
    :argname("RUN")
  parser:option("--start-from", "Begin with the policy, critics and statistics of this run, or of an agent's file, where they fit.")
    :argname("RUN")
  parser:option("--steps", "With --resume: train up to this many steps in total; schedules that have ended keep their last value.")
    :argname("N"):convert(options.whole)
  parser:option("--runs", "The folder for runs."):argname("FOLDER"):default("runs")
  parser:option("--threads", "Threads of evaluations by user and day, instead of eval.threads; they change neither "
    .. "numbers nor the recipe's hash."):argname("N"):convert(options.whole)
  parser:option("--workers", "Workers that train at once, each on a thread of its own with a part of env.n (a3c). The "
    .. "recipe's numbers are of all of them together; with several, two runs differ."):argname("N"):convert(options.whole)
  parser:option("--lag", "For experiments: act by the policy of so many updates ago, as actors do that are apart from the learner.")
    :argname("N"):convert(options.whole)
  parser:flag("--watch", "Swap to the recipe's new text when its file changes, between two updates; a mistake in it is shown, and "
    .. "training goes on as it was.")
  parser:option("--schedules", "With --watch: where a schedule of the new text is another one than runs: go-on, at the step that "
    .. "schedules have come to, or restart, all of the recipe's from their start; such an edit is refused without it.")
    :choices {"go-on", "restart"}
  parser:flag("-q --quiet", "No progress line.")
  local words = options.parse(parser, argv)
  if (words.recipe == nil) == (words.resume == nil) then
    failure.usage("train takes a recipe or --resume RUN\n" .. parser:get_usage())
  end
  words.recipe = words.recipe and options.recipe_only(words.recipe)
  for _, name in ipairs {"threads", "workers"} do
    if words[name] and words[name] < 1 then failure.usage(("--%s must be at least 1"):format(name)) end
  end
  for _, name in ipairs {"seed", "start-from", "workers", "lag"} do
    if words.resume and words[name:gsub("-", "_")] then
      failure.usage(("a resumed run keeps its recipe, its seed, its start, its workers and its lag: --%s does not go with --resume, but "
        .. "--steps does, and --set with live options"):format(name))
    end
  end
  if words.schedules and not words.watch then
    failure.usage("--schedules goes with --watch: it says what an edit of the recipe's file does to schedules")
  end
  if words.steps and not words.resume then
    failure.usage(("--steps goes with --resume; for a new run it is --set train.steps=%.0f"):format(words.steps))
  end
  return words
end

function train.run(argv)
  local words = parse(argv)
  local prl = require "perilune"
  local page = require "perilune.report.page"
  local trainer = require "perilune.trainer"
  local given = {quiet = words.quiet, threads = words.threads, workers = words.workers, lag = words.lag, trust = words.trust,
    watch = words.watch, schedules = words.schedules and words.schedules:gsub("-", "_") or nil,
    report = function(run) return page.write(run, prl.io.write) end}
  local run
  if words.resume then
    given.steps, given.set = words.steps, words.set
    run = trainer.resume(words.resume, given)
    if run:ended() then -- no failure: it says how to go further
      terminal.out(run:ended_text())
      return 0
    end
    terminal.out("Continuing from ", run.checkpoint, "\n")
  else
    local loaded = failure.check_recipe(prl.recipe.load(words.recipe, {
      set = words.set, seed = words.seed, trust = words.trust,
    }))
    options.note_sweep(loaded)
    options.note_rewards(loaded)
    options.note_start(loaded)
    given.root, given.set, given.start_from = words.runs, words.set, words.start_from
    run = trainer.start(loaded, given)
    terminal.out(run:start_text() or "")
  end
  interruption.catch()
  local status, report = run:train()
  local path = run.folder.path
  if status == "interrupted" then
    terminal.out(("Stopped at %s and saved. Continue with:\n  %s\n"):format(run:place(),
      invocation.line("train", "--resume", path)))
    return interruption.code
  end
  terminal.out(run:closing_text())
  terminal.out(run:evaluation_text() or "")
  terminal.out("Report: ", report, "\n")
  return 0
end

return train
