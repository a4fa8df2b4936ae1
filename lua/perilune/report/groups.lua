--- The section of a report that draws actions by user group (stats/groups.lua).

local charts = require "perilune.report.chart"
local format = require "perilune.format"
local html = require "perilune.report.html"
local lift = require "perilune.stats.lift"
local statistics = require "perilune.stats.groups"

local groups = {}

local tag = html.tag

local width, left, right, row_height, top = 460, 108, 14, 34, 8

local function range(by, all)
  local low, high = 0, 0
  local function take(interval)
    low, high = math.min(low, interval.low or interval.mean), math.max(high, interval.high or interval.mean)
  end
  for _, group in ipairs(by.groups) do
    for _, interval in ipairs(group.actions) do take(interval) end
  end
  for _, interval in ipairs(all) do take(interval) end
  if low == high then low, high = -1, 1 end
  local air = (high - low) * 0.06
  return low - air, high + air
end

local function drawing(found, by)
  local low, high = range(by, found.all)
  local bottom = top + #found.actions * row_height
  local function x(value) return left + (value - low) / (high - low) * (width - left - right) end
  local marks, zero = {}, ("%.1f"):format(x(0))
  for _, tick in ipairs((charts.ticks(low, high, 5))) do
    local at = ("%.1f"):format(x(tick))
    marks[#marks + 1] = tag("line", {class = "grid", x1 = at, x2 = at, y1 = top, y2 = bottom})
    marks[#marks + 1] = tag("text", {x = at, y = bottom + 18, ["text-anchor"] = "middle"},
      format.number(tick))
  end
  marks[#marks + 1] = tag("line", {class = "zero", x1 = zero, x2 = zero, y1 = top, y2 = bottom})
  for k, action in ipairs(found.actions) do
    local middle = top + (k - 0.5) * row_height
    marks[#marks + 1] = tag("text", {x = left - 10, y = middle + 4, ["text-anchor"] = "end"}, action)
    for g, group in ipairs(by.groups) do
      local interval, at = group.actions[k], middle + (g - (#by.groups + 1) / 2) * 9
      marks[#marks + 1] = tag("g", {class = "c" .. g},
        interval.low and tag("line", {class = "bar-thick", x1 = ("%.1f"):format(x(interval.low)),
          x2 = ("%.1f"):format(x(interval.high)), y1 = at, y2 = at}) or nil,
        tag("circle", {class = "dot", cx = ("%.1f"):format(x(interval.mean)), cy = at, r = 3.5}))
    end
  end
  return tag("svg", {class = "groups", viewBox = ("0 0 %d %d"):format(width, bottom + 26), role = "img",
    ["aria-label"] = "mean action by thirds of " .. by.name}, marks)
end

local function legend(by)
  local items = {}
  for g in ipairs(by.groups) do
    items[g] = tag("span", {class = "key c" .. g}, statistics.names(by)[g])
  end
  return tag("span", {class = "legend"}, items)
end

local function between(group) return ("%s … %s"):format(format.number(group.low), format.number(group.high)) end

local function action_rows(found, by)
  local columns, rows = {{"Mean action", ""}, {"everybody", "n"}}, {}
  for g, group in ipairs(by.groups) do
    columns[#columns + 1] = {("%s (%s)"):format(statistics.names(by)[g], between(group)), "n"}
  end
  columns[#columns + 1] = {"high − low", "n"}
  local function cell(interval) return format.with_error(interval.mean, interval.half) end
  for k, action in ipairs(found.actions) do
    local row = {action, cell(found.all[k])}
    for _, group in ipairs(by.groups) do row[#row + 1] = cell(group.actions[k]) end
    row[#row + 1] = by.differences[k] and cell(by.differences[k]) or nil
    rows[k] = row
  end
  return html.cards(columns, rows)
end

local function lift_rows(found, by)
  local columns, rows = {{"Lift", ""}}, {}
  for g, group in ipairs(by.groups) do
    columns[#columns + 1] = {("%s, %s users"):format(statistics.names(by)[g], format.grouped(group.users)), "n"}
  end
  for m, metric in ipairs(found.metrics) do
    rows[m] = {metric}
    for g, group in ipairs(by.groups) do rows[m][g + 1] = lift.percent(group.lift[m]) end
  end
  return html.cards(columns, rows)
end

-- Whether a policy does the same for everybody, so that there is nothing to show.
local function constant(found)
  for _, by in ipairs(found.by) do
    for _, difference in ipairs(by.differences) do
      if math.abs(difference.mean) > 1e-9 or (difference.half or 0) > 1e-9 then return false end -- else rounding
    end
  end
  return true
end

--- The section of a report; nil for a policy that does the same for everybody.
function groups.section(found)
  if not found or #(found.by or {}) == 0 or constant(found) then return nil end
  local figures, tables = {}, {}
  for i, by in ipairs(found.by) do
    figures[i] = tag("figure", nil, tag("figcaption", nil, tag("b", nil, "By ", by.name), legend(by)), drawing(found, by))
    tables[i] = tag("details", {open = i == 1 and #found.by == 1}, tag("summary", nil, "By ", by.name, " as numbers"),
      action_rows(found, by),
      #found.metrics > 0 and {tag("p", {class = "lead"}, "The lift of each third:"),
        lift_rows(found, by)} or nil)
  end
  return {
    tag("h2", nil, "Actions by user group"),
    tag("p", {class = "lead"}, "The policy's mean action over the requests of each third of the users, who are grouped by ",
      "what was observed of them under the baseline. Bars are 95 % intervals over users."),
    tag("div", {class = "charts"}, figures), tables,
  }
end

return groups
