--- What each file of a run's folder may say, in the words of the recipe's schema (recipe/schema.lua): kinds, ranges, and no
--- key but these.

local metrics = require "perilune.recipe.metrics"
local nearest = require "perilune.nearest"
local options = require "perilune.recipe.schema"
local keys = require "perilune.keys"
local values = require "perilune.recipe.values"

local schema = {}

-- ---- kinds ----

local text, flag, number = {kind = "text"}, {kind = "boolean"}, {kind = "number"}
local seconds = {kind = "number", min = 0}
local count = {kind = "number", integer = true, min = 0, max = 2 ^ 53}
local positive = {kind = "number", above = 0}
local at_least_1 = {kind = "number", integer = true, min = 1, max = 2 ^ 53}
local function choice(...) return {kind = "choice", choices = {...}} end

local function list(of)
  return {check = function(check, value, _, path)
    if type(value) ~= "table" then values.wrong(check, path, "a list", value) end
    local size, result = 0, {}
    for _ in pairs(value) do size = size + 1 end
    for i = 1, size do
      local at = ("%s.%d"):format(path, i)
      if value[i] == nil then values.wrong(check, path, "a list without names and gaps", value) end
      result[i] = check.option(of, value[i], at)
    end
    return result
  end}
end

local function map(of)
  return {check = function(check, value, _, path)
    if type(value) ~= "table" then values.wrong(check, path, "a table by name", value) end
    local result = {}
    for _, name in ipairs(keys(value)) do
      local at = ("%s.%s"):format(path, tostring(name))
      if type(name) ~= "string" then check.fail(at, ("a value without a name (%s)"):format(values.show(value[name]))) end
      result[name] = check.option(of, value[name], at)
    end
    return result
  end}
end

--- One of these words, or what `of` accepts.
local function either(word, of)
  return {check = function(check, value, _, path)
    if value == word then return value end
    return check.option(of, value, path)
  end}
end

local function field(name, of, required)
  local result = {name = name, required = required}
  for key, value in pairs(of) do result[key] = value end
  return result
end

