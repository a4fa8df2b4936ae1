--- Algorithms: their files, and their declared options as the schema writes them.
---
--- A file gives {summary, actions, bounds, networks, references, stale, asynchronous, optimizer, options, metrics, build}, or
--- {summary, actions, options, metrics, search, trials, refusal}: an algorithm that looks for one action for everybody by trials
--- (trainer/drivers/search.lua). bounds: whether each dimension of a continuous action must have bounds. networks: "own" where
--- none of the recipe's actor and critics is used, only widths, activation and initialisation of their layers. references:
--- whether it makes use of policies of other runs (learn:reference). asynchronous: whether several workers may learn by it at
--- once, each by steps of its own (runtime/agent/workers.c). recurrent: whether it trains a memory of the policy's: its losses
--- read batch.obs alone, through actor and critics. pairs: whether it learns from pairs of instances that meet the same chances
--- (prl_vecenv_couple). An option is
--- {default, unit, meaning, structural = true, min, max, above, integer, choices, optional, scale = "log", forms, of, kind}:
--- live unless structural; a nil or false default makes it optional; what differs by factors, such as a step size, has the scale
--- "log". forms: it is a table {NAME, its options}, as `correction = {"vtrace", rho = 1}`, and these are the options of each
--- NAME. kind: "text", without a default; "texts" or "sizes", a list; "saved", a run's folder or an agent's file whose policy acts
--- beside this one; such an option is structural. of: the option that must be given for this one to be there; of itself, where
--- nothing stands for its not being used, so that recipes from before it keep their hashes.
--- metrics: {kind = {title, sentence, of}}, of a kind of metric (a name up to a `/`) that it reports; of: the option that must be
--- given for that.

local algorithm_file = require "perilune.recipe.algorithm_file"
local code_file = require "perilune.recipe.code_file"
local keys = require "perilune.keys"
local nearest = require "perilune.nearest"
local options = require "perilune.options"
local prl = require "perilune"
local schema = require "perilune.recipe.schema"
local values = require "perilune.recipe.values"

local algorithms = {}

local prefix = "perilune.algorithms."

