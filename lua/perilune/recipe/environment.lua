--- The `env` of a recipe: which environment, its options, and what it is made of.
---
--- What it is made of (the spec) has the shape that plans hold: observation {names, units}, action {kind, names,
--- units, choices, low, high}, responses [{name, unit, missing, combine, wait_us}].

local code_file = require "perilune.recipe.code_file"
local nearest = require "perilune.nearest"
local schema = require "perilune.recipe.schema"
local values = require "perilune.recipe.values"

local environment = {}

local action_kinds = {"continuous", "discrete", "multi_discrete"}

local function sorted_names(check, map, path, what)
  if type(map) ~= "table" then values.wrong(check, path, what, map) end
  local names = {}
  for name in pairs(map) do
    if type(name) == "string" then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

-- What rewards may read: known where the rest of an environment is wrong, too.
local function name_responses(check, spec)
  check.responses = {}
  for i, response in ipairs(spec.responses) do check.responses[i] = response.name end
end

-- ---- The host: what the recipe says is the spec ----

local function host_observation(check, value, path)
  local names = values.texts(check, value, nil, path)
  if #names == 0 then check.fail(path, 'a host\'s observation has names, as in {"hp", "distance"}') end
  local seen, units = {}, {}
  for i, name in ipairs(names) do
    if seen[name] then check.fail(path, ("%q appears twice"):format(name)) end
    seen[name], units[i] = true, ""
  end
  return names, {names = names, units = units}
end

local function host_bounds(check, value, path)
  local ok = values.holds(value, 2) and type(value[1]) == "number" and type(value[2]) == "number" and
    value[1] < value[2] and value[1] > -math.huge and value[2] < math.huge
  if not ok then values.wrong(check, path, "bounds {low, high}, as in {-1, 1}", value) end
  return {value[1], value[2]}
end

local function host_choices(check, value, path)
  local names = values.texts(check, value, nil, path)
  if #names < 2 then check.fail(path, 'a discrete dimension has two choices or more, as in {"left", "right"}') end
  return names
end

--- {"continuous", aim = {-1, 1}}. Dimensions are in byte order of their names.
local function host_action(check, value, path)
  local names = sorted_names(check, value, path, 'as in {"continuous", aim = {-1, 1}}')
  local kind = values.choice(check, value[1], {choices = action_kinds}, path)
  local resolved, spec = {kind}, {kind = kind, names = names, units = {}}
  if #names == 0 then check.fail(path, "an action has named dimensions, as in aim = {-1, 1}") end
  if #value > 1 then check.fail(path .. ".2", ("a value without a name (%s)"):format(values.show(value[2]))) end
  if kind == "discrete" and #names > 1 then
    check.fail(path, ("a discrete action has one dimension, and here are %s; write multi_discrete"):format(
      table.concat(names, ", ")))
  end
  if kind == "continuous" then spec.low, spec.high = {}, {} else spec.choices = {} end
  for i, name in ipairs(names) do
    local at = path .. "." .. name
    spec.units[i] = ""
    if kind == "continuous" then
      resolved[name] = check.try(host_bounds, check, value[name], at) or {0, 1}
      spec.low[i], spec.high[i] = resolved[name][1], resolved[name][2]
    else
      resolved[name] = check.try(host_choices, check, value[name], at) or {}
      spec.choices[i] = #resolved[name]
    end
  end
  return resolved, spec
end

local function host_responses(check, value, path)
  local names = sorted_names(check, value, path, 'as in {hit = {unit = "count"}}')
  local resolved, spec = {}, {}
  if #names == 0 then check.fail(path, 'a host has named responses, as in {hit = {unit = "count"}}') end
  for i, name in ipairs(names) do
    local at = path .. "." .. name
    local one = check.try(check.section, schema.response, value[name], at) or check.section(schema.response, nil, at)
    resolved[name] = one
    spec[i] = {name = name, unit = one.unit, missing = one.missing, combine = one.combine,
      wait_us = math.floor(one.wait * 1e6 + 0.5)}
  end
  return resolved, spec
