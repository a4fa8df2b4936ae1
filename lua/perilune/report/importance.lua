--- How much critics' values move with groups of observations (trainer/importance.lua): as lines, and on a run's page.

local format = require "perilune.format"
local html = require "perilune.report.html"

local importance = {}

importance.lead = "What a value changes by, in the mean, when a group of a user's observations is exchanged for another user's; and as a "
  .. "share of the values' deviation over users."

local function percent(value) return ("%.0f %%"):format(100 * value) end

-- The groups by the greatest share that any critic's value moves.
local function order_of(found)
  local order, share = {}, {}
  for g in ipairs(found.groups) do
    order[g], share[g] = g, 0
    for _, critic in ipairs(found.critics) do
      if critic.deviation > 0 then share[g] = math.max(share[g], critic.groups[g].mean / critic.deviation) end
    end
  end
  table.sort(order, function(a, b) return share[a] > share[b] or (share[a] == share[b] and a < b) end)
  return order
end

--- Rows of a table: the critics, their deviation, then a row for each group.
function importance.cells(found)
  local rows = {{"observations", ""}, {"deviation over users", ""}}
  for _, critic in ipairs(found.critics) do
    local head, deviation = rows[1], rows[2]
    head[#head + 1], head[#head + 2] = critic.name, "share"
    deviation[#deviation + 1], deviation[#deviation + 2] = format.number(critic.deviation), ""
  end
  for _, g in ipairs(order_of(found)) do
    local group = found.groups[g]
    local row = {group.name, group.observations > 1 and format.grouped(group.observations) or ""}
    for _, critic in ipairs(found.critics) do
      local moved = critic.groups[g]
      row[#row + 1] = format.with_error(moved.mean, moved.half)
      row[#row + 1] = critic.deviation > 0 and percent(moved.mean / critic.deviation) or "–"
    end
    rows[#rows + 1] = row
  end
  return rows
end

--- Below the table of critics; nil where nothing was found.
function importance.section(found)
  if not found then return nil end
  local rows = importance.cells(found)
  local columns = {{"Observations", ""}, {"How many", "n"}}
  for i = 3, #rows[1] do columns[i] = {rows[1][i], "n"} end
  table.remove(rows, 1)
  return {
    html.tag("h3", nil, "What moves the values"),
    html.tag("p", {class = "lead"}, importance.lead, " An observation that actions move at once, and that nothing of the world depends on, "
      .. "should move a value by little: the actor is told to move it too."),
    html.cards(columns, rows),
  }
end

return importance