function algorithms.names()
  local names = {}
  for _, module in ipairs(prl.modules(prefix)) do names[#names + 1] = module:sub(#prefix + 1) end
  table.sort(names)
  return names
end

--- The table of a built-in algorithm, or nil.
function algorithms.find(name)
  for _, known in ipairs(algorithms.names()) do
    if known == name then return require(prefix .. name) end
  end
end

local function whole(x) return type(x) == "number" and x % 1 == 0 end

local function option(name, declared)
  local default, kind = declared[1], "number"
  if type(default) == "boolean" and not declared.optional then kind = "boolean" end
  if type(default) == "string" then kind = declared.choices and "choice" or "text" end
  if declared.forms then kind = "form" end
  kind = declared.kind or kind
  local integer = declared.integer
  if integer == nil then integer = declared.structural and kind == "number" and whole(default) and
    whole(declared.min) end
  if default == nil and (not declared.kind or kind == "saved") then default = false end
  local forms = declared.forms and {}
  for form, fields in pairs(declared.forms or {}) do forms[form] = algorithms.options {options = fields} end
  return {
    name = name, kind = kind, default = default, unit = declared[2] or "", meaning = declared[3] or "", forms = forms,
    of = declared.of,
    live = kind == "number" and not declared.structural, min = declared.min, max = declared.max, above = declared.above,
    integer = integer or nil, choices = declared.choices, optional = declared.optional or (default == false and
      kind ~= "boolean"),
  }
end

--- The options of an algorithm, in the order of their names.
function algorithms.options(algorithm)
  local names, list = keys(algorithm.options or {}), {}
  for i, name in ipairs(names) do list[i] = option(name, algorithm.options[name]) end
  return list
end

--- What becomes of steps that close under a newer policy than acted them, "drop" or "keep": those that are corrected stay.
--- resolved: its options.
function algorithms.stale(algorithm, resolved)
  return type(resolved.correction) == "table" and "keep" or algorithm.stale
end

--- The resolved options as the functions of an algorithm's file see them, false where one is not used: another name is refused.
function algorithms.given(algorithm, resolved)
  local copy = {}
  for name in pairs(algorithm.options or {}) do copy[name] = false end
  for name, value in pairs(resolved) do copy[name] = value end
  return options.strict("the algorithm", "option", copy, algorithm.options or {})
end

--- The fields of an optimizer, with the algorithm's own defaults.
function algorithms.optimizer(algorithm, kind)
  local own = algorithm.optimizer or {"adam"}
  local fields = {}
  for i, field in ipairs(schema.optimizers[kind]) do
    fields[i] = field
    if own[1] == kind and own[field.name] ~= nil then
      fields[i] = {}
      for k, v in pairs(field) do fields[i][k] = v end
      fields[i].default = own[field.name]
    end
  end
  return fields
end

local function resolve_optimizer(check, algorithm, value, path)
  local own = algorithm.optimizer or {"adam"}
  if value == nil then value = own end
  if type(value) == "string" then value = {value} end
  if type(value) ~= "table" then values.wrong(check, path, 'as in {"adam", epsilon = 1e-5}', value) end
  local kind = value[1] == nil and own[1] or value[1]
  local rest = {}
  values.choice(check, kind, {choices = {"sgd", "rmsprop", "adam", "adamw"}}, path)
  for k, v in pairs(value) do
    if k ~= 1 then rest[k] = v end
  end
  local resolved = check.section(algorithms.optimizer(algorithm, kind), rest, path)
  resolved[1] = kind
  return resolved
end

--- The algorithm in a user's trusted file; or nil and a sentence, in which what is wrong is reported with its line.
function algorithms.load(file)
  local algorithm, message = code_file.load(file)
  if message then return nil, message end
  if type(algorithm) ~= "table" then
    return nil, file .. " returns no algorithm: a table with options and a function build or search"
  end
  local where, wrong = algorithm_file.check(algorithm)
  if not where then return algorithm end
  local files = {{path = file, text = prl.io.read(file) or ""}}
  return nil, ("%s:%d: %s"):format(file, select(2, require("perilune.recipe.locate").key(files, where)), wrong)
end

local function load_file(check, value, path)
  local at = path .. ".lua"
  local algorithm, message = algorithms.load(code_file.find(check, value.lua, at))
  return algorithm or check.fail(at, message)
end

local function find(check, value, path)
  if value.lua ~= nil and value[1] ~= nil then
    check.fail(path, ("%s and lua = %s are given: an algorithm has a name or a file; [1] = remove leaves the file"):format(
      values.show(value[1]), values.show(value.lua)))
  end
  if value.lua ~= nil then return load_file(check, value, path) end
  local name = values.text(check, value[1], nil, path)
  local algorithm = algorithms.find(name)
  if not algorithm then
    check.fail(path, ("there is no algorithm %q%s"):format(name, nearest.hint_or_list(name, algorithms.names())))
  end
  return algorithm
end

local function handles(algorithm, kind)
  local does = algorithm.actions == nil
  for _, one in ipairs(algorithm.actions or {}) do does = does or one == kind end
  return does
end

--- The built-in algorithms that learn such actions: "a2c, ppo, sac and td3". bounded: whether all of them have bounds.
local function fitting(kind, bounded)
  local names = {}
  for _, name in ipairs(algorithms.names()) do
    local one = algorithms.find(name)
    local fits = not one.search and not one.asynchronous and not one.pairs and handles(one, kind)
    if fits and (bounded or not one.bounds) then names[#names + 1] = name end
  end
  return (table.concat(names, ", "):gsub(", ([^,]+)$", " and %1"))
end

--- The first dimension of a continuous action that has no bounds, neither from the env nor from the recipe.
local function unbounded(action, given)
  for i, name in ipairs(action.kind == "continuous" and action.names or {}) do
    local own = given and given[name]
    if not own and not (action.low[i] > -math.huge and action.high[i] < math.huge) then return name end
  end
end

--- Half ranges are of continuous actions that have some.
local function counted(check, spec, policy)
  if policy.unit ~= "half_range" then return end
  local free = unbounded(spec.action, policy.action)
  if spec.action.kind ~= "continuous" then
    check.note("policy.unit", ("half_range is of continuous actions, and those of %s are %s"):format(spec.name or "the env",
      spec.action.kind))
  elseif free then
    check.note("policy.unit", ("half_range needs bounds of each action, and %s of %s has none: policy.action.%s = {low, high} "
      .. "gives it some"):format(free, spec.name or "the env", free))
  end
end

local function drives(check, algorithm, spec, name, path, policy)
  local kind, free = spec.action.kind, unbounded(spec.action, policy.action)
  if algorithm.asynchronous and spec.name == "host" then
    check.note(path, ("%s learns by workers that drive simulated environments, and a host has threads of its own; %s learn from "
      .. "what a host tells"):format(name, fitting(kind, not free)))
  elseif algorithm.pairs and not spec.keyed then
    check.note(path, ("%s compares two instances that meet the same chances, and %s; it is for simulators whose draws depend on no "
      .. "action (prl_env_spec.keyed), and %s learn without pairs"):format(name, spec.name == "host" and "users of a host have no twins"
      or ("the env %s does not say that its chances are keyed"):format(spec.name or ""), fitting(kind, not free)))
  elseif not handles(algorithm, kind) then
    check.note(path, ("%s drives %s actions, and those of %s are %s, which %s drive"):format(name,
      table.concat(algorithm.actions, " and "), spec.name or "the env", kind, fitting(kind, not free)))
  elseif algorithm.bounds and free then
    check.note(path, ("%s needs bounds of each action, and %s of %s has none: policy.action.%s = {low, high} gives it some, "
      .. "and %s need none"):format(name, free, spec.name or "the env", free, fitting(kind, false)))
  end
end

--- A memory is trained by what reads rows in order.
local function trains_memory(check, algorithm, resolved, policy, path)
  local memory, size = policy.memory, resolved.minibatch
  if not memory then return end
  local name = resolved[1] or resolved.lua
  if not algorithm.recurrent then
    local able = {}
    for _, one in ipairs(algorithms.names()) do
      if algorithms.find(one).recurrent then able[#able + 1] = one end
    end
    check.note("policy.memory", ("%s does not train the memory of a policy, here %s; %s do"):format(name, values.show(memory),
      (table.concat(able, ", "):gsub(", ([^,]+)$", " and %1"))))
  elseif type(size) == "number" and memory.stretch and size < memory.stretch then
    check.note(path .. ".minibatch", ("a minibatch holds whole stretches of policy.memory, which have up to %.0f steps; expected at "
      .. "least as many, got %.0f"):format(memory.stretch, size))
  end
end

--- The options that are there: those of another one where that is given. Also the names of the others. rest: what the recipe
--- says; policy: its policy, beside which saved ones act.
local function held(check, algorithm, rest, path, policy)
  local list, others = {}, {}
  for _, one in ipairs(algorithms.options(algorithm)) do
    if one.kind == "saved" then one.beside = policy end
    if not one.of or rest[one.of] then
      list[#list + 1] = one
    else
      others[#others + 1] = one.name
      if one.of ~= one.name and rest[one.name] ~= nil then
        check.note(path .. "." .. one.name, ("%s is for %s, and there is none: algorithm.%s is not given"):format(one.name, one.of,
          one.of))
      end
    end
  end
  return list, others
end

--- The first critic whose discount is by time.
local function timed(critics)
  for _, name in ipairs(keys(critics)) do
    if critics[name].per and critics[name].per ~= "step" then return name end
  end
end

local function response_names(spec)
  local names = {}
  for i, response in ipairs(spec.responses) do names[i] = response.name end
  return names
end

-- What an algorithm's refusal may ask of the rest of the recipe.
local function beside(recipe, spec)
  local references = type(recipe.references) == "table" and recipe.references or {}
  return {critics = keys(recipe.objective.critics or {}), constrained = recipe.objective.constraints ~= nil,
    steps = recipe.train.steps, trunk = recipe.policy.trunk, memory = recipe.policy.memory ~= nil,
    actions = spec and spec.action.kind, references = keys(references),
    log_std = recipe.policy.log_std and recipe.policy.log_std.kind, observations = spec and spec.observation.names,
    influenced = spec and spec.observation.influenced or {}, responses = spec and response_names(spec),
    timed = timed(recipe.objective.critics or {})}
end

--- The resolved `algorithm` and the table of its file. spec: of the environment; nil where that is wrong itself. recipe: its
--- other sections, resolved.
function algorithms.resolve(check, value, path, spec, recipe)
  local policy = recipe.policy
  if type(value) == "string" then value = {value} end
  if type(value) ~= "table" then values.wrong(check, path, 'as in {"ppo", epochs = 4}', value) end
  local algorithm, before = find(check, value, path), check.count()
  local rest = {}
  for k, v in pairs(value) do
    if k ~= 1 and k ~= "lua" and (k ~= "optimizer" or algorithm.search) then rest[k] = v end
  end
  local list, known = held(check, algorithm, rest, path, policy)
  if not algorithm.search then known[#known + 1] = "optimizer" end
  local resolved = check.section(list, rest, path, known)
  if not algorithm.search then
    resolved.optimizer = check.try(resolve_optimizer, check, algorithm, value.optimizer, path .. ".optimizer")
  end
  resolved[1], resolved.lua = value[1], value[1] == nil and value.lua or nil
  if algorithm.refusal and check.count() == before then
    local wrong, message = algorithm.refusal(algorithms.given(algorithm, resolved), beside(recipe, spec))
    if wrong then check.note(path .. "." .. wrong, message) end
  end
  if spec then
    drives(check, algorithm, spec, value[1] or value.lua, path, policy)
    counted(check, spec, policy)
  end
  trains_memory(check, algorithm, resolved, policy, path)
  return resolved, algorithm
end

return algorithms
