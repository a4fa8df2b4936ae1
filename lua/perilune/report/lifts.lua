--- The lifts of an experiment as one drawing: a row for each response, a column for each world, an interval for each arm, and what was
--- published, a hollow mark. Each row has its own scale, the same in all worlds: lifts of rare responses are far wider than others.

local assets = require "perilune.report.assets"
local charts = require "perilune.report.chart"
local format = require "perilune.format"
local html = require "perilune.report.html"

local lifts = {}

local tag = html.tag

local cell, gap, line, below = 250, 26, 15, 24
local names, titles = 16, 28 -- heights of a line of arms' names, and of the worlds' names

-- The least and greatest of a row's percents in all worlds, with 0 and a little air.
local function range(worlds, r, published)
  local low, high = 0, 0
  local function see(value)
    if value and value == value then low, high = math.min(low, value), math.max(high, value) end
  end
  for _, world in ipairs(worlds) do
    for _, one in ipairs(world.table.rows[r].arms) do
      if one.lift then
        see(100 * (one.lift.low or one.lift.mean))
        see(100 * (one.lift.high or one.lift.mean))
      end
      see(published[one.name])
    end
  end
  local air = high > low and 0.06 * (high - low) or 1
  return low - air, high + air
end

-- An arm's interval at this height, and what was published of it.
local function mark(one, shown, color, x, y)
  local parts, class = {}, "c" .. color
  if one.lift then
    local low, high = 100 * (one.lift.low or one.lift.mean), 100 * (one.lift.high or one.lift.mean)
    parts[1] = tag("line", {class = "bar-thick " .. class, x1 = x(low), x2 = x(high), y1 = y, y2 = y})
    parts[2] = tag("circle", {class = "dot " .. class, cx = x(100 * one.lift.mean), cy = y, r = one.told and 5 or 3})
  end
  if shown then
    parts[3] = tag("rect", {class = "published " .. class, x = ("%.1f"):format(x(shown) - 3.5), y = y - 3.5, width = 7, height = 7})
  end
  return parts
end

-- One response in one world, whose upper left corner is at (left, top).
local function cell_of(row, published, within, left, top)
  local low, high = within[1], within[2]
  local function x(value) return tonumber(("%.1f"):format(left + (value - low) / (high - low) * (cell - gap))) end
  local marks, bottom = {}, top + #row.arms * line
  for _, tick in ipairs((charts.ticks(low, high, 4))) do
    marks[#marks + 1] = tag("line", {class = tick == 0 and "zero" or "grid", x1 = x(tick), x2 = x(tick), y1 = top - 4, y2 = bottom})
    marks[#marks + 1] = tag("text", {x = x(tick), y = bottom + 12, ["text-anchor"] = "middle"}, format.number(tick))
  end
  for i, one in ipairs(row.arms) do marks[#marks + 1] = mark(one, published[one.name], assets.color(i), x, top + (i - 0.5) * line) end
  return marks
end

-- The arms' names beside their colours, in lines that are no wider than the drawing; and the height of these.
local function legend(arms, width)
  local parts, at, top = {}, 8, 0
  for i, one in ipairs(arms) do
    local class, wide = "c" .. assets.color(i), 26 + 7 * #one.name
    if at > 8 and at + wide > width then at, top = 8, top + names end
    parts[#parts + 1] = tag("circle", {class = "dot " .. class, cx = at, cy = top + 10, r = 4})
    parts[#parts + 1] = tag("text", {class = "name " .. class, x = at + 8, y = top + 14}, one.name)
    at = at + wide
  end
  return parts, top + names
end

-- The worlds and, beside each, its A/B tests (stats/ab.lua), the first one's lifts; and the arms of the column that has most.
local function columns(worlds)
  local list, arms = {}, worlds[1].table.rows[1].arms
  for _, world in ipairs(worlds) do
    list[#list + 1] = world
    if world.ab then
      list[#list + 1] = {name = world.name .. ", A/B", control = world.control, table = world.ab}
      arms = world.ab.rows[1].arms
    end
  end
  return list, arms
end

-- The room of the responses' names, the longest of which has to end before the first world's column begins.
local function label_of(rows)
  local longest = 0
  for _, row in ipairs(rows) do longest = math.max(longest, #row.name) end
  return math.max(96, 12 + 7 * longest)
end

--- The drawing. worlds: of trainer/experiment.lua; published: {response = {arm = percent}}.
function lifts.drawing(worlds, published, attributes)
  local arms
  worlds, arms = columns(worlds)
  local first = worlds[1].table.rows
  local label = label_of(first)
  local width, height = label + #worlds * cell, #arms * line + below
  local drawn, high = legend(arms, width)
  local marks, head = {drawn}, high + titles
  for w, world in ipairs(worlds) do
    marks[#marks + 1] = tag("text", {class = "world", x = label + (w - 1) * cell, y = head - 10},
      ("%s, %% over %s"):format(world.name, world.control.name))
  end
  for r, row in ipairs(first) do
    local shown, top = published[row.name] or {}, head + (r - 1) * height
    local within = {range(worlds, r, shown)}
    marks[#marks + 1] = tag("text", {class = "response", x = 0, y = top + #row.arms * line / 2 + 4}, row.name)
    for w, world in ipairs(worlds) do
      marks[#marks + 1] = cell_of(world.table.rows[r], shown, within, label + (w - 1) * cell, top)
    end
  end
  local all = {class = "lifts", role = "img", ["aria-label"] = "Lifts of the arms",
    viewBox = ("0 0 %d %d"):format(width, head + #first * height), width = math.min(900, 1.5 * width)}
  for name, value in pairs(attributes or {}) do all[name] = value end
  return tag("svg", all, marks)
end

lifts.style = [==[
.lifts { max-width: 100%; height: auto; display: block; }
.lifts text { font-size: 11.5px; fill: var(--soft); }
.lifts .response, .lifts .world { fill: var(--ink); font-weight: 600; }
.lifts .name { fill: currentColor; font-weight: 600; }
.lifts .grid { stroke: var(--rule); stroke-width: 1; }
.lifts .zero { stroke: var(--soft); stroke-width: 1; }
.lifts .dot { fill: currentColor; }
.lifts .published { fill: none; stroke: currentColor; stroke-width: 1.5; }
]==]

--- The same as a picture of its own: a file that needs no page. style: of the pages (assets.lua).
function lifts.picture(worlds, published, style)
  local root = style:match("^(.-)%* {") -- the colours, on light and on dark
  local used = style:match("(%.c1 {.-)%.plot {") .. style:match("(%.bar%-thick {.-}\n)")
  local drawn = tostring(lifts.drawing(worlds, published, {xmlns = "http://www.w3.org/2000/svg",
    ["font-family"] = "system-ui, -apple-system, Segoe UI, Roboto, Noto Sans, sans-serif"}))
  local inner = ("<style>%s%s%s.lifts { background: var(--bg); }</style>"):format(root, used, lifts.style)
  return (drawn:gsub(">", function() return ">" .. inner end, 1)) .. "\n"
end

return lifts
