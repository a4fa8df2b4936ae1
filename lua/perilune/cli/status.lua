--- `perilune status RUN`: how far a run is, and by which recipe.

local failure = require "perilune.failure"
local format = require "perilune.format"
local judged = require "perilune.judged"
local options = require "perilune.cli.options"
local saved = require "perilune.saved"
local show = require("perilune.cli.entry").show
local terminal = require "perilune.terminal"

local status = {summary = "how far a run is, and by which recipe"}

-- The step of the last update in metrics.csv or of the newest checkpoint, since run.json has that of its last writing and updates may be
-- far apart.
local function step_of(run)
  local steps, all = run.metrics.columns.step, saved.checkpoints(run.folder)
  return math.max(run.info.step, steps[#steps] or 0, #all > 0 and saved.step(all[#all]) or 0)
end

-- For how many updates what acts has waited while critics are refitted; nil: it does not.
local function refit_of(run)
  local updates = run.metrics.columns.refit
  local last = updates and updates[#updates]
  return last and last == last and last or nil -- an empty cell is NaN
end

-- The share of a ramp that is not over; nil: there is none.
local function ramp_of(brought, standing)
  local last, counted = brought[#brought], standing and standing.ramp
  if not (last and last.ramp and last.ramp.share < 1) then return nil end
  local known = counted and counted.share == last.ramp.share or nil -- standing.json is of a moment ago
  return {share = last.ramp.share, since = last.step, users = known and counted.users, after = known and counted.after}
end

-- What learns beside, and how near its policy is to what acts, by the last row of metrics.csv; nil: nothing does.
local function shadow_of(run, hash)
  local columns, shadow = run.metrics.columns, run.info.shadow
  if shadow and shadow.hash == hash then return nil end -- it is confirmed, which run.json says a moment later
  local function last(name)
    local values = columns[name]
    local value = values and values[#values]
    return value and value == value and value or nil
  end
  return shadow and {hash = shadow.hash, since = shadow.step, ess = last "shadow_ess", overlap = last "shadow_overlap"}
end

-- What is said, as data.
local function found_of(run)
  local info, journal = run.info, require "perilune.records.journal"
  local swaps = journal.swaps(run.journal)
  local requests = require "perilune.trainer.requests"
  local at_work, unknown = requests.at_work(run.folder)
  local waiting = requests.waiting(run.folder)
  local last = swaps[#swaps] -- run.json and standing.json say it a moment later
  local hash, changes = last and last.after or info.hash, {}
  local counted = at_work ~= false and require("perilune.trainer.standing").read(run.folder) or nil
  if counted and counted.hash ~= hash then counted = nil end
  for i, change in ipairs(info.hash == hash and info.changes or {}) do changes[i] = {step = change.step, set = change.set} end
  return {run = run.folder, at_work = at_work, unknown = unknown,
    status = at_work == false and info.status == "running" and "gone" or info.status,
    step = step_of(run), steps = info.steps, refit = refit_of(run), hash = hash, since = last and last.step or 0,
    ramp = ramp_of(journal.brought(run.journal), counted), shadow = shadow_of(run, hash),
    guards = counted and #counted.guards > 0 and counted.guards or nil,
    waiting = at_work ~= false and waiting or nil, left = at_work == false and waiting or nil,
    changes = #changes > 0 and changes or nil, lines = #run.journal, last = run.journal[#run.journal]}
end

local function show_text(found)
  terminal.out(("%s: %s, step %s%s\n"):format(found.run, found.at_work and "a training is at work" or found.status == "gone"
    and "its process is gone" or found.unknown and ("it cannot be told whether a training is at work (%s)"):format(found.unknown)
    or found.status, format.grouped(found.step), found.steps and " of " .. format.grouped(found.steps) or ""))
  terminal.out(("recipe %s, in force since step %s\n"):format(found.hash:sub(1, 8), format.grouped(found.since)))
  if found.ramp then
    local ramp = found.ramp
    terminal.out(("ramp: it serves %s of the users since step %s, the recipe before the others%s\n"):format(format.share(ramp.share),
      format.grouped(ramp.since), ramp.users and ("; %s of them have counted, and the next share takes %s and guards that hold"):format(
      format.grouped(ramp.users), format.grouped(ramp.after)) or ""))
  end
  for _, line in ipairs(judged {guards = found.guards}) do terminal.out("guard ", line, "\n") end
  if found.shadow then
    terminal.out(("shadow: recipe %s learns beside since step %s: %s\n"):format(found.shadow.hash:sub(1, 8),
      format.grouped(found.shadow.since), found.shadow.ess and ("effective sample size %.1f %%, overlap with what acts %.1f %%"):format(
        100 * found.shadow.ess, 100 * found.shadow.overlap) or "no densities are known, by which it could be weighed against what acts"))
  end
  if found.refit then
    terminal.out(("the actor has waited for %s while critics are refitted\n"):format(format.plural(found.refit, "update")))
  end
  for _, change in ipairs(found.changes or {}) do
    terminal.out(("set since step %s: %s\n"):format(format.grouped(change.step), change.set))
  end
  if found.waiting then
    terminal.out(("a %s by %s waits for the end of the training's present piece of work%s\n"):format(found.waiting.kind,
      found.waiting.author, found.waiting.reason and ": " .. found.waiting.reason or ""))
  end
  if found.left then
    terminal.out(("a %s by %s was never looked at, and no training is at work: it is refused when the run goes on\n"):format(
      found.left.kind, found.left.author))
  end
  if found.last then
    terminal.out(("last of %s in its journal:\n"):format(format.plural(found.lines, "line")))
    show(found.last)
  end
end

function status.run(argv)
  local parser = options.parser("status", "Says how far a run is, whether a training is at work in it, which recipe is in force, and "
    .. "what was last done to it.")
  parser:argument("run", "The run's folder.")
  parser:flag("--json", "The same as a JSON object, with the journal's last line as `last`.")
  local words = options.parse(parser, argv)
  local found = found_of(failure.check_recipe(require("perilune.records.run").load(words.run)))
  if words.json then terminal.json(found) else show_text(found) end
  return 0
end

return status
