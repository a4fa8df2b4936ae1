--- A value as the console shows it: tensors and programs by themselves, tables by their contents, objects by their
--- methods; never an address.

local show = {}

local WIDTH, MOST = 100, 40

local function sorted_keys(map)
  local keys = {}
  for key in pairs(map) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b)
    if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then return a < b end
    return type(a) == "number" or (type(b) ~= "number" and tostring(a) < tostring(b))
  end)
  return keys
end

--- Words in lines of WIDTH, each behind two spaces.
local function wrapped(words)
  local lines, line = {}, "  "
  for i, word in ipairs(words) do
    local piece = word .. (i < #words and ", " or "")
    if #line > 2 and #line + #piece > WIDTH then
      lines[#lines + 1], line = line:gsub("%s+$", ""), "  "
    end
    line = line .. piece
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n")
end

local function public_methods(methods)
  local names = {}
  for _, name in ipairs(sorted_keys(methods)) do
    if type(name) == "string" and name:sub(1, 2) ~= "__" then names[#names + 1] = name end
  end
  return names
end

--- An object of C that has no text of its own.
local function object_text(meta, inner)
  local kind = (meta.__name or "userdata"):gsub("^perilune%.", "")
  if inner or type(meta.__index) ~= "table" then return kind end
  return kind .. " with the methods\n" .. wrapped(public_methods(meta.__index))
end

--- Inside of a table one line must do: that of a tensor's shape, or the first.
local function one_line(text)
  return text:match("\n(tensor [^\n]*)$") or text:match("^[^\n]*")
end

local text_of

local function item_text(value, depth)
  if type(value) == "function" then return "function" end
  local text = text_of(value, depth)
  return text:find("\n", 1, true) and one_line(text) or text
end

local function table_text(value, depth)
  if next(value) == nil then return "{}" end
  if depth > 2 then return "{…}" end
  local parts = {}
  local keys = sorted_keys(value)
  for i, key in ipairs(keys) do
    if i > MOST then
      parts[#parts + 1] = ("… %d more"):format(#keys - MOST)
      break
    end
    local text = item_text(value[key], depth + 1)
    local name = type(key) == "string" and (key:find("^[%a_][%w_]*$") and key or ("[%q]"):format(key)) or
      ("[%s]"):format(tostring(key))
    parts[#parts + 1] = key == i and text or name .. " = " .. text
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

--- A table of functions, such as prl or prl.nn: their names, and those of its parts.
local function module_text(value, not_loaded)
  local functions, parts, others = {}, {}, {}
  for name in pairs(not_loaded or {}) do parts[name] = true end
  for _, name in ipairs(sorted_keys(value)) do
    local kind = type(value[name])
    if kind == "function" then
      functions[#functions + 1] = tostring(name)
    elseif kind == "table" then
      parts[name] = true
    else
      others[#others + 1] = ("%s = %s"):format(tostring(name), item_text(value[name], 3))
    end
  end
  local lines = {"functions", wrapped(functions)}
  for _, more in ipairs {{"parts", sorted_keys(parts)}, {"values", others}} do
    if #more[2] > 0 then lines[#lines + 1] = more[1] .. "\n" .. wrapped(more[2]) end
  end
  return table.concat(lines, "\n")
end

local function holds_functions(value)
  local functions, all = 0, 0
  for _, item in pairs(value) do
    all = all + 1
    if type(item) == "function" then functions = functions + 1 end
  end
  return functions > 1 and functions > all / 2
end

text_of = function(value, depth)
  local kind, meta = type(value), debug.getmetatable(value)
  if kind == "string" then return ("%q"):format(value) end
  if kind == "function" then
    local info = debug.getinfo(value, "S")
    return info.what == "C" and "function" or ("function, %s:%d"):format(info.short_src, info.linedefined)
  end
  if (kind == "table" or kind == "userdata") and meta and meta.__tostring then return tostring(value) end
  if kind == "userdata" then return object_text(meta or {}, depth > 1) end
  if kind ~= "table" then return (tostring(value):gsub(": 0x%x+$", "")) end
  if depth == 1 and holds_functions(value) then return module_text(value, meta and meta.__parts) end
  return table_text(value, depth)
end

--- The value as text.
function show.text(value) return text_of(value, 1) end

return show
