--- `perilune fit RECIPE --data FOLDER`: learns a ranker from logs, judges it, saves it; or the world of an environment.

local failure = require "perilune.failure"
local options = require "perilune.cli.options"
local terminal = require "perilune.terminal"

local fit = {summary = "train a ranker on logs and evaluate it on later days, or make the world of the env kuairand"}

local function parse(argv)
  local parser = options.parser("fit", "Trains a ranker on the logs in a folder and evaluates it on later days; "
    .. "from a recipe of kind \"world\" it makes the world of the env kuairand.")
  parser:argument("recipe", "The recipe's file, or the name of one that comes with Perilune; of kind \"fit\" or \"world\".")
  parser:option("--data", "The folder with the recipe's CSVs."):argname("FOLDER")
  parser:option("--set", "Override one option of the recipe, as in train.lr=1e-3; may be repeated.")
    :argname("PATH=VALUE"):count("*"):default({})
  parser:option("--seeds", "Train with this many seeds, from train.seed on, and report the mean."):argname("N")
    :convert(options.whole)
  parser:flag("--choose", "Train on splits.train and evaluate on splits.valid; the test days are not used.")
  parser:flag("--skip-bad", "Skip rows of the log that cannot be read, and count them.")
  parser:option("--runs", "The folder for runs; default: runs."):argname("FOLDER")
  parser:option("--out", "The file of a world; default: the recipe's `out`."):argname("FILE")
  parser:flag("-q --quiet", "No progress line.")
  local words = options.parse(options.memory(parser), argv)
  words.recipe = options.recipe_only(words.recipe)
  if not words.data then failure.usage("fit needs --data FOLDER, the folder of the CSVs\n" .. parser:get_usage()) end
  if words.seeds and words.seeds < 1 then failure.usage("--seeds: at least 1 is needed") end
  return words
end

-- What is told of how far it is. Ctrl-C ends the command at once, since nothing is written before all is computed.
local function progress(quiet)
  local line = require("perilune.trainer.progress").work(quiet)
  return function(...) line:part(...) end, function() line:clear() end
end

--- Refuses, before anything is computed, a file that could not be written at the end.
local function check_out(path)
  local posix, paths = require "posix", require "perilune.paths"
  local found, folder = posix.stat(path), path
  if found and found.type == "directory" then failure.usage(("%s is a folder, a file is needed"):format(path)) end
  repeat folder = paths.parent(folder) until folder == "." or folder == "" or posix.stat(folder)
  folder = folder == "" and "/" or folder
  if not posix.access(folder, "w") then failure.run(("cannot write %s: %s"):format(path, posix.errno())) end
end

local function fit_world(words, loaded)
  local prl, world, report = require "perilune", require "perilune.fit.world", require "perilune.fit.world_report"
  local paths = require "perilune.paths"
  for _, name in ipairs {"seeds", "choose", "skip_bad", "runs"} do
    if words[name] then failure.usage(("--%s is for a recipe of kind \"fit\""):format((name:gsub("_", "-")))) end
  end
  local out = words.out or loaded.recipe.out
  check_out(out)
  local show, clear = progress(words.quiet)
  local started = os.time()
  local result, message = world.run(loaded, {data = words.data, out = out, progress = show,
    prepare = function() paths.make(paths.parent(out)) end})
  paths.clear_halves(paths.parent(out))
  clear()
  if not result then failure.run(message) end
  local beside = out:gsub("%.safetensors$", "")
  failure.check(prl.io.write(beside .. ".json", prl.to_json(result, 2) .. "\n"))
  failure.check(prl.io.write(beside .. ".html", report.render(result)))
  terminal.out(("%s, %d s: "):format(loaded.name, os.time() - started), report.text(result), "\nWorld: ", out, "\nReport: ", beside,
    ".html\n")
  return 0
end

function fit.run(argv)
  local words = parse(argv)
  local prl = require "perilune"
  local fitter = require "perilune.fit"
  local report = require "perilune.fit.report"
  local loaded = failure.check_recipe(fitter.load(words.recipe, {set = words.set}))
  if loaded.recipe.kind == "world" then return fit_world(words, loaded) end
  if words.out then failure.usage("--out is for a recipe of kind \"world\"") end
  local seeds = {}
  for k = 1, words.seeds or 1 do seeds[k] = loaded.recipe.train.seed + k - 1 end
  local runs = words.runs or "runs"
  check_out(runs .. "/ranker.safetensors")
  local show, clear = progress(words.quiet)
  local started = os.time()
  local result, made, net = fitter.run(loaded, {data = words.data, seeds = seeds, on = words.choose and "valid" or "test",
    skip_bad = words.skip_bad, progress = show})
  clear()
  if not result then failure.run(made) end
  local paths = require "perilune.paths"
  local folder = paths.fresh(("%s/%s-%s-%s"):format(runs, paths.word(loaded.name), os.date("%Y%m%d-%H%M%S", started),
    loaded.hash:sub(1, 8)))
  failure.check(fitter.save(folder .. "/ranker.safetensors", loaded, made, net))
  failure.check(prl.io.write(folder .. "/recipe.json", prl.to_json(loaded.recipe, 2) .. "\n"))
  failure.check(prl.io.write(folder .. "/metrics.json", prl.to_json(result, 2) .. "\n"))
  failure.check(prl.io.write(folder .. "/report.html", report.render(result)))
  terminal.out(("%s: %d impressions learned, %d judged on days %d to %d, %d seed%s, %d s. 95 %% intervals by users.\n"):format(
    loaded.name, result.rows.training, result.rows.judged, result.days[1], result.days[2], #seeds, #seeds == 1 and "" or "s",
    os.time() - started))
  if result.rows.skipped > 0 then
    terminal.out(("%d rows of the log could not be read and were skipped; the first: %s\n"):format(result.rows.skipped,
      result.first_skipped))
  end
  terminal.out(report.text(result), "Ranker: ", folder, "/ranker.safetensors\nReport: ", folder, "/report.html\n")
  return 0
end

return fit
