--- What a recipe of kind "fit" may say: checked, every default filled in.
---
---     log         {file =, time =, day =, user =, item =, group =}: the CSV of impressions; time (ms) and day are columns,
---                 user (of the bootstrap), item (of a baseline) and group (of the within-group AUC) are fields
---     tables      {name = {file =, key =}}: CSVs with one row for each value of the log's column `key`; each of these files may
---                 say its number of rows, so that one that is cut or of another release is refused
---     outcomes    columns of the log that are known only after the impression: never inputs
---     splits      train, valid, test = {first day, last day}
---     heads       {name = {column, loss = "logistic" | "squared", weight =, divide =, log1p =}}
---     fields      {name = "column", "table.column" or {column, divide =, log_bins =}}: ids
---     categories  fields that get an embedding
---     numbers     {name = {column, divide =, log1p =, words =, over =}}
---     rates       {name = {by = {field, …}, of = {head = strength}}}: past answers of the same fields, smoothed
---     recent      {name = {by = field, keep =, of = {head, …}}}: exponentially weighted past answers
---     gaps        {name = {by = field, start = "table.column"}}: time since the impression before
---     sequences   {name = {of = field, by = field, length =, where = head, start = "table.column"}}: last items
---     model       {width =, hidden = {…}, dropout =, min_count =}
---     train       {batch =, epochs =, lr =, seed =}
---
--- A recipe of kind "world" (perilune.fit.world) says the same and differs in this:
---
---     log         also duration ({column, divide =}, seconds) and of_item: columns of the log that belong to the item
---     splits      ranker, response = {first day, last day}, apart
---     context     {clock = field, held = {field = "value"}}: fields with a bias of their own; the file holds the clock's, and
---                 stands for the given value of the others
---     model       also factors, penalty (perilune.fit.towers)
---     train       also folds: parts of the cross-fit that tempers a model
---     activity    numbers of the user whose sum says how active one is
---     play        {head =, means =, durations =, quantiles =, rows =}
---     uploaded    "table.column", dates
---     out         the file that is written
local keys = require "perilune.keys"
local nearest = require "perilune.nearest"
local printer = require "perilune.recipe.print"

local schema = {}

local Refusal = {__tostring = function(self) return self.path .. ": " .. self.message end}

local function refuse(path, message) error(setmetatable({path = path, message = message}, Refusal), 0) end

local function show(value)
  if type(value) == "string" then return '"' .. value:sub(1, 40) .. '"' end
  return type(value) == "table" and "a table" or tostring(value)
end

local function known(value, names, path, what)
  for _, name in ipairs(names) do if name == value then return value end end
  refuse(path, ("there is no %s %s%s"):format(what, show(value), nearest.hint_or_list(tostring(value), names)))
end

-- Checkers: value, path → the checked value. A table of checkers is a section; a checker may be {checker, default}.
-- shape[checker] says what it accepts, for `describe`: {type = words}, {fields = of a section}, {each = of a map}.

local shape = {}

local function shaped(what, checker)
  shape[checker] = what
  return checker
end

local function text(value, path)
  if type(value) ~= "string" or value == "" then refuse(path, "a text is needed, not " .. show(value)) end
  return value
end

local function number(low, high, whole)
  local accepted = (high < 2 ^ 53 and "a %snumber from %.14g to %.14g" or "a %snumber ≥ %.14g"):format(
    whole and "whole " or "", low, high)
  local range = high < 2 ^ 53 and "number %s … %s" or "number ≥ %s"
  local words = (whole and "whole " or "") .. range:format(printer.number(low), printer.number(high))
  return shaped({type = words}, function(value, path)
    if type(value) ~= "number" or value < low or value > high or (whole and value % 1 ~= 0) then
      refuse(path, ("%s is needed, not %s"):format(accepted, show(value)))
    end
    return value
  end)
end

local function flag(value, path)
  if type(value) ~= "boolean" then refuse(path, "true or false is needed, not " .. show(value)) end
  return value
end

shape[text], shape[flag] = {type = "text"}, {type = "true | false"}

