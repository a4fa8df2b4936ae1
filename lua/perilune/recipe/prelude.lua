--- The trusted half of the sandbox: what a recipe may call, and how its result becomes plain data.
--- It runs in the recipe's own state, before it; `native` is the table of recipe/library.c.

local native = ...
local base, string, table, math = native.base, native.string, native.table, native.math
local error, ipairs, next, pairs, pcall = base.error, base.ipairs, base.next, base.pairs, base.pcall
local setmetatable, tostring, type = base.setmetatable, base.tostring, base.type
local select, tonumber = base.select, base.tonumber
local concat, format, sub = table.concat, string.format, string.sub
local huge = 1 / 0

local symbols = native.embedded "perilune.recipe.symbols"(native)
local refuse, show, is_symbol = symbols.refuse, symbols.show, symbols.is_symbol
local functions, operators = symbols.functions, symbols.operators
local trace, reward_tree = symbols.trace, symbols.reward_tree

local GREATEST_DEPTH = 24

-- ---- Scalars ------------------------------------------------------------------------------------------------------

local whole = setmetatable({}, {__mode = "k"}) -- tables that `extend` replaces, never merges
local formulas = setmetatable({}, {__mode = "k"}) -- trees, whose own levels are bounded where they are made

local function scalar(kind)
  return function(fields)
    if type(fields) ~= "table" or is_symbol(fields) then
      refuse(kind .. " takes a table, as in " .. (kind == "piecewise" and "piecewise {{0, 1e-3}, {1e5, 1e-4}}" or
        kind == "warmup" and "warmup {to = 1e-3, over = 1e4}" or kind .. " {from = 1e-3, to = 1e-4}"))
    end
    local result = {kind = kind}
    for k, v in pairs(fields) do
      if kind == "piecewise" then
        result.points = result.points or {}
        result.points[k] = v
      else
        result[k] = v
      end
    end
    result.kind = kind
    whole[result] = true
    return result
  end
end

local function expression(fn)
  if type(fn) ~= "function" then refuse("expression takes a function: expression(function(step) return … end)") end
  local tree = trace("expression", fn, function(read) return read("step") end,
    function(responses) return responses.step or 0 end)
  local result = {kind = "expression", tree = tree}
  whole[result] = true
  if type(tree) == "table" then formulas[tree] = true end
  return result
end

--- Two sums by the names of what is summed, as in eval.metrics.
local function ratio(...)
  local of, per = ...
  if select("#", ...) ~= 2 or type(of) ~= "string" or type(per) ~= "string" then
    refuse('ratio takes two names, of the upper and the lower sum, as in ratio("click", "view")')
  end
  local result = {kind = "ratio", of = of, per = per}
  whole[result] = true
  return result
end

--- A bound that is relative to what the control group comes to, as in at_least = relative(-0.005).
local function relative(...)
  local share = ...
  if select("#", ...) ~= 1 or type(share) ~= "number" then
    refuse("relative takes a share of what the control group comes to, as in relative(-0.005)")
  end
  local result = {relative = share}
  whole[result] = true
  return result
end

--- A multiplier that is learned: its settings.
local function learned(...)
  local given = ...
  if select("#", ...) > 1 or (given ~= nil and type(given) ~= "table") then
    refuse("learned takes its settings as a table, as in learned {lr = 0.01, init = 0, max = 10}")
  end
  return given or {}
end

-- ---- extend -------------------------------------------------------------------------------------------------------

local remove = setmetatable({}, {
  __metatable = false,
  __newindex = function() refuse("remove is a value, as in `comment = remove`") end,
  __call = function(self) return self end,
})

--- Whether it is a table of fields, and no value that happens to be one.
local function is_fields(value) return type(value) == "table" and value ~= remove and not is_symbol(value) end

local function copy(value, depth)
  if type(value) ~= "table" or value == remove or is_symbol(value) or formulas[value] then return value end
  if depth > GREATEST_DEPTH then refuse("tables are nested too deep, or contain themselves") end
  local result = {}
  for k, v in pairs(value) do result[k] = copy(v, depth + 1) end
  if whole[value] then whole[result] = true end
  return result
end

local function has_names(t)
  for k in pairs(t) do
    if type(k) ~= "number" then return true end
  end
  return false
end

