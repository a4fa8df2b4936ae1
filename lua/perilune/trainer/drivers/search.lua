--- The driver of an algorithm that looks for one action for everybody by trials.
---
--- The algorithm's `search` (perilune/algorithms/cem.lua) is a plain loop over what door.lua shows it; it runs as a coroutine
--- that stops at each trial and goes on with its score.
---
--- All trials between two calls of `meet` have the same users and random draws. A trial's score is the objective of a user and
--- day, or of a request (the option `per`): Σ weight · reward / scale over the critics. Beside the trials
--- the starting vector runs on the same users: what they would have had without the search. It gives the scale "baseline", and what
--- the trials cost.
---
--- Where the algorithm's options have `observes`, what is looked for is an action that is linear in these observations: its
--- weights are further numbers of a vector, and a trial is served by the agent of its numbers.
---
--- What a search does depends on the recipe, its seed and the scores alone, so that a stopped one goes on by running its
--- loop again with the scores that it has had.

local failure = require "perilune.failure"
local format = require "perilune.format"
local keys = require "perilune.keys"
local prl = require "perilune"
local records = require "perilune.records"
local algorithms = require "perilune.recipe.algorithms"
local build = require "perilune.recipe.build"
local recipe_load = require "perilune.recipe.load"
local recipe_search = require "perilune.recipe.search"
local trials = require "perilune.stats.trials"
local door = require "perilune.trainer.drivers.door"
local score = require "perilune.trainer.drivers.score"
local log = require "perilune.trainer.log"
local panel = require "perilune.trainer.panel"
local progress = require "perilune.trainer.progress"

local search = {code_goes_on = true}

-- ---- the kind of driver (drivers/init.lua) ----

function search.takes(algorithm) return algorithm.search ~= nil end
function search.made(info) return info.search ~= nil end
function search.constant(info) return not info.search.observes end

--- From the first word on, so that a search that is killed goes on as one. It counts trials in place of steps.
function search.planned(loaded)
  local counted = loaded.algorithm.trials
  return {search = {trials = 0, planned = counted and counted(loaded.recipe.algorithm) or 0,
    observes = loaded.recipe.algorithm.observes}}
end

local meanings = {
  {"vector", "Vector", "The action that was adopted after each generation."},
  {"score", "Score", "Objective of a user and day, or of a request: best and mean of the generation's trials, and the starting action."},
}

