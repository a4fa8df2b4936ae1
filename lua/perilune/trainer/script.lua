--- A script's own loop (prl.run): what the script says of it, resolved, and the run that it becomes. Drivers, judges and
--- reports then treat it as they treat a recipe's.
---
--- A script is a file that begins with "#!" (perilune/script.lua). It is code: only its user runs it, or a command that was given --trust.

local posix = require "posix"
local failure = require "perilune.failure"
local keys = require "perilune.keys"
local nearest = require "perilune.nearest"
local options = require "perilune.options"
local prl = require "perilune"
local schema = require "perilune.recipe.schema"
local changes = require "perilune.trainer.changes"
local driver = require "perilune.trainer.drivers.script"
local folder = require "perilune.trainer.folder"
local runs = require "perilune.trainer.run"

local script = {}

local most_steps = 2 ^ 53

-- ---- what the table says ----

local fields = {name = "string", steps = "number", loop = "function", arguments = "table", seed = "number", env = "string",
  options = "table", responses = "table", metrics = "table", checkpoint = "number", eval = "table"}

local function whole(value, least, name)
  if type(value) == "number" and value % 1 == 0 and value >= least and value <= most_steps then return value end
  options.refuse("prl.run: %s is %s; a whole number ≥ %d is needed", name, tostring(value), least)
end

local function check_name(name, what)
  if type(name) == "string" and #name <= 64 and name:find("^[%a_][%w_.-]*$") then return name end
  options.refuse("prl.run: %s is %s; letters, digits, _, . and - are needed", what, type(name) == "string" and ("%q"):format(name)
    or "a " .. type(name))
end

-- [{name, unit}], of names or of {name, unit = …}.
local function responses_of(given)
  local list, seen = {}, {}
  for i, one in ipairs(options.list("prl.run: responses", given or {})) do
    local unit = ""
    if type(one) == "table" then
      options.check("prl.run: a response", one, {unit = "string"}, 1)
      one, unit = one[1], one.unit or ""
    end
    list[i] = {name = check_name(one, "the name of response " .. i), unit = unit}
    if seen[one] then options.refuse("prl.run: there are two responses %s", one) end
    seen[one] = true
  end
  return list
end

-- [{kind, title, text}] in the order of the names.
local function meanings_of(given)
  local list = {}
  for i, kind in ipairs(keys(given or {})) do
    local said = given[kind]
    if type(said) ~= "table" or type(said[1]) ~= "string" or type(said[2]) ~= "string" then
      options.refuse("prl.run: metrics.%s needs a title and a sentence, as in {\"Loss\", \"of the critic\"}", tostring(kind))
    end
    list[i] = {kind = check_name(kind, "the name of a metric"), title = said[1], text = said[2]}
  end
  return list
end

local function options_of(given)
  local found = {}
  for _, name in ipairs(keys(given or {})) do
    local kind = type(given[name])
    check_name(name, "the name of an option")
    if name:find("[.-]") then options.refuse("prl.run: options.%s: letters, digits and _ are needed", name) end
    if kind ~= "number" and kind ~= "string" and kind ~= "boolean" then
      options.refuse("prl.run: options.%s is a %s; a number, a text or a boolean is needed", name, kind)
    end
    found[name] = given[name]
  end
  return found
end

--- What prl.run was given, checked: the loop, and as plain data all else. Misuse raises at the caller's line. path: of the
--- script.
function script.check(given, path)
  local o = options.check("prl.run", given, fields)
  options.need("prl.run", o, {"name", "steps", "loop"})
  local eval = options.check("prl.run: eval", o.eval, {every = "number"})
  return {
    loop = o.loop, path = path, env = o.env or "its own environment",
    responses = responses_of(o.responses), metrics = meanings_of(o.metrics),
    settings = {name = check_name(o.name, "name"), steps = whole(o.steps, 1, "steps"), seed = whole(o.seed or 1, 0, "seed"),
      checkpoint = whole(o.checkpoint or 0, 0, "checkpoint"), eval = {every = whole(eval.every or 0, 0, "eval.every")},
      options = options_of(o.options)},
  }
end

-- ---- what the command line changes ----

local function place_of(settings, path)
  local section, name = path:match("^([^.]+)%.([^.]+)$")
  if section then return type(settings[section]) == "table" and settings[section], name end
  return settings, path
end

