--- `perilune compare A B`: two recipes on the same seeds, two folders of runs, or two runs on the same starts.

local failure = require "perilune.failure"
local options = require "perilune.cli.options"
local terminal = require "perilune.terminal"

local compare = {summary = "compare two recipes over seeds, or two runs, pair by pair"}

local function parse(argv)
  local parser = options.parser("compare",
    "Compares two recipes trained on the same seeds, two folders of such runs, or two runs from the same starts.")
  parser:argument("a", "A recipe (its file, or the name of one that comes with Perilune), a run's folder, or a folder of runs.")
  parser:argument("b", "Another of the same kind.")
  parser:option("--seeds", "Seeds to train each recipe on."):argname("N"):convert(options.whole):default("10")
  parser:option("--first-seed", "The first seed."):argname("N"):convert(options.whole):default("1")
  parser:option("--jobs", "Runs at once; default: the number of processors."):argname("N"):convert(options.whole)
  parser:option("--episodes", "Episodes, if two runs are compared; default: those of A's recipe."):argname("N")
    :convert(options.whole)
  parser:option("--set", "Override one option of both recipes; may be repeated."):argname("PATH=VALUE"):count("*")
    :default({})
  parser:flag("--trust", "Run code files beside the recipes.")
  parser:option("--out", "The folder for the runs and compare.html; default: runs/compare-A-B for recipes, where what was "
    .. "trained before is not trained again."):argname("FOLDER")
  parser:flag("-q --quiet", "No progress line.")
  return options.parse(options.memory(parser), argv)
end

local function out_folder(words, recipes)
  local path = words.out or recipes and ("runs/compare-%s-%s"):format(recipes[1].recipe.name, recipes[2].recipe.name) or
    ("runs/compare-%s"):format(os.date("%Y%m%d-%H%M%S"))
  require("perilune.paths").make(path)
  return path
end

-- Recipes are checked before the first run begins. They must be of one environment, have a response in common and be judged
-- alike. Returns them, loaded.
local function check_recipes(words)
  local load, loaded = require("perilune.trainer.source").load, {}
  for i, path in ipairs {words.a, words.b} do
    loaded[i] = failure.check_recipe(load(path, {set = words.set, trust = words.trust}))
  end
  local comparison = require "perilune.trainer.comparison"
  comparison.check(loaded, {words.a, words.b})
  local function side(one) return {eval = one.recipe.eval, options = one.env.options} end
  local message = comparison.apart(side(loaded[1]), side(loaded[2]), {words.a, words.b})
  if message then failure.usage(message) end
  return loaded
end

local function of_recipes(words, recipes, out)
  local comparison = require "perilune.trainer.comparison"
  local lock = require("perilune.trainer.folder").lock(out)
  comparison.train(recipes, out, {seeds = words.seeds, first = words.first_seed, set = words.set, trust = words.trust,
    jobs = words.jobs or require("perilune.trainer.pool").processors(), quiet = words.quiet})
  require("perilune.trainer.folder").unlock(lock)
  local a, b = recipes[1].recipe.name, recipes[2].recipe.name
  return comparison.of_folders({out .. "/a", out .. "/b"}, {names = a ~= b and {a, b} or {words.a, words.b},
    hashes = {recipes[1].hash, recipes[2].hash}, seeds = {words.first_seed, words.first_seed + words.seeds - 1}})
end

function compare.run(argv)
  local words = parse(argv)
  local prl = require "perilune"
  local comparison = require "perilune.trainer.comparison"
  words.a, words.b = options.recipe_file(words.a, "recipe or run"), options.recipe_file(words.b, "recipe or run")
  local kinds = {comparison.kind(words.a), comparison.kind(words.b)}
  if kinds[1] ~= kinds[2] then
    failure.usage(("%s is a %s and %s a %s: compare takes two of a kind"):format(words.a, kinds[1], words.b, kinds[2]))
  end
  if words.seeds < 1 or (words.jobs and words.jobs < 1) then failure.usage("--seeds and --jobs must be at least 1") end
  if words.episodes and words.episodes < 1 then failure.usage("--episodes must be at least 1") end
  local recipes = kinds[1] == "recipe" and check_recipes(words)
  local out = out_folder(words, recipes)
  local compared
  if recipes then
    compared = of_recipes(words, recipes, out)
  elseif kinds[1] == "run" then
    local line = require("perilune.trainer.progress").work(words.quiet)
    compared = comparison.of_runs({words.a, words.b}, words.episodes, words.trust, function(...) line:part("evaluation", ...) end)
    line:clear()
  else
    compared = comparison.of_folders({words.a, words.b})
  end
  local intervals = comparison.intervals(compared)
  local report = require "perilune.report.comparison"
  terminal.out(report.text(compared, intervals))
  local path = out .. "/compare.html"
  failure.check(prl.io.write(path, report.render(compared, intervals)))
  terminal.out("Drawn in ", path, "\n")
  return 0
end

return compare
