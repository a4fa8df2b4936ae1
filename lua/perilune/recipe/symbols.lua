--- Symbols: what a reward is called with, and how its formula is checked. Part of the sandbox's trusted half
--- (prelude.lua), which it runs before; `native` is the table of recipe/library.c.
---
--- A reward is a function of responses. It is called once with symbols, whose operators write a tree; every read of a
--- response is a node of its own and must reach the result. Lua cannot trap `==`, a truth test or, in LuaJIT, the
--- comparison of a symbol with a number, so the function is then called with many vectors of plain numbers, and its
--- values must be those of the tree.

local native = ...
local base, string, table, math = native.base, native.string, native.table, native.math
local error, ipairs, pairs = base.error, base.ipairs, base.pairs
local pcall = base.pcall
local setmetatable, tostring, type = base.setmetatable, base.tostring, base.type
local select, tonumber = base.select, base.tonumber
local exp, log, sqrt, abs, huge = math.exp, math.log, math.sqrt, math.abs, 1 / 0
local concat, format, sub = table.concat, string.format, string.sub

local GREATEST_TREE = 4000 -- terms
local GREATEST_LEVELS = 40 -- operations in one another, as a formula is stored
--- A formula of so many levels is stored as it was written, a deeper one with its sums flat.
local LEVELS_AS_WRITTEN = 29
local LEAST_COMPARED = 3 -- vectors of numbers that a formula is compared with, however large it is
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
  return type(value) == "userdata" and "r itself" or "a " .. type(value)
end

-- ---- Symbols ------------------------------------------------------------------------------------------------------

--- A symbol is an empty table: what it stands for is kept here, where no recipe can reach and change it.
local Symbol = {__metatable = false}
local nodes = setmetatable({}, {__mode = "k"}) -- {op, argument, …, size = responses in it, level = nodes in one another}

local function is_symbol(value) return nodes[value] ~= nil end

--- {op, argument, …} as a symbol.
local function symbol(node)
  local size, level = node[1] == "r" and 1 or 0, 0
  for i = 2, #node do
    local below = nodes[node[i]]
    if below then
      size = size + below.size
      if below.level > level then level = below.level end
    end
  end
  if size > GREATEST_TREE then refuse("the formula has more than " .. GREATEST_TREE .. " terms") end
  node.size, node.level = size, level + 1
  local result = setmetatable({}, Symbol)
  nodes[result] = node
  return result
end

local function operand(value, what)
  if nodes[value] or type(value) == "number" then return value end
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
  if nodes[a] or nodes[b] or nodes[c] then return symbol {op, a, b, c} end
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
local clip = functions.clip
function functions.clip(...)
  local _, low, high = ...
  if type(low) == "number" and type(high) == "number" and low > high then
    refuse(format("clip takes the lower bound first: clip(x, %.14g, %.14g), not clip(x, %.14g, %.14g), which is %.14g for every x",
      high, low, low, high, high))
  end
  return clip(...)
end
for _, op in ipairs {"min", "max", "both", "either"} do
  functions[op] = function(a, b, ...)
    if b == nil then refuse(op .. " takes two arguments or more") end
    local result = apply(op, operand(a, op), operand(b, op))
    for i = 1, select("#", ...) do result = apply(op, result, operand((select(i, ...)), op)) end
    return result
  end
end

--- Operations that take any number of arguments, folded from the left; sub goes into a sum as the sum of a neg.
local folds = {add = "add", sub = "add", mul = "mul", min = "min", max = "max", both = "both", either = "either"}

