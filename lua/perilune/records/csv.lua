--- The tables of numbers in a run's folder: metrics.csv, evaluations.csv, trials.csv. Whoever saved them since, every cell
--- is a number or empty; what a spreadsheet puts around them, a byte order mark and carriage returns, is left out.

local failure = require "perilune.failure"
local text_of = require "perilune.records.text"
local values = require "perilune.recipe.values"

local csv = {}

local most_bytes = 2 ^ 30
local nothing = 0 / 0

local function refuse(path, line, message) failure.run(("%s:%d: %s"):format(path, line, message)) end

-- The lines, or nil where there is no file; a last one without its break was cut while it was written, and is left out, but
-- for a header.
local function lines_of(path)
  local text = text_of(path, most_bytes)
  if not text then return nil end
  text = text:gsub("^\239\187\191", ""):gsub("\r\n", "\n")
  local lines = {}
  for line in text:gmatch("([^\n]*)\n") do lines[#lines + 1] = line end
  if #lines == 0 then lines[1] = text ~= "" and text or nil end
  if #lines == 0 then failure.run(path .. ": empty; a header line was expected") end
  return lines
end

-- A name with a comma or a quote stands in quotes, where a quote is written twice.
local function names_of(path, header)
  local names, known, rest = {}, {}, header .. ","
  while rest ~= "" do
    local quoted, after = rest:match('^"(.-)"(,.*)$')
    while quoted and select(2, quoted:gsub('"', "")) % 2 == 1 do -- it ended at the first half of a quote
      local more, further = after:match('^(.-)"(,.*)$')
      if not more then break end
      quoted, after = quoted .. '"' .. more, further
    end
    local name
    if quoted then name, rest = quoted:gsub('""', '"'), after:sub(2) else name, rest = rest:match("^([^,]*),(.*)$") end
    if name == "" or known[name] then
      refuse(path, 1, name == "" and ("column %d has no name"):format(#names + 1) or ("the column %s appears twice"):format(
        values.show(name)))
    end
    names[#names + 1], known[name] = name, true
  end
  return names
end

-- The numbers of a line. What is not finite says nothing: like an empty cell it is NaN.
local function cells_of(path, number, line, names)
  local cells, count = {}, 0
  for cell in (line .. ","):gmatch("([^,]*),") do
    count = count + 1
    local value = cell == "" and nothing or tonumber(cell)
    if not value then
      refuse(path, number, ("%s: expected a number, got %s"):format(names[count] or "column " .. count, values.show(cell)))
    end
    cells[count] = math.abs(value) < math.huge and value or nothing
  end
  if count ~= #names then
    refuse(path, number, ("expected a cell for each of %d columns, got %d"):format(#names, count))
  end
  return cells
end

--- {names = {…}, columns = {name = {…}}, rows = n}; nil where there is no such file. Empty cells are NaN. Raises what is no
--- table of numbers, by its line.
function csv.read(path)
  local lines = lines_of(path)
  if not lines then return nil end
  local names, columns = names_of(path, lines[1]), {}
  for _, name in ipairs(names) do columns[name] = {} end
  for i = 2, #lines do
    local cells = cells_of(path, i, lines[i], names)
    for k, name in ipairs(names) do columns[name][i - 1] = cells[k] end
  end
  return {names = names, columns = columns, rows = #lines - 1}
end

--- For a table that goes on after its first `rows` rows, the number that a checkpoint counts: its names, and its text up to
--- there. Raises where fewer stand in it.
function csv.first(path, rows)
  local lines = lines_of(path)
  if not lines then failure.run(("%s is not there, and the checkpoint counts %d of its rows"):format(path, rows)) end
  local names = names_of(path, lines[1])
  if #lines - 1 < rows then
    failure.run(("%s has %d of the %d rows that the checkpoint counts: it was cut since; put it back as it was"):format(path,
      #lines - 1, rows))
  end
  for i = 2, rows + 1 do cells_of(path, i, lines[i], names) end
  return names, table.concat(lines, "\n", 1, rows + 1) .. "\n"
end

return csv
