--- What an operator, or a guard of the recipe, does to a run while it trains: a request of a command (requests.lua), or an edit of
--- the recipe's file (`train --watch`), is looked for between two updates and carried out. What was asked, and what became of it,
--- is a line of the journal, which is on the disk before a swap or a rollback is in force: where it cannot be written, nothing is
--- changed. What happens by itself, as a guard that fires, is in force without it; its line is written as soon as it can be.

local failure = require "perilune.failure"
local format = require "perilune.format"
local about = require "perilune.trainer.about"
local asked = require "perilune.trainer.asked"
local difference = require "perilune.recipe.difference"
local drivers = require "perilune.trainer.drivers"
local journal = require "perilune.trainer.journal"
local past = require "perilune.records.journal"
local progress = require "perilune.trainer.progress"
local recipes = require "perilune.trainer.recipes"
local requests = require "perilune.trainer.requests"
local standing = require "perilune.trainer.standing"
local terminal = require "perilune.terminal"
local watch = require "perilune.trainer.watch"

local operator = {}

local pause = 0.2 -- s between two looks: the clock of a look costs no system call, a look one or two
local told_every = 2 -- s: where guards stand, for `perilune status`

local Operator = {}
Operator.__index = Operator

-- Whether all guards of the recipe in force hold, by what is known now.
local function all_held(run)
  local list = run.driver:between() ~= nil and run.agent:guards() or {}
  for _, guard in ipairs(list) do
    if guard.state ~= "held" then return false end
  end
  return #list > 0
end

-- The recipe that a guard that fires goes back to; nil: there is none.
local function previous_of(run) return run.driver:between() ~= nil and run.agent:previous() or nil end

--- options: trust, watch (of trainer.start). files: what the recipe was made of; without them they are looked up.
function operator.new(run, options, files)
  standing.forget(run.folder)
  local self = setmetatable({run = run, trust = options.trust, next = 0, next_told = 0, unwritten = {}, told = {}}, Operator)
  if options.watch then
    self.watched = watch.new(run.info, options, files)
  end
  self.passed, self.previous = all_held(run), previous_of(run)
  self.shadow = run.info.shadow and run.info.shadow.hash
  self:look_at_refit()
  self:refuse_left()
  return self
end

local function say(run, text)
  if run.progress then run.progress:clear() end -- there is none yet where it goes on
  terminal.err("perilune: ", text, "\n")
end

local function text_of(entry)
  return ("%s by %s at step %.0f: %s"):format(entry.kind, entry.author, entry.step, entry.outcome)
end

-- ---- lines of the journal ----

-- What is found again at every look is said once. about: one word.
function Operator:say_once(about_what, text)
  if text and text ~= self.told[about_what] then say(self.run, text) end
  self.told[about_what] = text
end

-- The line of what was asked for, behind those that wait; raises where one cannot be written.
function Operator:line(entry)
  local ok, written, unsaid = xpcall(function()
    for _ = 1, #self.unwritten do
      journal.append(self.run, self.unwritten[1])
      table.remove(self.unwritten, 1)
    end
    if entry then return journal.append(self.run, entry) end
  end, failure.handler)
  if not ok then failure.run("the journal cannot be written: " .. written.message) end
  if self.told.journal then say(self.run, "the journal can be written again, and has the lines that waited") end
  self.told.journal = nil
  self:say_once("run", unsaid)
  return written
end

