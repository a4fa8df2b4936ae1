--- The trials of an algorithm that looks for one action for everybody, in place of the trainer's drives.
---
--- The algorithm's `search` (perilune/algorithms/cem.lua) is a plain loop; it runs as a coroutine that stops at each trial
--- and goes on with its score. It sees
---   search.dimensions         {name, low, high, half, start}, …: the dimensions that are free
---   search:meet(users, days)  from here on trials are on these users, met by no trial before
---   search:try(vector)        the score of a vector: its trial is served to those users
---   search:adopt(vector, more)  the policy is now this vector; more: {name = {number of each dimension}} for the metrics
---   search:normal()           a standard normal draw
---
--- All trials between two calls of `meet` have the same users and chances. A trial's score is the objective of a user and
--- day: Σ weight · reward / scale over the critics. Beside the trials the starting vector runs on the same users: what they
--- would have had without the search. It gives the scale "baseline", and what the trials cost.
---
--- What a search does depends on the recipe, its seed and the scores alone, so that a stopped one goes on by running its
--- loop again with the scores that it has had.

local failure = require "perilune.failure"
local options = require "perilune.options"
local prl = require "perilune"
local records = require "perilune.records"
local algorithms = require "perilune.recipe.algorithms"
local build = require "perilune.recipe.build"
local recipe_load = require "perilune.recipe.load"
local recipe_search = require "perilune.recipe.search"
local log = require "perilune.trainer.log"
local panel = require "perilune.trainer.panel"
local progress = require "perilune.trainer.progress"
local trials = require "perilune.stats.trials"

local search = {}

-- ---- random numbers ----

-- A seed of its own for each use: 52 bits of a hash, so that it meets no seed that a recipe names.
local function seed_of(use, seed, number)
  return tonumber(prl.hash({"perilune search", use, seed, number}):sub(1, 13), 16)
end

local block = 256 -- draws that are made at once

-- ---- what the algorithm sees ----

local Door = {}
Door.__index = Door

function Door:meet(users, days)
  self.cohort = {number = (self.cohort and self.cohort.number or 0) + 1, users = users, days = days}
end

-- As the agent and the panel hold them, so that what is found is what was tried.
local function single(numbers) return prl.tensor(numbers):totable() end

