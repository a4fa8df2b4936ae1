--- The constraints of an objective: what they are on, their bounds and multipliers, as the plan holds them.

local keys = require "perilune.keys"
local nearest = require "perilune.nearest"
local schema = require "perilune.recipe.schema"
local values = require "perilune.recipe.values"

local constraints = {}

--- A multiplier: a number, or what a learned one is made of.
function constraints.multiplier(check, value, path)
  if type(value) == "number" then return check.option({kind = "number", min = 0}, value, path) end
  if type(value) ~= "table" then values.wrong(check, path, "a number, or learned {lr = 0.01, max = 10}", value) end
  local result = check.section(schema.learned, value, path)
  if result.init and result.max and result.init > result.max then
    check.note(path .. ".init", ("expected at most max, %s, got %s"):format(values.show(result.max), values.show(result.init)))
  end
  return result
end

local function resolve_one(check, name, given, at, critics)
  if type(name) ~= "string" or not name:find("^[%a_][%w_]*$") then
    check.fail(at, "a constraint has a name of letters, digits and _, as in share = {at_least = 0.1}")
  end
  local one = check.section(schema.constraint, given, at)
  one.critic = one.critic or name
  if not critics[one.critic] then
    check.note(at .. (given.critic and ".critic" or ""), ("there is no critic %s%s"):format(values.show(one.critic),
      nearest.hint_or_list(one.critic, keys(critics))))
  end
  local bound = one.at_least or one.at_most
  if (given.at_least == nil) == (given.at_most == nil) then
    check.note(at, "expected one of at_least and at_most, got " .. (given.at_least and "both" or "none"))
  elseif type(bound) == "table" and one.unit then
    check.note(at .. ".unit", "a bound that is relative has the control group's mean as its unit")
  elseif bound == 0 and not one.unit then
    check.note(at, "a bound of 0 says nothing of what is near it: unit is missing, the size of a violation that counts as 1")
  end
  one.multiplier = constraints.multiplier(check, one.multiplier or {}, at .. ".multiplier")
  return one
end

--- Constraints by name; nil where there is none, as if it was not said.
function constraints.resolve(check, value, path, critics)
  if value == nil then return nil end
  if type(value) ~= "table" then values.wrong(check, path, "constraints by name", value) end
  local result = {}
  for _, name in ipairs(keys(value)) do
    result[name] = check.try(resolve_one, check, name, value[name], path .. "." .. tostring(name), critics)
  end
  return next(result) and result
end

--- What compares them with the environment and the algorithm.
function constraints.check(check, recipe, spec, env, algorithm)
  local all = recipe.objective.constraints
  if not all then return end
  if algorithm.search then
    check.note("objective.constraints", "a search has no multipliers; an algorithm that learns is needed, such as a2c or ppo")
  end
  for _, name in ipairs(keys(all)) do
    local bound = all[name].at_least or all[name].at_most
    if type(bound) == "table" and not recipe.agent.baseline then
      check.note(("objective.constraints.%s.%s"):format(name, all[name].at_least and "at_least" or "at_most"),
        "a relative bound is measured against a control group, and there is none: agent.baseline = {policy = \"zero\"} makes one")
    end
    if all[name].per == "user_day" and not spec.clock and env.kind ~= "host" then
      check.note(("objective.constraints.%s.per"):format(name), ("expected step or episode, got user_day: the env %s has no clock")
        :format(values.show(spec.name)))
    end
  end
end

--- As the plan holds them: [{name, critic, per, at_least or at_most, unit, window, learned or multiplier}]. live: where a
--- fixed multiplier is listed as an option that may change.
function constraints.documents(all, live)
  local out = {}
  for i, name in ipairs(keys(all or {})) do
    local one, path = all[name], ("objective.constraints.%s.multiplier"):format(name)
    local fixed = type(one.multiplier) == "number"
    if fixed then live[path] = {value = one.multiplier, low = 0} end
    out[i] = {name = name, critic = one.critic, per = one.per, at_least = one.at_least, at_most = one.at_most, unit = one.unit,
      window = one.window, multiplier = fixed and path or nil, learned = not fixed and one.multiplier or nil}
  end
  return #out > 0 and out or nil
end

return constraints
