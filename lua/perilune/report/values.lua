--- The comparison of value estimates (trainer/values.lua) as lines for a terminal.

local format = require "perilune.format"

local values = {}

local actors = {own = "each side's own policy acts, on rows of its own", a = "A's policy acts for both", b = "B's policy acts for both"}

local function interval(value) return value and format.with_error(value.mean, value.half) or "–" end

local function table_text(estimates)
  local rows = {{"estimate", "", "A", "B", "B − A, 95 %"}}
  for _, one in ipairs(estimates) do
    local function side(field)
      return one.a and format.number(one.a[field]) or "–", one.b and format.number(one.b[field]) or "–"
    end
    rows[#rows + 1] = {one.name, "mean return", side "mean"}
    rows[#rows + 1] = {"", "its deviation", side "deviation"}
    for _, row in ipairs(one.rows) do
      rows[#rows + 1] = {"", row.name, interval(row.a), interval(row.b), interval(row.difference)}
    end
  end
  return format.columns(rows)
end

-- How many rows count, of each side: those of the weighted sum.
local function rows_text(found)
  local one, parts = found.estimates[1], {}
  for i, name in ipairs {"A", "B"} do
    local side = one[name:lower()]
    parts[i] = ("%s of %s, %s left out because their return is not known"):format(format.plural(side.counted, "step"), name,
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

function values.text(found)
  local text = {}
  for side, name in ipairs {"A", "B"} do
    text[side] = ("%s  %s, %s, value networks of %s numbers\n"):format(name, found.names[side], format.plural(found.seeds, "run"),
      format.grouped(found.parameters[side]))
  end
  return ("%s%sSeed %s, %s users × %s; %s.\n%s.\nIntervals over users%s.\n%s%s"):format(text[1], text[2], format.grouped(found.seed),
    format.grouped(found.users), format.plural(found.steps, "step"), actors[found.policy], rows_text(found),
    found.seeds > 1 and " crossed with seeds" or "; one seed says nothing about another training", table_text(found.estimates),
    apart_text(found.estimates))
end

return values