end

--- Observations that actions can move: names of some, which a host may leave out.
local function host_influenced(check, value, path, observation)
  local names = values.texts(check, value, nil, path)
  for i, name in ipairs(names) do
    local known = false
    for _, one in ipairs(observation.names) do known = known or one == name end
    if not known then
      check.note(path .. "." .. i, ("there is no observation %s%s"):format(values.show(name),
        nearest.hint_or_list(name, observation.names)))
    end
  end
  return names
end

local host_parts = {observation = host_observation, action = host_action, responses = host_responses}

local function host(check, value, path)
  local rest, fields = {}, {"observation", "action", "responses"}
  local spec, resolved = {name = "host"}, {"host"}
  for key, part in pairs(value) do
    if key ~= 1 then rest[key] = part end
  end
  local meant, complete = check.known(rest, {"observation", "influenced", "action", "responses"}, path), true
  for _, field in ipairs(fields) do
    if value[field] ~= nil then
      resolved[field], spec[field] = check.try(host_parts[field], check, value[field], path .. "." .. field)
    elseif not meant[field] then
      check.note(path, ("a host's env says its %s"):format(field))
    end
    complete = complete and spec[field] ~= nil
  end
  if spec.responses then name_responses(check, spec) end
  if not complete then return nil end
  if value.influenced ~= nil then
    resolved.influenced = check.try(host_influenced, check, value.influenced, path .. ".influenced", spec.observation)
    spec.observation.influenced = resolved.influenced
  end
  return resolved, spec, {kind = "host"}
end

-- ---- Environments that run by themselves ----

-- Options whose defaults are not filled in, so that recipes of before an env had them keep their hashes.
local function is_later(one) return one.words or one.later end

-- set: the preset's value.
local function option_of(one, set)
  local default, meaning = set == nil and one.value or set, one.meaning
  if is_later(one) then default, meaning = set, ("%s; default: %s"):format(meaning, default) end
  if one.words then return {name = one.name, kind = "choice", choices = one.words, default = default, meaning = meaning} end
  return {
    name = one.name, kind = "number", default = default, unit = one.unit, meaning = meaning,
    min = one.low and one.low > -math.huge and one.low or nil, max = one.high and one.high < math.huge and
      one.high or nil,
  }
end

