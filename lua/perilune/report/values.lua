--- Value estimates (trainer/values.lua) of one side or two as lines for a terminal.

local format = require "perilune.format"
local table_of = require "perilune.report.importance"

local values = {}

local letters = {"A", "B"}
local actors = {
  own = {"its own policy acts", "each side's own policy acts, on rows of its own"},
  a = {"its own policy acts", "A's policy acts for both"},
  b = {"its own policy acts", "B's policy acts for both"},
}

local function interval(value) return value and format.with_error(value.mean, value.half) or "–" end

local function table_text(estimates, sides)
  local rows = {{"estimate", "", "A", "B", "B − A, 95 %"}}
  if sides == 1 then rows[1] = {"estimate", "", "", nil, nil} end
  for _, one in ipairs(estimates) do
    local function side(field)
      return one.a and format.number(one.a[field]) or "–", sides == 2 and (one.b and format.number(one.b[field]) or "–") or nil
    end
    rows[#rows + 1] = {one.name, "mean return", side "mean"}
    rows[#rows + 1] = {"", "its deviation", side "deviation"}
    for _, row in ipairs(one.rows) do
      rows[#rows + 1] = {"", row.name, interval(row.a), sides == 2 and interval(row.b) or nil,
        sides == 2 and interval(row.difference) or nil}
    end
  end
  return format.columns(rows)
end

-- How many rows count, of each side: those of the weighted sum.
local function rows_text(found)
  local one, parts = found.estimates[1], {}
  for i in ipairs(found.names) do
    local side = one[letters[i]:lower()]
    parts[i] = ("%s of %s, %s left out because their return is not known"):format(format.plural(side.counted, "step"), letters[i],
      format.grouped(side.left))
  end
  return table.concat(parts, "; ")
end

local function apart_text(estimates)
  local apart = {}
  for _, one in ipairs(estimates) do
    if one.a and one.b and not one.same then apart[#apart + 1] = one.name end
  end
  if #apart == 0 then return "" end
  return ("Not the same return on both sides (another reward, discount, weight or scale), so that errors do not compare: %s.\n"):format(
    table.concat(apart, ", "))
end

local function importance_text(found)
  local parts = {}
  for i, one in ipairs(found.importance) do
    local cells = table_of.cells(one)
    parts[i] = ("\n%s  %s\n%s"):format(letters[i], table_of.lead, format.columns(cells))
  end
  return table.concat(parts)
end

function values.text(found)
  local text, sides = {}, #found.names
  for side in ipairs(found.names) do
    text[side] = ("%s  %s, %s, value networks of %s numbers\n"):format(letters[side], found.names[side],
      format.plural(found.seeds, "run"), format.grouped(found.parameters[side]))
  end
  return ("%sSeed %s, %s users × %s; %s.\n%s.\nIntervals over users%s.\n%s%s%s"):format(table.concat(text),
    format.grouped(found.seed), format.grouped(found.users), format.plural(found.steps, "step"), actors[found.policy][sides],
    rows_text(found), found.seeds > 1 and " crossed with seeds" or "; one seed says nothing about another training",
    table_text(found.estimates, sides), apart_text(found.estimates), importance_text(found))
end

return values