local function merges(old, new)
  if type(old) ~= "table" or type(new) ~= "table" or new == remove or is_symbol(new) or is_symbol(old) then
    return false
  end
  if whole[old] or whole[new] then return false end
  if new[1] ~= nil then return type(new[1]) == "string" and old[1] == new[1] and (has_names(old) or has_names(new)) end
  return old[1] == nil or type(old[1]) == "string" or has_names(old)
end

-- Where a text says which policy, and a table is a constant action instead; elsewhere the table is what else its name takes.
local policies = {baseline = true, beside = true, start = true}

--- New over old. Both are left alone; what is shared is copied. apart: a table does not go with the text that it changes.
local function merge(old, new, depth, apart)
  if depth > GREATEST_DEPTH then refuse("tables are nested too deep, or contain themselves") end
  if type(old) == "string" and type(new) == "table" and new[1] == nil and has_names(new) and not apart then old = {old} end
  if not merges(old, new) then
    if type(new) ~= "table" or new == remove or formulas[new] then return new end
    local result = {}
    for k, v in pairs(new) do
      if v ~= remove then result[k] = merge(nil, v, depth + 1) end
    end
    if whole[new] then whole[result] = true end
    return is_symbol(new) and new or result
  end
  local result = {}
  for k, v in pairs(old) do
    if new[k] == nil then result[k] = copy(v, depth + 1) end
  end
  for k, v in pairs(new) do
    if v ~= remove then result[k] = merge(old[k], v, depth + 1, apart or policies[k]) end
  end
  return result
end

local function extend(old, ...)
  local count = select("#", ...)
  if type(old) ~= "table" then refuse("extend takes a recipe to start from, not " .. show(old)) end
  if count == 0 then refuse("extend takes a recipe and a table of changes") end
  for i = 1, count do
    local new = (select(i, ...))
    if type(new) ~= "table" then refuse("extend takes tables of changes, not " .. show(new)) end
    old = merge(old, new, 1)
  end
  return old
end

-- ---- Sweeps and experiments ---------------------------------------------------------------------------------------

--- What is around recipes, and none itself: its fields under the word that makes it.
local function around(kind, fields, example)
  if type(fields) ~= "table" or is_symbol(fields) then refuse(format("%s takes a table, as in %s %s", kind, kind, example)) end
  local result = {}
  for k, v in pairs(fields) do result[k] = v end
  result.kind = kind
  return result
end

--- A recipe and the values that `perilune sweep` gives its options. Elsewhere it is its base.
local function sweep(fields)
  return around("sweep", fields, '{base = require "a2c", grid = {["algorithm.lr"] = {1e-3, 1e-4}}}')
end

--- Arms, each a recipe or a chain of them, that `perilune experiment` trains and compares. Elsewhere it is one arm's recipe: the
--- first, or that of `--set arm=NAME`; of a chain its first stage, or that of `--set stage=2`.
local function experiment(fields)
  return around("experiment", fields, '{name = "mine", control = "ltr", arms = {{name = "a2c", recipe = require "a2c"}}}')
end

-- ---- What a recipe sees -------------------------------------------------------------------------------------------

local function merge_sort(t, before)
  local n = #t
  local from, to = t, {}
  local width = 1
  while width < n do
    for low = 1, n, 2 * width do
      local i, j, stop_i, stop_j = low, low + width, low + width, low + 2 * width
      if stop_i > n + 1 then stop_i = n + 1 end
      if stop_j > n + 1 then stop_j = n + 1 end
      for k = low, stop_j - 1 do
        if i < stop_i and (j >= stop_j or not before(from[j], from[i])) then
          to[k], i = from[i], i + 1
        else
          to[k], j = from[j], j + 1
        end
      end
    end
    from, to, width = to, from, 2 * width
  end
  if from ~= t then
    for i = 1, n do t[i] = from[i] end
  end
end

local shared = {
  extend = extend, remove = remove, expression = expression, ratio = ratio, learned = learned, relative = relative, sweep = sweep,
  experiment = experiment,
  linear = scalar "linear", cosine = scalar "cosine", warmup = scalar "warmup", piecewise = scalar "piecewise",
  assert = base.assert, error = error, ipairs = ipairs, next = next, pairs = pairs, select = select,
  tonumber = tonumber, tostring = tostring, type = type, unpack = base.unpack,
  string = string, table = table, math = math,
}
for name, fn in pairs(functions) do
  if not operators["__" .. name] and name ~= "neg" then shared[name] = fn end
  if math[name] then math[name] = fn end
end
math.log = symbols.log
math.min, math.max, math.huge = functions.min, functions.max, huge
table.unpack = base.unpack

