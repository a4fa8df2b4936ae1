--- What somebody may have done to a text that was data: pairs {what, text, nil (the file is gone) or mutations.pipe}.
local prl = require "perilune"
local keys = require "perilune.keys"
local sealed = require "support.sealed"

local mutations = {}

local place = "\1here\1"
local values = {"true", '"x"', "-1", "0.5", "1e300", "[]", '{"c": "./x.so"}'}

local few = 3 -- of many numbers by name, such as the options of an environment

-- Calls visit(path, set) for every place in the data; of a list its first element stands for the others.
local function walk(data, path, visit)
  local names = keys(data)
  local numbers = path ~= ""
  for _, key in ipairs(names) do numbers = numbers and type(data[key]) == "number" end
  for i, key in ipairs(names) do
    if (type(key) == "string" and (i <= few or not numbers)) or key == 1 then
      local at, old = path .. "." .. tostring(key), data[key]
      visit(at, function(value) data[key] = value end)
      data[key] = old
      if type(old) == "table" then walk(old, at, visit) end
    end
  end
  if #data == 0 then
    visit(path .. ".unheard_of", function(value) data.unheard_of = value end)
    data.unheard_of = nil
  end
end

--- Stands for the text of a file that is a pipe: who reads it waits.
mutations.pipe = {}

--- Of any file.
function mutations.of_bytes(text)
  return {
    {"gone", nil}, {"emptied", ""}, {"cut in half", text:sub(1, math.floor(#text / 2))}, {"cut at its end", text:sub(1, -2)},
    {"with a byte order mark", "\239\187\191" .. text}, {"as zeros", ("\0"):rep(#text)}, {"twice", text .. text},
    {"as another thing", "#!/bin/sh\n"}, {"as a pipe", mutations.pipe},
  }
end

--- Of a JSON text: each value in it in each wrong kind, and without each.
function mutations.of_json(text)
  local list = mutations.of_bytes(text)
  list[#list + 1] = {"nested", ("["):rep(1000)}
  list[#list + 1] = {"with NaN", (text:gsub(": [%d.]+", ": NaN", 1))}
  list[#list + 1] = {"with 1e999", (text:gsub(": [%d.]+", ": 1e999", 1))}
  list[#list + 1] = {"with null", (text:gsub(": [%d.]+", ": null", 1))}
  local data = assert(prl.from_json(text))
  walk(data, "", function(path, set)
    set(nil)
    list[#list + 1] = {path .. " left out", prl.to_json(data)}
    set(place)
    local whole = prl.to_json(data)
    local from, to = whole:find(prl.to_json(place), 1, true)
    for _, value in ipairs(values) do
      list[#list + 1] = {("%s = %s"):format(path, value), whole:sub(1, from - 1) .. value .. whole:sub(to + 1)}
    end
  end)
  return list
end

--- Of a checkpoint's step-N.json, whose digest is made anew.
function mutations.of_state(text)
  local list = mutations.of_bytes(text)
  for _, mutation in ipairs(mutations.of_json((text:gsub('\n  "digest": "%x+",', "", 1)))) do
    if type(mutation[2]) == "string" then list[#list + 1] = {mutation[1] .. ", sealed", sealed(mutation[2])} end
  end
  return list
end

local cells = {"x", "", "1e999", "nan", "-1", "0.5", "1e300", '"'}

--- Of a CSV text: each cell of its header, its first and its last row in each wrong kind, and without each column.
function mutations.of_csv(text)
  local list, lines = mutations.of_bytes(text), {}
  for line in text:gmatch("[^\n]+") do lines[#lines + 1] = line end
  local function with(number, line)
    local copy = {unpack(lines)}
    copy[number] = line
    return table.concat(copy, "\n") .. "\n"
  end
  for _, number in ipairs {1, 2, #lines} do
    local words = {}
    for word in (lines[number] .. ","):gmatch("([^,]*),") do words[#words + 1] = word end
    for i, old in ipairs(words) do
      for _, cell in ipairs(cells) do
        words[i] = cell
        list[#list + 1] = {("line %d, cell %d = %s"):format(number, i, cell), with(number, table.concat(words, ","))}
      end
      words[i] = old
    end
  end
  list[#list + 1] = {"with carriage returns", (text:gsub("\n", "\r\n"))}
  list[#list + 1] = {"as its header", lines[1] .. "\n"}
  list[#list + 1] = {"with one row less", text:gsub("[^\n]*\n$", "")}
  local _, columns = lines[1]:gsub(",", "")
  for k = 1, columns + 1 do
    local copy = {}
    for i, line in ipairs(lines) do
      local words = {}
      for word in (line .. ","):gmatch("([^,]*),") do words[#words + 1] = word end
      table.remove(words, k)
      copy[i] = table.concat(words, ",")
    end
    list[#list + 1] = {("without column %d"):format(k), table.concat(copy, "\n") .. "\n"}
  end
  return list
end

return mutations