function search.meanings(_, algorithm)
  local own, list = algorithm.metrics or {}, {}
  for _, one in ipairs(meanings) do
    if not own[one[1]] then list[#list + 1] = {kind = one[1], title = one[2], text = one[3]} end
  end
  for _, kind in ipairs(keys(own)) do list[#list + 1] = {kind = kind, title = own[kind][1], text = own[kind][2]} end
  return list
end

function search.check(_, state, path)
  if not state.search then failure.run(("%s: search: the run is a search"):format(path)) end
end

function search.extend()
  failure.usage("a search is as long as its algorithm's options say: --steps does not go with it")
end

function search.ended(info) return info.status == "finished" end

function search.ended_text(info, _, path)
  return ("%s is finished: it made %s trials, as many as its recipe says.\n"):format(path, format.grouped(info.search.trials))
end

-- ---- the search of a run ----

local Search = {}
Search.__index = Search

local function new(run, what)
  local recipe, spec, algorithm = what.recipe, what.spec, what.algorithm
  local self = setmetatable({run = run, recipe = recipe, spec = spec, algorithm = algorithm, hash = what.hash,
    forms = score.forms(recipe), state = run.state.search}, Search)
  local opt = algorithms.given(algorithm, recipe.algorithm)
  self.by_request = recipe.algorithm.per == "request"
  self.total = algorithm.trials and algorithm.trials(opt) or 0
  self.main = score.main_response(spec, self.forms)
  self.door = door.new(recipe_search.dimensions(recipe, spec), recipe.train.seed, algorithm.trials ~= nil)
  self.base = 0 -- dimensions of the action, which come before weights
  for i, dimension in ipairs(self.door.dimensions) do self.base = dimension.observes and self.base or i end
  self.loop = coroutine.create(function() algorithm.search(self.door, opt) end)
  self:go_on()
  return self
end

-- The mean and the deviation of each observation that the algorithm observes, over the warm-up under the starting vector.
local function context_of(env, recipe, spec, start)
  local wanted, steps = recipe.algorithm.observes, math.ceil(recipe.train.warmup / env:count())
  local place, sums, squares, context = {}, {}, {}, {mean = {}, std = {}}
  for i, name in ipairs(spec.observation.names) do place[name] = i end
  for _, name in ipairs(wanted) do sums[name], squares[name] = 0, 0 end
  local action = prl.zeros(env:count(), #start) + prl.tensor(start)
  local observation = env:reset()
  for _ = 1, steps do
    for _, row in ipairs(observation:totable()) do
      for _, name in ipairs(wanted) do
        local value = row[place[name]]
        sums[name], squares[name] = sums[name] + value, squares[name] + value * value
      end
    end
    observation = env:step(action)
  end
  local count = steps * env:count()
  for _, name in ipairs(wanted) do
    local mean = sums[name] / count
    local variance = squares[name] / count - mean * mean
    if variance <= 1e-12 * mean * mean then
      failure.run(("algorithm.observes: %s did not vary over %d steps of the warm-up"):format(name, count))
    end
    context.mean[name], context.std[name] = mean, math.sqrt(variance)
  end
  return context
end

--- The search of a run that begins. loaded: of recipe/load.lua. Its users live in panels, not in the environments.
function search.start(run, env, loaded)
  local recipe = loaded.recipe
  local start = door.single(recipe_search.vector(recipe, loaded.spec))
  run.state.search = {scores = {}, tried = {}, beside = {}, first = 1, rows = 0, user_days = 0, start = start,
    vector = start, sums = {}, context = recipe.algorithm.observes and context_of(env, recipe, loaded.spec, start)}
  env:free()
  return new(run, loaded)
end

-- What a checkpoint says has a number for each dimension and for each critic.
local function check_state(self, path)
  local state = self.state
  local function same(found, expected, what)
    if found ~= expected then failure.run(("%s: search.%s: expected %d numbers, got %d"):format(path, what, expected, found)) end
  end
  same(#state.start, #self.spec.action.names, "start")
  if state.last then same(#state.last, #self.door.dimensions, "last") end
  for _, name in ipairs(self.recipe.algorithm.observes or {}) do
    if not (state.context and state.context.mean[name] and state.context.std[name]) then
      failure.run(("%s: search.context: that of the observation %s is missing"):format(path, name))
    end
  end
  for _, form in ipairs(state.scales and self.forms or {}) do
    if not state.scales[form.name] then
      failure.run(("%s: search.scales: that of the critic %s is missing"):format(path, form.name))
    end
  end
end

--- The search of a run that goes on. options: trust; checkpoint: the path of its state.
function search.resume(run, env, options, checkpoint)
  env:free()
  local info, place, trust = run.info, run.folder, options.trust
  for _, part in ipairs {"algorithm", "policy"} do
    local file = info[part .. "_file"]
    if file and not trust then
      failure.usage(("%s: its %s, %s, is code: it runs only with --trust"):format(place.path, part, file))
    end
  end
  local path = place:file("recipe.json")
  local data = records.read(path) or failure.run(("there is no %s, by which the search goes on"):format(path))
  local loaded, message = recipe_load.resolved(data, {trust = trust, spec = place.spec, code = info.code,
    hash = info.hash, files = {algorithm = info.algorithm_file, policy = info.policy_file}})
  if not loaded then failure.run(("%s: %s"):format(path, message)) end
  local self = new(run, loaded)
  check_state(self, checkpoint)
  self:replay()
  if self.state.rows > 0 then self:open_table() end
  return self
end

-- Runs the algorithm to its next trial, or to its end. reached: the score of the last one.
function Search:go_on(reached)
  local ok, vector = coroutine.resume(self.loop, reached)
  if not ok then
    if failure.is_defect(vector) then error(debug.traceback(self.loop, tostring(vector)), 0) end
    if type(vector) == "string" then failure.run(vector) end
    error(vector, 0)
  end
  self.next = coroutine.status(self.loop) == "suspended" and vector or nil
end

-- The loop again up to where it was, with the scores of then.
function Search:replay()
  local state, last = self.state, nil
  for _, reached in ipairs(state.scores) do
    if not self.next then break end
    last = self.next
    self:go_on(reached)
  end
  self.door.adopted = false -- the checkpoint's agent is it
  for i, number in ipairs(last or {}) do
    if number ~= state.last[i] then last = nil end
  end
  if #state.scores > 0 and not last then
    failure.run("the search cannot go on: its algorithm makes other trials than it made before it was stopped")
  end
end

function Search:over() return self.next == nil end
Search.long_enough = Search.over

function Search:position() return #self.state.scores end
function Search:place() return ("trial %d"):format(self:position()) end
function Search:user_days() return self.state.user_days end
function Search:scale(critic) return (self.state.scales or {})[critic] end

--- A search is no worse for its last trial.
function Search:tried_updates() end
function Search:saved() return self.run.agent end

-- ---- trials ----

-- The agent of these numbers.
function Search:agent_of(numbers)
  local policy = recipe_search.policy(self.recipe, self.spec, numbers, self.state.context)
  return prl.agent(build.plan(self.recipe, self.spec, self.algorithm, self.hash, policy))
end

-- What a panel takes: numbers; of a policy that looks at observations the file of its agent, which stays for a trial.
function Search:policy(vector)
  if not self.state.context then return {constant = recipe_search.vector(self.recipe, self.spec, vector)} end
  self.trial_file = self.run.folder:file("trial.safetensors")
  local agent = self:agent_of(vector)
  failure.check(agent:save(self.trial_file))
  agent:free()
  return {agent = self.trial_file}
end

function Search:panel(vector)
  local cohort = self.door.cohort
  return panel.run(self.run.info, {users = cohort.users, days = cohort.days, action = "mean",
    seed = door.seed_of("users", self.recipe.train.seed, cohort.number), watch = self.run:watch "trial",
    threads = self.run.threads or self.run.info.evaluation.threads},
    self:policy(vector))
end

-- ---- trials.csv ----

function Search:open_table()
  local names = {"generation", "trial", "users", "days", "requests", "score"}
  for _, dimension in ipairs(self.door.dimensions) do names[#names + 1] = "action/" .. dimension.name end
  for _, response in ipairs(self.spec.responses) do names[#names + 1] = "mean/" .. response.name end
  self.table = log.table(self.run.folder, "trials.csv", names, self.state.rows)
end

function Search:row(trial, vector, sums, reached)
  local cohort = self.door.cohort
  local row = {cohort.number, trial, cohort.users, cohort.days, sums.requests, reached}
  for _, number in ipairs(vector) do row[#row + 1] = number end
  for _, response in ipairs(self.spec.responses) do
    row[#row + 1] = sums[response.name] / (cohort.users * cohort.days)
  end
  if not self.table then self:open_table() end
  failure.check(self.table:row(row))
  self.state.rows = self.state.rows + 1
end

function Search:score(sums, user_days)
  return score.of(self.forms, self.state.scales, sums, self.by_request and sums.requests or user_days)
end

-- What these users would have had without the search.
function Search:beside(user_days)
  local state, start = self.state, {}
  if state.reference and state.reference.cohort == self.door.cohort.number then return end
  for i, dimension in ipairs(self.door.dimensions) do start[i] = dimension.start end
  local sums = score.totals(self.spec, self:panel(start))
  state.scales = state.scales or score.scales(self.forms, sums) -- those of the first users stay
  state.reference = {cohort = self.door.cohort.number, score = self:score(sums, user_days),
    main = sums[self.main] / user_days}
  state.trial = 0
  self:row(0, start, sums, state.reference.score)
end

--- One trial, and what the algorithm makes of it up to the next.
function Search:advance()
  local run, state, vector, cohort = self.run, self.state, self.next, self.door.cohort
  local user_days = cohort.users * cohort.days
  self:beside(user_days)
  local sums = score.totals(self.spec, self:panel(vector))
  local reached = self:score(sums, user_days)
  state.trial = state.trial + 1
  self:row(state.trial, vector, sums, reached)
  local n = #state.scores + 1
  state.scores[n], state.tried[n], state.beside[n] = reached, sums[self.main] / user_days, state.reference.main
  state.last = vector
  state.user_days = state.user_days + user_days
  for name, sum in pairs(sums) do state.sums[name] = (state.sums[name] or 0) + sum end
  run.state.step = run.state.step + sums.requests
  self:go_on(reached)
  self:take_up()
end

-- The vector that the algorithm adopted becomes the run's policy, and its trials a row of the metrics.
function Search:take_up()
  local adopted, run, state = self.door.adopted, self.run, self.state
  if not adopted then return end
  self.door.adopted = false
  state.vector = door.single(recipe_search.vector(self.recipe, self.spec, adopted.vector))
  state.weights = state.context and {unpack(adopted.vector, self.base + 1)}
  run.agent:free()
  run.agent = self:agent_of(adopted.vector)
  run.state.updates = run.state.updates + 1
  run.log:update(run.state.step, self:metrics(adopted))
  state.first, state.sums = #state.scores + 1, {}
end

function Search:metrics(adopted)
  local state, best, sum = self.state, -math.huge, 0
  local metrics = {updates = self.run.state.updates, trials = #state.scores}
  for i = state.first, #state.scores do
    best, sum = math.max(best, state.scores[i]), sum + state.scores[i]
  end
  if #state.scores >= state.first then
    metrics["score/best"], metrics["score/mean"] = best, sum / (#state.scores - state.first + 1)
    metrics["score/start"] = state.reference.score
    for _, response in ipairs(self.spec.responses) do
      metrics["response/" .. response.name] = state.sums[response.name] / state.sums.requests
    end
  end
  for i, dimension in ipairs(self.door.dimensions) do
    metrics["vector/" .. dimension.name] = adopted.vector[i]
    for name, numbers in pairs(adopted.more) do metrics[name .. "/" .. dimension.name] = numbers[i] end
  end
  return metrics
end

--- A search has no agent that learns, and takes no other recipe.
function Search:between() return nil end -- luacheck: no self
function Search:follow() end

function Search:close()
  if self.trial_file then os.remove(self.trial_file) end
  if self.table then failure.check(self.table:close()) end
end

-- ---- what it came to ----

--- For run.json and the report (stats/trials.lua).
function Search:summary()
  local state, vector, zero = self.state, {}, true
  for i, name in ipairs(self.spec.action.names) do
    vector[i] = {name = name, value = state.vector[i]}
    zero = zero and state.start[i] == 0
  end
  for i, dimension in ipairs(self.door.dimensions) do
    if dimension.observes then
      vector[#vector + 1] = {name = dimension.name, value = (state.weights or {})[i - self.base] or 0}
    end
  end
  local summary = {trials = #state.scores, observes = self.recipe.algorithm.observes, planned = self.total,
    generations = self.run.state.updates, user_days = state.user_days, requests = self.run.state.step, response = self.main,
    vector = vector,
    start = zero and "the zero action" or "the starting action"}
  if #state.scores > 0 then summary.lift, summary.worst = trials.lifts(state.tried, state.beside) end
  return summary
end

function Search:progress(quiet)
  return progress.new(self.total, self:position(), {}, quiet or not self.next, "trials")
end

function Search:importance() end

function Search:closing_text(seconds)
  return ("%s %s in %s.\n%s"):format(self:position() > 0 and "Searched" or "Judged", self.run.info.name, seconds,
    trials.text(self.run.info.search))
end

return search