--- The arguments of a chain such as ((a + b) - c) + d, in order: its left end, and what is added to it.
--- Addition and multiplication give the same bits whichever side is first, so a chain may also grow on the left.
local function chain(node, fold)
  local function goes_on(value) return nodes[value] and folds[nodes[value][1]] == fold end
  local back = {}
  while goes_on(node) do
    local op, a, b = nodes[node][1], nodes[node][2], nodes[node][3]
    if (op == "add" or op == "mul") and goes_on(b) and not goes_on(a) then a, b = b, a end
    if op == "sub" then b = apply("neg", b) end
    back[#back + 1] = b
    node = a
  end
  local arguments = {node}
  for i = #back, 1, -1 do arguments[#arguments + 1] = back[i] end
  return arguments
end

--- A symbol as plain data, and the reads in it (as a set of nodes). flat: chains become one table each. nil where it has
--- more levels than are stored.
local function plain_tree(value, reached, flat, level)
  local node = nodes[value]
  if not node then return value end
  if level > GREATEST_LEVELS then return nil end
  local op = node[1]
  if op == "r" then
    reached[value] = true
    return {"r", node[2]}
  end
  local arguments = flat and folds[op] and chain(value, folds[op]) or nil
  if arguments and #arguments > 2 then
    op = folds[op]
  else
    arguments = {}
    for i = 2, #node do arguments[i - 1] = node[i] end
  end
  local copy = {op}
  for i, argument in ipairs(arguments) do
    local inner = plain_tree(argument, reached, flat, level + 1)
    if inner == nil then return nil end
    copy[i + 1] = inner
  end
  return copy
end

--- A plain tree as a function of its responses.
local function compiled(tree)
  if type(tree) == "number" then return function() return tree end end
  if tree[1] == "r" then
    local name = tree[2]
    return function(responses) return responses[name] end
  end
  local op, parts = numeric[tree[1]], {}
  for i = 2, #tree do parts[i - 1] = compiled(tree[i]) end
  local a, b, c = parts[1], parts[2], parts[3]
  if #parts == 1 then return function(x) return op(a(x)) end end
  if #parts == 2 then return function(x) return op(a(x), b(x)) end end
  if arity[tree[1]] == 3 then return function(x) return op(a(x), b(x), c(x)) end end
  return function(x)
    local result = a(x)
    for i = 2, #parts do result = op(result, parts[i](x)) end
    return result
  end
end

-- ---- Rewards ------------------------------------------------------------------------------------------------------

--- What to write instead of the condition in a line of the recipe.
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

local ALL = "r has the responses by their names, as in r.watch_time, and is no number or list"
local LENGTH = "# counts the items of a list; a response is a number, and has none"

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

--- The function failed on symbols: the same sentence, with its place and what to write instead.
local function refuse_raised(path, message, lines, first_file, first_line)
  message = type(message) == "string" and message or "it raised a value that is not a string"
  local file, line, rest = line_of(message)
  if not file then file, line, rest = first_file, lines[#lines] or first_line, message end
  local text = native.line_text(file, line) or ""
  if contains(rest, "attempt to compare") then
    rest = "a response cannot be compared like a number; " .. (advice(text) or "write gt, ge, lt, le or eq")
  elseif contains(rest, "got table") or contains(rest, "a table value") then
    rest = rest .. "; a response is a formula here: " .. FORMULA
  elseif contains(rest, "got userdata") or contains(rest, "a userdata value") then
    rest = rest .. "; " .. ALL
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

--- A response's length is the number 0 to Lua while it is a symbol, and an error where it is a number.
local function refuse_length(path, ok, message)
  if ok or type(message) ~= "string" or not contains(message, "attempt to get length") then return end
  local file, line = line_of(message)
  if file then refuse(path .. ": " .. LENGTH, file, line) end
end

local function refuse_difference(path, fn, argument, names, responses, lines, file, first)
  local ok, value, concrete = native.traced(fn, argument)
  refuse_length(path, ok, value)
  local line = branch_line(lines, concrete, file, first)
  local at = {}
  for i, name in ipairs(names) do at[i] = format("%s = %.6g", name, responses[name]) end
  refuse(format("%s: at %s it gives %s, not what its formula gives: Lua decided this here, once for all steps; %s",
    path, #at > 0 and concat(at, ", ") or "some responses", show(value),
    advice(native.line_text(file, line) or "") or "write conditions with where"), file, line)
end

--- Calls try(pick) with choices of one of `count` values for each of `names` responses: all by the same, all by others, then
--- each by itself.
local function vary(names, count, try)
  for v = 0, count - 1 do try(function() return v end) end
  if names < 2 then return end -- what follows would be the same values again
  for v = 0, count - 1 do try(function(i) return v * (2 * i + 1) + 5 * i end) end
  local budget = 300
  for i = 1, names do
    for v = 0, count - 1 do
      if budget == 0 then return end
      budget = budget - 1
      try(function(j) return j == i and v or v * 7 + j end)
    end
  end
end

--- Calls fn with vectors of numbers and compares with the tree. It takes at most a quarter of the steps that the recipe has
--- left, so that a large formula is compared with fewer.
local function compare(path, fn, tree, names, lines, make, file, first)
  local values, evaluate = sample_values(file), compiled(tree)
  local count, tried = #values, 0
  local spent, limit = native.steps()
  local most = spent + (limit - spent) / 4
  local followed = native.follow(false) -- where fn is refused it runs once more
  vary(#names, count, function(pick)
    if tried >= LEAST_COMPARED and native.steps() > most then return end
    tried = tried + 1
    local responses = {}
    for i, name in ipairs(names) do responses[name] = values[pick(i) % count + 1] end
    local argument = make(responses)
    local ok, value = pcall(fn, argument)
    if not ok or type(value) ~= "number" or not same(value, evaluate(responses)) then
      refuse_difference(path, fn, argument, names, responses, lines, file, first)
    end
  end)
  native.follow(followed)
end

--- Reads of a response that is not known here are 0 in the comparison: a difference is then refused anyway.
local numbers_of = {__index = function() return 0 end}

--- fn(argument) as a tree. `argument(read)` makes what fn is called with; read(name) gives a symbol.
local function trace(path, fn, argument, make)
  local file, first = native.defined(fn)
  if not file then refuse(path .. ": expected a function of the recipe") end
  local reads = {}
  local function read(name)
    if type(name) ~= "string" then refuse("a response has a name, as in r.watch_time") end
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
  local tree = plain_tree(result, reached, is_symbol(result) and nodes[result].level > LEVELS_AS_WRITTEN, 1)
  if tree == nil then
    refuse(format("%s: the formula has more than %d operations in one another; sums and products may be as long as they like, "
      .. "and other parts go into responses of the env", path, GREATEST_LEVELS), file, first)
  end
  local names, seen = {}, {}
  for _, r in ipairs(reads) do
    if not reached[r.node] then
      refuse_length(path, pcall(fn, make {}))
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

--- What a reward is called with, a userdata, since Lua takes the length of a table without asking it.
local function responses_of(read)
  local function refused() refuse(ALL) end
  local meta = {
    __index = function(_, name) return read(name) end,
    __newindex = function() refuse("a response cannot be changed") end,
    __metatable = false, __len = refused, __unm = refused, __concat = refused, __call = refused, __lt = refused, __le = refused,
  }
  for event in pairs(operators) do meta[event] = refused end
  return native.proxy(meta)
end

local function reward_tree(path, fn)
  return trace(path, fn, function(read) return responses_of(read) end,
    function(responses) return setmetatable(responses, numbers_of) end)
end

return {
  refuse = refuse, show = show, is_symbol = is_symbol, functions = functions, operators = operators, trace = trace,
  reward_tree = reward_tree, line_of = line_of,
  --- log(x, radix), on numbers.
  log = function(x, radix)
    if radix == nil then return functions.log(x) end
    return log(operand(x, "log")) / log(operand(radix, "log"))
  end,
}
