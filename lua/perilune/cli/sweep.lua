--- `perilune sweep RECIPE`: trains a recipe at every point of a grid, on the same seeds, and the best point again on
--- fresh ones.

local failure = require "perilune.failure"
local format = require "perilune.format"
local options = require "perilune.cli.options"
local terminal = require "perilune.terminal"

local sweep = {summary = "train a recipe over a grid of options and seeds, on all processors"}

local function parse(argv)
  local parser = options.parser("sweep", "Trains a recipe at every point of a grid, on the same seeds and on all processors. "
    .. "The best point is trained again on fresh seeds, which give its figure. Finished runs are not repeated; stopped "
    .. "ones continue.")
  parser:argument("recipe", "A recipe, or a file that returns sweep {base = …, grid = {…}}.")
  parser:option("--set", "An axis of the grid, as in algorithm.lr=1e-3,1e-4; may be repeated. A comma within brackets or "
    .. "quotes is part of a value. A single value applies to every point."):argname("PATH=A,B,C"):count("*"):default({})
  parser:option("--seeds", "Seeds of every point; default: the file's, or 5."):argname("N"):convert(options.whole)
  parser:option("--first-seed", "The first seed; default: the file's, or 1."):argname("N"):convert(options.whole)
  parser:option("--metric", "The response, the ratio of eval.metrics, or the critic whose reward, that points are compared by; "
    .. "default: the file's, or the response `reward`, or the env's first."):argname("NAME")
  parser:flag("--minimise", "Smaller values of the metric are better.")
  parser:option("--jobs", "Runs at once; default: the number of processors."):argname("N"):convert(options.whole)
  parser:option("--out", "The folder for the runs and sweep.html; default: runs/sweep-NAME."):argname("FOLDER")
  parser:flag("--trust", "Run code files beside the recipe (environments, algorithms and policy networks).")
  parser:flag("-q --quiet", "No progress line.")
  local words = options.parse(options.memory(parser), argv)
  words.recipe = options.recipe_file(words.recipe)
  local most = require("perilune.trainer.sweep").most_seeds
  if words.seeds and (words.seeds < 1 or words.seeds > most) then
    failure.usage(("--seeds must be from 1 to %d"):format(most))
  end
  if words.jobs and words.jobs < 1 then failure.usage("--jobs must be at least 1") end
  return words
end

-- One line on standard error: what is going to be done.
local function announce(plan, list, root, words)
  if words.quiet then return end
  local trainer, jobs = require "perilune.trainer.sweep", require "perilune.trainer.jobs"
  local index = trainer.index(root)
  local left = jobs.left(list, function(job) return jobs.find(index, job) end)
  local notes = {}
  if left.finished > 0 then notes[#notes + 1] = ("%d finished before"):format(left.finished) end
  if left.halfway > 0 then notes[#notes + 1] = ("%d half-way"):format(left.halfway) end
  terminal.err(("%s × %s, runs in %s%s\n"):format(format.plural(#plan.points, "point"), format.plural(plan.seeds, "seed"),
    root, #notes > 0 and "; " .. table.concat(notes, ", ") or ""))
end

local function by_point(plan, failures)
  local failed = {}
  for number, point in ipairs(plan.points) do
    for _, one in ipairs(failures) do
      if one.job.point == point and not failed[number] then
        failed[number] = ("the run with seed %.0f ended with: %s"):format(one.job.seed, one.message)
      end
    end
  end
  return failed
end

local function seeds_from(first, count)
  local list = {}
  for i = 1, count do list[i] = first + i - 1 end
  return list
end

-- The grid, trained and judged.
local function run_grid(plan, root, run_options)
  local trainer, statistics = require "perilune.trainer.sweep", require "perilune.stats.points"
  local list = trainer.grid_jobs(plan, root)
  local failed = by_point(plan, trainer.train(list, root, run_options))
  local index, measured, undefined, base = trainer.index(root), {}, {}, nil
  for number, point in ipairs(plan.points) do
    if point.base then base = number end
    if not failed[number] then
      measured[number], failed[number], undefined[number] = trainer.measured(plan, list, point, index)
    end
  end
  return {measured = measured, failed = failed, undefined = undefined,
    judged = statistics.judge(measured, plan.metric, plan.minimise, base)}
end

-- The best point on seeds that it was not chosen by.
local function run_fresh(plan, root, run_options, swept)
  local trainer, statistics = require "perilune.trainer.sweep", require "perilune.stats.points"
  local point = plan.points[swept.judged.winner]
  local list = trainer.fresh_jobs(plan, point, root)
  local failures = trainer.train(list, root, run_options)
  if #failures > 0 then
    swept.fresh_failed = by_point(plan, failures)[swept.judged.winner]
    return
  end
  swept.fresh_runs, swept.fresh_failed = trainer.measured(plan, list, point, trainer.index(root))
  if not swept.fresh_runs then return end
  swept.fresh = statistics.estimate(swept.fresh_runs, plan.metric)
  swept.lift = trainer.lift(plan, swept.fresh_runs, "best point")
end

local function describe(plan, swept, root, argv)
  local trainer = require "perilune.trainer.sweep"
  swept.root, swept.name, swept.path, swept.axes, swept.names = root, plan.name, plan.path, plan.axes, trainer.names(plan)
  swept.points, swept.metric, swept.minimise = plan.points, plan.metric, plan.minimise
  for _, point in ipairs(plan.points) do point.label = trainer.label(plan, point) end
  swept.seeds, swept.fresh_seeds = seeds_from(plan.first, plan.seeds), seeds_from(plan.first + plan.seeds, plan.seeds)
  swept.command = require("perilune.invocation").line("sweep", unpack(argv))
  swept.baseline, swept.recipe = trainer.baseline(plan), plan.base.files[1].text
end

function sweep.run(argv)
  local words = parse(argv)
  local prl = require "perilune"
  local trainer = require "perilune.trainer.sweep"
  local folder = require "perilune.trainer.folder"
  local plan = trainer.plan(words.recipe, {set = words.set, trust = words.trust, seeds = words.seeds,
    first = words.first_seed, metric = words.metric, minimise = words.minimise})
  local root = (words.out or "runs/sweep-" .. plan.name):gsub("(.)/+$", "%1")
  require("perilune.paths").make(root)
  local lock = folder.lock(root)
  local run_options = {jobs = words.jobs or require("perilune.trainer.pool").processors(), quiet = words.quiet,
    trust = words.trust}
  announce(plan, trainer.grid_jobs(plan, root), root, words)
  local swept = run_grid(plan, root, run_options)
  if swept.judged then run_fresh(plan, root, run_options, swept) end
  folder.unlock(lock)
  describe(plan, swept, root, argv)
  local report = require "perilune.report.sweep"
  terminal.out(report.text(swept))
  failure.check(prl.io.write(root .. "/sweep.json", prl.to_json(report.data(swept), 2) .. "\n"))
  failure.check(prl.io.write(root .. "/sweep.html", report.render(swept)))
  terminal.out("Drawn in ", root, "/sweep.html\n")
  return (next(swept.failed) or not swept.fresh) and 1 or 0
end

return sweep
