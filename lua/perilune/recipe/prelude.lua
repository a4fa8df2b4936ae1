--- The trusted half of the sandbox: what a recipe may call, and how its result becomes plain data.
--- It runs in the recipe's own state, before it; `native` is the table of recipe/library.c.
---
--- A reward is a function of responses. It is called once with symbols, whose operators write a tree; every read of a
--- response is a node of its own and must reach the result. Lua cannot trap `==`, a truth test or, in LuaJIT, the
--- comparison of a symbol with a number, so the function is then called with many vectors of plain numbers, and its
--- values must be those of the tree.

local native = ...
local base, string, table, math = native.base, native.string, native.table, native.math
local error, ipairs, next, pairs = base.error, base.ipairs, base.next, base.pairs
local pcall, rawget = base.pcall, base.rawget
local setmetatable, tostring, type = base.setmetatable, base.tostring, base.type
local select, tonumber = base.select, base.tonumber
local exp, log, sqrt, abs, huge = math.exp, math.log, math.sqrt, math.abs, 1 / 0
local concat, format, sub = table.concat, string.format, string.sub

local GREATEST_TREE = 4000
local GREATEST_DEPTH = 24
local FORMULA = "use + - * / and where, gt, ge, lt, le, eq, both, either, negate, min, max, clip, log, log1p, exp, " ..
  "sqrt, abs"

--- Raises a sentence at a place of the recipe: by default where it called the prelude.
local function refuse(message, file, line)
  if not file then
    file, line = native.position()
  end
  error((file and format("recipe#%d:%d: ", file, line) or "") .. message, 0)
end

