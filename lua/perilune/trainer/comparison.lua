--- Comparisons: two sides, pair by pair, on the same seeds or the same starts.
---
--- A comparison is {names = {A, B}, unit = "seed" | "episode", pairs = {seed or number, …},
---   responses = {{name, unit, a = {…}, b = {…}}, …}, with the ratios behind them (stats/ratios.lua), which have a formula;
---   undefined: why one has no mean; apart = [names of ratios that A and B do not both say],
---   curves = {{run, …}, {run, …}} or nil,
---   lift = of B over A on the same users (stats/lift.lua), where both were judged by user and day}

local posix = require "posix"
local failure = require "perilune.failure"
local lift = require "perilune.stats.lift"
local ratios = require "perilune.stats.ratios"
local runs = require "perilune.records.run"
local stats = require "perilune.stats"
local environment = require "perilune.trainer.environment"
local folder = require "perilune.trainer.folder"
local jobs = require "perilune.trainer.jobs"
local judges = require "perilune.trainer.judges"
local panel = require "perilune.trainer.panel"

local comparison = {}

--- "run" for a run's folder, "runs" for a folder of runs, "recipe" for a file; nil where there is nothing.
function comparison.kind(path)
  local stat = posix.stat(path)
  if not stat then return nil end
  if stat.type ~= "directory" then return "recipe" end
  return posix.stat(path .. "/run.json") and "run" or "runs"
end

-- ---- two runs: the same starts ----

