--- The place of a key in a recipe: a lexer of Lua that knows tables alone. It finds `key = value` in table constructors
--- and in assignments, through nesting and local names, so that a message can name file and line.

local locate = {}

-- ---- Tokens: {kind, text, line}; kind is name, number, string or the symbol itself ----

local function skip_long(text, at)
  local level = text:match("^%[(=*)%[", at)
  if not level then return nil end
  local _, stop = text:find("]" .. level .. "]", at + #level + 2, true)
  return (stop or #text) + 1
end

local function short_string(text, at)
  local quote, i, parts = text:sub(at, at), at + 1, {}
  while i <= #text do
    local c = text:sub(i, i)
    if c == "\\" then
      parts[#parts + 1] = text:sub(i + 1, i + 1)
      i = i + 2
    elseif c == quote or c == "\n" then
      return table.concat(parts), i + 1
    else
      parts[#parts + 1] = c
      i = i + 1
    end
  end
  return table.concat(parts), i
end

--- As Lua reads one: a digit, and whatever letters and digits follow. One pass; a pattern with two runs of digits would try
--- each way to share a long number between them.
local function numeral(text, at)
  local stop = select(2, text:find("^%.?%d[%w_.]*", at))
  while stop and text:find("^[eEpP][+-]", stop) do stop = select(2, text:find("^[%w_.]*", stop + 2)) end
  return stop and text:sub(at, stop)
end

local function tokens_of(text)
  local tokens, at, line = {}, 1, 1
  local function advance(to)
    for _ in text:sub(at, to - 1):gmatch("\n") do line = line + 1 end
    at = to
  end
  local function add(kind, value, to)
    tokens[#tokens + 1] = {kind = kind, text = value, line = line}
    advance(to)
  end
  while at <= #text do
    local space = text:match("^%s+", at)
    local name = not space and text:match("^[%a_][%w_]*", at)
    local number = not space and not name and numeral(text, at)
    local c = text:sub(at, at)
    if space then advance(at + #space)
    elseif name then add("name", name, at + #name)
    elseif number then add("number", number, at + #number)
    elseif text:sub(at, at + 1) == "--" then
      advance(skip_long(text, at + 2) or text:find("\n", at, true) or #text + 1)
    elseif c == '"' or c == "'" then
      local value, to = short_string(text, at)
      add("string", value, to)
    elseif skip_long(text, at) then add("string", "", skip_long(text, at))
    elseif text:find("^[=~<>]=", at) then add(text:sub(at, at + 1), nil, at + 2)
    else add(c, nil, at + 1) end
  end
  return tokens
end

-- ---- Tables ----

local opens = {["function"] = true, ["if"] = true, ["do"] = true, ["repeat"] = true}
local closes = {["end"] = true, ["until"] = true}

--- From a `function` to behind its `end`.
local function skip_function(tokens, i)
  local depth = 0
  while tokens[i] do
    local word = tokens[i].kind == "name" and tokens[i].text
    if opens[word] then depth = depth + 1 end
    if closes[word] then
      depth = depth - 1
      if depth == 0 then return i + 1 end
    end
    i = i + 1
  end
  return i
end

local table_at

--- Reads a value up to a comma or the end of the table: its first table, or the local name that it is.
local function value_at(tokens, i)
  local first, depth, node = tokens[i], 0, nil
  local ref = first and first.kind == "name" and tokens[i + 1] and
    (tokens[i + 1].kind == "," or tokens[i + 1].kind == "}" or tokens[i + 1].kind == ";") and first.text or nil
  while tokens[i] do
    local kind = tokens[i].kind
    if depth == 0 and (kind == "," or kind == ";" or kind == "}") then break end
    if kind == "{" then
      local inner
      inner, i = table_at(tokens, i)
      node = node or inner
    elseif kind == "name" and tokens[i].text == "function" then
      i = skip_function(tokens, i)
    else
      if kind == "(" then depth = depth + 1 elseif kind == ")" then depth = depth - 1 end
      i = i + 1
    end
  end
  return {line = first and first.line or 1, node = node, ref = ref}, i
end

--- A table constructor: {line, fields}; tokens[i] is its brace.
table_at = function(tokens, i)
  local node, position = {line = tokens[i].line, fields = {}}, 0
  i = i + 1
  while tokens[i] and tokens[i].kind ~= "}" do
    local t, a, b = tokens[i], tokens[i + 1], tokens[i + 2]
    local line, key = t.line
    if t.kind == "name" and a and a.kind == "=" then
      key, i = t.text, i + 2
    elseif t.kind == "[" and b and b.kind == "]" then
      key, i = a.text or "?", i + 4
    else
      position = position + 1
      key = tostring(position)
    end
    local field
    local before = i
    field, i = value_at(tokens, i)
    field.line = line
    node.fields[key] = field
    if tokens[i] and tokens[i].kind ~= "}" then i = i + 1 end
    if i == before then i = i + 1 end
  end
  return node, i + 1
end

--- Everything of a file that may hold keys: tables that are in no other, local names, assignments to fields.
local function survey(text)
  local tokens, found = tokens_of(text), {roots = {}, names = {}, assignments = {}}
  local i = 1
  while tokens[i] do
    local t = tokens[i]
    if t.kind == "{" then
      local before, name = tokens[i - 1], tokens[i - 2]
      local node
      node, i = table_at(tokens, i)
      found.roots[#found.roots + 1] = node
      if before and before.kind == "=" and name and name.kind == "name" then found.names[name.text] = node end
    elseif t.kind == "name" and t.text == "return" then
      found.line = t.line
      i = i + 1
    elseif t.kind == "name" and tokens[i + 1] and tokens[i + 1].kind == "." then
      local parts, j = {}, i + 1
      while tokens[j] and tokens[j].kind == "." and tokens[j + 1] and tokens[j + 1].kind == "name" do
        parts[#parts + 1] = tokens[j + 1].text
        j = j + 2
      end
      local defines = tokens[i - 1] and tokens[i - 1].text == "function" -- function mine.build(…)
      if tokens[j] and (tokens[j].kind == "=" or defines) then
        local node
        if tokens[j + 1] and tokens[j + 1].kind == "{" then node = table_at(tokens, j + 1) end
        found.assignments[#found.assignments + 1] = {parts = parts, field = {line = t.line, node = node}}
      end
      i = j
    else
      i = i + 1
    end
  end
  return found
end

--- Follows the keys from a table down. Returns how many were found, and the line of the last. The last of them may be one key with
--- dots, as in set = {["env.preset"] = "weak"}.
local function descend(found, node, parts, from)
  local depth, line = from - 1, node.line
  for i = from, #parts do
    local with_dots = i < #parts and node.fields[table.concat(parts, ".", i)]
    if with_dots then return #parts, with_dots.line end
    local field = node.fields[parts[i]]
    if not field then break end
    depth, line = i, field.line
    node = field.node or (field.ref and found.names[field.ref])
    if not node then break end
  end
  return depth, line
end

local surveys = setmetatable({}, {__mode = "k"}) -- of a file, for the next key that is looked for in it

-- The best place of a file. within: only in tables that have this key.
local function best_of(one, parts, within)
  local found, best, line = surveys[one] or survey(one.text), 0, nil
  surveys[one] = found
  local function offer(depth, at)
    if depth > 0 and depth >= best then best, line = depth, at end
  end
  for _, root in ipairs(found.roots) do
    if not within or root.fields[within] then offer(descend(found, root, parts, 1)) end
    if within then root = {fields = {}} end
    local base = root.fields.base -- of a sweep
    if base and base.node then offer(descend(found, base.node, parts, 1)) end
    local arms = root.fields.arms -- of an experiment
    for _, arm in pairs(arms and arms.node and arms.node.fields or {}) do
      local recipe = arm.node and arm.node.fields.recipe
      if recipe and recipe.node then offer(descend(found, recipe.node, parts, 1)) end
    end
  end
  for _, assignment in ipairs(within and {} or found.assignments) do
    local matches = #assignment.parts <= #parts
    for i, part in ipairs(assignment.parts) do matches = matches and part == parts[i] end
    if matches then
      offer(#assignment.parts, assignment.field.line)
      if assignment.field.node then offer(descend(found, assignment.field.node, parts, #assignment.parts + 1)) end
    end
  end
  return best, line, found.line
end

--- files: [{path, text}], the recipe first; path: names with dots, or a list of names; within: a key that is beside the first of
--- them, as `arms` is in an experiment, where the same keys of others are not meant. Returns path and line of the key, or of the
--- closest table around it.
function locate.key(files, path, within)
  local parts = type(path) == "table" and path or {}
  if parts ~= path then
    for part in path:gmatch("[^.]+") do parts[#parts + 1] = part end
  end
  local best, file, line = 0, nil, nil
  local first_line
  for i, one in ipairs(files) do
    local depth, at, returns = 0, nil, nil
    if not one.override then depth, at, returns = best_of(one, parts, within) end
    if i == 1 then first_line = returns end
    if depth > best then best, file, line = depth, one.path, at end
  end
  if not file then return files[1].path, first_line or 1 end
  return file, line
end

return locate