local function of_dimensions(self, vector)
  if #vector == #self.dimensions then return single(vector) end
  options.refuse("search: a vector has a number for each of %d dimensions, and this one has %d", #self.dimensions, #vector)
end

function Door:try(vector)
  if not self.cohort then options.refuse("search:try before search:meet: there are no users to try a vector on") end
  if not self.counted then
    options.refuse("search:try in an algorithm without `trials`, the function that says how many trials there will be")
  end
  return coroutine.yield(of_dimensions(self, vector))
end

function Door:adopt(vector, more) self.adopted = {vector = of_dimensions(self, vector), more = more or {}} end

function Door:normal()
  local place = self.drawn % block
  if place == 0 then
    prl.seed(seed_of("draws", self.seed, self.drawn / block))
    self.draws = prl.randn(block):totable()
  end
  self.drawn = self.drawn + 1
  return self.draws[place + 1]
end

--- What an algorithm sees of it.
options.strict("search", "method", Door, {"dimensions", "meet", "try", "adopt", "normal"})

-- ---- the search of a run ----

local Search = {}
Search.__index = Search

-- The response that the run is about: the first that a reward reads.
local function main_response(spec, forms)
  for _, response in ipairs(spec.responses) do
    for _, form in ipairs(forms) do
      if form.of[response.name] then return response.name end
    end
  end
  return spec.responses[1].name
end

local function forms_of(recipe)
  local forms = {}
  for name, critic in pairs(recipe.objective.critics) do
    local form = recipe_search.linear(critic.reward)
    if form then
      form.name, form.weight, form.scale = name, critic.weight, critic.scale
      forms[#forms + 1] = form
    end
  end
  table.sort(forms, function(a, b) return a.name < b.name end)
  return forms
end

local function new(run, what)
  local recipe, spec, algorithm = what.recipe, what.spec, what.algorithm
  local self = setmetatable({run = run, recipe = recipe, spec = spec, algorithm = algorithm, hash = what.hash,
    forms = forms_of(recipe), state = run.state.search}, Search)
  local opt = algorithms.given(algorithm, recipe.algorithm)
  self.total = algorithm.trials and algorithm.trials(opt) or 0
  self.main = main_response(spec, self.forms)
  local door = setmetatable({dimensions = recipe_search.dimensions(recipe, spec), seed = recipe.train.seed, drawn = 0,
    counted = algorithm.trials ~= nil, cohort = false, adopted = false}, Door)
  self.door = door
  self.loop = coroutine.create(function() algorithm.search(door, opt) end)
  self:go_on()
  return self
end

--- What run.json says of a search before its first trial.
function search.planned(loaded)
  local counted = loaded.algorithm.trials
  return {trials = 0, planned = counted and counted(loaded.recipe.algorithm) or 0}
end

--- The search of a run that begins. loaded: of recipe/load.lua.
function search.start(run, loaded)
  local start = single(recipe_search.vector(loaded.recipe, loaded.spec))
  run.state.search = {scores = {}, tried = {}, beside = {}, first = 1, rows = 0, user_days = 0, start = start,
    vector = start, sums = {}}
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
  for _, form in ipairs(state.scales and self.forms or {}) do
    if not state.scales[form.name] then
      failure.run(("%s: search.scales: that of the critic %s is missing"):format(path, form.name))
    end
  end
end

--- The search of a run that goes on; checkpoint: the path of its state.
function search.resume(run, trust, checkpoint)
  local info, place = run.info, run.folder
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

-- Runs the algorithm to its next trial, or to its end.
function Search:go_on(score)
  local ok, vector = coroutine.resume(self.loop, score)
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
  for _, score in ipairs(state.scores) do
    if not self.next then break end
    last = self.next
    self:go_on(score)
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
function Search:done() return #self.state.scores end

-- ---- trials ----

function Search:panel(vector)
  local cohort = self.door.cohort
  return panel.run(self.run.info, {users = cohort.users, days = cohort.days, action = "mean",
    seed = seed_of("users", self.recipe.train.seed, cohort.number), watch = self.run:watch "trial",
    threads = self.run.threads or self.run.info.evaluation.threads},
    {constant = recipe_search.vector(self.recipe, self.spec, vector)})
end

-- Sums of a panel over its users: {response = number, requests = number}.
local function totals(self, judged)
  local function total(name)
    local sum = 0
    for _, value in ipairs(judged.columns[name]) do sum = sum + value end
    return sum
  end
  local result = {requests = total "requests"}
  for _, response in ipairs(self.spec.responses) do result[response.name] = total(response.name) end
  return result
end

local function reward(form, sums) return recipe_search.total(form, sums.requests, sums) end

-- The scale "baseline" is the mean of a request under the first starting vector, and stays.
function Search:measure_scales(sums)
  if self.state.scales then return end
  local scales = {}
  for _, form in ipairs(self.forms) do
    scales[form.name] = form.scale
    if form.scale == "baseline" then
      scales[form.name] = math.abs(reward(form, sums)) / sums.requests
      if scales[form.name] == 0 then
        failure.run(("the reward of the critic %s was 0 over %d requests of the starting vector, so scale \"baseline\" "
          .. "would divide by 0; give a number"):format(form.name, sums.requests))
      end
    end
  end
  self.state.scales = scales
end

function Search:score(sums, user_days)
  local score = 0
  for _, form in ipairs(self.forms) do
    score = score + form.weight * (reward(form, sums) / self.state.scales[form.name] / user_days)
  end
  if score ~= score or math.abs(score) == math.huge then failure.run("the score of a trial is not a finite number") end
  return score
end

-- ---- trials.csv ----

function Search:open_table()
  local names = {"generation", "trial", "users", "days", "requests", "score"}
  for _, dimension in ipairs(self.door.dimensions) do names[#names + 1] = "action/" .. dimension.name end
  for _, response in ipairs(self.spec.responses) do names[#names + 1] = "mean/" .. response.name end
  self.table = log.table(self.run.folder, "trials.csv", names, self.state.rows)
end

function Search:row(trial, vector, sums, score)
  local cohort = self.door.cohort
  local row = {cohort.number, trial, cohort.users, cohort.days, sums.requests, score}
  for _, number in ipairs(vector) do row[#row + 1] = number end
  for _, response in ipairs(self.spec.responses) do
    row[#row + 1] = sums[response.name] / (cohort.users * cohort.days)
  end
  if not self.table then self:open_table() end
  failure.check(self.table:row(row))
  self.state.rows = self.state.rows + 1
end

-- ---- going on ----

-- What these users would have had without the search.
function Search:beside(user_days)
  local state, start = self.state, {}
  if state.reference and state.reference.cohort == self.door.cohort.number then return end
  for i, dimension in ipairs(self.door.dimensions) do start[i] = dimension.start end
  local sums = totals(self, self:panel(start))
  self:measure_scales(sums)
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
  local sums = totals(self, self:panel(vector))
  local score = self:score(sums, user_days)
  state.trial = state.trial + 1
  self:row(state.trial, vector, sums, score)
  local n = #state.scores + 1
  state.scores[n], state.tried[n], state.beside[n] = score, sums[self.main] / user_days, state.reference.main
  state.last = vector
  state.user_days = state.user_days + user_days
  for name, sum in pairs(sums) do state.sums[name] = (state.sums[name] or 0) + sum end
  run.state.step = run.state.step + sums.requests
  self:go_on(score)
  self:take_up()
end

-- The vector that the algorithm adopted becomes the run's policy, and its trials a row of the metrics.
function Search:take_up()
  local adopted, run, state = self.door.adopted, self.run, self.state
  if not adopted then return end
  self.door.adopted = false
  state.vector = single(recipe_search.vector(self.recipe, self.spec, adopted.vector))
  run.agent:free()
  run.agent = prl.agent(build.plan(self.recipe, self.spec, self.algorithm, self.hash, state.vector))
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

function Search:close()
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
  local summary = {trials = #state.scores, planned = self.total, generations = self.run.state.updates,
    user_days = state.user_days, requests = self.run.state.step, response = self.main, vector = vector,
    start = zero and "the zero action" or "the starting action"}
  if #state.scores > 0 then summary.lift, summary.worst = trials.lifts(state.tried, state.beside) end
  return summary
end

--- The progress of a run is that of its trials.
function Search:progress(quiet)
  return progress.new(self.total, self:done(), {}, quiet or not self.next, "trials")
end

return search