local function list(item)
  return shaped({type = "list of " .. shape[item].type}, function(value, path)
    if type(value) ~= "table" or (#value == 0 and next(value) ~= nil) then refuse(path, "a list is needed, not " .. show(value)) end
    for i, inner in ipairs(value) do value[i] = item(inner, path .. "." .. i) end
    return value
  end)
end

local function section(spec)
  return shaped({fields = spec}, function(value, path)
    if type(value) ~= "table" then refuse(path, "a table is needed, not " .. show(value)) end
    local names = keys(spec)
    for key in pairs(value) do
      if spec[key] == nil then
        local named = {}
        for _, name in ipairs(names) do if name ~= 1 then named[#named + 1] = name end end
        refuse(path .. "." .. tostring(key), "unknown key" .. nearest.hint_or_list(tostring(key), named))
      end
    end
    local result = {}
    for _, key in ipairs(names) do
      local checker, given, at = spec[key], value[key], key == 1 and path or path .. "." .. key
      if type(checker) == "table" then
        if given == nil then given = checker[2] end
        result[key] = given ~= nil and checker[1](given, at) or given
      else
        if given == nil then refuse(path, ("%s is missing"):format(key == 1 and "the first value" or tostring(key))) end
        result[key] = checker(given, at)
      end
    end
    return result
  end)
end

--- {name = item}; a plain text means {text} where `short`.
local function map(item, short)
  return shaped({each = item}, function(value, path)
    if type(value) ~= "table" then refuse(path, "a table by name is needed, not " .. show(value)) end
    local result = {}
    for _, name in ipairs(keys(value)) do
      local inner = value[name]
      if type(name) ~= "string" then refuse(path, "a value without a name: " .. show(inner)) end
      if short and type(inner) == "string" then inner = {inner} end
      result[name] = item(inner, path .. "." .. name)
    end
    return result
  end)
end

local function loss(value, path) return known(value, {"logistic", "squared"}, path, "loss") end

local function days(value, path)
  local pair = list(number(0, 99999999, true))(value, path)
  if #pair ~= 2 or pair[1] > pair[2] then refuse(path, "the first and the last day are needed, as in {20220425, 20220501}") end
  return pair
end

shape[loss], shape[days] = {type = "logistic | squared"}, {type = "{first, last}"}

local positive, size = number(1e-12, 1e12), number(1, 1e6, true)

local function plus(spec, more)
  local all = {}
  for key, value in pairs(spec) do all[key] = value end
  for key, value in pairs(more) do all[key] = value end
  return all
end

local logged = {file = text, time = text, day = text, user = text, item = text, group = {text}, rows = {size}}

-- A position in a map that also has names is the key "1" of plain data, and comes back as 1.
local common = {
  kind = text,
  name = {text},
  tags = {list(text)},
  tables = {map(section {file = text, key = text, rows = {size}}), {}},
  outcomes = list(text),
  heads = map(section {text, loss = {loss, "logistic"}, weight = {number(0, 1e6), 1}, divide = {positive, 1},
    log1p = {flag, false}}, true),
  fields = map(section {text, divide = {positive}, log_bins = {positive}}, true),
  categories = list(text),
  numbers = {map(section {text, divide = {positive, 1}, log1p = {flag, false}, words = {flag, false}, over = {text}}, true), {}},
  rates = {map(section {by = list(text), of = map(number(0, 1e9))}), {}},
  recent = {map(section {by = text, keep = {number(0, 1), 0.7}, of = list(text)}), {}},
  sequences = {map(section {of = text, by = text, length = {number(1, 1000, true), 10}, where = {text}, start = {text}}), {}},
  train = {section {batch = {size, 256}, epochs = {size, 2}, lr = {positive, 1e-3},
    seed = {number(0, 2 ^ 53, true), 1}}, {}},
}

local network = {width = {size, 8}, hidden = {list(size), {128, 64}}, dropout = {number(0, 0.95), 0}, min_count = {size, 2}}

local kinds = {
  fit = plus(common, {
    log = section(logged),
    splits = section {train = days, valid = days, test = days},
    gaps = {map(section {by = text, start = {text}}), {}},
    model = {section(network), {}},
  }),
  world = plus(common, {
    log = section(plus(logged, {duration = section {text, divide = {positive, 1}}, of_item = {list(text), {}}})),
    splits = section {ranker = days, response = days},
    context = section {clock = text, held = {map(text), {}}},
    model = {section(plus(network, {hidden = {list(size), {64}}, factors = {number(1, 256, true), 16},
      penalty = {number(0, 1e3), 0}})), {}},
    activity = list(text),
    train = {section {batch = {size, 256}, epochs = {size, 2}, lr = {positive, 1e-3}, seed = {number(0, 2 ^ 40, true), 1},
      folds = {number(2, 20, true), 5}}, {}},
    play = {section {head = {text, "watch"}, means = {number(2, 100, true), 10}, durations = {number(2, 100, true), 8},
      quantiles = {number(3, 1000, true), 100}, rows = {size, 1000}}, {}},
    uploaded = text,
    out = {text, "runs/world.safetensors"},
  }),
}

--- Names must be of what there is, and no input may be an outcome of its own impression.
local function check_names(recipe)
  local outcome, fields, heads, tables = {}, keys(recipe.fields), keys(recipe.heads), recipe.tables
  for _, column in ipairs(recipe.outcomes) do outcome[column] = true end
  local function input(column, path)
    if outcome[column] then
      refuse(path, ('"%s" is an outcome, known only after the impression; it cannot be an input'):format(column))
    end
    local table_name = column:match "^([^.]+)%."
    if table_name then known(table_name, keys(tables), path, "table") end
  end
  for name, head in pairs(recipe.heads) do
    if not outcome[head[1]] then
      refuse("heads." .. name, ('the column "%s" of a head must be one of the outcomes'):format(head[1]))
    end
  end
  input(recipe.log.time, "log.time")
  for _, key in ipairs {"user", "item", "group"} do
    if recipe.log[key] then known(recipe.log[key], fields, "log." .. key, "field") end
  end
  for name, field in pairs(recipe.fields) do input(field[1], "fields." .. name) end
  for i, name in ipairs(recipe.categories) do known(name, fields, "categories." .. i, "field") end
  for name, entry in pairs(recipe.tables) do input(entry.key, "tables." .. name .. ".key") end
  for name, entry in pairs(recipe.numbers) do
    input(entry[1], "numbers." .. name)
    if entry.over then input(entry.over, "numbers." .. name .. ".over") end
    if (entry.words or entry.over) and not entry[1]:find(".", 1, true) then
      refuse("numbers." .. name, "words are counted in columns of tables only")
    end
  end
  for name, rate in pairs(recipe.rates) do
    local path = "rates." .. name
    if #rate.by < 1 or #rate.by > 2 then refuse(path .. ".by", "one or two fields are needed") end
    for i, field in ipairs(rate.by) do known(field, fields, path .. ".by." .. i, "field") end
    for head in pairs(rate.of) do known(head, heads, path .. ".of", "head") end
  end
  for name, entry in pairs(recipe.recent) do
    known(entry.by, fields, "recent." .. name .. ".by", "field")
    for i, head in ipairs(entry.of) do known(head, heads, ("recent.%s.of.%d"):format(name, i), "head") end
  end
  for name, entry in pairs(recipe.gaps or {}) do
    known(entry.by, fields, "gaps." .. name .. ".by", "field")
    if entry.start then input(entry.start, "gaps." .. name .. ".start") end
  end
  for name, entry in pairs(recipe.sequences) do
    local path = "sequences." .. name
    known(entry.of, recipe.categories, path .. ".of", "category")
    known(entry.by, fields, path .. ".by", "field")
    if entry.where then known(entry.where, heads, path .. ".where", "head") end
    if entry.start then input(entry.start, path .. ".start") end
  end
  for _, kind in ipairs {"rates", "recent"} do
    for name, entry in pairs(recipe[kind]) do
      for key, value in pairs(entry.of) do
        local head = recipe.heads[type(key) == "string" and key or value]
        if head.loss ~= "logistic" then refuse(("%s.%s.of"):format(kind, name), "past answers are counted for logistic heads only") end
      end
    end
  end
end

--- Whether there are recipes of this kind here.
function schema.knows(kind) return kinds[kind] ~= nil end

--- Everything that a recipe of a kind ("fit") may say: {path, type, default, required}, where NAME is any name, and
--- [1] for a first value without a name.
function schema.options(kind)
  local found, sections = {}, kinds[kind or "fit"]
  local function visit(checker, path)
    local item, default, required = checker, nil, true
    if type(checker) == "table" then item, default, required = checker[1], checker[2], false end
    local what = shape[item]
    if what.each then return visit(what.each, path .. ".NAME") end
    if not what.fields then
      found[#found + 1] = {path = path, type = what.type, default = default, required = required}
      return
    end
    for _, key in ipairs(keys(what.fields)) do
      visit(what.fields[key], key == 1 and path .. "[1]" or path .. "." .. key)
    end
  end
  for _, key in ipairs(keys(sections)) do visit(sections[key], key) end
  return found
end

--- The recipe, resolved; or nil and {path, message}.
function schema.check(recipe)
  local ok, result = pcall(function()
    local sections = kinds[recipe.kind]
    for key in pairs(recipe) do
      if sections[key] == nil then refuse(tostring(key), "unknown key" .. nearest.hint_or_list(tostring(key), keys(sections))) end
    end
    local resolved = {}
    for _, key in ipairs(keys(sections)) do
      local checker, value = sections[key], recipe[key]
      if type(checker) == "table" then
        if value == nil then value = checker[2] end
        resolved[key] = value ~= nil and checker[1](value, key) or value
      else
        if value == nil then refuse(key, "this section is missing") end
        resolved[key] = checker(value, key)
      end
    end
    check_names(resolved)
    if resolved.kind == "world" then require("perilune.fit.sides").check(resolved, refuse, known) end
    return resolved
  end)
  if ok then return result end
  if getmetatable(result) ~= Refusal then error(result, 0) end
  return nil, result
end

return schema
