--- The guards of a recipe, `agent.guards`: what a policy that is swapped in may lose beside the control group before the agent goes
--- back by itself (runtime/agent/control/guards.h).

local keys = require "perilune.keys"
local nearest = require "perilune.nearest"
local schema = require "perilune.recipe.schema"
local values = require "perilune.recipe.values"

local guards = {}

-- What is beside the guards themselves.
local function is_option(name) return schema.find(schema.guards, name) ~= nil end

-- A guard of the name at `at`: its one bound, relative to the control group, or of an update's metric where it is kl.
local function resolve_one(check, name, given, at)
  local one = check.section(schema.guard, given, at)
  if (one.at_least == nil) == (one.at_most == nil) then
    check.fail(at, "expected one of at_least and at_most, got " .. (one.at_least and "both" or "none"))
  end
  local key = one.at_least and "at_least" or "at_most"
  local relative = type(one[key]) == "table"
  if name == "kl" and (relative or key == "at_least") then
    check.fail(at .. "." .. key, "how far an update moves the policy is bounded by a number, as in kl = {at_most = 0.05}")
  elseif name ~= "kl" and not relative then
    check.fail(at .. "." .. key, ("expected relative(share), as in relative(-0.02): a guard compares with the control group; got %s")
      :format(values.show(one[key])))
  end
  return one
end

local function known_names(spec)
  local names = {"kl"}
  for _, response in ipairs(spec.responses) do names[#names + 1] = response.name end
  return names
end

-- A response that is named as an option is: its guard would be read as that.
local function refuse_taken(check, value, path, names)
  for _, option in ipairs(schema.guards) do
    if type(value[option.name]) == "table" and values.among(names, option.name) then
      check.fail(path .. "." .. option.name, ("%s is an option of the guards, and so the response of this name cannot be "
        .. "guarded; it can under another name"):format(option.name))
    end
  end
end

--- spec: of the environment; nil where that is wrong itself.
function guards.resolve(check, value, path, spec)
  if type(value) ~= "table" then
    values.wrong(check, path, "guards by response, as in {watch_time = {at_least = relative(-0.005)}}", value)
  end
  local options, found, count = {}, {}, 0
  local names = spec and known_names(spec)
  if names then check.try(refuse_taken, check, value, path, names) end
  for _, name in ipairs(keys(value)) do
    local at = path .. "." .. tostring(name)
    if is_option(name) then
      options[name] = value[name]
    elseif names and not values.among(names, name) then
      local all = schema.names(schema.guards)
      for _, known in ipairs(names) do all[#all + 1] = known end
      check.note(at, ("the env has no response %s, and nobody measures it%s"):format(values.show(name), nearest.hint_or_list(name, all)))
      count = count + 1
    else
      found[name] = check.try(resolve_one, check, name, value[name], at)
      count = count + 1
    end
  end
  if count == 0 then check.fail(path, "there is no guard; one is a response's bound, as in watch_time = {at_least = relative(-0.005)}") end
  local result = check.section(schema.guards, options, path)
  for name, one in pairs(found) do result[name] = one end
  return result
end

--- The names of its guards, those on responses first.
function guards.names(given)
  local names = {}
  for _, name in ipairs(keys(given)) do
    if not is_option(name) and name ~= "kl" then names[#names + 1] = name end
  end
  if given.kl then names[#names + 1] = "kl" end
  return names
end

local MOST = 32 -- PRL_GUARDS_MOST

--- What compares them with the environment and the algorithm.
function guards.check(check, recipe, spec, env, algorithm)
  local given, path = recipe.agent.guards, "agent.guards"
  if not recipe.agent.baseline then
    check.note(path, 'a guard compares with a control group, and there is none: agent.baseline = {policy = "zero"} makes one')
  end
  local names = guards.names(given)
  if #names > MOST then check.note(path, ("expected at most %d guards, got %d"):format(MOST, #names)) end
  if given.kl and not (algorithm.metrics or {}).approx_kl then
    check.note(path .. ".kl", ("%s does not say how far an update moved the policy (approx_kl), as ppo does"):format(
      recipe.algorithm[1] or recipe.algorithm.lua))
  end
  if #names > (given.kl and 1 or 0) and not spec.clock and env.kind ~= "host" then
    check.note(path .. ".days", ("users count by their first days, and the env %s has no clock"):format(values.show(spec.name)))
  end
end

--- `guards` of the plan.
function guards.document(recipe)
  local given = recipe.agent.guards
  local list = {}
  for i, name in ipairs(guards.names(given)) do
    list[i] = {name = name, at_least = given[name].at_least, at_most = given[name].at_most}
  end
  return {confidence = given.confidence, days = given.days, users = given.users, list = list,
    lives = recipe.env.episode == "life" or nil}
end

local function bound_text(one)
  local bound, way = one.at_least or one.at_most, one.at_least and "at least" or "at most"
  if type(bound) == "number" then return ("%s %.4g"):format(way, bound) end
  return ("%s %+.4g %%"):format(way, 100 * bound.relative)
end

--- What `check` says of a recipe's guards.
function guards.text(recipe)
  local given, env, parts = recipe.agent.guards, recipe.env, {}
  for i, name in ipairs(guards.names(given)) do parts[i] = name .. " " .. bound_text(given[name]) end
  local few = env[1] ~= "host" and env.episode ~= "life"
    and ("; the %d instances of the env are one user each, who counts once"):format(env.n)
  return ("guards: %s; idle until a swap, then of users' first %.4g days, %.4g %% sure%s"):format(table.concat(parts, ", "),
    given.days, 100 * given.confidence, few or "")
end

return guards
