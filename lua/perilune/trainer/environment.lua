--- The environment of a run: made from what the run says of it, and checked against it.

local failure = require "perilune.failure"
local keys = require "perilune.keys"
local prl = require "perilune"
local saved = require "perilune.saved"
local checks = require "perilune.recipe.check"
local recipes = require "perilune.recipe.environment"

local environment = {}

--- A vector env of `about` = {kind, name, path, options} (recipe/environment.lua) with n instances, and twins of so many of
--- them beside; or divided between so many workers; couples: in
--- couples that meet the same chances. Returns nil and a message where it cannot be made.
function environment.make(about, n, seed, twins, workers, couples)
  if about.kind == "host" then
    return nil, "this recipe's env is driven by its host; there is nothing here to train it in"
  end
  local options = {}
  for key, value in pairs(about.options or {}) do options[key] = value end
  options.n, options.seed, options.twins, options.parts = n + (twins or 0), seed, twins, workers
  options.couples = couples or nil
  local ok, env = pcall(prl.env, about.kind == "builtin" and about.name or {[about.kind] = about.path}, options)
  if not ok then return nil, tostring(env) end
  return env
end

--- What of an environment's options decides whom policies meet and what happens to them: not where its file is, and, where
--- users are judged day by day, not where their episodes end.
function environment.world(given, by_user)
  local options = {}
  for key, value in pairs(given or {}) do options[key] = value end
  if options.digest then options.world = nil end
  if by_user then options.episode = nil end
  return options
end

--- That an option is one thing on one side and another on the other, as the beginning of a sentence; and its name.
function environment.differs(name, one, other, names)
  return ("%s is %s in %s and %s in %s"):format(name, tostring(one), names[1], tostring(other), names[2]), name
end

--- The first difference of two environments, {kind, name, path, options} each, as environment.differs says it; nil where they are
--- alike. names: of the sides; by_user: as for environment.world.
function environment.apart(a, b, names, by_user)
  local one, other, known = environment.world(a.options, by_user), environment.world(b.options, by_user), {}
  local what, instead = a.name or a.path, b.name or b.path
  if what ~= instead then return environment.differs("env", what, instead, names) end
  for _, side in ipairs {one, other} do
    for name in pairs(side) do known[name] = true end
  end
  for _, name in ipairs(keys(known)) do
    if one[name] ~= other[name] then return environment.differs("env." .. name, one[name], other[name], names) end
  end
end

--- The responses of an environment's spec as runs keep them: {name, unit, combine}, ….
function environment.responses(spec)
  local list = {}
  for i, response in ipairs(spec.responses) do
    list[i] = {name = response.name, unit = response.unit or "", combine = response.combine}
  end
  return list
end

local function same(found, said, what, path)
  local ok = #found == #said
  for i, one in ipairs(said) do ok = ok and one == found[i] end
  if ok then return end
  failure.run(("%s: %s: its environment has %s, and this file says %s"):format(path, what, table.concat(found, ", "),
    table.concat(said, ", ")))
end

local function names_of(list)
  local names = {}
  for i, one in ipairs(list) do names[i] = one.name end
  return names
end

-- What the run.json at `path` says of the environment's options, checked as a recipe's are.
local function spec_of(about, path)
  local reference = {[about.kind == "builtin" and "name" or about.kind] = about.name or about.path}
  local declared, message = prl.env_spec(reference)
  if not declared then return nil, message end
  local _, refusal = checks.run({}, function(check)
    check.section(recipes.own_options(declared), about.options, "environment.options")
    return true
  end)
  if refusal then failure.run(("%s: %s: %s"):format(path, refusal.path, refusal.message)) end
  return prl.env_spec(reference, about.options)
end

--- Raises where `evaluation`, which somebody made of a run's, asks for what the run's environment does not have.
function environment.check_evaluation(info, evaluation)
  local spec = failure.check(spec_of(info.environment, info.name))
  local _, refusal = checks.run({}, function(check)
    recipes.evaluation(check, spec, evaluation, "eval")
    return true
  end)
  if refusal then failure.usage(("%s: %s"):format(refusal.path, refusal.message)) end
end

--- What the environment of a run is made of. Raises where it is not what `info`, the run.json at `path`, says of it: other
--- responses or dimensions, or an evaluation that asks for what it does not have.
function environment.check(info, path)
  local about = info.environment
  local spec, message = spec_of(about, path)
  if not spec then failure.run(("%s: environment: %s"):format(path, message)) end
  same(names_of(spec.responses), names_of(info.responses), "responses", path)
  same(spec.action.names, info.actions, "actions", path)
  local _, refusal = checks.run({}, function(check)
    recipes.evaluation(check, spec, info.evaluation, "evaluation")
    return true
  end)
  if refusal then failure.run(("%s: %s: %s"):format(path, refusal.path, refusal.message)) end
  return spec
end

--- Raises where the agent of a file has other observations or actions than the environment, whose spec this is.
function environment.check_agent(agent, spec, file)
  local difference = saved.difference(agent, spec)
  if difference then failure.usage(("%s: %s"):format(file, difference)) end
end

return environment
