--- What is asked of a run while it trains (operator.lua): the recipe that a request would bring into force, or all that is wrong with it.

local failure = require "perilune.failure"
local invocation = require "perilune.invocation"
local prl = require "perilune"
local difference = require "perilune.recipe.difference"
local recipes = require "perilune.trainer.recipes"

local asked = {}

-- Whether it is an edit of the run's own file (--watch), of which no command can be told to ask otherwise.
local function is_edit(request) return request.id == nil end

--- A function of the agent, and its results: what it refuses is a failure. how: a swap is carried out, {mode, schedules}. request:
--- what asks for it, where that is a swap.
function asked.agent(agent, name, plan, how, request)
  local ok, result, more = pcall(agent[name], agent, plan, how)
  if ok then return result, more end
  local command = request and is_edit(request) and "perilune train --watch" or "perilune swap"
  failure.usage((tostring(result):gsub("^[^:\n]*:%d+: ", ""):gsub("^%a+: ", "")
    :gsub("schedules go_on or restart$", command .. " --schedules go-on, or --schedules restart")))
end

-- What a run keeps of its own recipe; the control group, since what it is counted in stays.
local stays = {{"^env%.", "its env, eval and train"}, {"^eval%.", "its env, eval and train"}, {"^train%.", "its env, eval and train"},
  {"^agent%.baseline", "its control group"}}

local function kept_of(option)
  for _, one in ipairs(stays) do
    if option:find(one[1]) then return one[2] end
  end
end

-- The differences, of which one of a whole section that only one of the two recipes has is said as one.
local function by_section(changes, old, new)
  local was, is, list, said = old.agent.baseline, new.agent.baseline, {}, false
  for _, change in ipairs(changes) do
    local whole = not (was and is) and change.option:find "^agent%.baseline%."
    if not whole then
      list[#list + 1] = change
    elseif not said then
      said = true
      list[#list + 1] = {option = "agent.baseline", before = difference.text(was, "agent.baseline"),
        after = difference.text(is, "agent.baseline")}
    end
  end
  return list
end

-- Where the environment is another one, what that is, which says it of all its options; nil elsewhere.
local function other_env(changes)
  for _, change in ipairs(changes) do
    if change.option == "env.1" or change.option == "env.lua" or change.option == "env.c" then return change end
  end
end

-- A sentence on each option that is not the run's and must be; and the overrides that would make it that. advised: they are said.
local function not_the_runs(changes, advised)
  local env, sentences, back = other_env(changes), {}, {}
  for _, change in ipairs(changes) do
    local kept = kept_of(change.option)
    if kept and (not env or env == change or not change.option:find "^env%.") then
      local set = ("%s=%s"):format(change.option, change.before or "remove")
      back[#back + 1] = set
      sentences[#sentences + 1] = ("%s is %s in the new recipe and %s in the run, which keeps %s%s"):format(
        env == change and "env" or change.option, change.after or "absent", change.before or "absent", kept,
        (env == change or not advised) and "" or ("; --set %s gives it the run's"):format(invocation.quoted(set)))
    end
  end
  return sentences, not env and back or nil
end

-- What a request's recipe would be, with further overrides; or nil and a sentence.
local function load(run, trust, request, more)
  local set = {}
  for _, list in ipairs {request.set or {}, more} do
    for _, text in ipairs(list) do set[#set + 1] = text end
  end
  return prl.recipe.load(request.recipe, {set = set, seed = run.info.seed, trust = trust,
    running = not is_edit(request) and run.folder:file "resolved.lua" or nil}) -- an edit is no change of it
end

local function how_of(request) return {mode = request.mode, schedules = request.schedules} end

-- What else the agent would refuse, were those options the run's; nil: nothing, or it cannot be told.
local function refused_besides(run, trust, request, back)
  local loaded = back and load(run, trust, request, back)
  if not loaded then return nil end
  local ok, refused = xpcall(function()
    asked.agent(run.agent, "check_swap", failure.of_recipe(loaded.path, prl.recipe.plan, loaded), how_of(request), request)
  end, failure.handler)
  return not ok and refused.message or nil
end

--- What a request to swap brings into force: {call = of the agent, plan, how, loaded, set, hash, changes, ramp}; what is wrong with it is
--- raised, all of it. trust: code files of the recipe may run.
function asked.swap(run, trust, request)
  local loaded = failure.check_recipe(load(run, trust, request, {}))
  local old, new = recipes.resolved(run), prl.from_json(prl.to_json(loaded.recipe))
  local changes = difference.list(old, new)
  local wrong, back = not_the_runs(by_section(changes, old, new), not is_edit(request))
  if #wrong > 0 then
    wrong[#wrong + 1] = refused_besides(run, trust, request, back)
    failure.usage(#wrong == 1 and wrong[1] or ("%s: %d mistakes\n%s"):format(loaded.path, #wrong, table.concat(wrong, "\n")))
  end
  local ramp = request.mode == "ramp" and loaded.recipe.agent.ramp or nil
  return {call = "swap", how = how_of(request), ramp = ramp and {share = ramp.shares[1]},
    plan = failure.of_recipe(loaded.path, prl.recipe.plan, loaded), loaded = loaded, set = request.set or {},
    hash = loaded.hash, changes = changes}
end

--- A recipe that was kept, which a call of the agent brings into force; without one that call says why there is none.
function asked.kept(run, call, hash)
  if not hash then asked.agent(run.agent, call) end
  return {call = call, hash = hash, changes = difference.list(recipes.resolved(run), recipes.resolved(run, hash))}
end

return asked