--- An environment's own options as the schema writes them. A preset gives other defaults.
function environment.own_options(about, preset)
  local options, settings = {}, {}
  for _, one in ipairs(about.presets or {}) do
    if one.name == preset then settings = one.settings end
  end
  if about.world then
    options[#options + 1] = {name = "world", kind = "text", required = true, meaning = about.world ..
      "; a path from the working folder, outside the hash; a regular file of at most 16 GiB"}
    options[#options + 1] = {name = "digest", kind = "text", meaning =
      "refuses a world with another digest; default: the file's"}
  end
  for _, one in ipairs(about.options or {}) do
    options[#options + 1] = option_of(one, settings[one.name])
  end
  return options
end

--- The same behind those that every environment has.
function environment.options(about, preset)
  local options = {}
  for i, option in ipairs(schema.env) do options[i] = option end
  for _, option in ipairs(environment.own_options(about, preset)) do options[#options + 1] = option end
  return options
end

local function reference(check, value, path)
  local given = {}
  for _, key in ipairs {"c", "lua"} do
    if value[key] ~= nil then given[#given + 1] = key end
  end
  if #given + (value[1] ~= nil and 1 or 0) ~= 1 then
    check.fail(path, 'an env is {"its name", …}, {c = "./file.so", …}, {lua = "./file.lua", …} or {"host", …}')
  end
  local key = given[1]
  if not key then return {name = values.text(check, value[1], nil, path)} end
  return {[key] = code_file.find(check, value[key], path .. "." .. key)}, key
end

local function preset_name(check, about, value, path)
  local names = {}
  for i, one in ipairs(about.presets or {}) do names[i] = one.name end
  if value == nil then return nil end
  if #names == 0 then check.fail(path .. ".preset", "unknown key; this env has no presets") end
  return values.choice(check, value, {choices = names}, path .. ".preset")
end

-- Whether the recipe asks for episodes of a day of an environment that does not know days.
local function lacks_days(about, rest)
  return rest.episode ~= nil and not about.clock and not schema.find(about.options or {}, "episode")
end

-- Where such an option is the default, it is as if it had not been said: such recipes are the same.
local function leave_defaults(about, resolved)
  for _, one in ipairs(about.options or {}) do
    if is_later(one) and resolved[one.name] == one.value then resolved[one.name] = nil end
  end
end

local function running(check, value, path)
  local ref, key = reference(check, value, path)
  local before, about, message = check.count(), check.env_spec(ref)
  if not about then check.fail(key and path .. "." .. key or path, message) end
  name_responses(check, about)
  local preset = check.try(preset_name, check, about, value.preset, path)
  local rest = {}
  for k, v in pairs(value) do
    if k ~= 1 and k ~= "c" and k ~= "lua" and k ~= "preset" then rest[k] = v end
  end
  if lacks_days(about, rest) then
    check.note(path .. ".episode", ("the env %s has no clock, and so no sessions or days that its episodes could be"):format(
      values.show(about.name)))
    rest.episode = nil
  end
  local resolved = check.section(environment.options(about, preset), rest, path)
  leave_defaults(about, resolved)
  local options = {world = resolved.world, digest = resolved.digest}
  for _, one in ipairs(about.options or {}) do options[one.name] = resolved[one.name] end
  local spec = about -- where an option is refused, the env with its defaults
  if check.count() == before then spec, message = check.env_spec(ref, options) end
  if not spec then check.fail(about.world and path .. ".world" or path, message) end
  name_responses(check, spec)
  resolved.preset, resolved.digest, options.digest = preset, spec.digest, spec.digest
  if key then resolved[key] = value[key] else resolved[1] = ref.name end
  return resolved, spec, {kind = key or "builtin", name = ref.name, path = key and ref[key], options = options,
    n = resolved.n}
end

--- The resolved `env`, its spec, and how to make it: {kind, name, path, options, n}. An environment that is made from
--- a file has its path and digest among the options.
function environment.resolve(check, value, path)
  if type(value) == "string" then value = {value} end
  if type(value) ~= "table" then values.wrong(check, path, 'as in {"cartpole", n = 8}', value) end
  if value[1] == "host" then return host(check, value, path) end
  return running(check, value, path)
end

-- ---- What the policy does with the action's dimensions ----

local function dimension(check, spec, i, value, path)
  local action = spec.action
  if action.kind == "continuous" then
    local low, high = action.low[i], action.high[i]
    local function within(x) return type(x) == "number" and x >= low and x <= high end
    if within(value) then return value end
    if values.holds(value, 2) and within(value[1]) and within(value[2]) and value[1] < value[2] then
      return {value[1], value[2]}
    end
    check.fail(path, ("expected bounds {low, high} or a number to hold, within %s, got %s"):format(
      values.show {low, high}, values.show(value)))
  end
  if action.kind == "multi_discrete" and type(value) == "number" and value % 1 == 0 and value >= 0 and
    value < action.choices[i] then
    return value
  end
  check.fail(path, action.kind == "discrete" and
    "a discrete action has one dimension; there is nothing to bound or hold" or
    ("expected a choice to hold, from 0 to %d, got %s"):format(action.choices[i] - 1, values.show(value)))
end

--- policy.action: for a continuous action every dimension with its bounds, or the number that it holds.
function environment.dimensions(check, spec, value, path)
  local action, resolved, held = spec.action, {}, 0
  if value == nil then value = {} end
  if type(value) ~= "table" then values.wrong(check, path, "named dimensions, as in {aim = {-1, 1}}", value) end
  for name in pairs(value) do
    local known = false
    for _, one in ipairs(action.names) do known = known or one == name end
    if not known then
      check.note(path .. "." .. tostring(name), ("the action has no dimension %s%s"):format(values.show(name),
        nearest.hint_or_list(tostring(name), action.names)))
    end
  end
  for i, name in ipairs(action.names) do
    if value[name] ~= nil then
      resolved[name] = check.try(dimension, check, spec, i, value[name], path .. "." .. name)
    elseif action.kind == "continuous" and action.low[i] > -math.huge and action.high[i] < math.huge then
      resolved[name] = {action.low[i], action.high[i]}
    end
    if type(resolved[name]) == "number" then held = held + 1 end
  end
  if held == #action.names then check.fail(path, "every dimension is held; there is nothing left to learn") end
  return resolved
end

local function constant_value(check, action, place, value, path)
  local choices = (action.choices or {})[place]
  local low, high = choices and 0 or action.low[place], choices and choices - 1 or action.high[place]
  if type(value) ~= "number" or not (value >= low and value <= high) or (choices and value % 1 ~= 0) then
    values.wrong(check, path, values.accepted {min = low, max = high, integer = choices ~= nil}, value)
  end
end

--- A constant action names dimensions, within their bounds.
function environment.constant(check, spec, given, path)
  local action = spec.action
  for name, value in pairs(given) do
    local at, place = path .. "." .. tostring(name), nil
    for i, one in ipairs(action.names) do place = one == name and i or place end
    if not place then
      check.note(at, ("the action has no dimension %s%s"):format(values.show(name),
        nearest.hint_or_list(tostring(name), action.names)))
    else
      check.try(constant_value, check, action, place, value, at)
    end
  end
end

-- What the front draws: responses whose sums over a user's days mean something.
local function front(check, spec, given, path)
  local summed = {}
  for _, response in ipairs(spec.responses) do
    if response.combine == nil or response.combine == "sum" then summed[#summed + 1] = response.name end
  end
  local function known(name, at)
    if not values.among(summed, name) then
      check.note(at, ("the env has no response %s that is summed%s"):format(values.show(name),
        nearest.hint_or_list(name, summed)))
    end
  end
  known(given.x, path .. ".x")
  if #given.y == 0 then check.note(path .. ".y", 'expected names of responses, as in {"like", "share"}, got {}') end
  for i, name in ipairs(given.y) do known(name, path .. ".y." .. i) end
  if type(given.vectors) ~= "table" then return end
  if #given.vectors == 0 then check.note(path .. ".vectors", "expected at least one constant action, got {}") end
  for i, vector in ipairs(given.vectors) do environment.constant(check, spec, vector, path .. ".vectors." .. i) end
end

--- eval: users and days need an environment with a clock; constant policies name dimensions, within their bounds, groups
--- observations, and the front responses. critics: of the recipe, whose names metrics may not have.
function environment.evaluation(check, spec, eval, path, critics)
  if eval.users > 0 and not spec.clock then
    check.note(path .. ".users", ("expected 0, got %d: the env %s has no clock, and no simulated days"):format(eval.users,
      values.show(spec.name)))
  end
  if type(eval.baseline) == "table" then environment.constant(check, spec, eval.baseline, path .. ".baseline") end
  for name, policy in pairs(eval.beside) do
    if type(policy) == "table" then environment.constant(check, spec, policy, path .. ".beside." .. name) end
  end
  for i, name in ipairs(eval.groups) do
    if not values.among(spec.observation.names, name) then
      check.note(path .. ".groups." .. i, ("the env has no observation %s%s"):format(values.show(name),
        nearest.hint_or_list(name, spec.observation.names)))
    end
  end
  if eval.front then front(check, spec, eval.front, path .. ".front") end
  if eval.metrics and next(eval.metrics) == nil then eval.metrics = nil end -- as if nothing was said
  if eval.metrics then -- few recipes have them, and a command begins sooner without
    require("perilune.recipe.metrics").check(check, eval, spec.responses, path, critics)
  end
end

return environment
