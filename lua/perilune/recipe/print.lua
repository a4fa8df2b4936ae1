--- A resolved recipe as Lua that is a recipe again, with the same hash.

local formula = require "perilune.recipe.formula"
local schema = require "perilune.recipe.schema"

local printer = {}

--- The shortest decimal text that reads back as the same number.
function printer.number(x)
  if x % 1 == 0 and math.abs(x) < 1e5 then return ("%d"):format(x) end
  for digits = 1, 17 do
    local text = ("%." .. digits .. "g"):format(x)
    if tonumber(text) == x then return (text:gsub("e([+-])0+(%d)", "e%1%2"):gsub("e%+", "e")) end
  end
  return ("%.17g"):format(x)
end

local keywords = {}
local words = "and break do else elseif end false for function goto if in local nil not or repeat return then true " ..
  "until while"
for word in words:gmatch "%a+" do keywords[word] = true end

local function key_text(key)
  if type(key) == "string" and key:find("^[%a_][%w_]*$") and not keywords[key] then return key end
  return ("[%q]"):format(key)
end

local function quoted(text) return (("%q"):format(text):gsub("\\\n", "\\n")) end

local function scalar_text(value)
  if value.kind == "expression" then
    return ("expression(function(step) return %s end)"):format(formula.to_lua(value.tree, printer.number, "step"))
  end
  if value.kind == "piecewise" then
    local points = {}
    for i, point in ipairs(value.points) do
      points[i] = ("{%s, %s}"):format(printer.number(point[1]), printer.number(point[2]))
    end
    return "piecewise {" .. table.concat(points, ", ") .. "}"
  end
  local fields = {}
  for _, name in ipairs {"from", "to", "over"} do
    if value[name] then fields[#fields + 1] = ("%s = %s"):format(name, printer.number(value[name])) end
  end
  return ("%s {%s}"):format(value.kind, table.concat(fields, ", "))
end

local scalars = {}
for _, kind in ipairs(schema.scalars) do scalars[kind] = true end

--- Names in the order of the schema where it has one, the others behind, as the library's pairs goes.
local function ordered(map, order)
  local known, names = {}, {}
  for _, name in ipairs(order or {}) do
    if map[name] ~= nil then names[#names + 1] = name end
    known[name] = true
  end
  for name in pairs(map) do
    if type(name) == "string" and not known[name] then names[#names + 1] = name end
  end
  return names
end

local orders = {
  [""] = schema.names(schema.recipe), policy = schema.names(schema.policy), train = schema.names(schema.train),
  eval = schema.names(schema.eval), critic = schema.names(schema.critic),
  constraint = schema.names(schema.constraint), env = {"c", "lua", "world", "digest", "n", "preset"},
}

local function text_of(value, path, indent)
  if type(value) == "number" then return printer.number(value) end
  if type(value) == "string" then return quoted(value) end
  if type(value) ~= "table" then return tostring(value) end
  if path:find("^objective%.critics%.[^.]+%.reward$") then
    return ("function(r) return %s end"):format(formula.to_lua(value, printer.number))
  end
  if value.kind and scalars[value.kind] then return scalar_text(value) end
  if value.kind == "ratio" then return ("ratio(%s, %s)"):format(quoted(value.of), quoted(value.per)) end
  local parts, long = {}, false
  for i, item in ipairs(value) do parts[i] = text_of(item, path .. "." .. i, indent .. "  ") end
  local order = orders[path] or (path:find("^objective%.critics%.[^.]+$") and orders.critic)
    or (path:find("^objective%.constraints%.[^.]+$") and orders.constraint)
  for _, name in ipairs(ordered(value, order)) do
    local inner = path == "" and name or path .. "." .. name
    parts[#parts + 1] = key_text(name) .. " = " .. text_of(value[name], inner, indent .. "  ")
  end
  local length = #indent
  for _, part in ipairs(parts) do length, long = length + #part + 2, long or part:find("\n", 1, true) end
  if not long and length < 96 and path ~= "" then return "{" .. table.concat(parts, ", ") .. "}" end
  return "{\n" .. indent .. "  " .. table.concat(parts, ",\n" .. indent .. "  ") .. ",\n" .. indent .. "}"
end

--- A value of the option at `path` as Lua: what an override may say behind its `=`.
function printer.value(value, path) return text_of(value, path, "") end

--- "return {…}\n".
function printer.recipe(resolved) return "return " .. text_of(resolved, "", "") .. "\n" end

return printer
