--- Where a policy begins (`policy.start`): at a constant action for everybody, as the production vector of a recommender, or at
--- the policy of a run. It differs from it by what it learns.

local environment = require "perilune.recipe.environment"
local keys = require "perilune.keys"
local prl = require "perilune"
local schema = require "perilune.recipe.schema"
local search = require "perilune.recipe.search"
local values = require "perilune.recipe.values"

local start = {}

-- ---- what a recipe says of it ----

local function constant(check, given, path, spec, policy)
  if spec.action.kind ~= "continuous" then
    check.fail(path, ("a constant start is of continuous actions, and those of %s are %s: a run is needed"):format(
      spec.name or "the env", spec.action.kind))
  end
  if type(given) ~= "table" then values.wrong(check, path, "a constant action by dimension, as in {diversity = 0.5}", given) end
  environment.constant(check, spec, given, path)
  for _, name in ipairs(keys(given)) do
    local own, value = (policy.action or {})[name], given[name]
    if type(own) == "number" and own ~= value then
      check.note(path .. "." .. name, ("policy.action holds it at %s, got %s"):format(values.show(own), values.show(value)))
    elseif type(own) == "table" and type(value) == "number" and not (value >= own[1] and value <= own[2]) then
      check.note(path .. "." .. name, ("expected a number within policy.action, %s, got %s"):format(values.show(own),
        values.show(value)))
    end
  end
end

-- What the same numbers mean another policy without.
local meaning = {"activation", "bounded", "trunk", "normalise", "lua", "action", "unit", "log_std", "observes", "embed", "memory"}

-- The first place below two values at which they differ, and what is there: nil where they are the same.
local function apart(a, b, place)
  if type(a) ~= "table" or type(b) ~= "table" then
    if prl.to_json {a} ~= prl.to_json {b} then return place, a, b end
    return nil
  end
  local both = {}
  for _, side in ipairs {a, b} do
    for key in pairs(side) do both[key] = true end
  end
  for _, key in ipairs(keys(both)) do
    local at, theirs, ours = apart(a[key], b[key], ("%s.%s"):format(place, tostring(key)))
    if at then return at, theirs, ours end
  end
end

local function shown(value) return value == nil and "not given" or values.show(value) end

--- Where the recipe of a saved policy differs in what its numbers mean, as a sentence; nil: nowhere.
local function differs(theirs, ours)
  for _, name in ipairs(meaning) do
    local a, b = theirs[name], ours[name]
    if name == "log_std" then a, b = a and a.kind == "fixed" and a or a and a.kind, b.kind == "fixed" and b or b.kind end
    if name == "unit" then a, b = a or "env", b or "env" end
    local place, there, here = apart(a, b, name)
    if place then return ("its policy.%s is %s, and here it is %s"):format(place, shown(there), shown(here)) end
  end
end

local function of_run(check, result, path, policy)
  local found, agent = values.saved(check, {run = result.run, digest = result.digest}, {}, path)
  local theirs = agent and prl.acting(agent, "").recipe
  local wrong = theirs and differs(theirs.policy, policy)
  if wrong then check.fail(path, ("%s: %s"):format(result.run, wrong)) end
  return found
end

--- spec: of the environment; nil where that is wrong itself. policy: the recipe's, whose `action` is resolved.
function start.resolve(check, value, path, spec, policy)
  if type(value) == "string" then value = {run = value} end
  local result = check.section(schema.start, value, path)
  if (result.constant == nil) == (result.run == nil) then
    check.fail(path, ("expected one of constant and run, as in {constant = {diversity = 0.5}} or \"runs/…\", got %s"):format(
      result.run and "both" or "none"))
  end
  if not spec then return result end
  if result.run then
    result = check.try(of_run, check, result, path, policy) or result
  else
    if result.digest then check.note(path .. ".digest", "this is of a run, and none is given") end
    if policy.lua then check.note(path .. ".constant", "a network from a file, policy.lua, begins where that lets it") end
    check.try(constant, check, result.constant, path .. ".constant", spec, policy)
  end
  return result
end

--- What compares it with the algorithm.
function start.check(check, recipe, spec, algorithm)
  local given, policy = recipe.policy.start, recipe.policy
  if recipe.algorithm.trust and not given then
    check.note("algorithm.trust", "this keeps the policy near policy.start, and there is none, as in "
      .. '{constant = {diversity = 0.5}} or "runs/…"')
  end
  for _, part in ipairs {"memory", "embed"} do
    if recipe.algorithm.trust and policy[part] then
      check.note("algorithm.trust", ("this compares the policy with a copy of its start, and that of policy.%s is not kept"):format(part))
    end
  end
  if not given then return end
  if algorithm.search then check.note("policy.start", "a search learns no policy: it begins at the action nearest to zero") end
  local vector = (policy.bounded or algorithm.networks == "own") and start.vector(recipe, spec)
  for i, name in ipairs(vector and spec.action.names or {}) do
    local bounds, value = policy.action[name], vector[i]
    if type(bounds) == "table" and (value <= bounds[1] or value >= bounds[2]) then
      check.note("policy.start.constant." .. name, ("the mean stays between the bounds, %s, by tanh, and never comes to %s: another "
        .. "start, or wider bounds (policy.action), are needed%s"):format(values.show(bounds), values.show(value),
        policy.bounded and ", or policy.bounded = false" or ""))
    end
  end
end

-- ---- what a plan makes of it ----

--- The whole action at which the policy begins: a list; nil: it begins at none.
function start.vector(recipe, spec)
  local given = recipe.policy.start
  return given and given.constant and search.constant(recipe, spec, given.constant)
end

-- Insists that the set has the same parameters in the saved policy.
local function fits(set, theirs, run)
  if not theirs then error(("policy.start: %s has no parameters %s, which this policy acts by"):format(run, set.name), 0) end
  for k = 1, math.max(#set.params, #theirs.params) do
    local a, b = theirs.params[k], set.params[k]
    local function text(param) return param and ("%s (%s)"):format(param.name, table.concat(param.shape, ", ")) or "absent" end
    if text(a) ~= text(b) then
      error(("policy.start: %s: parameter %d of %s is %s, and here it is %s"):format(run, k, set.name, text(a), text(b)), 0)
    end
  end
end

--- Puts the run's parameters into a plan: sets (its documents), tensors (their values), acting ({set that act reads = the run's set
--- where that has none of this name}). Copies for targets and of the start are the same. Returns the run's statistics of
--- observations, where it has any.
function start.take(recipe, sets, tensors, acting)
  local given = recipe.policy.start
  if not (given and given.run) then return nil end
  local agent, message = require("perilune.saved").exactly(given.run, given.digest) -- few recipes need it
  if not agent then error("policy.start: " .. message, 0) end
  local found, numbers = prl.acting(agent, "")
  local theirs = {}
  for _, set in ipairs(found.sets) do theirs[set.name] = set end
  for _, set in ipairs(sets) do
    local from = acting[set.name] and (theirs[set.name] or theirs[acting[set.name]])
    if acting[set.name] then fits(set, from, given.run) end
    for _, param in ipairs(from and set.params or {}) do
      for _, copy in ipairs {"", "start/", "target/"} do
        local name = copy .. set.name .. ":" .. param.name
        if tensors[name] then tensors[name] = numbers[from.name .. ":" .. param.name] end
      end
    end
  end
  return found.normaliser
end

return start
