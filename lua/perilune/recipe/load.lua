--- Recipes: from a file to a resolved recipe, its hash and its plan.
---
---     local loaded = assert(prl.recipe.load("recipes/quickstart.lua", {set = {"algorithm.lr=1e-3"}, seed = 7}))
---     print(prl.recipe.text(loaded.recipe), loaded.hash)
---     local plan = prl.recipe.plan(loaded)

local prl = require "perilune"
local hash = require "perilune.recipe.hash"
local invocation = require "perilune.invocation"
local keys = require "perilune.keys"
local nearest = require "perilune.nearest"
local options = require "perilune.options"
local printer = require "perilune.recipe.print"
local schema = require "perilune.recipe.schema"
local validate = require "perilune.recipe.validate"

local load = {}

--- What is wrong with the keys of a sweep: those that nobody reads; or with what an experiment says beside its arms.
local function of_sweep(evaluated)
  local refusals = {}
  if evaluated.sweep and evaluated.sweep.experiment then
    local checked, wrong = require("perilune.recipe.experiment").check(evaluated.sweep.experiment)
    evaluated.experiment, evaluated.sweep = checked or evaluated.sweep.experiment, nil
    for _, refusal in ipairs(wrong or {}) do refusal.within = "arms" end
    return wrong or refusals
  end
  for _, key in ipairs(keys(evaluated.sweep or {})) do
    if not schema.find(schema.sweep, key) then
      refusals[#refusals + 1] = {path = tostring(key), message = "unknown key" .. nearest.hint_or_list(key, schema.names(schema.sweep))}
    end
  end
  return refusals
end

local function folder_of(path) return path:match("^(.*/)[^/]*$") or "" end

--- The file's name; with the environment's before it where the folder is named after that, or the file after its
--- algorithm: pendulum-ppo.
local function default_name(path, resolved)
  local name, folder = path:match("([^/]+)$"):gsub("%.lua$", ""), path:match("([^/]+)/[^/]+$")
  local env, algorithm = resolved.spec.name, resolved.recipe.algorithm[1]
  if not env or name:find(env, 1, true) then return name end
  local after_algorithm = algorithm and name:sub(1, #algorithm) == algorithm
  return (folder == env or after_algorithm) and env .. "-" .. name or name
end

--- What recipe.load was given beside the path, a single override as a list; misuse raises at whoever called it.
local function options_of(given)
  local o = options.check("prl.recipe.load", given, {seed = "number", set = "string or table", trust = "boolean",
    running = "string"})
  local set = type(o.set) == "string" and {o.set} or o.set
  for key, text in pairs(set or {}) do
    if type(key) ~= "number" or type(text) ~= "string" then
      options.refuse('prl.recipe.load takes set as a list of "path=value", as in {"algorithm.lr=1e-3"}, and %s is none', tostring(key))
    end
  end
  return {seed = o.seed, set = set, trust = o.trust, running = o.running}
end

--- Evaluates and checks a recipe. Returns what was evaluated, what is wrong with it (a list), and the resolved recipe where
--- nothing is; or nil, message, code.
local function examine(path, given, set)
  local evaluated, message, code = prl.recipe_eval(path, set, given.running)
  if not evaluated then return nil, message, code end
  local recipe, defects = evaluated.recipe, evaluated.defects or {}
  if not recipe then return evaluated, require("perilune.recipe.mistakes").joined(defects, {}, schema.unknown) end
  if recipe.kind == "fit" or recipe.kind == "world" then
    return nil, ('%s: a recipe of kind "%s" learns from logs: it is for `%s`'):format(path, recipe.kind, invocation.line "fit"), "EFORMAT"
  end
  if given.seed and (recipe.train == nil or type(recipe.train) == "table") then
    recipe.train = recipe.train or {}
    recipe.train.seed = given.seed
  end
  local refusals = of_sweep(evaluated)
  local result, more = validate.recipe(recipe, {trust = given.trust, folder = folder_of(path), env_spec = prl.env_spec,
    saved = true})
  for _, refusal in ipairs(more or {}) do refusals[#refusals + 1] = refusal end
  if #defects + #refusals == 0 then return evaluated, {}, result end -- as nearly always: mistakes.lua is not needed then
  return evaluated, require("perilune.recipe.mistakes").joined(defects, refusals, schema.unknown), result
end

--- Whether the recipe is a change of the running one.
local function changes_running(evaluated, given)
  for _, file in ipairs(given.running and evaluated.files or {}) do
    if not file.override and file.path == given.running then return true end
  end
  return false
end

--- The sentence, or the list of them, about a recipe that is refused.
local function refusal_text(path, given, evaluated, refusals)
  local known = {}
  return require("perilune.recipe.mistakes").text(evaluated, refusals, function(left_out)
    local set = {}
    for _, text in ipairs(given.set or {}) do
      if not left_out[text:match "^[^=]*"] then set[#set + 1] = text end
    end
    local key = table.concat(set, "\0")
    if not known[key] then known[key] = select(2, examine(path, given, set)) end
    return type(known[key]) == "table" and known[key] or {}
  end)
end

--- Evaluates, checks and resolves the recipe at `path`. options: set (overrides, "path=value", one or a list), seed (in
--- place of train.seed), trust (code files beside the recipe may run), running (the path of the recipe that `running` is in it);
--- another raises. Returns
---   recipe     resolved: plain data, every default filled in (schema.lua)
---   hash       32 hexadecimal digits; name, tags and seed are outside of it
---   code       a digest of each file of code, {env, algorithm, policy}, which the hash covers; nil where there is none
---   spec       what its environment is made of, as plans hold it (environment.lua)
---   env        how to make it: {kind = "builtin" | "c" | "lua" | "host", name, path, options = {name = number,
---              world = path, digest}, n}
---   algorithm  the table of the algorithm's file
---   own_policy what makes the policy's network, where the recipe names a file for it
---   live       {path = {value, low, high}}: what may change without a rebuild
---   path, folder
---   sweep      what a sweep says beside its base, which is the recipe above: {grid, seeds, …}; nil elsewhere
---   experiment what an experiment says beside its arms (experiment.lua); the recipe above is one arm's; nil elsewhere
---   files      [{path, text}] that it was made of
---   set        {path = text} of the overrides
---   changes_running  whether it is a change of the running recipe
--- or nil, a sentence, code; of several mistakes a line each (mistakes.lua).
function load.load(path, given)
  given = options_of(given)
  local evaluated, refusals, result = examine(path, given, given.set)
  if not evaluated then return nil, refusals, result end
  if #refusals > 0 then return nil, refusal_text(path, given, evaluated, refusals), "EFORMAT" end
  local folder = folder_of(path)
  local digests, message, code = hash.code(result, folder)
  if message then return nil, message, code end
  result.code = digests
  result.recipe.name = result.recipe.name or default_name(path, result)
  result.path, result.folder, result.hash = path, folder, hash.of(result.recipe, result.code)
  result.sweep, result.files, result.set = evaluated.sweep, evaluated.files, evaluated.set
  result.experiment, result.changes_running = evaluated.experiment, changes_running(evaluated, given)
  return result
end

--- A resolved recipe that a run kept (recipe.json), checked anew. run: {trust, spec (of its environment), hash, code,
--- files = {algorithm, policy} (where its own code is)}. Returns {recipe, spec, algorithm, hash, …}, or nil and one sentence.
function load.resolved(recipe, run)
  if type(recipe) ~= "table" then return nil, "expected a recipe, got " .. tostring(recipe) end
  local files = {}
  for _, part in ipairs {"algorithm", "policy"} do
    local own = type(recipe[part]) == "table" and recipe[part].lua
    if own and not run.files[part] then return nil, part .. ".lua: run.json names no file of it" end
    if own then files[own] = run.files[part] end
  end
  local result, refusals = validate.recipe(recipe, {trust = run.trust, files = files,
    env_spec = function() return run.spec end})
  if not result then return nil, refusals[1].path .. ": " .. refusals[1].message end
  result.hash = hash.of(result.recipe, run.code)
  if result.hash ~= run.hash then
    return nil, ("this is another recipe than the run's: its hash is %s, and run.json says %s"):format(result.hash, run.hash)
  end
  return result
end

--- The resolved recipe as Lua that is a recipe again. Streams that env.n gives stay out of it: who changes env.n there means
--- them, too.
function load.text(recipe)
  local agent, shown = recipe.agent, {}
  if not agent or agent.streams ~= recipe.env.n then return printer.recipe(recipe) end
  for name, value in pairs(recipe) do shown[name] = value end
  shown.agent = {}
  for name, value in pairs(agent) do shown.agent[name] = value end
  shown.agent.streams = nil
  return printer.recipe(shown)
end

--- The plan of a loaded recipe. constant: see build.plan. What load.load refused is raised here where no assert did.
function load.plan(loaded, constant)
  if loaded == nil and type(constant) == "string" then error(constant, 0) end
  if type(loaded) ~= "table" or not (loaded.recipe and loaded.spec and loaded.algorithm) then
    error(("recipe.plan takes what recipe.load gave, as in prl.recipe.plan(assert(prl.recipe.load(%s))), not %s"):format(
      type(loaded) == "string" and ("%q"):format(loaded) or '"recipes/quickstart.lua"',
      type(loaded) == "string" and "the path" or "a " .. type(loaded)), 2)
  end
  return require("perilune.recipe.build").plan(loaded.recipe, loaded.spec, loaded.algorithm, loaded.hash, constant, loaded.own_policy)
end

--- An agent of a loaded recipe, and its plan; nil and one sentence where it is above the budget of memory: at the option
--- that makes it large. What the recipe's code does wrong is raised.
function load.agent(loaded)
  local plan = load.plan(loaded)
  local ok, agent = pcall(prl.agent, plan)
  if ok then return agent, plan end
  local message = tostring(agent):gsub("^[^:\n]*:%d+: ", "") -- not our line, but the recipe's
  local option = message:match("^([%w_.]+) = %d+ takes ") or message:match("^([%w_.]+) takes ")
  if not option then error(message, 0) end
  return nil, ("%s: %s"):format(require("perilune.recipe.mistakes").place(loaded, option), message), "ELIMIT"
end

return options.strict("prl.recipe", "function", load)
