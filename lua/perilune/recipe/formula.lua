--- Formulas: the trees that rewards and schedule expressions are. A tree is a number, {"r", name}, or {op, argument,
--- …}.

local keys = require "perilune.keys"
local nearest = require "perilune.nearest"

local formula = {}

--- Arguments that each op takes; true: two or more.
formula.ops = {
  add = true, mul = true, min = true, max = true, both = true, either = true, sub = 2, div = 2, gt = 2, ge = 2, lt = 2,
  le = 2, eq = 2, neg = 1, abs = 1, sqrt = 1, exp = 1, log = 1, log1p = 1, negate = 1, clip = 3, where = 3,
}

local function shown(value)
  if type(value) == "string" then return ("%q"):format(value:sub(1, 40)) end
  return type(value) == "number" and ("%.14g"):format(value) or "that is a " .. type(value)
end

--- Checks a tree, which anybody may have written. Returns nil, what is wrong.
function formula.check(tree, depth)
  depth = depth or 0
  if depth > 190 then return nil, "the formula is nested too deep" end
  if type(tree) == "number" then return true end
  if type(tree) ~= "table" then return nil, ("a formula has numbers and tables, not a %s"):format(type(tree)) end
  for key in pairs(tree) do
    if type(key) ~= "number" or key % 1 ~= 0 or key < 1 or key > #tree then
      return nil, ("a formula is made of lists, and one has the key %s"):format(shown(key))
    end
  end
  local op = tree[1]
  if op == "r" then
    if type(tree[2]) == "string" and #tree == 2 then return true end
    return nil, 'a response is written {"r", "its name"}'
  end
  local count = formula.ops[op]
  if not count then
    if op == nil then return nil, 'a formula is a number, {"r", "a response"} or {"an operation", its arguments}; this table is empty' end
    return nil, ("there is no operation %s in a formula%s"):format(shown(op), type(op) == "string" and
      nearest.hint(op, keys(formula.ops)) or "")
  end
  local given = #tree - 1
  if (count == true and given < 2) or (count ~= true and given ~= count) then
    return nil, ("%s takes %s arguments, and has %d"):format(op, count == true and "two or more" or count, given)
  end
  for i = 2, #tree do
    local ok, message = formula.check(tree[i], depth + 1)
    if not ok then return nil, message end
  end
  return true
end

--- Calls visit(name) for each read of a response, in order.
function formula.reads(tree, visit)
  if type(tree) ~= "table" then return end
  if tree[1] == "r" then return visit(tree[2]) end
  for i = 2, #tree do formula.reads(tree[i], visit) end
end

--- The tree with each {"r", name} as {"r", index}, 0-based in `names`: the form that plans hold.
function formula.indexed(tree, names)
  if type(tree) ~= "table" then return tree end
  if tree[1] == "r" then
    for i, name in ipairs(names) do
      if name == tree[2] then return {"r", i - 1} end
    end
    error(("there is no response %q"):format(tree[2]))
  end
  local copy = {tree[1]}
  for i = 2, #tree do copy[i] = formula.indexed(tree[i], names) end
  return copy
end

local infix = {add = {"+", 1}, sub = {"-", 1}, mul = {"*", 2}, div = {"/", 2}}
local unary_strength = 3

--- The tree as a Lua expression over `r` (or a parameter of that name) that gives the same tree again. strength: how
--- strongly what stands around it binds (1 sums, 2 products, 3 signs); parentheses are written only where they are needed.
function formula.to_lua(tree, number, parameter, strength)
  strength = strength or 0
  if type(tree) == "number" then
    local text = number(tree)
    return strength > 0 and tree < 0 and "(" .. text .. ")" or text
  end
  if tree[1] == "r" then
    if parameter then return parameter end
    return tree[2]:find("^[%a_][%w_]*$") and "r." .. tree[2] or ("r[%q]"):format(tree[2])
  end
  local op, parts = tree[1], {}
  if infix[op] then
    local sign, own = infix[op][1], infix[op][2]
    -- Operators of one strength group to the left: a − (b − c) keeps its parentheses, (a − b) − c needs none.
    for i = 2, #tree do parts[i - 1] = formula.to_lua(tree[i], number, parameter, i == 2 and own or own + 0.5) end
    local text = table.concat(parts, " " .. sign .. " ")
    return strength > own and "(" .. text .. ")" or text
  end
  if op == "neg" then
    local text = "-" .. formula.to_lua(tree[2], number, parameter, unary_strength + 0.5)
    return strength > unary_strength and "(" .. text .. ")" or text
  end
  for i = 2, #tree do parts[i - 1] = formula.to_lua(tree[i], number, parameter) end
  return op .. "(" .. table.concat(parts, ", ") .. ")"
end

return formula
