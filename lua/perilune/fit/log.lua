--- Reads the log and its tables: streamed, a batch of rows at a time, into arrays of the columns that the recipe uses;
--- then in order of time, which is what "earlier" means for every feature.
local keys = require "perilune.keys"
local prl = require "perilune"

local log = {}

local Refusal = {__tostring = function(self) return self.message end}

--- A failure that the user can mend; fit.run turns it into nil, message.
local function refuse(message) error(setmetatable({message = message}, Refusal), 0) end
log.Refusal, log.refuse = Refusal, refuse

--- The value, or a refusal with the message of `nil, message`.
function log.refuse_unless(value, message)
  if value == nil then refuse(message) end
  return value
end

--- "video.author_id" → "video", "author_id"; "tab" → nil, "tab".
function log.split(reference)
  local name, column = reference:match "^([^.]+)%.(.+)$"
  if name then return name, column end
  return nil, reference
end

--- Which columns are needed, by table name ("" is the log), each as "ids", "number" or "words"; a column may be both ids
--- and a number: then it is read as a number.
local function needs(recipe)
  local all = {[""] = {}}
  for name in pairs(recipe.tables) do all[name] = {} end
  local function need(reference, kind)
    local name, column = log.split(reference)
    local columns = all[name or ""]
    if columns[column] and columns[column] ~= kind then
      if kind == "words" or columns[column] == "words" then
        refuse(("the column %s cannot be words and something else"):format(reference))
      end
      kind = "number"
    end
    columns[column] = kind
  end
  need(recipe.log.time, "number")
  need(recipe.log.day, "number")
  for _, head in pairs(recipe.heads) do need(head[1], "number") end
  for _, field in pairs(recipe.fields) do need(field[1], (field.divide or field.log_bins) and "number" or "ids") end
  for _, number in pairs(recipe.numbers) do
    need(number[1], number.words and "words" or "number")
    if number.over then need(number.over, "words") end
  end
  for _, gap in pairs(recipe.gaps or {}) do if gap.start then need(gap.start, "number") end end
  for _, sequence in pairs(recipe.sequences) do if sequence.start then need(sequence.start, "words") end end
  if recipe.kind == "world" then
    need(recipe.log.duration[1], "number")
    need(recipe.uploaded, "ids")
  end
  for _, entry in pairs(recipe.tables) do
    if not all[""][entry.key] then all[""][entry.key] = "ids" end
  end
  return all
end

local types = {ids = "dict", number = "f64", words = "text"}

--- Streams one CSV: {rows, [column] = array} and {column = {text, …}} for ids.
local function read(path, wanted, optional, options, progress)
  local names, columns = keys(wanted), {}
  for i, name in ipairs(names) do
    columns[i] = {name, types[wanted[name]], empty = optional and wanted[name] == "number" and 0 or nil}
  end
  local csv, message = prl.io.csv(path, columns, {skip_bad = options.skip_bad, batch = 8192})
  if not csv then refuse(message) end
  local data, rows, batch = {}, 0, nil
  for _, name in ipairs(names) do data[name] = {} end
  while true do
    local count
    count, batch = csv:next(batch)
    if not count then refuse(batch) end
    if count == 0 then break end
    for i, name in ipairs(names) do
      local from, to = batch[i], data[name]
      for r = 1, count do to[rows + r] = from[r] end
    end
    rows = rows + count
    if progress then
      local _, _, _, done, total = csv:progress()
      progress("reading", done, total)
    end
  end
  local texts = {}
  for i, name in ipairs(names) do if columns[i][2] == "dict" then texts[name] = csv:dict(i) end end
  local _, skipped, why = csv:progress()
  csv:close()
  return data, rows, texts, skipped, why
end

--- The arrays in order of time; rows of one time keep the order of the file.
local function sort(data, rows, time)
  local key, order, sorted = data[time], {}, true
  for i = 1, rows do
    order[i] = i
    sorted = sorted and (i == 1 or key[i - 1] <= key[i])
  end
  if sorted then return end
  table.sort(order, function(a, b)
    local x, y = key[a], key[b]
    return x < y or (x == y and a < b)
  end)
  for name, from in pairs(data) do
    local to = {}
    for i = 1, rows do to[i] = from[order[i]] end
    data[name] = to
  end
end

--- Where row i of the log finds its row in the table: an array by the log's id of the key.
local function join(log_texts, key, name)
  local row_of, at = {}, {}
  for i, text in ipairs(key.texts) do at[text] = i - 1 end
  local row_by_id = {}
  for row, id in ipairs(key.ids) do
    if row_by_id[id] then refuse(("table %s has two rows for %s"):format(name, key.texts[id + 1])) end
    row_by_id[id] = row
  end
  for i, text in ipairs(log_texts) do row_of[i - 1] = at[text] and row_by_id[at[text]] end
  return row_of
end

--- A file with fewer or more rows than the recipe says is not the one that it means.
local function check_rows(path, rows, expected, key)
  if expected and rows ~= expected then
    refuse(("%s has %d rows, the recipe's %s.rows says %d: the file is cut, or of another release"):format(path, rows, key, expected))
  end
end

--- {rows, columns = {column = array}, texts = {column = {text, …}}, tables = {name = {key, row_of, columns, texts}},
--- skipped, first_skipped}. Ids count from 0.
function log.read(folder, recipe, options, progress)
  local all = needs(recipe)
  local path = folder .. "/" .. recipe.log.file
  local data, rows, texts, skipped, why = read(path, all[""], false, options, progress)
  if rows == 0 then refuse(path .. " has no rows") end
  check_rows(path, rows + skipped, recipe.log.rows, "log")
  sort(data, rows, recipe.log.time)
  local result = {rows = rows, columns = data, texts = texts, tables = {}, skipped = skipped, first_skipped = why}
  for name, entry in pairs(recipe.tables) do
    local wanted = all[name]
    if wanted[entry.key] and wanted[entry.key] ~= "ids" then
      refuse(("table %s: its key %s cannot also be a number"):format(name, entry.key))
    end
    if not texts[entry.key] then refuse(("table %s: the log's column %s is a number, not a key"):format(name, entry.key)) end
    wanted[entry.key] = "ids"
    local file = folder .. "/" .. entry.file
    local columns, table_rows, own = read(file, wanted, true, options)
    check_rows(file, table_rows, entry.rows, "tables." .. name)
    result.tables[name] = {
      key = entry.key, columns = columns, texts = own,
      row_of = join(texts[entry.key], {ids = columns[entry.key], texts = own[entry.key]}, name),
    }
  end
  return result
end

return log
