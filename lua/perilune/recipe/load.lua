--- Recipes: from a file to a resolved recipe, its hash and its plan.
---
---     local loaded = assert(prl.recipe.load("recipes/quickstart.lua", {set = {"algorithm.lr=1e-3"}, seed = 7}))
---     print(prl.recipe.text(loaded.recipe), loaded.hash)
---     local plan = prl.recipe.plan(loaded)

local prl = require "perilune"
local invocation = require "perilune.invocation"
local locate = require "perilune.recipe.locate"
local nearest = require "perilune.nearest"
local printer = require "perilune.recipe.print"
local schema = require "perilune.recipe.schema"
local validate = require "perilune.recipe.validate"

local load = {}

local function starts(text, prefix) return text:sub(1, #prefix) == prefix end

--- Where a refusal belongs: the override, the read of a response, or the key in a file.
local function place(evaluated, refusal)
  for path, text in pairs(evaluated.set) do
    if path == refusal.path or starts(refusal.path, path .. ".") or starts(path, refusal.path .. ".") then
      return "--set " .. text
    end
  end
  if refusal.read then
    for _, read in ipairs(evaluated.reads[refusal.path] or {}) do
      local file = evaluated.files[read.file]
      if read.name == refusal.read and file then return ("%s:%d"):format(file.path, read.line) end
    end
  end
  return ("%s:%d"):format(locate.key(evaluated.files, refusal.axis and {"grid", refusal.axis} or refusal.path))
end

local function sentence(evaluated, refusal)
  local path = refusal.path == "" and "the recipe" or refusal.path
  return ("%s: %s: %s"):format(place(evaluated, refusal), #path > 80 and path:sub(1, 80) .. "…" or path,
    refusal.message)
end

--- A function that stands under a misspelt key, as in rewrd = function(r) … end: the key is the mistake.
local function of_defect(defect)
  local hint = defect.kind == "function" and schema.unknown(defect.path)
  return hint and {path = defect.path, message = "unknown key" .. hint} or defect
end

local function folder_of(path) return path:match("^(.*/)[^/]*$") or "" end

--- The digest of each file of code, {env = digits, algorithm = digits}; nil where the recipe has none.
local function code_of(result, folder)
  local own, code = result.recipe.algorithm.lua, nil
  for part, path in pairs {env = result.env.path, algorithm = own and folder .. own:gsub("^%./", "")} do
    local text, message, reason = prl.io.read(path)
    if not text then return nil, message, reason end
    code = code or {}
    code[part] = prl.hash_bytes(text)
  end
  return code
end

--- What the hash covers: everything but name, tags and seed, and the code that the recipe names; what that code loads in
--- its turn is not covered. Of a file from which the env is made it covers the content (its digest), not the place.
local function hashed(recipe, code)
  local copy, train, env = {}, {}, {}
  for key, value in pairs(recipe) do copy[key] = value end
  for key, value in pairs(recipe.train) do train[key] = value end
  for key, value in pairs(recipe.env) do env[key] = value end
  copy.name, copy.tags, train.seed = nil, nil, nil
  if env.digest then env.world = nil end
  copy.train, copy.env, copy.code = train, env, code
  return copy
end

--- The file's name; with the environment's before it where the folder is named after that, or the file after its
--- algorithm: pendulum-ppo.
local function default_name(path, resolved)
  local name, folder = path:match("([^/]+)$"):gsub("%.lua$", ""), path:match("([^/]+)/[^/]+$")
  local env, algorithm = resolved.spec.name, resolved.recipe.algorithm[1]
  if not env or name:find(env, 1, true) then return name end
  local after_algorithm = algorithm and name:sub(1, #algorithm) == algorithm
  return (folder == env or after_algorithm) and env .. "-" .. name or name
end

local OPTIONS = {seed = true, set = true, trust = true}
local OPTION_NAMES = {"seed", "set", "trust"}

--- What recipe.load was given beside the path, a single override as a list; misuse raises at whoever called it.
local function options_of(given)
  if given ~= nil and type(given) ~= "table" then
    error(('recipe.load takes its options as a table, as in {set = {"algorithm.lr=1e-3"}, seed = 7}, not a %s'):format(
      type(given)), 3)
  end
  local out = {}
  for key, value in pairs(given or {}) do
    if not OPTIONS[key] then
      error(("recipe.load has no option %s%s"):format(tostring(key), nearest.hint_or_list(key, OPTION_NAMES)), 3)
    end
    out[key] = value
  end
  if type(out.set) == "string" then out.set = {out.set} end
  local good = out.set == nil or type(out.set) == "table"
  for key, text in pairs(good and out.set or {}) do good = good and type(key) == "number" and type(text) == "string" end
  if not good then error('recipe.load takes set as a list of "path=value", as in {"algorithm.lr=1e-3"}', 3) end
  return out
end

local function no_env() return nil, "this build has no environments" end

--- Evaluates, checks and resolves the recipe at `path`. options: set (overrides, "path=value", one or a list), seed (in
--- place of train.seed), trust (code files beside the recipe may run); another raises. Returns
---   recipe     resolved: plain data, every default filled in (schema.lua)
---   hash       32 hexadecimal digits; name, tags and seed are outside of it
---   code       a digest of each file of code, {env, algorithm}, which the hash covers; nil where there is none
---   spec       what its environment is made of, as plans hold it (environment.lua)
---   env        how to make it: {kind = "builtin" | "c" | "lua" | "host", name, path, options = {name = number,
---              world = path, digest}, n}
---   algorithm  the table of the algorithm's file
---   live       {path = {value, low, high}}: what may change without a rebuild
---   path, folder
---   sweep      what a sweep says beside its base, which is the recipe above: {grid, seeds, …}; nil elsewhere
---   files      [{path, text}] that it was made of
--- or nil, one sentence, code.
function load.load(path, options)
  options = options_of(options)
  local evaluated, message, code = prl.recipe_eval(path, options.set)
  if not evaluated then return nil, message, code end
  if evaluated.defect then return nil, sentence(evaluated, of_defect(evaluated.defect)), "EFORMAT" end
  local recipe, folder = evaluated.recipe, folder_of(path)
  if recipe.kind == "fit" or recipe.kind == "world" then
    return nil, ('%s: a recipe of kind "%s" learns from logs: it is for `%s`'):format(path, recipe.kind, invocation.line "fit"), "EFORMAT"
  end
  if options.seed and (recipe.train == nil or type(recipe.train) == "table") then
    recipe.train = recipe.train or {}
    recipe.train.seed = options.seed
  end
  local result, refusal = validate.recipe(recipe, {
    trust = options.trust, folder = folder, env_spec = prl.env_spec or no_env,
  })
  if not result then
    return nil, sentence(evaluated, refusal), "EFORMAT"
  end
  result.recipe.name = result.recipe.name or default_name(path, result)
  result.code, message, code = code_of(result, folder)
  if message then return nil, message, code end
  result.path, result.folder, result.hash = path, folder, prl.hash(hashed(result.recipe, result.code))
  result.sweep, result.files = evaluated.sweep, evaluated.files
  return result
end

--- A resolved recipe that a run kept (recipe.json), checked anew. run: {trust, spec (of its environment), hash, code,
--- algorithm_file (where its own algorithm is)}. Returns {recipe, spec, algorithm, hash, …}, or nil and one sentence.
function load.resolved(recipe, run)
  local own = type(recipe) == "table" and type(recipe.algorithm) == "table" and recipe.algorithm.lua
  if type(recipe) ~= "table" then return nil, "expected a recipe, got " .. tostring(recipe) end
  if own and not run.algorithm_file then return nil, "algorithm.lua: run.json names no file of it" end
  local result, refusal = validate.recipe(recipe, {
    trust = run.trust, files = own and {[own] = run.algorithm_file}, env_spec = function() return run.spec end,
  })
  if not result then return nil, refusal.path .. ": " .. refusal.message end
  result.hash = prl.hash(hashed(result.recipe, run.code))
  if result.hash ~= run.hash then
    return nil, ("this is another recipe than the run's: its hash is %s, and run.json says %s"):format(result.hash, run.hash)
  end
  return result
end

--- The resolved recipe as Lua that is a recipe again.
function load.text(recipe) return printer.recipe(recipe) end

--- The plan of a loaded recipe. constant: see build.plan. What load.load refused is raised here where no assert did.
function load.plan(loaded, constant)
  if loaded == nil and type(constant) == "string" then error(constant, 0) end
  if type(loaded) ~= "table" or not (loaded.recipe and loaded.spec and loaded.algorithm) then
    error(("recipe.plan takes what recipe.load gave, as in prl.recipe.plan(assert(prl.recipe.load(%s))), not %s"):format(
      type(loaded) == "string" and ("%q"):format(loaded) or '"recipes/quickstart.lua"',
      type(loaded) == "string" and "the path" or "a " .. type(loaded)), 2)
  end
  return require("perilune.recipe.build").plan(loaded.recipe, loaded.spec, loaded.algorithm, loaded.hash, constant)
end

return load