--- The items of a list that a function of `table` changes.
local function items(t, what)
  if not is_fields(t) then refuse(what .. " takes a list, not " .. show(t)) end
  return #t
end

--- As in Lua 5.3, where a position outside of the list is refused: in others the work is as long as the number says.
function table.insert(t, ...)
  local n, count = items(t, "table.insert"), select("#", ...)
  local at, value = ...
  if count == 1 then
    at, value = n + 1, at
  elseif count ~= 2 then
    refuse("table.insert takes a list, a position where one is meant, and a value")
  end
  if type(at) ~= "number" or at % 1 ~= 0 or at < 1 or at > n + 1 then
    refuse(format("table.insert: expected a position from 1 to %d, got %s", n + 1, show(at)))
  end
  for i = n, at, -1 do t[i + 1] = t[i] end
  t[at] = value
end

function table.remove(t, at)
  local n = items(t, "table.remove")
  if at == nil then at = n end
  if type(at) ~= "number" then refuse("table.remove takes a position, not " .. show(at)) end
  if at % 1 ~= 0 or at < 1 or at > n then return nil end
  local value = t[at]
  for i = at, n do t[i] = t[i + 1] end
  return value
end

function table.sort(t, before)
  items(t, "table.sort")
  merge_sort(t, before or function(a, b) return a < b end)
end

--- Addresses differ from run to run, and a recipe's data may not: only plain values become text.
local function plain_text(value, what)
  local kind = type(value)
  if kind == "table" or kind == "function" then
    refuse(what .. " takes strings, numbers and booleans, not " .. show(value))
  end
  return value
end
function shared.tostring(value) return tostring(plain_text(value, "tostring")) end
function string.format(text, ...)
  for i = 1, select("#", ...) do plain_text((select(i, ...)), "string.format") end
  return format(text, ...)
end

