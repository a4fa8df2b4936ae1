--- What two resolved recipes say differently, option by option.

local keys = require "perilune.keys"
local prl = require "perilune"
local printer = require "perilune.recipe.print"

local difference = {}

local most, most_bytes = 100, 200

local function same(x, y) return x == y or (type(x) == "table" and type(y) == "table" and prl.to_json(x) == prl.to_json(y)) end

-- A table of options, behind a name or not ({"cartpole", n = 4}); a reward, a schedule and a list are one value.
local function has_options(value, path)
  if type(value) ~= "table" or value.kind or path:find("^objective%.critics%.[^.]+%.reward$") then return false end
  for name in pairs(value) do
    if type(name) == "string" then return true end
  end
  return #value == 0
end

--- The value as a recipe says it, on one line; nil of nil. path: of the option.
function difference.text(value, path)
  return value ~= nil and printer.value(value, path):gsub("%s*\n%s*", " ") or nil
end

local function text_of(value, path)
  if value == nil then return nil end
  local text = difference.text(value, path)
  return #text > most_bytes and text:sub(1, most_bytes) .. "…" or text
end

local function look(old, new, path, found)
  if #found == most or same(old, new) then return end
  if (old == nil or has_options(old, path)) and (new == nil or has_options(new, path)) and (old or new) then
    local names = {}
    for _, side in ipairs {old or {}, new or {}} do
      for name in pairs(side) do names[name] = true end
    end
    for _, name in ipairs(keys(names)) do
      look((old or {})[name], (new or {})[name], path == "" and name or ("%s.%s"):format(path, name), found)
    end
    return
  end
  found[#found + 1] = {option = path, before = text_of(old, path), after = text_of(new, path)}
end

--- [{option, before, after}] in order of the options' names: values as Lua, nil where one of the two has no such option. At
--- most a hundred, and long values cut. Names and tags, which say nothing of what runs, are left out.
function difference.list(old, new)
  local found = {}
  look(old, new, "", found)
  for i = #found, 1, -1 do
    if found[i].option:find("^name$") or found[i].option:find("^tags") then table.remove(found, i) end
  end
  return found
end

return difference
