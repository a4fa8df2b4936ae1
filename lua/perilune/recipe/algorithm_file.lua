--- What the table of an algorithm's file may say (its fields: recipe/algorithms.lua), so that what is misspelt in it is
--- found when it is loaded.

local keys = require "perilune.keys"
local prl = require "perilune"
local schema = require "perilune.recipe.schema"

local algorithm_file = {}

local fields = {summary = "string", actions = "table", bounds = "boolean", asynchronous = "boolean", pairs = "boolean", networks = "string",
  references = "boolean", recurrent = "boolean", stale = "string", optimizer = "table", options = "table",
  metrics = "table", build = "function", search = "function", trials = "function", refusal = "function"}
local option_fields = {structural = "boolean", min = "number", max = "number", above = "number", integer = "boolean",
  choices = "table", optional = "boolean", scale = "string", forms = "table", of = "string", kind = "string"}
local words = {
  actions = {"discrete", "multi_discrete", "continuous"},
  stale = {"drop", "keep"},
  networks = {"own"},
  optimizer = {"sgd", "rmsprop", "adam", "adamw"},
  scale = {"linear", "log"},
  kind = {"text", "texts", "sizes", "saved"},
}

local Refusal = {}
local function refuse(where, message) error(setmetatable({where = where, message = message}, Refusal), 0) end

local function below(where, key)
  local inner = {unpack(where)}
  inner[#inner + 1] = tostring(key)
  return inner
end

--- Refuses a key that is not known, and a value of another type. positions: how many values without a name there may be.
local function check_fields(about, where, given, known, positions)
  for _, key in ipairs(keys(given)) do
    local at, value = below(where, key), given[key]
    if type(key) == "number" then
      if key % 1 ~= 0 or key < 1 or key > positions then
        refuse(at, ("%s takes nothing without a name at position %.14g"):format(about, key))
      end
    elseif not known[key] then
      refuse(at, prl.no_name(about, "field", tostring(key), known))
    elseif type(value) ~= known[key] then
      refuse(at, ("%s: %s is a %s; a %s is needed"):format(about, key, type(value), known[key]))
    end
  end
end

local function check_word(about, where, word, known)
  for _, one in ipairs(known) do
    if one == word then return end
  end
  refuse(where, prl.no_name(about, "choice", tostring(word), known))
end

local check_option

local function check_forms(about, where, forms)
  for _, form in ipairs(keys(forms)) do
    if type(form) ~= "string" or type(forms[form]) ~= "table" then
      refuse(where, about .. ".forms: options by the name of each form are needed, as in {vtrace = {rho = {1}}}")
    end
    for _, name in ipairs(keys(forms[form])) do check_option(name, forms[form][name], about .. "." .. form .. ".") end
  end
end

--- prefix: of an option inside a form, what is before its name.
function check_option(name, declared, prefix)
  local about, where = (prefix or "options.") .. tostring(name), {"options", name}
  if type(name) ~= "string" then refuse({"options"}, "options: every option has a name, as in lr = {1e-3}") end
  if type(declared) ~= "table" then
    refuse(where, ("%s is a %s; {default, unit, meaning} is needed"):format(about, type(declared)))
  end
  check_fields(about, where, declared, option_fields, 3)
  if declared.forms then check_forms(about, where, declared.forms) end
  if declared.kind then check_word(about .. ".kind", below(where, "kind"), declared.kind, words.kind) end
  if declared.scale then check_word(about .. ".scale", below(where, "scale"), declared.scale, words.scale) end
  for i = 2, 3 do
    local text = declared[i]
    if text ~= nil and type(text) ~= "string" then
      refuse(where, ("%s: its %s is a %s; a string is needed"):format(about, i == 2 and "unit" or "meaning", type(text)))
    end
  end
end

local function check_metric(kind, said, options)
  local where = {"metrics", kind}
  if type(kind) ~= "string" then refuse({"metrics"}, "metrics: each has a name, as in entropy = {title, sentence}") end
  if type(said) ~= "table" or type(said[1]) ~= "string" or type(said[2]) ~= "string" then
    refuse(where, ("metrics.%s: {title, sentence} is needed"):format(kind))
  end
  check_fields("metrics." .. kind, where, said, {of = "string"}, 2)
  if said.of then check_word(("metrics.%s.of"):format(kind), below(where, "of"), said.of, keys(options)) end
end

local function check_optimizer(given)
  check_word("optimizer", {"optimizer"}, given[1], words.optimizer)
  local known = {}
  for _, field in ipairs(schema.optimizers[given[1]]) do known[field.name] = field.kind end
  check_fields("optimizer", {"optimizer"}, given, known, 1)
end

local function check(algorithm)
  check_fields("the algorithm", {}, algorithm, fields, 0)
  local options = algorithm.options or {}
  for _, name in ipairs(keys(options)) do
    check_option(name, options[name])
    if options[name].of then check_word(("options.%s.of"):format(name), {"options", name, "of"}, options[name].of, keys(options)) end
  end
  for _, kind in ipairs(keys(algorithm.metrics or {})) do check_metric(kind, algorithm.metrics[kind], options) end
  for _, kind in ipairs(algorithm.actions or {}) do check_word("actions", {"actions"}, kind, words.actions) end
  for _, field in ipairs {"stale", "networks"} do
    if algorithm[field] then check_word(field, {field}, algorithm[field], words[field]) end
  end
  if algorithm.optimizer then check_optimizer(algorithm.optimizer) end
  if not (algorithm.build or algorithm.search) then refuse({}, "the algorithm has neither a function build nor search") end
end

--- The keys down to what is wrong, and what that is; nothing where all is well.
function algorithm_file.check(algorithm)
  local ok, found = pcall(check, algorithm)
  if ok then return nil end
  if getmetatable(found) ~= Refusal then error(found, 0) end
  return found.where, found.message
end

return algorithm_file
