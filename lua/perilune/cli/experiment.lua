--- `perilune experiment FILE`: trains the arms of an experiment on the same seeds, and judges them on the same users.

local failure = require "perilune.failure"
local options = require "perilune.cli.options"
local terminal = require "perilune.terminal"

local experiment = {summary = "train named arms on the same seeds, and judge them on the same users"}

local function parse(argv)
  local parser = options.parser("experiment", "Trains the arms of an experiment on the same seeds, judges them on the same users with "
    .. "the same chances, and compares each with the control and with each other. Finished runs are not repeated.")
  parser:argument("experiment", "A file that returns experiment {name = …, control = …, arms = {…}}.")
  parser:flag("--fast", "In its fast form: what the file says of it, within minutes.")
  parser:option("--world", "Only this one of the file's worlds or more_worlds; may come several times."):argname("NAME"):count("*")
  parser:option("--set", "Override a value in every arm, as in env.base_watch=1.2; its runs are others."):argname("PATH=VALUE")
    :count("*")
  parser:option("--seeds", "Seeds of training; default: the file's."):argname("N"):convert(options.whole)
  parser:option("--first-seed", "The first of them; default: the file's."):argname("N"):convert(options.whole)
  parser:option("--jobs", "Runs at once; default: the number of processors."):argname("N"):convert(options.whole)
  parser:option("--out", "The folder for the runs and report.html; default: runs/experiment-NAME, with -fast behind it "
    .. "in the fast form."):argname("FOLDER")
  parser:flag("--trust", "Run code files beside the experiment.")
  parser:flag("-q --quiet", "No progress line.")
  local words = options.parse(options.memory(parser), argv)
  words.experiment = options.recipe_only(words.experiment)
  for _, name in ipairs {"seeds", "jobs"} do
    if words[name] and words[name] < 1 then failure.usage(("--%s must be at least 1"):format(name)) end
  end
  return words
end

-- Each arm beside the control where that is an arm, or else beside the first arm.
local function differences(plan)
  local difference = require "perilune.recipe.difference"
  local world, beside, list = plan.said.worlds[1].name, plan.arms[1], {}
  for _, arm in ipairs(plan.arms) do
    if arm.name == plan.said.control then beside = arm end
  end
  for _, arm in ipairs(plan.arms) do
    if arm ~= beside then
      list[#list + 1] = {name = arm.name, beside = beside.name,
        list = difference.list(beside.loaded[world].recipe, arm.loaded[world].recipe)}
    end
  end
  return list
end

-- What each world shows beside its table.
local function go_further(plan, worlds, words)
  local further = require "perilune.trainer.further"
  local line = require("perilune.trainer.progress").work(words.quiet)
  local total, done = #plan.said.arms * #plan.seeds, 0
  local function one()
    done = done + 1
    line:part("as served", done, total * #worlds)
  end
  local function watch(...) line:part("values", ...) end
  local ab = plan.said.ab and require "perilune.trainer.ab"
  for w, world in ipairs(worlds) do
    if ab then
      local tests, judge = ab.read(plan, plan.said.worlds[w]), require "perilune.stats.ab"
      world.ab = judge.of(tests, plan.said.control, plan.metrics, world.table)
      world.ab.curves, world.ab.shares = {}, tests[1].shares
      for m, metric in ipairs(plan.metrics) do world.ab.curves[m] = judge.curves(tests, plan.said.control, metric) end
    end
    world.served = plan.said.served and further.served(world.arms, plan.metrics, one)
    world.values = plan.said.values and further.values(plan.said.values, world.arms, world.control, {trust = plan.trust, watch = watch})
    world.tuned = require("perilune.trainer.tuning").texts(plan, world)
  end
  line:clear()
  return worlds
end

function experiment.run(argv)
  local words = parse(argv)
  local prl = require "perilune"
  local trainer, folder = require "perilune.trainer.experiment", require "perilune.trainer.folder"
  local plan = trainer.plan(words.experiment, {fast = words.fast, trust = words.trust, seeds = words.seeds, first = words.first_seed,
    out = words.out, set = words.set, worlds = words.world})
  local ab = require "perilune.trainer.ab"
  ab.check(plan)
  require("perilune.trainer.chain").check(plan)
  local tuning = require "perilune.trainer.tuning"
  tuning.check(plan)
  require("perilune.paths").make(plan.root)
  local lock = folder.lock(plan.root)
  local how = {jobs = words.jobs or require("perilune.trainer.pool").processors(), quiet = words.quiet}
  tuning.run(plan, how)
  local trained = trainer.train(plan, how)
  ab.run(plan, how)
  folder.unlock(lock)
  local said = plan.said
  local shown = {name = said.name, question = said.question, seeds = plan.seeds, users = plan.users, days = plan.days, fast = words.fast,
    published = said.published, metrics = said.metrics, tune = trainer.budget(plan), set = plan.set,
    over_days = #plan.over_days > 0, told = plan.told,
    missing = require "perilune.keys"(plan.missing),
    worlds = go_further(plan, trainer.judge(plan, trained), words), differences = differences(plan),
    command = require("perilune.invocation").line("experiment", unpack(argv)), recipe = plan.files[1].text}
  local report = require "perilune.report.experiment"
  terminal.out(report.text(shown))
  failure.check(prl.io.write(plan.root .. "/experiment.json", prl.to_json(report.data(shown), 2) .. "\n"))
  failure.check(prl.io.write(plan.root .. "/report.html", report.render(shown)))
  failure.check(prl.io.write(plan.root .. "/table.md", report.markdown(shown)))
  failure.check(prl.io.write(plan.root .. "/lifts.svg", report.picture(shown)))
  terminal.out("Drawn in ", plan.root, "/report.html\n")
  return 0
end

return experiment
