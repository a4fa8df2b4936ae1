--- Experiments: arms trained on the same seeds in the same worlds, and judged on the same users with the same chances.
---
--- A plan is {path, trust, root, said (recipe/experiment.lua), set (overrides of all arms), seeds = [of training], users, days, fast,
--- missing = {response that not every world has = true},
--- arms = [{name, said, loaded = {world's name = the recipe of its first stage}}], tuned = {world's name = {arm's name = options by
--- path}}, which trainer/tuning.lua fills}. A chain is trained stage by stage: the run of each stage is where the next begins, on the
--- same seed.

local failure = require "perilune.failure"
local keys = require "perilune.keys"
local nearest = require "perilune.nearest"
local contrasts = require "perilune.stats.contrasts"
local front = require "perilune.stats.front"
local lift = require "perilune.stats.lift"
local locate = require "perilune.recipe.locate"
local checked = require "perilune.recipe.experiment"
local paths = require "perilune.paths"
local over_days = require "perilune.trainer.over_days"
local panel = require "perilune.trainer.panel"
local printer = require "perilune.recipe.print"
local split = require "perilune.stats.split"
local runs = require "perilune.records.run"
local comparison = require "perilune.trainer.comparison"
local environment = require "perilune.trainer.environment"
local jobs = require "perilune.trainer.jobs"
local judges = require "perilune.trainer.judges"
local workers = require "perilune.trainer.workers"

local experiment = {}

--- An arm's `into` of chains whose stages begin with all that the stage before had learned, critics too (`train --start-from`).
experiment.whole = "start-from"

-- "file:line: key" of a plan's file.
local function place_of(plan, key)
  local file, line = locate.key(plan.files, key, "arms")
  return ("%s:%d: %s"):format(file, line, key)
end

--- Refuses a plan at this key of its file, a path with dots.
function experiment.refuse(plan, key, message) failure.usage(("%s: %s"):format(place_of(plan, key), message)) end

-- Adds options by path to overrides; keys_: {override = the key of the file that says it}.
local function add(set, keys_, settings, key)
  for _, path in ipairs(keys(settings)) do
    local text = ("%s=%s"):format(path, printer.value(settings[path], path))
    set[#set + 1], keys_[text] = text, key
  end
end

-- The overrides that make an arm's stage in a world what is trained, and the keys of those that the file says. from: the run of
-- the stage before it.
local function overrides(plan, arm, world, stage, from)
  local set, keys_, said = {("arm=%q"):format(arm.recipe_of or arm.name)}, {}, plan.said
  if stage > 1 then set[2] = "stage=" .. stage end
  local function say(settings, key) add(set, keys_, settings, key) end
  say(world.set, world.at)
  say(arm.set, arm.at .. ".set")
  if plan.fast then
    say(said.fast.set, "fast.set")
    say(arm.fast, arm.at .. ".fast")
  end
  say((plan.tuned[world.name] or {})[arm.name] or {}, arm.grid and arm.at .. ".grid" or "tune.grid")
  say({["eval.users"] = plan.users}, "users")
  say({["eval.days"] = plan.days}, "days")
  say({["eval.seed"] = said.user_seed}, "user_seed")
  if #said.groups > 0 then say({["eval.groups"] = said.groups}, "groups") end
  if said.control == "ltr" or said.control == "zero" then say({["eval.baseline"] = said.control}, "control") end
  for _, text in ipairs(plan.set) do set[#set + 1], keys_[text] = text, nil end
  if from and arm.into ~= experiment.whole then say({[arm.into] = from}, arm.at .. ".into") end
  return set, keys_
end

-- What is wrong with an override is said with the arm and the world; of one that nobody typed at the key of the file that it comes from.
local function at_keys(plan, arm, world, set, keys_, message)
  local lines = {}
  for line in (message .. "\n"):gmatch "(.-)\n" do
    for _, text in ipairs(set) do
      local begin = "--set " .. text
      if line:sub(1, #begin + 2) == begin .. ": " then
        line = ("%s: the arm %s in the world %s: %s"):format(keys_[text] and place_of(plan, keys_[text]) or begin,
          arm.recipe_of or arm.name, world.name, line:sub(#begin + 3))
        break
      end
    end
    lines[#lines + 1] = line
  end
  return table.concat(lines, "\n")
end

local function load(plan, arm, world, set, keys_)
  local loaded, message = require("perilune").recipe.load(plan.path, {set = set, trust = plan.trust})
  return loaded or failure.usage(at_keys(plan, arm, world, set, keys_, message))
end

--- The recipe of an arm's stage in a world. from: the run of the stage before it, or nil.
function experiment.recipe_of_stage(plan, arm, world, stage, from)
  return load(plan, arm, world, overrides(plan, arm, world, stage, from))
end

--- An arm's recipe in a world, with further options by path, which this key of the file says.
function experiment.recipe(plan, arm, world, more, key)
  local set, keys_ = overrides(plan, arm, world, 1)
  add(set, keys_, more, key)
  return load(plan, arm, world, set, keys_)
end

-- What all arms of a world must have in common.
local function check_alike(plan, world)
  local first = plan.arms[1]
  for _, arm in ipairs(plan.arms) do
    local a, b = first.loaded[world.name], arm.loaded[world.name]
    if not judges.of(b.recipe.eval, b.env.kind).baseline(b.recipe.eval) then
      experiment.refuse(plan, "arms", "an experiment's envs have users and days, and this one has none")
    end
    local names = {first.name, arm.name}
    comparison.check({a, b}, names)
    local function side(one) return {eval = one.recipe.eval, options = one.env.options} end
    local message = comparison.apart(side(a), side(b), names)
    if message then experiment.refuse(plan, "arms", (message:gsub("; with .*$", ""))) end
  end
end

-- What users are judged by in a world: a list of metrics.
local function metrics_in(loaded)
  return lift.metrics(lift.judged {responses = environment.responses(loaded.spec), evaluation = loaded.recipe.eval})
end

-- The metrics that the envs of all worlds have; and a function of a name that gives its metric, nil where one of the worlds does not
-- have it, which plan.missing then says, and refuses a name that neither these worlds have nor the first of the file.
local function find_judged(plan)
  local count, names, known, shared = {}, {}, {}, {}
  local function see(list, worlds)
    for _, metric in ipairs(list) do
      if not known[metric.name] then names[#names + 1], known[metric.name] = metric.name, metric end
      count[metric.name] = (count[metric.name] or 0) + worlds
    end
  end
  for _, world in ipairs(plan.said.worlds) do see(metrics_in(plan.arms[1].loaded[world.name]), 1) end
  local arm, first = plan.arms[1], plan.said.first_world
  local plain = setmetatable({set = {}}, {__index = plan}) -- overrides may be of the chosen worlds alone
  see(metrics_in(arm.loaded[first.name] or experiment.recipe_of_stage(plain, arm.said, first, 1)), 0)
  for _, name in ipairs(names) do
    if count[name] == #plan.said.worlds then shared[#shared + 1] = known[name] end
  end
  local function need(name, where)
    if not known[name] then
      experiment.refuse(plan, where, ("the env has no response %q%s"):format(name, nearest.hint_or_list(name, names)))
    end
    if count[name] == #plan.said.worlds then return known[name] end
    plan.missing[name] = true
  end
  return shared, need
end

-- The same, found once for a plan.
local function judged_by(plan)
  plan.judged = plan.judged or {find_judged(plan)}
  return unpack(plan.judged)
end

--- The metric of a response's name, or refuses it at this key of the file.
function experiment.metric(plan, name, where)
  local _, need = judged_by(plan)
  return need(name, where) or experiment.refuse(plan, where, ("not every world has the response %q"):format(name))
end

-- The metrics of the table, by the names that the experiment gives, those that were published, or all.
local function metrics_of(plan)
  local all, need = judged_by(plan)
  local list, published = {}, keys(plan.said.published)
  for _, name in ipairs(published) do need(name, "published." .. name) end
  for _, name in ipairs(#plan.said.responses > 0 and plan.said.responses or published) do list[#list + 1] = need(name, "responses") end
  return #list > 0 and list or all
end

-- A point that was chosen by runs of a seed would be judged by the same runs.
local function check_seeds(plan)
  local tune = experiment.budget(plan)
  for _, seed in ipairs(tune and plan.seeds or {}) do
    if seed >= tune.first_seed and seed < tune.first_seed + tune.seeds then
      experiment.refuse(plan, "tune", ("%.0f is a seed by which points are chosen and one by which arms are judged: first_seed gives "
        .. "the tuning seeds of its own"):format(seed))
    end
  end
end

-- The worlds of these names; all but `more_worlds` where there are none.
local function worlds_of(said, names)
  if #names == 0 then return said.worlds end
  local by_name, known, list = {}, {}, {}
  for _, worlds in ipairs {said.worlds, said.more_worlds} do
    for _, world in ipairs(worlds) do
      if not by_name[world.name] then by_name[world.name], known[#known + 1] = world, world.name end
    end
  end
  for i, name in ipairs(names) do
    list[i] = by_name[name] or failure.usage(("--world %s: the experiment has no such world%s"):format(name,
      nearest.hint_or_list(name, known)))
  end
  return list
end

-- What the command line gives every arm, but for what an experiment sets itself.
local function check_set(list)
  for _, text in ipairs(list) do
    local refused = checked.refused((text:match("^[^=]*"):gsub("%s", "")))
    if refused then failure.usage(("--set %s: %s"):format(text, refused)) end
  end
end

-- Whether two options by path are one, or one is a part of the other.
local function overlap(a, b) return a == b or a:sub(1, #b + 1) == b .. "." or b:sub(1, #a + 1) == a .. "." end

-- The first of a plan's worlds that says this option itself, or a part of it.
local function world_with(plan, path)
  for _, world in ipairs(plan.said.worlds) do
    for _, own in ipairs(keys(world.set)) do
      if overlap(path, own) then return world, own end
    end
  end
end

-- An A/B test is of its world; what `--set` gives instead of what a world says is told where it is shown.
local function check_worlds(plan)
  local ab = plan.said.ab or {fast = {}}
  for _, place in ipairs {"ab.set", "ab.fast.set"} do
    for _, path in ipairs(keys((place == "ab.set" and ab or ab.fast).set or {})) do
      local world, own = world_with(plan, path)
      if world then experiment.refuse(plan, place, ("%s: the world %s says %s itself"):format(path, world.name, own)) end
    end
  end
  for i, text in ipairs(plan.set) do
    local world = world_with(plan, (text:match("^[^=]*"):gsub("%s", "")))
    plan.told[i] = world and ("%s in place of what the world %s says"):format(text, world.name) or text
  end
end

--- Checks everything before the first run begins. options: fast, trust, seeds, first, set (overrides of all arms), worlds (names);
--- out.
function experiment.plan(path, options)
  local first = failure.check_recipe(require("perilune").recipe.load(path, {trust = options.trust}))
  if not first.experiment then
    failure.usage(("%s is a recipe and no experiment: an experiment returns experiment {name = …, control = …, arms = {…}}"):format(path))
  end
  local said = first.experiment
  check_set(options.set or {})
  said.first_world = said.worlds[1]
  said.worlds = worlds_of(said, options.worlds or {})
  local sizes = options.fast and said.fast or said
  local plan = {path = path, trust = options.trust, said = said, fast = options.fast, users = sizes.users, days = sizes.days, seeds = {},
    arms = {}, files = first.files, tuned = {}, set = options.set or {}, told = {}, missing = {}}
  for i = 1, options.seeds or sizes.seeds do plan.seeds[i] = (options.first or said.first_seed) + i - 1 end
  check_seeds(plan)
  check_worlds(plan)
  plan.root = (options.out or ("runs/experiment-%s%s"):format(paths.word(said.name), options.fast and "-fast" or "")):gsub("(.)/+$", "%1")
  experiment.load(plan)
  plan.metrics = metrics_of(plan)
  for _, response in ipairs(said.front) do experiment.metric(plan, response, "front") end
  plan.over_days = {}
  for i, response in ipairs(said.over_days) do plan.over_days[i] = experiment.metric(plan, response, "over_days") end
  if said.tune then experiment.metric(plan, said.tune.metric, "tune.metric") end
  return plan
end

-- Whether an arm's stage can be trained as the file says, and whether what is shown of it can be.
local function check_training(plan, arm, loaded)
  local option, message = workers.refused(loaded, arm)
  if option then experiment.refuse(plan, ("%s.%s"):format(arm.at, option), message) end
  if loaded.algorithm.build then return end
  if arm.into == experiment.whole then
    experiment.refuse(plan, arm.at .. ".into", "a search learns no networks: it begins at the action nearest to zero")
  end
  if plan.said.values then
    experiment.refuse(plan, "values", ("the arm %s is a search, and has no critics"):format(arm.name))
  end
end

--- Loads every arm in every world, as it is to be trained.
function experiment.load(plan)
  for i, arm in ipairs(plan.said.arms) do
    plan.arms[i] = {name = arm.name, said = arm, loaded = {}}
    for _, world in ipairs(plan.said.worlds) do
      for stage = 1, arm.stages do
        local loaded = experiment.recipe_of_stage(plan, arm, world, stage)
        check_training(plan, arm, loaded)
        if stage == 1 then plan.arms[i].loaded[world.name] = loaded end
      end
    end
  end
  for _, world in ipairs(plan.said.worlds) do check_alike(plan, world) end
end

--- The tuning budget of a plan, nil without one; in the fast form with one seed, and by no more users than judge its table.
function experiment.budget(plan)
  local tune = plan.said.tune
  if not tune or not plan.fast then return tune end
  return setmetatable({seeds = 1, users = math.min(tune.users, plan.users)}, {__index = tune})
end

-- ---- the runs ----

--- The folder of the runs of an arm's stage in a world.
function experiment.place(plan, world, arm, stage)
  return ("%s/%s/%s%s"):format(plan.root, paths.word(world.name), paths.word(arm.name), arm.stages > 1 and "/stage-" .. stage or "")
end

-- A function of a job that gives its run, of those that are in its folder now; each folder is read once.
local function finder()
  local read = {}
  return function(job)
    read[job.runs] = read[job.runs] or jobs.index {job.runs}
    return jobs.find(read[job.runs], job)
  end
end

--- By what experiment.train's result names a run.
function experiment.key(world, arm, seed) return ("%s/%s/%.0f"):format(world.name, arm.name, seed) end

-- The jobs of one stage of all arms, seed by seed; before: {[arm .. world .. seed] = the run of the stage before}.
local function jobs_of(plan, stage, before)
  local list = {}
  for _, seed in ipairs(plan.seeds) do
    for _, world in ipairs(plan.said.worlds) do
      for _, arm in ipairs(plan.said.arms) do
        local key = experiment.key(world, arm, seed)
        if stage <= arm.stages then
          local set, keys_ = overrides(plan, arm, world, stage, before[key])
          local job = jobs.new(load(plan, arm, world, set, keys_), seed, {set = set, workers = arm.workers, lag = arm.lag,
            start = arm.into == experiment.whole and before[key] or nil, runs = experiment.place(plan, world, arm, stage),
            name = ("%s in %s with seed %.0f"):format(arm.name, world.name, seed)})
          job.key = key
          list[#list + 1] = job
        end
      end
    end
  end
  return list
end

--- Trains what is left, two or more at once (options: jobs, quiet). Returns the last stage's runs, by "world/arm/seed".
function experiment.train(plan, options)
  local last, before, stages = {}, {}, 1
  for _, arm in ipairs(plan.said.arms) do stages = math.max(stages, arm.stages) end
  for stage = 1, stages do
    local list = jobs_of(plan, stage, before)
    jobs.train(list, {jobs = options.jobs, quiet = options.quiet, trust = plan.trust, root = plan.root,
      find = finder()})
    local find = finder() -- what was trained is there now
    for _, job in ipairs(list) do
      local run = find(job)
      if not run or run.status ~= "finished" then failure.run(("%s did not finish"):format(job.name)) end
      before[job.key], last[job.key] = run.path, run.path
    end
  end
  return last
end

-- ---- the judgement ----

-- An arm's runs in a world: {name, panels, baselines, runs, user_days (of training, of all seeds; nil: not noted)}.
local function arm_of(plan, world, arm, trained)
  local found = {name = arm.name, panels = {}, baselines = {}, runs = {}, user_days = 0}
  for i, seed in ipairs(plan.seeds) do
    local run = failure.check(runs.load(trained[experiment.key(world, arm, seed)]))
    found.runs[i] = run
    found.panels[i], found.baselines[i] = panel.load(run.folder .. "/panels.safetensors", run.info.responses, run.info.evaluation)
    if not found.panels[i] then failure.run(("%s has no panels: it was not judged by user and day"):format(run.folder)) end
    local days = run.evaluations and run.evaluations.columns.user_days
    local last = days and days[run.evaluations.rows]
    found.user_days = found.user_days and last and last == last and found.user_days + last or nil
  end
  return found
end

--- What each world shows: [{name, arms, control = {name, panels}, table (stats/contrasts.lua), split, front, over_days}].
function experiment.judge(plan, trained)
  local result = {}
  for w, world in ipairs(plan.said.worlds) do
    local arms, control = {}, nil
    for i, arm in ipairs(plan.said.arms) do
      arms[i] = arm_of(plan, world, arm, trained)
      if arm.name == plan.said.control then control = arms[i] end
    end
    control = control or {name = plan.said.control, panels = {arms[1].baselines[1]}}
    result[w] = {name = world.name, arms = arms, control = control, table = contrasts.of(arms, control, plan.metrics),
      split = split.of(arms, control, plan.metrics, plan.said.name), front = front.of_arms(plan.said.front, arms, control),
      over_days = over_days.of(arms, control, plan.over_days)}
  end
  return result
end

return experiment