local function refuse_path(settings, path)
  local names = {"checkpoint", "eval.every", "steps"}
  for _, name in ipairs(keys(settings.options)) do names[#names + 1] = "options." .. name end
  failure.usage(("--set %s: the script has no option of that name%s"):format(path, nearest.hint_or_list(path, names)))
end

local function value_of(text, before, path)
  local value
  if type(before) == "number" then value = tonumber(text) end
  if type(before) == "boolean" and (text == "true" or text == "false") then value = text == "true" end
  if type(before) == "string" then value = text:match('^"([^"\\]*)"$') or text end
  if value ~= nil and value == value then return value end
  failure.usage(("--set %s=%s: a %s is needed, as in %s"):format(path, text, type(before), tostring(before)))
end

--- Takes "PATH=VALUE" into the settings: steps, checkpoint, eval.every, or one of options.
function script.set(checked, texts)
  local settings = checked.settings
  for _, text in ipairs(texts) do
    local path, value = text:match("^%s*([^=]-)%s*=%s*(.-)%s*$")
    if not path then failure.usage(("--set %s: expected PATH=VALUE, as in options.lr=1e-3"):format(text)) end
    local section, name = place_of(settings, path)
    local before = section and section[name]
    if before == nil or type(before) == "table" or path == "name" or path == "seed" then refuse_path(settings, path) end
    section[name] = value_of(value, before, path)
    if section ~= settings.options and (section[name] % 1 ~= 0 or section[name] < (path == "steps" and 1 or 0)) then
      failure.usage(("--set %s: a whole number is needed"):format(text))
    end
  end
end

-- ---- what is said of it ----

-- The hash is that of the script's bytes and of its settings; name and seed are outside of it.
local function hash_of(checked)
  local text = failure.check(prl.io.read(checked.path))
  local settings = checked.settings
  return prl.hash {script = prl.hash_bytes(text), steps = settings.steps, checkpoint = settings.checkpoint, eval = settings.eval,
    options = settings.options, responses = checked.responses}, text
end

local function evaluation_of(every)
  local evaluation = {}
  for _, option in ipairs(schema.eval) do evaluation[option.name] = option.default end
  evaluation.every = every
  return evaluation
end

--- What other commands need to know (trainer/source.lua), as plain data.
function script.description(checked)
  local hash = hash_of(checked)
  return {hash = hash, env = checked.env, responses = checked.responses, settings = checked.settings}
end

--- A description as recipe.load gives recipes.
function script.loaded(path, said)
  local recipe = {objective = {critics = {}}, eval = evaluation_of(said.settings.eval.every)}
  for name, value in pairs(said.settings) do recipe[name] = recipe[name] or value end
  return {script = true, path = path, hash = said.hash, recipe = recipe, env = {kind = "script", name = said.env},
    spec = {responses = said.responses}, algorithm = {loop = true}, files = {{path = path, text = failure.check(prl.io.read(path))}}}
end

local function info_of(checked, set)
  local settings, hash, text = checked.settings, hash_of(checked)
  local path = posix.realpath(checked.path)
  return {
    format = 1, name = settings.name, seed = settings.seed, hash = hash, code = {env = prl.hash_bytes(text)},
    env = checked.env, environment = {kind = "script", path = path, n = 1, options = {}},
    algorithm = path:match("[^/]+$"), metrics = checked.metrics, responses = checked.responses, critics = {},
    steps = settings.steps, checkpoint = settings.checkpoint, evaluation = evaluation_of(settings.eval.every),
    updates_per_row = 1, set = set, recipe = checked.path, started = os.date("%Y-%m-%d %H:%M"), version = prl.version,
    kernels = prl.kernels(), status = "running", step = 0, updates = 0, seconds = 0,
  }, text
end

-- ---- the run ----

--- A new run. options: as of trainer.start.
function script.start(checked, given)
  local settings = checked.settings
  local info, text = info_of(checked, given.set)
  local run = runs.new({info = info}, given)
  run:prepare()
  run.folder = folder.create(given.root or "runs", settings.name, info.hash, settings.seed)
  run.folder.read = driver.load
  info.folder, run.lock = run.folder.path, folder.lock(run.folder.path)
  run.folder:write("recipe.lua", text)
  run.folder:write_json("recipe.json", settings)
  run.folder:write_json("run.json", info)
  local every, checkpoint = settings.eval.every, settings.checkpoint
  run.state = {step = 0, updates = 0, evaluations = 0, next_evaluation = every > 0 and every or nil,
    next_checkpoint = checkpoint > 0 and checkpoint or nil}
  run.driver = driver.new(run, checked)
  run:open_log()
  return run
end

--- Continues a run of this script from its newest checkpoint. options: as of trainer.resume.
function script.resume(checked, path, given)
  local place = folder.open(path)
  local info = place.info
  if info.environment.kind ~= "script" then failure.usage(path .. " is a recipe's run: `train --resume` continues it") end
  local own = posix.realpath(checked.path)
  if info.environment.path ~= own and (info.code or {}).env ~= prl.hash_bytes(failure.check(prl.io.read(own))) then
    failure.usage(("%s was made by the script %s, and this is %s"):format(path, info.environment.path, own))
  end
  local lock = folder.lock(path)
  place.read = driver.load
  local checkpoint, state, saved = place:last_checkpoint()
  if not checkpoint then failure.run(("%s has no checkpoint to go on from"):format(path)) end
  local run = runs.new({folder = place, info = info, state = state, checkpoint = checkpoint, lock = lock}, given)
  changes.code(info)
  if given.steps then driver.extend(run, given.steps) end
  if run:ended() then return run end
  changes.kernels(info)
  run:prepare()
  info.folder, info.message = place.path, nil
  checked.settings.seed, checked.settings.steps = info.seed, info.steps
  run.driver = driver.new(run, checked, saved)
  run:open_log(state)
  return run
end

return script
