--- Many runs, each in a process of its own: those that finished before are taken as they are, those that were stopped
--- go on, the others begin.
---
--- A job is {recipe = file, script (whether it is one), set = {overrides}, hash = of the resolved recipe, seed, runs = the
--- folder for its run, steps = of the recipe, workers (nil: one), lag (nil: 0), start = the run with whose policy, critics
--- and statistics it begins (nil: with nothing), name = for messages}. A run is a job's where hash, seed, length, workers, lag and start
--- are the same: everything that its numbers come from is in these, but for a length that was changed afterwards (`train
--- --resume RUN --steps N`); runs whose options were changed are nobody's.

local failure = require "perilune.failure"
local paths = require "perilune.paths"
local prl = require "perilune"
local records = require "perilune.records"
local runs = require "perilune.records.run"
local saved = require "perilune.saved"
local drivers = require "perilune.trainer.drivers"
local folder = require "perilune.trainer.folder"
local pool = require "perilune.trainer.pool"
local progress = require "perilune.trainer.progress"

local jobs = {}

local function key_of(one)
  return ("%s %.0f %s %.0f %.0f %s"):format(one.hash, one.seed, type(one.steps) == "number" and ("%.0f"):format(one.steps) or "-",
    one.workers or 1, one.lag or 0, one.start or "")
end

-- A folder's run as {path, status, rank}; nil where it is none. rank orders runs of one job by how far they are.
local function read_run(path)
  local ok, info = pcall(records.read, path .. "/run.json", "run")
  if not ok and failure.is_defect(info) then error(info, 0) end
  if not ok then failure.run(("%s; without the folder %s the run is trained again"):format(tostring(info), path)) end
  if not info or not runs.unchanged(info) then return nil end
  local found = {path = path, status = info.status, hash = info.hash, seed = info.seed, steps = info.steps,
    workers = info.workers, lag = info.lag, start = info.start and info.start.from:gsub("/checkpoints/[^/]*$", ""), rank = -1}
  local all = folder.open(path):checkpoints()
  if #all > 0 then found.rank = saved.step(all[#all]) end
  if info.status == "finished" then found.rank = math.huge end
  return found
end

--- The runs in these folders, by hash and seed: a table for jobs.find. Of several of one job, the one that is furthest.
function jobs.index(folders)
  local index = {}
  for _, path in ipairs(folders) do
    for _, inner in ipairs(paths.folders(path)) do
      local run = read_run(inner)
      local key = run and key_of(run)
      if run and (not index[key] or run.rank > index[key].rank) then index[key] = run end
    end
  end
  return index
end

--- The job's run in an index: {path, status, …}; nil where there is none.
function jobs.find(index, job) return index[key_of(job)] end

--- How many steps a loaded recipe trains; nil for a search, which counts trials.
function jobs.steps(loaded) return drivers.of_algorithm(loaded.algorithm).planned(loaded).steps end

--- A job: a loaded recipe or script on a seed. more: set, runs, name, workers, lag, start.
function jobs.new(loaded, seed, more)
  return {recipe = loaded.path, script = loaded.script, set = more.set, hash = loaded.hash, seed = seed, runs = more.runs,
    steps = jobs.steps(loaded), name = more.name, workers = more.workers, lag = more.lag, start = more.start}
end

local function tail(path)
  local text, last = prl.io.read(path) or "", nil
  for line in text:gmatch("[^\n]+") do last = line:match("^perilune: (.*)") or last end
  return last or text:gsub("%s+$", ""):match("([^\n]*)$")
end

local function words_of(job, run, options, threads)
  local words = job.script and {job.recipe} or {"train", not run and job.recipe or nil}
  local function add(...)
    for i = 1, select("#", ...) do words[#words + 1] = (select(i, ...)) end
  end
  if run then add("--resume", run.path) else add("--seed", ("%.0f"):format(job.seed), "--runs", job.runs) end
  for _, text in ipairs(run and {} or job.set) do add("--set", text) end
  add("--quiet", "--memory", ("%.0f"):format(prl.memory().budget_bytes))
  if job.script then return words end
  if options.trust then add "--trust" end
  if threads then add("--threads", threads) end
  if job.start and not run then add("--start-from", job.start) end
  if job.workers and not run then add("--workers", ("%.0f"):format(job.workers)) end
  if job.lag and not run then add("--lag", ("%.0f"):format(job.lag)) end
  return words
end

--- What is left to do of a list of jobs: {todo = {job, …}, finished, halfway = counts}. find(job) gives its run.
function jobs.left(list, find)
  local left = {todo = {}, finished = 0, halfway = 0}
  for _, job in ipairs(list) do
    local run = find(job)
    if run and run.status == "finished" then
      left.finished = left.finished + 1
    else
      if run and run.rank >= 0 then left.halfway = left.halfway + 1 end
      left.todo[#left.todo + 1] = job
    end
  end
  return left
end

-- One processor for each of several runs at once; a run alone takes what its recipe says.
local function prepare(todo, options)
  local limit = math.min(options.jobs, #todo)
  local list = {}
  for i, job in ipairs(todo) do
    local run = options.find(job)
    if run and run.rank < 0 then run = nil end
    paths.make(job.runs)
    list[i] = {job = job, words = words_of(job, run, options, limit > 1 and "1" or nil),
      log = ("%s/seed-%.0f.log"):format(job.runs, job.seed)}
  end
  return list, limit
end

--- Carries out a list of {job = {name}, log, and words or work, as pool.run takes them}, as many at once as `limit`. options: as of
--- jobs.train. Returns the failures.
function jobs.carry_out(prepared, limit, options)
  local failures, ended = {}, 0
  if #prepared == 0 then return failures end
  local line = progress.new(#prepared, 0, {}, options.quiet)
  line:runs(0, #prepared)
  local stopped = pool.run(prepared, limit, function(one, ok, code)
    if code ~= 130 then -- else it was stopped, and is not at its end
      ended = ended + 1
      line:runs(ended, #prepared)
    end
    if ok then return true end
    failures[#failures + 1] = {job = one.job, code = code, message = code == 130 and "it was stopped" or tail(one.log)}
    return code ~= 130 and code ~= 2 and options.go_on
  end)
  line:clear()
  for _, one in ipairs(failures) do stopped = stopped or one.code == 130 end
  if stopped then
    failure.raise(("stopped; the runs so far are in %s: the same command continues them"):format(options.root), 130)
  end
  for _, one in ipairs(failures) do
    if not options.go_on or one.code == 2 then
      failure.raise(("%s ended with: %s"):format(one.job.name, one.message), one.code == 2 and 2 or 1)
    end
  end
  return failures
end

--- Trains what is left of the list. options: jobs (at once), quiet, trust, find (of a job's run, by jobs.find), root (the
--- folder that messages name); go_on: a run that fails does not keep the others from training. Returns the failures,
--- [{job, message, code}]; raises where Ctrl-C came.
function jobs.train(list, options)
  local prepared, limit = prepare(jobs.left(list, options.find).todo, options)
  return jobs.carry_out(prepared, limit, options)
end

return jobs