-- Writes the lines that wait, if they can be written.
function Operator:catch_up()
  if #self.unwritten == 0 then return end
  local ok, refused = pcall(self.line, self)
  if ok then return end
  self:say_once("journal", ("%s; the training goes on, and %s to be written"):format(refused.message, #self.unwritten == 1
    and "a line waits" or ("%d lines wait"):format(#self.unwritten)))
end

-- What happened by itself: it is said, and has its line as soon as that can be written.
function Operator:note(fields)
  local entry = journal.entry(self.run, fields)
  say(self.run, text_of(entry))
  self.unwritten[#self.unwritten + 1] = entry
  self:catch_up()
end

--- The run is over: what is still to be written is written, or said to be lost.
function Operator:close()
  standing.forget(self.run.folder)
  self:catch_up()
  for _, entry in ipairs(self.unwritten) do say(self.run, "the journal has no line of: " .. text_of(entry)) end
end

-- ---- what is asked for ----

local function fields_of(request)
  return {kind = request.kind, author = request.author, reason = request.reason, request = request.id}
end

-- The answer where nothing is done; the training goes on whether or not the journal can have it.
function Operator:refuse(request, message)
  local entry = fields_of(request)
  entry.outcome = "refused: " .. message
  local ok, written = pcall(self.line, self, entry)
  if ok then return written end
  if request.id then requests.reply(self.run.folder, {request = request.id, outcome = entry.outcome}) end
  return journal.entry(self.run, entry)
end

-- What waited for a training that is over was asked of the run as it was then.
function Operator:refuse_left()
  for _, request in ipairs(requests.left(self.run.folder)) do
    say(self.run, text_of(self:refuse(request, "the training ended before it was looked at; ask again")))
  end
end

-- A swap to what is in force already would only take the place of the recipe before it, to which there were no way back then.
local function in_force_already(request, previous)
  if request.kind == "check" then return "this recipe is in force already: a swap would change nothing" end
  return "this recipe is in force already: nothing is changed" .. (previous and (", and a rollback goes back to %s as before"):format(
    previous:sub(1, 8)) or "")
end

-- Looks at what a request asks for, and completes its entry; what is wrong with it is raised. Returns what brings it into force,
-- a function of the entry; nil where nothing is changed.
function Operator:prepare(request, entry)
  local run = self.run
  if run.driver:between() == nil then failure.usage("a search has no agent that could take another recipe") end
  local shadow = run.agent:shadow()
  local wanted
  if request.kind == "rollback" and shadow then
    entry.outcome = ("the shadow of the recipe %s is dropped"):format(shadow.hash:sub(1, 8))
    return function() self:drop() end
  elseif request.kind == "rollback" then
    wanted = asked.kept(run, "rollback", run.agent:previous())
  elseif request.kind == "confirm" then
    wanted = asked.kept(run, "confirm", shadow and shadow.updates > 0 and shadow.hash or nil)
  else
    wanted = asked.swap(run, self.trust, request)
    local changes
    entry.plan, changes = asked.agent(run.agent, "check_swap", wanted.plan, wanted.how, request)
    if not changes then
      entry.plan, entry.outcome = nil, in_force_already(request, run.agent:previous())
      return nil
    end
  end
  entry.after, entry.changes = wanted.hash, wanted.changes
  if request.kind == "check" then
    entry.outcome = "can be carried out"
    return nil
  elseif request.kind == "swap" and request.mode == "shadow" then
    entry.kind, entry.outcome = "shadow", "learns beside"
    return function(written) self:begin_shadow(wanted, written) end
  end
  recipes.keep(run)
  entry.outcome, entry.ramp = "in force", wanted.ramp
  return function(written) self:bring(wanted, written) end
end

--- Carries out a request {kind, recipe, set, author, reason, id}: the journal's line says what became of it, and is returned.
function Operator:carry_out(request)
  local entry, act = fields_of(request), nil
  local ok, refused = xpcall(function()
    act = self:prepare(request, entry)
    entry = self:line(entry)
  end, failure.handler)
  if not ok then return self:refuse(request, refused.message) end
  if act then act(entry) end
  return entry
end

-- What was found to be possible was not, since memory was short. True: it was.
function Operator:try(wanted, entry)
  local ok, refused = xpcall(asked.agent, failure.handler, self.run.agent, wanted.call, wanted.plan, wanted.how)
  if not ok then
    self:note {kind = entry.kind, author = entry.author, request = entry.request, outcome = "failed: " .. refused.message}
  end
  return ok
end

-- ---- a recipe that learns beside ----

local prefix = "^shadow_"

-- What the metrics of a run mean while it has a shadow; and those of the shadow's recipe, as if it were in force.
local function meanings_of(agent)
  local said, kinds = agent:meanings()
  local own, own_kinds, shadowed = {}, {}, {}
  for _, kind in ipairs(kinds) do
    local name, title = kind:gsub(prefix, ""), said[kind][1]:gsub("^Shadow: ", "")
    if name ~= kind then shadowed[#shadowed + 1] = {kind = kind, title = said[kind][1], text = said[kind][2]} end
    if not own[name] then own_kinds[#own_kinds + 1] = name end
    own[name] = {title, said[kind][2]}
  end
  return shadowed, {meanings = function() return own, own_kinds end}
end

-- Its files are kept as those of a recipe that was in force, so that it can come into force.
function Operator:begin_shadow(wanted, entry)
  local run = self.run
  if not self:try(wanted, entry) then return end
  local shadowed, meanings = meanings_of(run.agent)
  recipes.keep_new(run, wanted.loaded, about.recipe(wanted.loaded, meanings, drivers.of_run(run.info), wanted.set))
  local known = {}
  for _, one in ipairs(run.info.metrics) do known[one.kind] = true end
  for _, one in ipairs(shadowed) do
    if not known[one.kind] then run.info.metrics[#run.info.metrics + 1] = one end
  end
  self.shadow = wanted.hash
  run.info.shadow = {hash = wanted.hash, step = run.state.step}
  run.folder:write_json("run.json", run.info)
  run:save()
end

-- It is no more: dropped, confirmed, or its learning failed.
function Operator:end_shadow()
  self.shadow, self.run.info.shadow = nil, nil
end

function Operator:drop()
  asked.agent(self.run.agent, "rollback")
  self:end_shadow()
  self.run.folder:write_json("run.json", self.run.info)
  self.run:save()
end

-- What is wanted comes into force; the journal has its line.
function Operator:bring(wanted, entry)
  if not self:try(wanted, entry) then return end
  for _, part in ipairs(entry.plan or {}) do wanted.refits = wanted.refits or part.outcome == "refitted" end
  self.waiting = wanted
  self:settle()
end

--- Once the other recipe is in force, at once or when the update ends that runs, the run's records say so, and a checkpoint
--- holds it.
function Operator:settle()
  local run, waiting = self.run, self.waiting
  if not waiting or run.agent:hash() ~= waiting.hash or waiting.call == "confirm" and run.agent:shadow() then return end
  self.waiting, self.passed, self.stepped, self.refitting = nil, false, nil, waiting.refits or false
  if waiting.call == "confirm" then self:end_shadow() end
  standing.write(run)
  if waiting.loaded then
    recipes.keep_new(run, waiting.loaded, about.recipe(waiting.loaded, run.agent, drivers.of_run(run.info), waiting.set))
  end
  run.info.swaps = (run.info.swaps or 0) + 1
  run:save()
  recipes.put(run, waiting.hash)
  self.previous = previous_of(run)
  run.driver:follow()
end

-- A guard has fired, and the agent has gone back to the recipe before the swap by itself, where there was one.
function Operator:breached(breach)
  local run = self.run
  local reason, hash = run.agent:notice(), run.agent:hash()
  recipes.keep(run)
  self:note({kind = "guard", author = "perilune", guards = standing.numbers {breach}, reason = reason,
    outcome = "fired: " .. breach.name})
  if not self.previous then return end -- there was nothing to go back to
  local changes = difference.list(recipes.resolved(run), recipes.resolved(run, hash))
  self:note({kind = "rollback", author = "perilune", reason = "the guard " .. breach.name .. " fired",
    after = hash, changes = changes, outcome = "in force"})
  self.waiting = {hash = hash}
  self:settle()
end

-- The agent has dropped its shadow by itself, since its learning failed or a guard fired.
function Operator:look_at_shadow()
  local run = self.run
  if not self.shadow or run.agent:shadow() then return end
  local entry = {kind = "shadow", author = "perilune", reason = run.agent:notice(), after = self.shadow, outcome = "is dropped"}
  self:end_shadow()
  self:note(entry)
end

-- What the guards of the recipe have found since the last look.
function Operator:look_at_guards()
  local run = self.run
  if run.driver:between() == nil then return end
  local breach = run.agent:breach()
  if breach and breach.update ~= self.breach then
    self.breach = breach.update
    self:breached(breach)
  end
  if not self.passed and all_held(run) then -- the first time since the swap
    self.passed = true
    self:note({kind = "guard", author = "perilune", guards = standing.numbers(run.agent:guards()),
      outcome = "hold so far, and go on counting"})
  end
end

-- A ramp has come to its next share by itself, once all guards held.
function Operator:look_at_ramp()
  local run = self.run
  local ramp = run.driver:between() ~= nil and run.agent:ramp()
  if not ramp or not ramp.update or ramp.update == self.stepped then return end
  self.stepped, self.passed = ramp.update, false
  self:note({kind = "ramp", author = "perilune", guards = standing.numbers(ramp.guards),
    ramp = {before = ramp.before, share = ramp.share, users = ramp.guards[1].users},
    outcome = ramp.share < 1 and ("serves %s of the users"):format(format.share(ramp.share)) or "serves everybody: the ramp is over"})
  run:save()
end

-- The refit of the last swap (agent.refit); nil where there was none.
local function refit_of(run) return run.driver:between() ~= nil and run.agent:refit() or nil end

-- Whether what acts waits while critics are refitted, and how that ended.
function Operator:look_at_refit()
  local run = self.run
  local refit = refit_of(run)
  local running = refit ~= nil and refit.state == "running"
  if refit and self.refitting and not running then
    self:note({kind = "refit", author = "perilune", outcome = ("the actor goes on after %s: %s"):format(
      format.plural(refit.updates, "update"), refit.state == "reached" and "the critics explain as much as agent.refit asks for"
      or "not every critic explains as much as agent.refit asks for")})
  end
  self.refitting = running
end

--- Looks for what is asked, and at guards. Called between two pieces of the run's work.
function Operator:look()
  if self.waiting then return self:settle() end
  self:look_at_shadow()
  self:look_at_guards()
  self:look_at_ramp()
  self:look_at_refit()
  local now = progress.now()
  if now < self.next or self.run.driver:between() == false then return end
  self.next = now + pause
  self:catch_up()
  if now >= self.next_told and self.run.driver:between() ~= nil then
    self.next_told = now + told_every
    standing.write(self.run)
  end
  local request, message = requests.take(self.run.folder)
  self:say_once("request", message)
  if not request and self.watched then
    request, message = self.watched:request(self.run.info.hash)
    if message then say(self.run, message) end
  end
  if not request then return end
  say(self.run, text_of(self:carry_out(request)))
  if request.id then requests.done(self.run.folder) end
end

--- Live options that were set when the run went on, for the journal.
function operator.note_set(run, changes)
  journal.append(run, {kind = "set", author = journal.author(), changes = changes, outcome = "in force"})
end

-- The checkpoint may be from before a shadow began, or from before it was dropped.
local function reconcile_shadow(run)
  local shadow, said = run.agent:shadow(), run.info.shadow
  run.info.shadow = shadow and {hash = shadow.hash, step = shadow.since} or nil
  if (shadow and shadow.hash) == (said and said.hash) then return end
  journal.append(run, {kind = "resume", author = journal.author(), outcome = shadow
    and ("the recipe %s learns beside again, as in the checkpoint"):format(shadow.hash:sub(1, 8))
    or ("the shadow of the recipe %s had no checkpoint yet"):format(said.hash:sub(1, 8))})
end

--- A run that goes on has the recipe of its checkpoint in force: where the journal and run.json say another one, since the
--- process ended between a swap and its checkpoint or the newest checkpoint is damaged, they are set right.
function operator.reconcile(run)
  local entries = journal.take_up(run)
  local hash, last = run.agent:hash(), nil
  for _, entry in ipairs(entries) do
    if entry.outcome == "in force" or entry.kind == "resume" then last = entry.after end
  end
  local brought = past.brought(entries)
  local beyond = #brought > 0 and brought[#brought].step > run.state.step -- of a recipe with the same hash, too
  if last and (last ~= hash or beyond) then
    entries[#entries + 1] = journal.append(run, {kind = "resume", author = journal.author(), before = last, after = hash,
      outcome = "what came into force behind the checkpoint is undone, and its recipe is in force again"})
    say(run, ("the recipe %s of the journal had no checkpoint yet: %s is in force again"):format(last:sub(1, 8), hash:sub(1, 8)))
  end
  reconcile_shadow(run)
  local count = #past.swaps(entries)
  if #entries == 0 or (run.info.hash == hash and count == (run.info.swaps or 0)) then return end
  run.info.swaps = count > 0 and count or nil
  recipes.put(run, hash)
end

return operator