local function names_of(t)
  local names = {}
  for name in pairs(t) do names[#names + 1] = name end
  merge_sort(names, function(a, b) return a < b end)
  return names
end

local withheld = {}
for _, name in ipairs {"io", "os", "debug", "package", "ffi", "jit", "bit", "coroutine", "load", "loadstring",
  "loadfile", "dofile", "pcall", "xpcall", "print", "collectgarbage", "newproxy", "setmetatable", "getmetatable",
  "rawget", "rawset",
  "rawequal", "setfenv", "getfenv", "_G", "module", "arg"} do
  withheld[name] = true
end

local function unknown(_, name)
  if withheld[name] then
    refuse(name .. " is not there for a recipe, which only describes data")
  end
  refuse(format("there is no %s in a recipe%s", show(name), native.nearest(tostring(name), names_of(shared))))
end
for _, library in ipairs {"string", "table", "math"} do
  setmetatable(shared[library], {__metatable = false, __index = function(_, name)
    local pattern = library == "string" and (name == "find" or name == "match" or name == "gmatch" or name == "gsub")
    refuse(format("%s.%s is not there for a recipe%s", library, tostring(name), pattern and
      ": patterns can run for ever; it has " .. concat(names_of(string), ", ") or
      native.nearest(tostring(name), names_of(shared[library]))))
  end})
end

local environment

local in_force -- the recipe that `running` is; false while it is loaded

--- The recipe in force of the training that is given another one.
local function running(file)
  if in_force == nil then
    in_force = false
    local chunk, number = native.running()
    if not chunk then
      refuse("running is the recipe in force of a training; a file that changes it is for `perilune swap RUN FILE`",
        native.position(file))
    end
    native.set_environment(chunk, environment(number))
    in_force = chunk()
  end
  if not in_force then refuse("running is not there for the recipe in force itself", native.position(file)) end
  return in_force
end

--- What a file sees as globals; it requires files of its own folder.
function environment(file)
  local function own_require(name) return shared.require(name, file) end
  return setmetatable({}, {
    __metatable = false,
    __index = function(_, name)
      if name == "running" then return running(file) end
      local value = name == "require" and own_require or shared[name]
      if value == nil then unknown(nil, name) end
      return value
    end,
    __newindex = function(_, name) refuse(format("a recipe sets no globals: write local %s = …", tostring(name))) end,
  })
end

local loaded, LOADING = {}, {}
local loading = {1} -- the files that are being loaded, each required by the one before it

--- "recipe#1 → recipe#2 → recipe#1", from where a file is first required to where it is again: the names of chunks, for
--- which the sandbox puts paths in.
local function circle(file)
  local parts = {}
  for _, one in ipairs(loading) do
    if one == file or #parts > 0 then parts[#parts + 1] = "recipe#" .. one end
  end
  parts[#parts + 1] = "recipe#" .. file
  return concat(parts, " → ")
end

function shared.require(name, from)
  local function refuse_here(message) refuse(message, native.position(from)) end
  if type(name) ~= "string" then refuse_here("require takes the name of a file of this folder, not " .. show(name)) end
  local ok, chunk, file = pcall(native.load, name, from)
  if not ok then
    -- A syntax error has its own place.
    if type(chunk) == "string" and sub(chunk, 1, 7) == "recipe#" then error(chunk, 0) end
    if name == "perilune" then
      refuse_here('require "perilune": a recipe only describes data; a script, which may, begins with #!, as in '
        .. "#!/usr/bin/env perilune")
    end
    local message, missing = tostring(chunk), "No such file or directory"
    refuse_here(sub(message, -#missing) == missing and message .. "; a recipe requires files of its own folder (what comes with "
      .. "Perilune, `perilune check NAME >FILE.lua` writes there)" or message)
  end
  if loaded[file] == LOADING then
    refuse_here(format('require "%s": files require one another in a circle: %s', name, circle(file)))
  end
  if loaded[file] == nil then
    loaded[file], loading[#loading + 1] = LOADING, file
    native.set_environment(chunk, environment(file))
    local value = chunk()
    loading[#loading] = nil
    loaded[file] = value == nil and true or value
  end
  return loaded[file]
end

-- ---- The result ---------------------------------------------------------------------------------------------------

--- The recipe as plain data: rewards become trees; anything else that is not data is refused, naming its key.
local reads = {}
local values_left = 50000

local plain

--- What is wrong with the result: {path, message, kind}, whose place is found by whoever has the keys; of a reward also
--- file and line. A value that is refused is false in the result.
local defects = {}
local GREATEST_DEFECTS = 100 -- more are not looked for
local ENOUGH = {} -- raised where no more of the result is looked at

local axis -- of a sweep's grid, whose value is looked at

local function defect(path, message, kind)
  defects[#defects + 1] = {path = path, message = message, kind = kind, axis = axis}
  if #defects == GREATEST_DEFECTS then error(ENOUGH) end
  return false
end

--- The same of what makes the rest of the result hopeless.
local function fatal_defect(path, message)
  defect(path, message)
  error(ENOUGH)
end

--- A reward's tree, or false: it raised a sentence with its place.
local function plain_reward(fn, path)
  local ok, tree, list = pcall(reward_tree, path, fn)
  if not ok then
    local file, line, message = symbols.line_of(tree)
    if not file then error(tree, 0) end
    local begin = path .. ": "
    if sub(message, 1, #begin) == begin then message = sub(message, #begin + 1) end
    defect(path, sub(message, 1, 800))
    defects[#defects].file, defects[#defects].line = file, line
    return false
  end
  local places = {}
  for i, r in ipairs(list) do places[i] = {name = r.name, file = r.file, line = r.line} end
  reads[path] = places
  return tree
end

local function plain_function(fn, path, at)
  if #at == 4 and at[1] == "objective" and at[2] == "critics" and at[4] == "reward" then return plain_reward(fn, path) end
  return defect(path, "a function is not allowed here; a value is expected", "function")
end

plain = function(value, path, at, above)
  values_left = values_left - 1
  if values_left < 0 then fatal_defect(path, "too many values for a recipe") end
  if type(value) == "function" then return plain_function(value, path, at) end
  if type(value) == "number" and (value ~= value or value == huge or value == -huge) then
    return defect(path, "the number is not finite")
  end
  if type(value) ~= "table" or formulas[value] then return value end
  if value == remove then return defect(path, "remove is allowed only in the changes of extend") end
  if is_symbol(value) then return defect(path, "a response is allowed only in a reward") end
  if above[value] then return defect(path, "this table contains itself") end
  if #at >= GREATEST_DEPTH then fatal_defect(path, "tables are nested too deep") end
  above[value] = true
  local result = {}
  for k, v in pairs(value) do
    if type(k) ~= "string" and type(k) ~= "number" then
      defect(path, "a key must be a name or a position")
    else
      local inner = {base.unpack(at)}
      inner[#inner + 1] = k
      result[k] = plain(v, path == "" and tostring(k) or path .. "." .. tostring(k), inner, above)
    end
  end
  above[value] = nil
  return result
end

--- Puts an override in its place: algorithm.lr=1e-3.
local function split(path)
  local parts, start = {}, 1
  for i = 1, #path + 1 do
    if i == #path + 1 or sub(path, i, i) == "." then
      local part = sub(path, start, i - 1)
      parts[#parts + 1] = tonumber(part) or part
      start = i + 1
    end
  end
  return parts
end

local function one_value(file, ...)
  local count = select("#", ...)
  if count > 1 then
    refuse(format("expected one value, got %d: a decimal has a point, as in 0.5, and a list braces, as in {64, 64}", count), file, 1)
  end
  return (...)
end

local function override_value(chunk, text, file)
  if not chunk then return text end
  local env = environment(1)
  native.set_environment(chunk, setmetatable({}, {__metatable = false, __index = function(_, name)
    local value = shared[name]
    if value ~= nil then return env[name] end
    return name -- a bare word is text: policy.activation=relu
  end}))
  return one_value(file, chunk())
end

local function override(recipe, path, value, file)
  local parts, changes = split(path), value
  if value == nil then changes = remove end
  local old = recipe
  for _, part in ipairs(parts) do
    if part == "" then refuse("expected a path of names with dots, such as algorithm.lr", file, 1) end
    old = type(old) == "table" and old[part] or nil
  end
  if type(value) == "string" and type(old) == "table" and type(old[1]) == "string" then changes = {value} end
  for i = #parts, 1, -1 do changes = {[parts[i]] = changes} end
  return merge(recipe, changes, 1)
end

--- What a sweep says beside its base. A value of the grid is read as if it were at its path, so that it may be a
--- reward; where the base's own reward reads its responses stays known.
local function plain_in_grid(value, path)
  axis = path
  local result = plain(value, path, split(path), {})
  axis = nil
  return result
end

local function plain_axis(list, path)
  local kept, result = reads[path], {}
  if type(list) == "table" and list ~= remove and not is_symbol(list) and not whole[list] then
    for i, item in pairs(list) do result[i] = plain_in_grid(item, path) end
  else
    result = plain_in_grid(list, path)
  end
  reads[path] = kept
  return result
end

local function plain_sweep(fields)
  local result = {}
  for name, value in pairs(fields) do
    if name == "grid" and is_fields(value) then
      result.grid = {}
      for path, list in pairs(value) do
        if type(path) ~= "string" then
          defect("grid", 'an axis is a path with its values, as in ["algorithm.lr"] = {1e-3, 1e-4}')
        else
          result.grid[path] = plain_axis(list, path)
        end
      end
    elseif type(value) == "function" then
      defect(tostring(name), "a function is not allowed here; a value is expected")
    elseif name ~= "base" and name ~= "kind" then
      result[name] = plain(value, tostring(name), {name}, {})
    end
  end
  return result
end

local main = native.load()
native.set_environment(main, environment(1))
loaded[1] = LOADING
local recipe = main()
native.follow(false)
if not is_fields(recipe) then
  refuse("a recipe returns a table; this one returns " .. show(recipe), native.defined(main), 1)
end

local set = {}

local swept, compared, arms
if recipe.kind == "experiment" then
  arms = native.embedded "perilune.recipe.arms"(native, {main = main, refuse = refuse, show = show, is_fields = is_fields, plain = plain,
    plain_text = plain_text, format = format, sub = sub})
  compared, recipe = recipe, arms.recipe(recipe)
end
if recipe.kind == "sweep" then
  swept, recipe = recipe, recipe.base
  if not is_fields(recipe) or recipe.kind == "sweep" then
    refuse('a sweep has a base, a recipe, as in sweep {base = require "a2c", …}', (native.defined(main)), 1)
  end
end

for _, file in ipairs(native.overrides()) do
  local path, chunk, text = native.override(file)
  if not (compared and (path == "arm" or path == "stage")) then
    recipe = override(recipe, path, override_value(chunk, text, file), file)
    set[path] = path .. "=" .. text
  end
end

local sweep_result
local ok, result = pcall(function()
  local data = plain(recipe, "", {}, {})
  sweep_result = swept and plain_sweep(swept) or compared and arms.plain(compared) or nil
  return data
end)
if not ok and result ~= ENOUGH then error(result, 0) end
return ok and result or nil, reads, set, #defects > 0 and defects or nil, sweep_result
