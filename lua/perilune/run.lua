--- prl.run: a script's own loop, with the folder, metrics, checkpoints, progress line and report of a run. The words of its
--- command line are as those of `perilune train`.

local failure = require "perilune.failure"
local interruption = require "perilune.interruption"
local invocation = require "perilune.invocation"
local options = require "perilune.cli.options"
local terminal = require "perilune.terminal"

local function parse(path, arguments)
  local parser = options.parser(path, "A script with a loop of its own, as a run.")
  parser:option("--set", "Override a setting, as in options.lr=1e-3 or steps=1000; may be repeated."):argname("PATH=VALUE")
    :count("*"):default({})
  parser:option("--seed", "Seed, instead of the script's."):argname("N"):convert(options.whole)
  parser:option("--runs", "The folder for runs."):argname("FOLDER"):default("runs")
  parser:option("--resume", "Continue this run of the script from its newest valid checkpoint."):argname("RUN")
  parser:option("--steps", "With --resume: go on to this many steps in total."):argname("N"):convert(options.whole)
  parser:option("--describe", "Write into this file, as JSON, what the script is, and end."):argname("FILE")
  parser:flag("-q --quiet", "No progress line.")
  local words = options.parse(options.memory(parser), arguments)
  if words.resume and (#words.set > 0 or words.seed) then
    failure.usage("a resumed run keeps its settings and its seed: --set and --seed do not go with --resume, but --steps does")
  end
  if words.steps and not words.resume then
    failure.usage(("--steps goes with --resume; for a new run it is --set steps=%.0f"):format(words.steps))
  end
  return words
end

-- Which script calls: the file of the words, or that of the caller.
local function path_of(arguments)
  if arguments and arguments[0] then return arguments[0] end
  local source = debug.getinfo(3, "S").source
  return source:match("^@(.*)$") or failure.usage("prl.run: it is called by no file")
end

local function begin(checked, words)
  local script = require "perilune.trainer.script"
  local given = {quiet = words.quiet, root = words.runs, set = words.set, steps = words.steps, report = function(run)
    return require("perilune.report.page").write(run, require("perilune").io.write)
  end}
  if not words.resume then return script.start(checked, given) end
  local run = script.resume(checked, words.resume, given)
  if not run:ended() then terminal.out("Continuing from ", run.checkpoint, "\n") end
  return run
end

local function describe(checked, file)
  local prl = require "perilune"
  failure.check(prl.io.write(file, prl.to_json(require("perilune.trainer.script").description(checked))))
  os.exit(0, true) -- nothing of what stands behind prl.run
end

local function stopped(run, path)
  local folder = run.folder.path
  local how = #run.folder:checkpoints() > 0 and ("and saved. Continue with:\n  %s"):format(invocation.script(path, "--resume", folder))
    or "; it cannot go on, since the loop gives no run.save"
  local message = ("stopped at %s %s"):format(run:place(), how):gsub(" ;", ";")
  if not invocation.elsewhere() then interruption.leave(message) end
  terminal.err("perilune: ", message, "\n") -- another Lua would show where in the library it was raised
  os.exit(interruption.code, true)
end

--- Runs given.loop. Returns the run's folder; raises where Ctrl-C came, with exit code 130, or where the loop failed.
return function(given)
  local script = require "perilune.trainer.script"
  local arguments = type(given) == "table" and type(given.arguments) == "table" and given.arguments or nil
  local path = path_of(arguments)
  local checked = script.check(given, path)
  local words = parse(path, arguments or {})
  script.set(checked, words.set)
  checked.settings.seed = words.seed or checked.settings.seed
  if words.describe then describe(checked, words.describe) end
  local run = begin(checked, words)
  if run:ended() then
    terminal.out(run:ended_text())
    return run.folder.path
  end
  require("perilune").seed(checked.settings.seed + run.state.step) -- a run that goes on draws other numbers than it did
  interruption.catch()
  local status, report = run:train()
  interruption.release()
  if status == "interrupted" then stopped(run, path) end
  terminal.out(run:closing_text(), run:evaluation_text() or "", "Report: ", report, "\n")
  return run.folder.path
end