-- The responses that both sides have; it fails where they cannot be compared. a, b: {env, responses}, as run.json.
local function same_responses(a, b, paths)
  local known = {}
  for _, response in ipairs(b.responses) do known[response.name] = true end
  if a.env ~= b.env then
    failure.usage(("%s runs on %s and %s on %s: they cannot be compared"):format(paths[1], a.env, paths[2], b.env))
  end
  local shared = {}
  for _, response in ipairs(a.responses) do
    if known[response.name] then shared[#shared + 1] = {name = response.name, unit = response.unit, a = {}, b = {}} end
  end
  if #shared == 0 then failure.usage(("%s and %s have no response in common to be compared by"):format(paths[1], paths[2])) end
  return shared
end

--- Fails where two loaded recipes or scripts of these paths cannot be compared, before anything is trained.
function comparison.check(loaded, paths)
  local sides = {}
  for i, one in ipairs(loaded) do
    sides[i] = {env = one.env.name or one.env.path or one.env.kind, responses = one.spec.responses}
  end
  same_responses(sides[1], sides[2], paths)
end

-- The ratios that both recipes name and say alike, and the names of the others.
local function same_ratios(a, b)
  return ratios.shared(ratios.list(a.evaluation.metrics, a.responses, "requests"),
    ratios.list(b.evaluation.metrics, b.responses, "requests"))
end

-- The lift of B's policies over A's, from the panels that the runs kept; nil where they have none or met other users.
local function lift_between(a, b, responses)
  local panels, judged = {{}, {}}, {}
  for side, list in ipairs {a, b} do
    for i, run in ipairs(list) do
      local options = run.info.evaluation
      local key = ("%s %s %s"):format(options.seed, options.users, options.days)
      judged[side] = judged[side] or key
      panels[side][i] = panel.load(run.folder .. "/panels.safetensors", run.info.responses, options)
      if key ~= judged[side] or not panels[side][i] then return nil end
    end
  end
  if judged[1] ~= judged[2] or not panel.same_world(a[1].info, b[1].info) then return nil end
  return lift.table(panels[2], panels[1], responses, "A", "B")
end

--- Compares the last policies of two runs, pair by pair on the same starts or users, as A's recipe judges; by so many
--- episodes where they are given. watch(done, total) is told how far each is.
function comparison.of_runs(paths, episodes, trust, watch)
  local places = {folder.open_to_run(paths[1], trust), folder.open_to_run(paths[2], trust)}
  local a, b = places[1].info, places[2].info
  local options = {watch = watch}
  for key, value in pairs(a.evaluation) do options[key] = value end
  if episodes then options.episodes, options.users = episodes, 0 end
  local result = judges.of(options).compare(places, same_responses(a, b, paths), options)
  result.names = {a.name, b.name}
  result.curves = {{(runs.load(paths[1]))}, {(runs.load(paths[2]))}}
  return result
end

-- ---- two sides of several runs: the same seeds ----

-- Why there is no mean over the seeds; nil where each has a number.
local function missing_in(response)
  local missing = 0
  for i, value in ipairs(response.a) do
    if value ~= value or response.b[i] ~= response.b[i] then missing = missing + 1 end
  end
  return missing > 0 and ("undefined in %d of %d pairs"):format(missing, #response.a) or nil
end

local function by_seed(path, hash)
  local found = {}
  for _, inner in ipairs(require("perilune.paths").folders(path)) do
    local run = runs.load(inner)
    local whole = run and run.info.status == "finished"
      and (not hash or (run.info.hash == hash and runs.as_written(run.info)))
    if whole and runs.last_evaluation(run) then
      local other = found[run.info.seed]
      if other and not hash then
        failure.usage(("%s and %s have the same seed, %.0f: of a folder's runs one of each seed is compared"):format(other.folder,
          run.folder, run.info.seed))
      end
      found[run.info.seed] = run
    end
  end
  return found
end

-- What two sides must have in common for their numbers to be of the same users, or of the same starts.
local judged_by = {users = {"users", "days", "seed", "action"}, episodes = {"episodes", "seed", "action"}}

--- Where two sides are judged differently, as a sentence; nil where they are alike. a, b: {eval, options (of the env)}; names: of
--- the sides.
function comparison.apart(a, b, names)
  local function sentence(message, name)
    return ("%s: they cannot be compared; with --set %s=… both are trained and judged alike"):format(message, name)
  end
  local by_user = a.eval.users > 0 or b.eval.users > 0
  for _, name in ipairs(by_user and judged_by.users or judged_by.episodes) do
    if a.eval[name] ~= b.eval[name] then
      return sentence(environment.differs("eval." .. name, a.eval[name], b.eval[name], names))
    end
  end
  local message, name = environment.apart({options = a.options}, {options = b.options}, names, by_user)
  return message and sentence(message, name)
end

-- The seeds that both sides have a finished run of, from `first` to `last` where they are given.
local function common_seeds(a, b, paths, range)
  local list = {}
  for seed in pairs(a) do
    if b[seed] and (not range or (seed >= range[1] and seed <= range[2])) then list[#list + 1] = seed end
  end
  table.sort(list)
  if #list == 0 then
    failure.usage(("%s and %s have no finished runs with a seed in common"):format(paths[1], paths[2]))
  end
  return list
end

--- The folders of one or two runs, or of the finished runs of one or two folders by equal seeds: {{a}, …} or {{a, b}, …}.
function comparison.tuples_of(paths)
  local kinds = {}
  for side, path in ipairs(paths) do
    kinds[side] = comparison.kind(path) or failure.usage(("there is no run and no folder of runs %s"):format(path))
    if kinds[side] == "recipe" then failure.usage(("%s is a file: a run's folder is needed, or a folder of runs"):format(path)) end
  end
  if paths[2] and kinds[1] ~= kinds[2] then
    failure.usage(("%s is a %s and %s a %s: two of a kind are compared"):format(paths[1], kinds[1], paths[2], kinds[2]))
  end
  if kinds[1] == "run" then return {{paths[1], paths[2]}} end
  local a, b, list = by_seed(paths[1]), paths[2] and by_seed(paths[2]), {}
  for i, seed in ipairs(common_seeds(a, b or a, paths)) do list[i] = {a[seed].folder, b and b[seed].folder} end
  return list
end

--- Compares the finished runs of two folders, pair by pair of equal seeds. options: names; hashes, where a folder may
--- hold runs of other recipes; seeds = {first, last}, where it may hold others.
function comparison.of_folders(paths, options)
  options = options or {}
  local hashes, names = options.hashes or {}, options.names
  local a, b = by_seed(paths[1], hashes[1]), by_seed(paths[2], hashes[2])
  local result = {unit = "seed", pairs = common_seeds(a, b, paths, options.seeds), curves = {{}, {}}}
  local first = result.pairs[1]
  result.names = names or {a[first].info.name, b[first].info.name}
  result.responses = same_responses(a[first].info, b[first].info, paths)
  local function side(info) return {eval = info.evaluation, options = info.environment.options} end
  local message = comparison.apart(side(a[first].info), side(b[first].info), paths)
  if message then failure.usage((message:gsub("; with .*$", ""))) end
  result.by_user = a[first].info.evaluation.users > 0
  local shared, apart = same_ratios(a[first].info, b[first].info)
  result.apart = apart
  for _, ratio in ipairs(shared) do
    ratio.a, ratio.b = {}, {}
    result.responses[#result.responses + 1] = ratio
  end
  for i, seed in ipairs(result.pairs) do
    result.curves[1][i], result.curves[2][i] = a[seed], b[seed]
    local last_a, last_b = runs.last_evaluation(a[seed]), runs.last_evaluation(b[seed])
    for _, response in ipairs(result.responses) do
      response.a[i] = last_a.response[response.name].mean
      response.b[i] = last_b.response[response.name].mean
    end
  end
  local judged = {}
  for _, list in ipairs {a[first].info.responses, shared} do
    for _, one in ipairs(list) do judged[#judged + 1] = one end
  end
  result.lift = lift_between(result.curves[1], result.curves[2], judged)
  for _, response in ipairs(result.responses) do response.undefined = missing_in(response) end
  return result
end

--- Trains both recipes on seeds first … first + count − 1, as many at once as there are processors, into
--- root/a and root/b; what was trained there before is not trained again. recipes: two of recipe.load. options: seeds,
--- first, jobs, set, trust, quiet.
function comparison.train(recipes, root, options)
  local list = {}
  for seed = options.first, options.first + options.seeds - 1 do
    for side, loaded in ipairs(recipes) do
      list[#list + 1] = jobs.new(loaded, seed, {set = options.set, runs = ("%s/%s"):format(root, ({"a", "b"})[side]),
        name = ("the run of %s with seed %d"):format(loaded.path, seed)})
    end
  end
  -- A recipe against itself is trained twice: its two sides are two folders.
  local indices = {jobs.index {root .. "/a"}, jobs.index {root .. "/b"}}
  jobs.train(list, {jobs = options.jobs, quiet = options.quiet, trust = options.trust, root = root,
    find = function(job) return jobs.find(indices[job.runs == root .. "/a" and 1 or 2], job) end})
end

--- The paired interval of each response: {name, unit, formula, a, b (intervals of the sides), difference (stats.paired)};
--- or {name, unit, formula, undefined (why)}.
function comparison.intervals(compared)
  local result = {}
  for i, response in ipairs(compared.responses) do
    local item = {name = response.name, unit = response.unit, formula = response.formula, undefined = response.undefined}
    if not item.undefined then
      item.a, item.b = stats.interval(response.a), stats.interval(response.b)
      item.difference = stats.paired(response.a, response.b)
    end
    result[i] = item
  end
  return result
end

return comparison
