--- What an operator does to a run while it trains: a request of a command (requests.lua), or an edit of the recipe's file
--- (`train --watch`), is looked for between two updates and carried out. What was asked, and what became of it, is a line of the
--- journal, which is on the disk before a swap is in force.

local failure = require "perilune.failure"
local prl = require "perilune"
local about = require "perilune.trainer.about"
local difference = require "perilune.recipe.difference"
local drivers = require "perilune.trainer.drivers"
local journal = require "perilune.trainer.journal"
local past = require "perilune.records.journal"
local progress = require "perilune.trainer.progress"
local recipes = require "perilune.trainer.recipes"
local requests = require "perilune.trainer.requests"
local terminal = require "perilune.terminal"
local watch = require "perilune.trainer.watch"

local operator = {}

local pause = 0.2 -- s between two looks: the clock of a look costs no system call, a look one or two

local Operator = {}
Operator.__index = Operator

--- options: trust, watch (of trainer.start). files: what the recipe was made of; without them they are looked up.
function operator.new(run, options, files)
  requests.forget(run.folder)
  local self = setmetatable({run = run, trust = options.trust, next = 0}, Operator)
  if options.watch then
    self.watched = watch.new(run.info, run.info.set, files)
  end
  return self
end

-- Sections of a recipe that are no agent's: the run goes on with its own.
local stays = {env = true, eval = true, train = true}

local function refuse_change(changes)
  for _, change in ipairs(changes) do
    if stays[change.option:match("^[^.]+")] then
      failure.usage(("%s is %s in the new recipe and %s in the run; a swap leaves it"):format(change.option,
        change.after or "absent", change.before or "absent"))
    end
  end
end

-- The recipe that is asked for, its plan and what it changes; what is wrong with it is raised.
function Operator:load(request)
  local run = self.run
  if run.driver:between() == nil then failure.usage("a search has no agent that could take another recipe") end
  local loaded = failure.check_recipe(prl.recipe.load(request.recipe, {set = request.set, seed = run.info.seed, trust = self.trust}))
  local kept = prl.from_json(prl.to_json(loaded.recipe))
  local changes = difference.list(recipes.resolved(run), kept)
  refuse_change(changes)
  return loaded, failure.of_recipe(loaded.path, prl.recipe.plan, loaded), changes
end

-- A function of the agent: what it refuses is a failure.
local function ask(agent, name, plan)
  local ok, message = pcall(agent[name], agent, plan)
  if not ok then failure.usage((tostring(message):gsub("^[^:\n]*:%d+: ", ""):gsub("^swap: ", ""))) end
end

--- Carries out a request {kind, recipe, set, author, reason, id}: the journal's line says what became of it.
function Operator:carry_out(request)
  local run = self.run
  local entry = {kind = request.kind, author = request.author, reason = request.reason, request = request.id}
  local loaded, plan
  local ok, refused = xpcall(function()
    loaded, plan, entry.changes = self:load(request)
    entry.after = loaded.hash
    ask(run.agent, "check_swap", plan)
  end, failure.handler)
  if not ok then
    entry.after, entry.outcome = nil, "refused: " .. refused.message
  elseif request.kind == "check" then
    entry.outcome = "can be carried out"
  else
    return self:swap(request, loaded, plan, entry)
  end
  return journal.append(run, entry)
end

function Operator:swap(request, loaded, plan, entry)
  local run = self.run
  recipes.keep(run)
  entry.outcome = "in force"
  entry = journal.append(run, entry)
  local ok, refused = xpcall(ask, failure.handler, run.agent, "swap", plan)
  if not ok then -- what was found to be possible was not: memory was short
    return journal.append(run, {kind = entry.kind, author = entry.author, request = request.id, outcome = "failed: " .. refused.message})
  end
  self.waiting = {loaded = loaded, set = request.set or {}}
  self:settle()
  return entry
end

--- Once the new recipe is in force, at once or when the update ends that runs, the run's records say so, and a checkpoint
--- holds it.
function Operator:settle()
  local run, waiting = self.run, self.waiting
  if not waiting or run.agent:hash() ~= waiting.loaded.hash then return end
  self.waiting = nil
  local driver = drivers.of_run(run.info)
  recipes.keep_new(run, waiting.loaded, about.recipe(waiting.loaded, run.agent, driver, waiting.set))
  run.info.swaps = (run.info.swaps or 0) + 1
  run:save()
  recipes.put(run, waiting.loaded.hash)
  run.driver:follow()
end

local function say(run, text)
  if run.progress then run.progress:clear() end -- there is none yet where it goes on
  terminal.err("perilune: ", text, "\n")
end

local function text_of(entry)
  return ("%s by %s at step %.0f: %s"):format(entry.kind, entry.author, entry.step, entry.outcome)
end

--- Looks for what is asked. Called between two pieces of the run's work.
function Operator:look()
  if self.waiting then return self:settle() end
  local now = progress.now()
  if now < self.next or self.run.driver:between() == false then return end
  self.next = now + pause
  local request, message = requests.take(self.run.folder)
  if message then say(self.run, message .. "; it was taken away") end
  if not request and self.watched then request = self.watched:request(self.run.info.hash) end
  if request then say(self.run, text_of(self:carry_out(request))) end
end

--- Live options that were set when the run went on, for the journal. texts: of --set.
function operator.note_set(run, texts)
  local changes = {}
  for i, text in ipairs(texts) do
    local option, value = text:match("^%s*([^=]-)%s*=%s*(.-)%s*$")
    changes[i] = {option = option, after = value}
  end
  journal.append(run, {kind = "set", author = journal.author(), changes = changes, outcome = "in force"})
end

--- A run that goes on has the recipe of its checkpoint in force: where the journal and run.json say another one, since the
--- process ended between a swap and its checkpoint or the newest checkpoint is damaged, they are set right.
function operator.reconcile(run)
  local entries = journal.take_up(run)
  local hash, last = run.agent:hash(), nil
  for _, entry in ipairs(entries) do
    if entry.outcome == "in force" or entry.kind == "resume" then last = entry.after end
  end
  if run.info.hash ~= hash and #entries > 0 then recipes.put(run, hash) end
  if not last or last == hash then return end
  journal.append(run, {kind = "resume", author = journal.author(), before = last,
    outcome = "the checkpoint is of another recipe, which is in force again"})
  run.info.swaps = math.max(1, #past.swaps(entries))
  say(run, ("the recipe %s of the journal had no checkpoint yet: %s is in force again"):format(last:sub(1, 8), hash:sub(1, 8)))
end

return operator
