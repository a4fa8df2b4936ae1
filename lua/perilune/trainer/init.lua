--- The trainer: drives an agent through simulated environments by the agent's own calls, or runs the trials of a search
--- (search.lua), and keeps the run's folder. It has no acting and no learning code.
---
---     local run = trainer.start(loaded, {root = "runs"})      -- or trainer.resume("runs/…")
---     run:train()                                             -- "finished" or "interrupted"

local posix = require "posix"
local failure = require "perilune.failure"
local interruption = require "perilune.interruption"
local prl = require "perilune"
local format = require "perilune.format"
local page = require "perilune.report.page"
local runs = require "perilune.records.run"
local trials = require "perilune.stats.trials"
local lift = require "perilune.stats.lift"
local evaluation = require "perilune.trainer.evaluation"
local folder = require "perilune.trainer.folder"
local log = require "perilune.trainer.log"
local judgement = require "perilune.trainer.judgement"
local panel = require "perilune.trainer.panel"
local progress = require "perilune.trainer.progress"
local search = require "perilune.trainer.search"
local world = require "perilune.trainer.world"
local terminal = require "perilune.terminal"

local trainer = {}

local Trainer = {}
Trainer.__index = Trainer

local rows_of_metrics = 5000 -- at most about as many, however long the run

-- ---- what runs ----

local function critics_of(recipe)
  local formula = require "perilune.recipe.formula"
  local printer = require "perilune.recipe.print"
  local list = {}
  for name, critic in pairs(recipe.objective.critics) do
    local function number(value) return type(value) == "number" and value or type(value) == "table" and "scheduled" end
    list[#list + 1] = {name = name, reward = formula.to_lua(critic.reward, printer.number),
      gamma = number(critic.gamma), per = critic.per, weight = number(critic.weight), scale = critic.scale}
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