local function contains(text, needle)
  for i = 1, #text - #needle + 1 do
    if sub(text, i, i + #needle - 1) == needle then return true end
  end
  return false
end

local function show(value)
  if type(value) == "string" then return '"' .. sub(value, 1, 40) .. '"' end
  if type(value) == "number" or type(value) == "boolean" or value == nil then return tostring(value) end
  return "a " .. type(value)
end

-- ---- Symbols ------------------------------------------------------------------------------------------------------

local Symbol = {__metatable = false}
local sizes = setmetatable({}, {__mode = "k"}) -- of each symbol, its terms

local function is_symbol(value) return type(value) == "table" and sizes[value] ~= nil end

--- {op, argument, …} as a symbol.
local function symbol(node)
  local size = 1
  for i = 2, #node do size = size + (sizes[node[i]] or 1) end
  if size > GREATEST_TREE then refuse("the formula has more than " .. GREATEST_TREE .. " terms") end
  sizes[node] = size
  return setmetatable(node, Symbol)
end

local function operand(value, what)
  if is_symbol(value) or type(value) == "number" then return value end
  refuse(what .. " takes numbers and responses, not " .. show(value))
end

local numeric = {}
function numeric.add(a, b) return a + b end
function numeric.sub(a, b) return a - b end
function numeric.mul(a, b) return a * b end
function numeric.div(a, b) return a / b end
function numeric.neg(a) return -a end
function numeric.min(a, b) return b < a and b or a end
function numeric.max(a, b) return b > a and b or a end
function numeric.clip(x, low, high) return numeric.min(numeric.max(x, low), high) end
function numeric.gt(a, b) return a > b and 1 or 0 end
function numeric.ge(a, b) return a >= b and 1 or 0 end
function numeric.lt(a, b) return a < b and 1 or 0 end
function numeric.le(a, b) return a <= b and 1 or 0 end
function numeric.eq(a, b) return a == b and 1 or 0 end
function numeric.both(a, b) return (a ~= 0 and b ~= 0) and 1 or 0 end
function numeric.either(a, b) return (a ~= 0 or b ~= 0) and 1 or 0 end
function numeric.negate(a) return a == 0 and 1 or 0 end
function numeric.where(c, a, b) return c ~= 0 and a or b end
numeric.exp, numeric.sqrt, numeric.abs = exp, sqrt, abs
function numeric.log(x) return log(x) end -- whose second argument would be a radix
function numeric.log1p(x)
  local u = 1 + x
  if u == 1 or u == huge then return x end
  return log(u) * (x / (u - 1))
end

local arity = {
  add = 2, sub = 2, mul = 2, div = 2, neg = 1, clip = 3, gt = 2, ge = 2, lt = 2, le = 2, eq = 2,
  both = 2, either = 2, negate = 1, where = 3, exp = 1, sqrt = 1, abs = 1, log = 1, log1p = 1, min = 2, max = 2,
}

local function apply(op, a, b, c)
  if is_symbol(a) or is_symbol(b) or is_symbol(c) then return symbol {op, a, b, c} end
  return numeric[op](a, b, c)
end

local operators = {__add = "add", __sub = "sub", __mul = "mul", __div = "div"}
for event, op in pairs(operators) do
  Symbol[event] = function(a, b) return apply(op, operand(a, op), operand(b, op)) end
end
function Symbol.__unm(a) return apply("neg", a) end
function Symbol.__pow(a, b)
  if type(b) ~= "number" or b ~= math.floor(b) or b < 1 or b > 8 then
    refuse("a response can be raised to a whole power from 1 to 8; for others write exp(p * log(x))")
  end
  local result = a
  for _ = 2, b do result = result * a end
  return result
end
function Symbol.__lt() refuse("responses cannot be compared with <, >, <= or >=; write lt(a, b), gt, le or ge") end
Symbol.__le = Symbol.__lt
function Symbol.__mod() refuse("a response has no %; " .. FORMULA) end
function Symbol.__concat() refuse("a response is a number to be, not text; " .. FORMULA) end
function Symbol.__call() refuse("a response is a number to be; it cannot be called; write r.name, not r.name()") end
function Symbol.__index(_, name) refuse("a response is a number to be; it has no field " .. show(name)) end
function Symbol.__newindex() refuse("a response cannot be changed") end
function Symbol.__tostring() return "a response" end

--- The functions of formulas: on numbers they compute, on symbols they write a node.
local functions = {}
for op, count in pairs(arity) do
  functions[op] = function(...)
    local given = select("#", ...)
    if given ~= count then refuse(format("%s takes %d arguments, and got %d", op, count, given)) end
    local a, b, c = ...
    operand(a, op)
    if count > 1 then operand(b, op) end
    if count > 2 then operand(c, op) end
    return apply(op, a, b, c)
  end
end
for _, op in ipairs {"min", "max", "both", "either"} do
  functions[op] = function(...)
    if select("#", ...) < 2 then refuse(op .. " takes two arguments or more") end
    local result = operand((...), op)
    for i = 2, select("#", ...) do result = apply(op, result, operand((select(i, ...)), op)) end
    return result
  end
end

--- A tree as plain data, and the reads in it (as a set of nodes).
local function plain_tree(node, reached)
  if not is_symbol(node) then return node end
  local op = rawget(node, 1)
  if op == "r" then
    reached[node] = true
    return {"r", rawget(node, 2)}
  end
  local copy = {op}
  for i = 2, #node do copy[i] = plain_tree(rawget(node, i), reached) end
  return copy
end

local function evaluate(tree, responses)
  if type(tree) == "number" then return tree end
  if tree[1] == "r" then return responses[tree[2]] end
  return numeric[tree[1]](evaluate(tree[2], responses), tree[3] and evaluate(tree[3], responses),
    tree[4] and evaluate(tree[4], responses))
end

-- ---- Rewards ------------------------------------------------------------------------------------------------------

--- What to write instead of the condition that stands in a line of the recipe.
local function advice(text)
  if contains(text, "==") then return "write where(eq(a, b), x, y)" end
  if contains(text, "~=") then return "write where(negate(eq(a, b)), x, y)" end
  if contains(text, ">=") then return "write where(ge(a, b), x, y)" end
  if contains(text, "<=") then return "write where(le(a, b), x, y)" end
  if contains(text, ">") then return "write where(gt(a, b), x, y)" end
  if contains(text, "<") then return "write where(lt(a, b), x, y)" end
  if contains(text, " and ") then return "write where(both(a, b), x, y)" end
  if contains(text, " or ") then return "write where(either(a, b), x, y)" end
  if contains(text, "not ") then return "write where(negate(a), x, y)" end
  if contains(text, "if ") or contains(text, "while ") then return "write where(a, x, y)" end
end

--- File, line and the rest of "recipe#1:12: the rest".
local function line_of(message)
  if sub(message, 1, 7) ~= "recipe#" then return nil end
  local colon
  for i = 8, #message do
    if sub(message, i, i) == ":" then
      if colon then
        return tonumber(sub(message, 8, colon - 1)), tonumber(sub(message, colon + 1, i - 1)), sub(message, i + 2)
      end
      colon = i
    end
  end
end

--- The function failed on symbols: the same sentence, with where it stands and what to write instead.
local function refuse_raised(path, message, lines, first_file, first_line)
  message = type(message) == "string" and message or "it raised a value that is not a string"
  local file, line, rest = line_of(message)
  if not file then file, line, rest = first_file, lines[#lines] or first_line, message end
  local text = native.line_text(file, line) or ""
  if contains(rest, "attempt to compare") then
    rest = "a response cannot be compared like a number; " .. (advice(text) or "write gt, ge, lt, le or eq")
  elseif contains(rest, "got table") or contains(rest, "a table value") then
    rest = rest .. "; a response is a formula here: " .. FORMULA
  end
  refuse(path .. ": " .. rest, file, line)
end

--- Values that a response takes in the comparison: a few of each size, and those next to the recipe's own numbers.
local function sample_values(file)
  local values, seen = {}, {}
  local function put(v)
    if v == v and v < huge and v > -huge and not seen[v] then
      seen[v] = true
      values[#values + 1] = v
    end
  end
  for _, v in ipairs {0, 1, 2, -1, 0.5, 3, 10, -7.25, 100, 1e-3, 1e6} do put(v) end
  for _, v in ipairs(native.literals(file, 24)) do
    put(v)
    put(-v)
    put(v + 0.75)
    put(v - 0.75)
  end
  return values
end

local function same(a, b)
  if a == b or (a ~= a and b ~= b) then return true end
  return abs(a - b) <= 1e-9 * (abs(a) + abs(b))
end

--- The line where the run with numbers left the path of the run with symbols.
local function branch_line(symbolic, concrete, first_file, first_line)
  local last = first_line
  for i = 1, #concrete do
    if symbolic[i] ~= concrete[i] then break end
    last = concrete[i]
  end
  if #symbolic == #concrete and symbolic[#symbolic] == last then -- one line holds it all
    for _, line in ipairs(concrete) do
      if advice(native.line_text(first_file, line) or "") then return line end
    end
  end
  return last
end

local function refuse_difference(path, fn, argument, names, responses, lines, file, first)
  local _, value, concrete = native.traced(fn, argument)
  local line = branch_line(lines, concrete, file, first)
  local at = {}
  for i, name in ipairs(names) do at[i] = format("%s = %.6g", name, responses[name]) end
  refuse(format("%s: at %s it gives %s, not what its formula gives: Lua decided this here, once for all steps; %s",
    path, #at > 0 and concat(at, ", ") or "some responses", show(value),
    advice(native.line_text(file, line) or "") or "write conditions with where"), file, line)
end

--- Calls fn with vectors of numbers and compares with the tree.
local function compare(path, fn, tree, names, lines, make, file, first)
  local values = sample_values(file)
  local count = #values
  local function try(pick)
    local responses = {}
    for i, name in ipairs(names) do responses[name] = values[pick(i) % count + 1] end
    local argument = make(responses)
    local ok, value = pcall(fn, argument)
    if not ok or type(value) ~= "number" or not same(value, evaluate(tree, responses)) then
      refuse_difference(path, fn, argument, names, responses, lines, file, first)
    end
  end
  for v = 0, count - 1 do try(function() return v end) end
  for v = 0, count - 1 do try(function(i) return v * (2 * i + 1) + 5 * i end) end
  local budget = 300
  for i = 1, #names do
    for v = 0, count - 1 do
      if budget == 0 then return end
      budget = budget - 1
      try(function(j) return j == i and v or v * 7 + j end)
    end
  end
end

--- Reads of a response that is not known here are 0 in the comparison: a difference is then refused anyway.
local numbers_of = {__index = function() return 0 end}

--- fn(argument) as a tree. `argument(read)` makes what fn is called with; read(name) gives a symbol.
local function trace(path, fn, argument, make)
  local file, first = native.defined(fn)
  if not file then refuse(path .. ": expected a function of the recipe") end
  local reads = {}
  local function read(name)
    if type(name) ~= "string" then refuse(path .. ": a response has a name, as in r.watch_time") end
    local at_file, at_line = native.position()
    local node = symbol {"r", name}
    reads[#reads + 1] = {name = name, file = at_file, line = at_line, node = node}
    return node
  end
  local ok, result, lines = native.traced(fn, argument(read))
  if not ok then refuse_raised(path, result, lines, file, first) end
  if not is_symbol(result) and type(result) ~= "number" then
    local line = lines[#lines] or first
    refuse(path .. ": it gives " .. show(result) .. ", not a number: " ..
      (type(result) == "boolean" and "conditions are gt, ge, lt, le, eq, both, either and negate" or
      "return a formula of its responses"), file, line)
  end
  local reached = {}
  local tree = plain_tree(result, reached)
  local names, seen = {}, {}
  for _, r in ipairs(reads) do
    if not reached[r.node] then
      local text = native.line_text(r.file, r.line) or ""
      local how = advice(text)
      refuse(format('%s: "%s" is read here and does not reach the result; %s', path, r.name,
        how and how .. ", since Lua decides a condition once, for all steps" or "leave it out"), r.file, r.line)
    end
    if not seen[r.name] then
      seen[r.name] = true
      names[#names + 1] = r.name
    end
  end
  compare(path, fn, tree, names, lines, make, file, first)
  return tree, reads
end

local function reward_tree(path, fn)
  return trace(path, fn, function(read)
    return setmetatable({}, {
      __index = function(_, name) return read(name) end,
      __newindex = function() refuse(path .. ": a response cannot be changed") end,
      __metatable = false,
    })
  end, function(responses) return setmetatable(responses, numbers_of) end)
end

-- ---- Schedules ----------------------------------------------------------------------------------------------------

local whole = setmetatable({}, {__mode = "k"}) -- tables that `extend` replaces, never merges

local function schedule(kind)
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
  return result
end

-- ---- extend -------------------------------------------------------------------------------------------------------

local remove = setmetatable({}, {
  __metatable = false,
  __newindex = function() refuse("remove is a value, as in `comment = remove`") end,
  __call = function(self) return self end,
})

local function copy(value, depth)
  if type(value) ~= "table" or value == remove or is_symbol(value) then return value end
  if depth > GREATEST_DEPTH then refuse("tables are nested too deep, or contain themselves") end
  local result = {}
  for k, v in next, value do result[k] = copy(v, depth + 1) end
  if whole[value] then whole[result] = true end
  return result
end

local function has_names(t)
  for k in next, t do
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

--- New over old. Both are left alone; what is shared is copied.
local function merge(old, new, depth)
  if depth > GREATEST_DEPTH then refuse("tables are nested too deep, or contain themselves") end
  if type(old) == "string" and type(new) == "table" and new[1] == nil and has_names(new) then old = {old} end
  if not merges(old, new) then
    if type(new) ~= "table" or new == remove then return new end
    local result = {}
    for k, v in next, new do
      if v ~= remove then result[k] = merge(nil, v, depth + 1) end
    end
    if whole[new] then whole[result] = true end
    return is_symbol(new) and new or result
  end
  local result = {}
  for k, v in next, old do
    if new[k] == nil then result[k] = copy(v, depth + 1) end
  end
  for k, v in next, new do
    if v ~= remove then result[k] = merge(old[k], v, depth + 1) end
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
  extend = extend, remove = remove, expression = expression,
  linear = schedule "linear", cosine = schedule "cosine", warmup = schedule "warmup", piecewise = schedule "piecewise",
  assert = base.assert, error = error, ipairs = ipairs, next = next, pairs = pairs, select = select,
  tonumber = tonumber, tostring = tostring, type = type, unpack = base.unpack,
  string = string, table = table, math = math,
}
for name, fn in pairs(functions) do
  if not operators["__" .. name] and name ~= "neg" then shared[name] = fn end
  if math[name] then math[name] = fn end
end
-- math.log keeps its second argument, on numbers.
math.log = function(x, radix)
  if radix == nil then return functions.log(x) end
  return log(operand(x, "log")) / log(operand(radix, "log"))
end
math.min, math.max, math.huge = functions.min, functions.max, huge
table.unpack = base.unpack
function table.sort(t, before)
  if type(t) ~= "table" then refuse("table.sort takes a table, not " .. show(t)) end
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

local function environment()
  return setmetatable({}, {
    __metatable = false,
    __index = function(_, name)
      local value = shared[name]
      if value == nil then unknown(nil, name) end
      return value
    end,
    __newindex = function(_, name) refuse(format("a recipe sets no globals: write local %s = …", tostring(name))) end,
  })
end

local loaded, LOADING = {}, {}

function shared.require(name)
  if type(name) ~= "string" then refuse("require takes the name of a file of this folder, not " .. show(name)) end
  local ok, chunk, file = pcall(native.load, name)
  if not ok then
    -- A syntax error has its own place.
    if type(chunk) == "string" and sub(chunk, 1, 7) == "recipe#" then error(chunk, 0) end
    refuse(tostring(chunk))
  end
  if loaded[file] == LOADING then refuse(format('require "%s": this file is being loaded already', name)) end
  if loaded[file] == nil then
    loaded[file] = LOADING
    native.set_environment(chunk, environment())
    local value = chunk()
    loaded[file] = value == nil and true or value
  end
  return loaded[file]
end

-- ---- The result ---------------------------------------------------------------------------------------------------

--- The recipe as plain data: rewards become trees; anything else that is not data is refused, naming its key.
local reads = {}
local values_left = 50000

local plain

--- What is wrong with a value of the result: a table, which crosses to whoever can tell where its key stands.
local function defect(path, message) error({path = path, message = message}) end

local function plain_function(fn, path, at)
  if #at == 4 and at[1] == "objective" and at[2] == "critics" and at[4] == "reward" then
    local tree, list = reward_tree(path, fn)
    local places = {}
    for i, r in ipairs(list) do places[i] = {name = r.name, file = r.file, line = r.line} end
    reads[path] = places
    return tree
  end
  local file, line = native.defined(fn)
  refuse((path == "" and "the recipe" or path) .. ": a function cannot stand here; a value is expected", file, line)
end

plain = function(value, path, at, above)
  values_left = values_left - 1
  if values_left < 0 then defect(path, "too many values for a recipe") end
  if type(value) == "function" then return plain_function(value, path, at) end
  if type(value) == "number" and (value ~= value or value == huge or value == -huge) then
    defect(path, "the number is not finite")
  end
  if type(value) ~= "table" then return value end
  if value == remove then defect(path, "remove stands in the changes of extend, and nowhere else") end
  if is_symbol(value) then defect(path, "a response stands in a reward, and nowhere else") end
  if above[value] then defect(path, "this table contains itself") end
  if #at >= GREATEST_DEPTH then defect(path, "tables are nested too deep") end
  above[value] = true
  local result = {}
  for k, v in next, value do
    if type(k) ~= "string" and type(k) ~= "number" then defect(path, "a key must be a name or a position") end
    local inner = {base.unpack(at)}
    inner[#inner + 1] = k
    result[k] = plain(v, path == "" and tostring(k) or path .. "." .. tostring(k), inner, above)
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

local function override_value(chunk, text)
  if not chunk then return text end
  local env = environment()
  native.set_environment(chunk, setmetatable({}, {__metatable = false, __index = function(_, name)
    local value = shared[name]
    if value ~= nil then return env[name] end
    return name -- a bare word is text: policy.activation=relu
  end}))
  return chunk()
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

local main = native.load()
native.set_environment(main, environment())
loaded[1] = LOADING
local recipe = main()
if type(recipe) ~= "table" or recipe == remove or is_symbol(recipe) then
  refuse("a recipe returns a table; this one returns " .. show(recipe), native.defined(main), 1)
end

local set = {}
for _, file in ipairs(native.overrides()) do
  local path, chunk, text = native.override(file)
  recipe = override(recipe, path, override_value(chunk, text), file)
  set[path] = path .. "=" .. text
end

local ok, result = pcall(plain, recipe, "", {}, {})
if ok then return result, reads, set, nil end
if type(result) ~= "table" then error(result, 0) end
return nil, reads, set, result