-- required, optional: {name = kind}. agree(check, value, path): what the fields must be to each other.
local function record(required, optional, agree)
  local fields = {}
  for _, name in ipairs(keys(required)) do fields[#fields + 1] = field(name, required[name], true) end
  for _, name in ipairs(keys(optional or {})) do fields[#fields + 1] = field(name, optional[name]) end
  return {check = function(check, value, _, path)
    local result = check.section(fields, value, path)
    if agree then agree(check, result, path) end
    return result
  end}
end

-- The options of a section of the recipe as it was resolved: every default stands in it.
local function resolved(section)
  local fields = {}
  for i, option in ipairs(section) do fields[i] = field(option.name, option, option.default ~= nil) end
  return {check = function(check, value, _, path) return check.section(fields, value, path) end}
end

local function below(path, name) return path == "" and name or path .. "." .. name end

-- Some of these stand only together.
local function together(check, value, path, names)
  for _, name in ipairs(names) do
    for _, other in ipairs(names) do
      if value[name] ~= nil and value[other] == nil then
        check.fail(below(path, other), ("this is missing beside %s"):format(name))
      end
    end
  end
end

local function same_length(check, value, path, of, what)
  if #value ~= #of then
    check.fail(path, ("expected one for each of %d %s, got %d"):format(#of, what, #value))
  end
end

-- ---- run.json ----

-- Code has a path, what is built in a name.
local environment = record({kind = choice("builtin", "c", "lua", "script"), n = field("n", options.find(options.env, "n")),
  options = map {check = function(check, value, _, path)
    local name = path:match("[^.]+$")
    local word = name == "world" or name == "digest" or type(value) == "string" -- what an option accepts, its env says
    return check.option(word and text or number, value, path)
  end}}, {name = text, path = text, twins = at_least_1, couples = flag}, function(check, value, path)
  local own, other = "path", "name"
  if value.kind == "builtin" then own, other = other, own end
  if value[own] == nil then check.fail(below(path, own), "this is missing") end
  if value[other] ~= nil then
    check.fail(below(path, other), ("an environment of kind %s has a %s"):format(value.kind, own))
  end
end)

local response = record({name = text, unit = text}, {combine = choice(unpack(options.combines))})

local critic = record({name = text, reward = text, scale = {kind = "scale"}}, {
  gamma = either("scheduled", {kind = "number", min = 0, max = 1}), per = choice(unpack(options.units)),
  weight = either("scheduled", number), found = positive,
  lambda = either("scheduled", {kind = "number", min = 0, max = 1}), lambda_at = text, observes = text,
})

local search = record({trials = count, planned = count}, {generations = count, user_days = count, requests = count,
  response = text, start = text, vector = list(record {name = text, value = number}), lift = number, worst = number, observes = list(text)},
  function(check, value, path)
    together(check, value, path, {"vector", "generations", "user_days", "requests", "response", "start"})
    together(check, value, path, {"lift", "worst"})
  end)

-- What a run began with of another's: of each part so many of so many numbers.
local start = record {from = text, digest = text,
  parts = list(record {part = choice("parameters", "observations", "returns"), name = text, taken = count, of = count})}

local change = record {step = count, set = text} -- of a live option, from this step on

-- How far the run's journal went when run.json was written.
local journal = record {lines = at_least_1, hash = text}

-- A reward is weights of the run's responses.
local function rewards_agree(check, value)
  local known, names = {requests = true}, {"requests"}
  for i, one in ipairs(value.responses) do known[one.name], names[i + 1] = true, one.name end
  for i, reward in ipairs(value.rewards) do
    for _, name in ipairs(keys(reward.of)) do
      if not known[name] then
        check.fail(("rewards.%d.of.%s"):format(i, name), "the run has no such response" .. nearest.hint_or_list(name, names))
      end
    end
  end
end

schema.run = record({
  format = {kind = "number", integer = true, min = 1, max = 1},
  name = text, hash = text, seed = count, env = text, environment = environment, responses = list(response),
  critics = list(critic), checkpoint = count, evaluation = resolved(options.eval), updates_per_row = at_least_1,
  status = choice("running", "interrupted", "failed", "finished"), step = count, updates = count, seconds = seconds,
}, {
  tags = list(text), set = list(text), recipe = text, folder = text, started = text, version = text, kernels = text,
  message = text, algorithm = text, algorithm_file = text, policy_file = text,
  code = record({}, {env = text, algorithm = text, policy = text}),
  actions = list(text), objective = list(text), unsummed = list(text), rewards = list(record {name = text, unit = text, of = map(number)}),
  metrics = list(record {kind = text, title = text, text = text}), steps = at_least_1, search = search, start = start,
  workers = at_least_1, lag = at_least_1,
  changes = list(change), journal = journal, swaps = at_least_1, shadow = record {hash = text, step = count},
}, function(check, value, path)
  value.rewards, value.actions, value.set = value.rewards or {}, value.actions or {}, value.set or {}
  if value.steps == nil and not value.search then check.fail(below(path, "steps"), "this is missing") end
  if #value.responses == 0 and value.environment.kind ~= "script" then
    check.fail(below(path, "responses"), "expected at least one response, got none")
  end
  rewards_agree(check, value)
  metrics.check(check, value.evaluation, value.responses, below(path, "evaluation"))
end)

-- ---- about.json beside a recipe that a run keeps: what run.json says of it (trainer/about.lua) ----

local code = record({}, {env = text, algorithm = text, policy = text})
local metric_list = list(record {kind = text, title = text, text = text})

schema.about = record({hash = text, critics = list(critic), recipe = text}, {code = code, algorithm = text, algorithm_file = text,
  policy_file = text, metrics = metric_list, set = list(text), changes = list(change)},
  function(_, value) value.set = value.set or {} end)

-- ---- journal.jsonl, one line for each of an operator's acts; request.json: what is asked of a training at work ----

local hash = {check = function(check, value, _, path)
  if type(value) ~= "string" or not value:find("^%x+$") or #value ~= 32 then
    values.wrong(check, path, "a hash of 32 hexadecimal digits", value)
  end
  return value
end}

-- What somebody wrote about it: one line.
local said = {check = function(check, value, _, path)
  if type(value) ~= "string" or value == "" or #value > 400 or value:find("%c") then
    values.wrong(check, path, "one line of at most 400 bytes", value)
  end
  return value
end}

-- What becomes of one part of the agent (agent:check_swap).
local migrated = record({part = text, name = text, reason = text,
  outcome = choice("kept", "kept in part", "grown", "rescaled", "refitted", "started anew", "dropped")},
  {taken = count, of = count, before = number, after = number},
  function(check, value, path) together(check, value, path, {"taken", "of"}) end)

-- A guard when it fired or held: what its bound is of, and the confidence sequence of then.
local guard = record({name = text, users = count, control_users = count}, {at_least = number, at_most = number, value = number,
  low = number, high = number})

-- standing.json: guards of the recipe of that hash, and a ramp at its share of number `at` of `count`, which the next follows
-- when `after` users have counted.
schema.standing = record({step = count, guards = list(guard)},
  {hash = hash, ramp = record {share = number, at = at_least_1, count = at_least_1, after = count, users = count}})

-- A ramp, at a swap that begins one or a step of it: the share of the users whom the new policy serves, that before, and how many
-- of its users had counted then.
local ramp = record({share = number}, {before = number, users = count})

schema.entry = record({number = at_least_1, previous = hash, time = said,
  kind = choice("check", "swap", "shadow", "confirm", "ramp", "guard", "refit", "rollback", "set", "resume"),
  author = said, step = count, before = hash, after = hash, outcome = text}, {reason = said, request = said, guards = list(guard),
  ramp = ramp, changes = list(record({option = text}, {before = text, after = text})), plan = list(migrated)})

schema.answer = record {request = said, outcome = text} -- answer.json: what the journal could not say

schema.request = record({format = {kind = "number", integer = true, min = 1, max = 1}, id = said,
  kind = choice("check", "swap", "confirm", "rollback"), author = said},
  {recipe = text, reason = said, set = list(text), mode = choice("ramp", "shadow"), schedules = choice("go_on", "restart")},
  function(check, value, path)
    if (value.kind == "check" or value.kind == "swap") and value.recipe == nil then check.fail(below(path, "recipe"), "this is missing") end
  end)

-- ---- what a script says of itself (trainer/source.lua) ----

schema.script = record {hash = text, env = text, responses = list(response),
  settings = record {name = text, steps = at_least_1, seed = count, checkpoint = count,
    eval = record({every = count}, {metrics = options.find(options.eval, "metrics")}),
    options = map {check = function(_, value) return value end}}}

-- ---- checkpoints/step-N.json: the trainer's own state ----

local numbers = list(number)

-- A file beside run.json, which is cut to the size that stands here.
local events_name = {check = function(check, value, _, path)
  if type(value) ~= "string" or not value:find("^events%.out%.tfevents%.[^/]+$") then
    values.wrong(check, path, "the name of an event file, as in events.out.tfevents.…", value)
  end
  return value
end}

local searching = record({scores = numbers, tried = numbers, beside = numbers, first = at_least_1, rows = count,
  user_days = count, start = numbers, vector = numbers, sums = map(number)}, {scales = map(positive), trial = count,
  last = numbers, weights = numbers, context = record {mean = map(number), std = map(positive)},
  reference = record {cohort = at_least_1, score = number, main = number}},
  function(check, value, path)
    same_length(check, value.tried, below(path, "tried"), value.scores, "scores")
    same_length(check, value.beside, below(path, "beside"), value.scores, "scores")
    same_length(check, value.vector, below(path, "vector"), value.start, "dimensions")
    together(check, value, path, {"scales", "reference", "trial", "last"})
    if #value.scores > 0 and not value.last then check.fail(below(path, "last"), "this is missing beside scores") end
    if value.first > #value.scores + 1 then
      check.fail(below(path, "first"), ("expected at most %d, got %d"):format(#value.scores + 1, value.first))
    end
  end)

schema.state = record({step = count, updates = count, evaluations = count,
  log = record({sums = map(number), counts = map(at_least_1), pending = count, rows = count}, {
    events = record {name = events_name, size = count}}, function(check, value, path)
    for _, name in ipairs(keys(value.sums)) do
      if not value.counts[name] then check.fail(below(path, "counts." .. name), "this is missing beside its sum") end
    end
  end)}, {user_days = seconds, undecided = count, next_evaluation = count, next_checkpoint = count, ended = flag, evaluated = count,
  search = searching, own = {check = function(_, value) return value end}})

-- ---- the last evaluation by user and day: lift.json, groups.json, front.json ----

local function spread(check, value, path) together(check, value, path, {"half", "low", "high"}) end

local interval = record({mean = number}, {half = seconds, low = number, high = number}, spread)

local crossed = record({mean = number, variance = seconds}, {n = at_least_1, sd = seconds, half = seconds, low = number,
  high = number, seeds_part = seconds}, spread)

local comparison_fields = {users = at_least_1, days = at_least_1, seeds = at_least_1, baseline = text,
  rows = list(record({name = text}, {unit = text, per = text, formula = text, policy = number, baseline = number, sd = seconds,
    lift = crossed}))}

local comparison = record(comparison_fields, {policy = text})

-- A further policy's table has the rows of the first.
local function same_rows(check, value, rows, path)
  same_length(check, value.rows, path .. ".rows", rows, "metrics")
  for i, row in ipairs(value.rows) do
    if row.name ~= rows[i].name then
      check.fail(("%s.rows.%d.name"):format(path, i), ("expected %s, got %s"):format(values.show(rows[i].name),
        values.show(row.name)))
    end
  end
end

schema.lift = record(comparison_fields, {policy = text, main = list(text), unsummed = list(text),
  beside = list(record {name = text, lift = comparison, against = comparison})}, function(check, value)
  local known = {}
  for _, row in ipairs(value.rows) do known[row.name] = true end
  for i, name in ipairs(value.main or {}) do
    if not known[name] then check.fail("main." .. i, ("the table has no row %s"):format(values.show(name))) end
  end
  for i, one in ipairs(value.beside or {}) do
    same_rows(check, one.lift, value.rows, ("beside.%d.lift"):format(i))
    same_rows(check, one.against, value.rows, ("beside.%d.against"):format(i))
  end
end)

local intervals = list(interval)

local group = record {low = number, high = number, users = at_least_1, actions = intervals,
  lift = list(either(false, interval))}

schema.groups = record({actions = list(text), metrics = list(text), all = intervals,
  by = list(record {name = text, groups = list(group), differences = intervals})}, nil, function(check, value)
  same_length(check, value.all, "all", value.actions, "actions")
  for i, by in ipairs(value.by) do
    local path = "by." .. i
    if #by.groups < 1 or #by.groups > 3 then check.fail(path .. ".groups", "expected 1 to 3 groups, got " .. #by.groups) end
    if #by.groups > 1 then same_length(check, by.differences, path .. ".differences", value.actions, "actions") end
    for k, one in ipairs(by.groups) do
      same_length(check, one.actions, ("%s.groups.%d.actions"):format(path, k), value.actions, "actions")
      same_length(check, one.lift, ("%s.groups.%d.lift"):format(path, k), value.metrics, "metrics")
    end
  end
end)

schema.front = record {x = text, y = list(text), baseline = text, users = at_least_1, days = at_least_1,
  points = list(record({name = text, kind = choice("vector", "baseline", "policy", "beside"), x = interval, y = interval},
    {on = flag, action = map(number)}))}

-- ---- what moves the critics' values: importance.json ----

schema.importance = record({users = at_least_1, steps = at_least_1, seed = count,
  groups = list(record {name = text, observations = at_least_1}),
  critics = list(record {name = text, deviation = seconds, groups = list(record({mean = seconds}, {half = seconds}))})}, nil,
  function(check, value)
    for i, one in ipairs(value.critics) do
      same_length(check, one.groups, ("critics.%d.groups"):format(i), value.groups, "groups")
    end
  end)

-- ---- tables ----

--- first: the first column; whole: those that count; pairs: a column of the one kind has one of the other beside it;
--- any: one of these at least; finite: of these kinds no number is missing.
schema.tables = {
  metrics = {first = "step", whole = {"step"}, pairs = {}},
  evaluations = {first = "step", whole = {"step", "episodes", "users"}, pairs = {mean = "sd", lift = "half"},
    any = {"episodes", "users"}},
  trials = {first = "generation", whole = {"generation", "trial"}, pairs = {}, finite = {action = true, mean = true}},
}

local function whole_refusal(name, column)
  for row, value in ipairs(column) do
    if not (value >= 0 and value <= 2 ^ 53 and value % 1 == 0) then
      return ("line %d: %s: expected a whole number ≥ 0, got %s"):format(row + 1, name, values.show(value))
    end
  end
end

--- What is wrong with a table (records/csv.lua) of this kind; nil where nothing is.
function schema.table_refusal(kind, found)
  if found.names[1] ~= kind.first then
    return ("line 1: the first column is %s, and %q was expected"):format(values.show(found.names[1]), kind.first)
  end
  local any = kind.any == nil
  for _, name in ipairs(kind.any or {}) do any = any or found.columns[name] ~= nil end
  if not any then return ("line 1: a column %s is missing"):format(table.concat(kind.any, " or ")) end
  for _, name in ipairs(kind.whole) do
    local message = found.columns[name] and whole_refusal(name, found.columns[name])
    if message then return message end
  end
  for _, name in ipairs(found.names) do
    local prefix, rest = name:match("^(%a+)/(.+)$")
    local partner = kind.pairs[prefix]
    if partner and not found.columns[partner .. "/" .. rest] then
      return ("line 1: %s has no %s/%s beside it"):format(name, partner, rest)
    end
    for row, value in ipairs(kind.finite and kind.finite[prefix] and found.columns[name] or {}) do
      if value ~= value then return ("line %d: %s: expected a number"):format(row + 1, name) end
    end
  end
end

return schema
