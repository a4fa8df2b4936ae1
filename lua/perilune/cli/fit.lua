--- `perilune fit RECIPE --data FOLDER`: learns a ranker from logs, judges it, saves it.

local failure = require "perilune.failure"
local options = require "perilune.cli.options"

local fit = {summary = "learn a ranker from logs, and judge it on later days"}

local function parse(argv)
  local parser = options.parser("fit", "Learns a ranker from the logs in a folder and judges it on days that it did not see.")
  parser:argument("recipe", "The recipe's file, of kind \"fit\".")
  parser:option("--data", "The folder that holds the recipe's CSVs."):argname("FOLDER")
  parser:option("--set", "Override one option of the recipe, as in train.lr=1e-3; may be repeated.")
    :argname("PATH=VALUE"):count("*"):default({})
  parser:option("--seeds", "Train so many times, from train.seed on, and give the mean."):argname("N")
    :convert(options.whole):default("1")
  parser:flag("--choose", "Leave the test days alone: train on splits.train, judge on splits.valid.")
  parser:flag("--skip-bad", "Leave out rows of the log that cannot be read, and count them.")
  parser:option("--runs", "The folder that holds the runs."):argname("FOLDER"):default("runs")
  parser:flag("-q --quiet", "No progress line.")
  local words = options.parse(parser, argv)
  if not words.data then failure.usage("fit needs --data FOLDER, the folder of the CSVs\n" .. parser:get_usage()) end
  if words.seeds < 1 then failure.usage("--seeds: at least 1 is needed") end
  return words
end

--- Shows how far it is on one line of a terminal, and nothing elsewhere.
local function progress(quiet)
  local posix = require "posix"
  if quiet or posix.isatty(2) ~= 1 then return function() end, function() end end
  local shown, stage = 0, nil
  return function(what, done, total, detail)
    local now = os.clock()
    if what == stage and now - shown < 0.1 then return end
    shown, stage = now, what
    local share = total and total > 0 and ("%3.0f %%"):format(100 * math.min(done / total, 1)) or ""
    io.stderr:write(("\r\27[K%s %s %s"):format(share, what, detail or ""))
  end, function() io.stderr:write("\r\27[K") end
end

local function make_folder(root, name, hash)
  local posix = require "posix"
  local function make(path)
    if posix.mkdir(path) then return true end
    local reason, found = posix.errno(), posix.stat(path)
    if found and found.type == "directory" then return false end
    failure.run(("cannot make the folder %s: %s"):format(path, reason))
  end
  make(root)
  local base = ("%s/%s-%s-%s"):format(root, name:gsub("[^%w._-]", "_"), os.date("%Y%m%d-%H%M%S"), hash:sub(1, 8))
  for k = 1, 1000 do
    local path = k == 1 and base or ("%s-%d"):format(base, k)
    if make(path) then return path end
  end
  failure.run("cannot find a free name for " .. base)
end

function fit.run(argv)
  local words = parse(argv)
  local prl = require "perilune"
  local fitter = require "perilune.fit"
  local report = require "perilune.fit.report"
  local loaded = failure.check_recipe(fitter.load(words.recipe, {set = words.set}))
  local seeds = {}
  for k = 1, words.seeds do seeds[k] = loaded.recipe.train.seed + k - 1 end
  local folder = make_folder(words.runs, loaded.name, loaded.hash)
  local show, clear = progress(words.quiet)
  local started = os.time()
  local result, message = fitter.run(loaded, {
    data = words.data, seeds = seeds, on = words.choose and "valid" or "test", skip_bad = words.skip_bad,
    save = folder .. "/ranker.safetensors", progress = show,
  })
  clear()
  if not result then
    require("posix").rmdir(folder) -- empty, since a ranker is written whole or not at all
    failure.run(message)
  end
  failure.check(prl.io.write(folder .. "/recipe.json", prl.to_json(loaded.recipe, 2) .. "\n"))
  failure.check(prl.io.write(folder .. "/metrics.json", prl.to_json(result, 2) .. "\n"))
  failure.check(prl.io.write(folder .. "/report.html", report.render(result)))
  io.write(("%s: %d impressions learned, %d judged on days %d to %d, %d seed%s, %d s. 95 %% intervals by users.\n"):format(
    loaded.name, result.rows.training, result.rows.judged, result.days[1], result.days[2], #seeds, #seeds == 1 and "" or "s",
    os.time() - started))
  if result.rows.skipped > 0 then
    io.write(("%d rows of the log could not be read and were skipped; the first: %s\n"):format(result.rows.skipped,
      result.first_skipped))
  end
  io.write(report.text(result), "Ranker: ", folder, "/ranker.safetensors\nReport: ", folder, "/report.html\n")
  return 0
end

return fit