-- The responses that the objective reads, in the order of the environment.
local function objective_of(recipe, spec)
  local formula = require "perilune.recipe.formula"
  local read, list = {}, {}
  for _, critic in pairs(recipe.objective.critics) do
    formula.reads(critic.reward, function(name) read[name] = true end)
  end
  for _, response in ipairs(spec.responses) do
    if read[response.name] then list[#list + 1] = response.name end
  end
  return list
end

-- The critics' rewards that are weighted sums of responses, as metrics of a panel (stats/lift.lua); a reward that is one
-- response is that response.
local function rewards_of(recipe, spec)
  local linear = require("perilune.recipe.search").linear
  local taken, list = {requests = true, sessions = true, requests_a_session = true}, {}
  for _, response in ipairs(spec.responses) do taken[response.name] = true end
  for name, critic in pairs(recipe.objective.critics) do
    local form = linear(critic.reward)
    local first, coefficient = next(form and form.of or {})
    local plain = form and form.constant == 0 and coefficient == 1 and next(form.of, first) == nil
    if first and not plain then
      if form.constant ~= 0 then form.of.requests = form.constant end -- a step is a request
      list[#list + 1] = {name = taken[name] and name .. " (reward)" or name, unit = "", of = form.of}
    end
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

local function updates_per_row(plan, steps)
  local first = plan:document().schedule[1]
  if not steps then return 1 end
  return math.max(1, math.ceil(steps / (first.rows or 1) / rows_of_metrics))
end

--- As run.json keeps it: its files can be found from any folder.
local function environment_of(env)
  local settings = {}
  for key, value in pairs(env.options or {}) do settings[key] = value end
  settings.world = settings.world and posix.realpath(settings.world)
  return {kind = env.kind, name = env.name, path = env.path and posix.realpath(env.path), options = settings, n = env.n}
end

local function describe(loaded, plan, options)
  local recipe, env = loaded.recipe, loaded.env
  local steps = not loaded.algorithm.search and recipe.train.steps or nil -- a search counts trials
  local function place_of(section) return section.lua and posix.realpath(loaded.folder .. section.lua) end
  return {
    format = 1, name = recipe.name, tags = recipe.tags, seed = recipe.train.seed, hash = loaded.hash,
    code = loaded.code,
    env = env.name or env.path or env.kind, environment = environment_of(env),
    algorithm = recipe.algorithm[1], algorithm_file = place_of(recipe.algorithm), policy_file = place_of(recipe.policy),
    responses = world.responses(loaded.spec),
    actions = loaded.spec.action.names,
    critics = critics_of(recipe), objective = objective_of(recipe, loaded.spec),
    rewards = rewards_of(recipe, loaded.spec),
    steps = steps, checkpoint = recipe.train.checkpoint, evaluation = recipe.eval,
    search = loaded.algorithm.search and search.planned(loaded), -- from the first word on: a killed search goes on as one
    updates_per_row = updates_per_row(plan, steps), set = options.set or {}, recipe = loaded.path,
    started = os.date("%Y-%m-%d %H:%M"), version = prl.version, kernels = prl.kernels(),
    status = "running", step = 0, updates = 0, seconds = 0,
  }
end

-- ---- beginning and going on ----

--- A new run of a loaded recipe (recipe/load.lua). options: root (the folder of runs), quiet, set (the overrides),
--- threads (of evaluations, in place of the recipe's: how a run is carried out is no part of what it is).
function trainer.start(loaded, options)
  local recipe = loaded.recipe
  local env, message = world.make(loaded.env, loaded.env.n, recipe.train.seed)
  if not env then failure.usage(("%s: %s"):format(loaded.path, message)) end
  local agent, plan = failure.check_recipe(failure.of_recipe(loaded.path, prl.recipe.agent, loaded))
  local self = setmetatable({agent = agent, env = env, quiet = options.quiet, threads = options.threads,
    info = describe(loaded, plan, options)}, Trainer)
  self:prepare()
  self.folder = folder.create(options.root or "runs", recipe.name, loaded.hash, recipe.train.seed)
  self.info.folder, self.lock = self.folder.path, folder.lock(self.folder.path)
  self.folder:write("recipe.lua", failure.check(prl.io.read(loaded.path)))
  self.folder:write_json("recipe.json", recipe)
  self.folder:write("resolved.lua", ("-- %s resolved; hash %s\n%s"):format(loaded.path, loaded.hash,
    prl.recipe.text(recipe)))
  self.folder:write_json("run.json", self.info)
  self.state = {step = 0, updates = 0, evaluations = 0, user_days = 0,
    next_evaluation = self.info.evaluation.every > 0 and 0 or nil,
    next_checkpoint = self.info.checkpoint > 0 and self.info.checkpoint or nil}
  if loaded.algorithm.search then self:begin_search(search.start(self, loaded)) end
  self:open_log()
  return self
end

--- A Lua environment without `save` leaves no state in the checkpoint: its episodes start anew, and the run says so.
--- State that is there and does not fit is a failure.
local function resume_env(self, checkpoint)
  local ok, message, code = self.agent:load_env(checkpoint, self.env)
  if ok then return end
  if code ~= "EABSENT" then failure.check(nil, message, code) end
  terminal.err("perilune: ", message, "\n")
end

-- What runs here of the files of code is what they say now; what makes a plan is in the checkpoint.
local function warn_of_other_code(info)
  local function look(part, path, then_)
    local digest = path and (info.code or {})[part]
    local text = digest and prl.io.read(path)
    if not digest or (text and prl.hash_bytes(text) == digest) then return end
    terminal.err(("perilune: %s %s since this run began: %s\n"):format(path, text and "has changed" or "is gone", then_))
  end
  local as_it_is = "the run goes on with it as it is now"
  look("env", info.environment.path, as_it_is)
  look("algorithm", info.algorithm_file, info.search and as_it_is or "the run goes on with the algorithm as it was")
  look("policy", info.policy_file, "the run goes on with the network as it was")
end

-- The tables of kernels round differently: a run that began under another one goes on from the same state, and its bytes
-- are no longer those of a run that never stopped.
local function warn_of_other_kernels(info)
  if info.kernels and info.kernels ~= prl.kernels() then
    terminal.err(("perilune: this run began with the kernels %s and goes on with %s: what follows differs in the last "
      .. "digits from a run that stayed with %s\n"):format(info.kernels, prl.kernels(), info.kernels))
  end
end

-- Trains up to `steps` in place of the recipe's train.steps. Schedules that have ended keep their last value.
local function extend(self, steps)
  local info, state = self.info, self.state
  if info.search then failure.usage("a search is as long as its algorithm's options say: --steps does not go with it") end
  if steps <= state.step then
    failure.usage(("expected more than the %d steps that %s has made already, got %d"):format(state.step,
      self.folder.path, steps))
  end
  info.steps, info.status = steps, "running"
  while state.next_evaluation and state.next_evaluation <= state.step do
    state.next_evaluation = state.next_evaluation + info.evaluation.every
  end
  self.folder:write_json("run.json", info)
end

-- What the trainer's state says is due is what the run has.
local function check_due(info, state, path)
  if (info.search ~= nil) ~= (state.search ~= nil) then
    failure.run(("%s: search: the run is %s search"):format(path, info.search and "a" or "no"))
  end
  for _, due in ipairs {{"next_evaluation", info.evaluation.every}, {"next_checkpoint", info.checkpoint}} do
    local name, every = due[1], due[2]
    if (every > 0) ~= (state[name] ~= nil) then
      failure.run(("%s: %s: %s, and run.json has one every %.0f steps"):format(path, name,
        state[name] and "it stands here" or "it is missing", every))
    end
  end
end

--- Goes on with a run from its newest checkpoint that is whole (run.checkpoint), as if it had never stopped. options: quiet,
--- trust, steps (train up to so many in place of the recipe's train.steps). A run that has ended is left alone: run:ended().
function trainer.resume(path, options)
  local place = folder.open_to_run(path, options.trust)
  local info, lock = place.info, folder.lock(path)
  local checkpoint, state, agent = place:last_checkpoint()
  if not checkpoint then failure.run(("%s has no checkpoint to go on from"):format(path)) end
  local beside = checkpoint:gsub("%.safetensors$", ".json")
  local self = setmetatable({folder = place, info = info, state = state, agent = agent, checkpoint = checkpoint,
    quiet = options.quiet, threads = options.threads, lock = lock}, Trainer)
  warn_of_other_code(info)
  if options.steps then extend(self, options.steps) end
  if self:ended() then return self end
  warn_of_other_kernels(info)
  check_due(info, state, beside)
  self.env = failure.check(world.make(info.environment, info.environment.n, info.seed))
  self:prepare()
  info.folder, info.message = place.path, nil
  if info.search then
    self:begin_search(search.resume(self, options.trust, beside))
  else
    resume_env(self, checkpoint)
  end
  self:open_log(state)
  return self
end

--- Whether there is nothing left to train.
function Trainer:ended()
  local info = self.info
  return info.status == "finished" and (info.search ~= nil or self.state.step >= info.steps)
end

-- Its users live in panels.
function Trainer:begin_search(begun)
  self.search = begun
  self.env:free()
  self.env = nil
end

-- How it is judged: whatever the recipe names for that is looked up before anything runs.
function Trainer:prepare()
  self.judge = panel.asked(self.info.evaluation) and panel or evaluation
  local options = {}
  for key, value in pairs(self.info.evaluation) do options[key] = value end
  options.threads, options.watch = self.threads or options.threads, self:watch "evaluation"
  self.bench = self.judge == panel and judgement.new(self.info, options) or nil
end

function Trainer:open_log(state)
  self.log = log.open(self.folder, self.info.updates_per_row, state and state.log)
  self.evaluations = log.table(self.folder, "evaluations.csv", self.judge.columns(self:judged()), self.state.evaluations)
end

-- ---- stopping ----

-- Whether Ctrl-C came, in this run.
function Trainer:stop_asked()
  self.stopped = self.stopped or interruption.came()
  return self.stopped
end

--- What a long piece of the run is watched by: it shows how far that is, and leaves it where Ctrl-C came. Nothing of it has
--- been noted then, so that it is made again when the run goes on.
function Trainer:watch(what)
  return function(done, total)
    if self.progress then self.progress:part(what, done, total) end
    if self:stop_asked() then interruption.leave() end
  end
end

-- What the columns of evaluations.csv are about.
function Trainer:judged() return self.judge == panel and lift.judged(self.info) or self.info.responses end

-- ---- the run ----

-- The lift over the baseline on so many users, of the policy as it stands. All of the last one stays in the run's folder.
function Trainer:lift(users, last)
  local file = self.folder:file("judged.safetensors") -- threads load the agent anew
  failure.check(self.agent:save(file))
  local ok, found = xpcall(function()
    return last and self.bench:whole(file) or {lift = self.bench:lift(users, file)}
  end, failure.handler)
  os.remove(file)
  if not ok then error(found, 0) end
  if last then
    panel.save(self.folder:file("panels.safetensors"), unpack(found.panels))
    for _, part in ipairs {"lift", "groups", "front"} do
      if found[part] then self.folder:write_json(part .. ".json", found[part]) end
    end
  end
  return found.lift
end

function Trainer:evaluate(last)
  local options = self.info.evaluation
  local result
  if self.judge == panel then
    result = self:lift(last and options.users or math.min(options.users, options.curve), last)
  else
    result = evaluation.run(self.agent, {env = self.info.environment, responses = self.info.responses,
      episodes = options.episodes, seed = options.seed, action = options.action,
      watch = self:watch "evaluation"})
  end
  local judged = self:judged()
  local row = self.judge == panel and panel.row(self.state.step, result, (self.state.search or self.state).user_days) or
    evaluation.row(self.state.step, result, judged)
  failure.check(self.evaluations:row(row))
  for i, name in ipairs(self.judge.columns(judged)) do
    local kind, metric = name:match("^(%a+)/(.+)$")
    if kind == "mean" then self.log:scalar("eval/" .. metric, self.state.step, row[i]) end
    if kind == "lift" then self.log:scalar("lift/" .. metric, self.state.step, row[i]) end
  end
  self.state.evaluations = self.state.evaluations + 1
  self.state.evaluated = not (self.judge == panel and not last) and self.state.step or nil
  self.last = result
end

-- What a checkpoint counts is on the disk before it.
function Trainer:save()
  self.log:flush()
  self.state.log = self.log:state()
  self.folder:sync {"metrics.csv", "evaluations.csv", "trials.csv", self.state.log.events.name}
  return self.folder:save_checkpoint(self.agent, self.env, self.state)
end

-- One drive: to the next stop or the end of an update, whichever comes first; or one trial of a search.
function Trainer:drive()
  if self.search then return self.search:advance() end
  local state = self.state
  local stop = math.min(state.next_evaluation or math.huge, state.next_checkpoint or math.huge)
  if state.step < self.info.steps then stop = math.min(stop, self.info.steps) end
  local steps = math.min(stop - state.step, 2 ^ 50)
  local ok, made, days = pcall(self.agent.drive, self.agent, self.env, steps, true, function() return not self:stop_asked() end)
  if not ok then failure.run(("training stopped at step %d: %s"):format(self.agent:metrics().steps, made)) end
  state.step, state.user_days = state.step + made, (state.user_days or 0) + days
  local metrics = self.agent:metrics()
  state.ended = metrics.updates > state.updates
  if state.ended then
    state.updates = metrics.updates
    self.log:update(state.step, metrics)
    self.progress:update(metrics)
  end
end

-- The next multiple of `every`: a drive may have passed several.
local function following(step, every) return every * (math.floor(step / every) + 1) end

function Trainer:over()
  if self.search then return self.search:over() end
  return self.state.step >= self.info.steps and self.state.ended
end

-- How far the progress line is: trials of a search, else steps.
function Trainer:position() return self.search and self.search:done() or self.state.step end

function Trainer:loop()
  local state, info = self.state, self.info
  while true do
    local ends = self:over()
    -- A panel's last evaluation comes at the end, on all users.
    local last = self.judge == panel and (ends or not self.search and state.step >= info.steps)
    if state.next_evaluation and state.step >= state.next_evaluation then
      if not last then self:evaluate() end
      state.next_evaluation = following(state.step, info.evaluation.every)
    end
    if state.next_checkpoint and state.step >= state.next_checkpoint then
      state.next_checkpoint = following(state.step, info.checkpoint)
      self:save()
    end
    if self:stop_asked() then return "interrupted" end
    if ends then return "finished" end
    self:drive()
    self.progress:show(self:position())
  end
end

-- What a critic's reward is divided by, once the warm-up has found it.
function Trainer:scale_of(critic)
  if critic.scale ~= "baseline" then return nil end
  if self.search then return (self.state.search.scales or {})[critic.name] end
  return self.state.updates > 0 and self.agent:get("objective.critics." .. critic.name .. ".scale") or nil
end

-- Notes in run.json's table how far the run is.
function Trainer:note(status, message)
  local info = self.info
  info.status, info.message, info.step, info.updates = status, message, self.state.step, self.state.updates
  for _, critic in ipairs(info.critics) do critic.found = self:scale_of(critic) end
  info.seconds = self.seconds_before + self.progress:seconds()
  info.search = self.search and self.search:summary()
end

function Trainer:write_report()
  local loaded = failure.check(runs.load(self.folder.path))
  loaded.info = self.info
  return failure.check(page.write(loaded, prl.io.write))
end

-- What can be said of the checkpoints when training has failed. One is good that has been tried: an update was learned
-- from it since. A search is no worse for its last trial.
function Trainer:good_checkpoint()
  if #self.folder:checkpoints() == 0 then return "" end
  local checkpoint = self.folder:last_checkpoint(not self.search and self.state.updates or nil)
  if checkpoint then return "; the last good checkpoint is " .. checkpoint end
  return "; none of its checkpoints is known to be good, since no update was learned from one"
end

-- The critics' names, those with the largest weight in the objective first; a scheduled weight counts as large.
local function by_weight(critics)
  local names, size = {}, {}
  for i, critic in ipairs(critics) do
    names[i] = critic.name
    size[critic.name] = type(critic.weight) == "number" and math.abs(critic.weight) or math.huge
  end
  table.sort(names, function(a, b)
    if size[a] ~= size[b] then return size[a] > size[b] end
    return a < b
  end)
  return names
end

-- The loop and the last evaluation: "finished", or "interrupted" wherever it was.
function Trainer:until_stopped()
  local ok, status = xpcall(function()
    local status = self:loop()
    if status == "finished" and self.state.evaluated ~= self.state.step then self:evaluate(true) end
    return status
  end, failure.handler)
  if ok then return status end
  if status.code == interruption.code then return "interrupted" end
  error(status, 0)
end

-- The run's files, whole; run.json last, so that a run that calls itself finished has everything.
function Trainer:close(status)
  self:save()
  self.log:close()
  if self.search then self.search:close() end
  failure.check(self.evaluations:close())
  self:note(status)
  local report = self:write_report()
  self.folder:write_json("run.json", self.info)
  return report
end

-- A failure is noted in the run's folder, as far as that can still be written.
function Trainer:fail(outcome)
  pcall(self.note, self, "failed", outcome.message)
  pcall(self.folder.write_json, self.folder, "run.json", self.info)
  pcall(self.write_report, self)
  local found, good = pcall(self.good_checkpoint, self)
  folder.unlock(self.lock)
  failure.raise(outcome.message .. (found and good or ""), 1)
end

--- Trains to the end or to Ctrl-C. Returns "finished" or "interrupted", and the report's path. A failure is raised.
function Trainer:train()
  self.seconds_before = self.info.seconds or 0
  self.progress = self.search and self.search:progress(self.quiet) or
    progress.new(self.info.steps, self.state.step, by_weight(self.info.critics), self.quiet)
  local report
  local ok, outcome = xpcall(function()
    local status = self:until_stopped()
    report = self:close(status)
    return status
  end, failure.handler)
  if ok then self.progress:show(self:position(), true) end
  self.progress:clear()
  if not ok then self:fail(outcome) end
  folder.unlock(self.lock)
  return outcome, report
end

--- Where the run stands, for a sentence: "step 1200", "trial 7".
function Trainer:place() return ("%s %d"):format(self.search and "trial" or "step", self:position()) end

--- What the run did, in a few sentences for a terminal.
function Trainer:closing_text()
  local count, seconds = format.count(self.state.step), format.duration(self.info.seconds)
  if not self.search then return ("Trained %s for %s steps in %s.\n"):format(self.info.name, count, seconds) end
  return ("%s %s in %s.\n%s"):format(self.search:done() > 0 and "Searched" or "Judged", self.info.name, seconds,
    trials.text(self.info.search))
end

--- The last evaluation of this process as a text; nil where there was none.
function Trainer:evaluation_text()
  if not self.last then return nil end
  return self.judge == panel and lift.text(self.last) or evaluation.text(self.last, self.info.responses)
end

return trainer
