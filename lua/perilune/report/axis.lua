--- The picture of one axis of a sweep: a metric at the axis's values, with intervals, one line for each combination of
--- the other axes.

local chart = require "perilune.report.chart"
local format = require "perilune.format"
local html = require "perilune.report.html"

local axis = {}

local tag = html.tag
local width, height = 460, 240
local left, right, top, bottom = 58, 14, 12, 28
local decades = 30 -- positive values whose extremes differ by this factor are drawn on a logarithmic scale

--- The scale of the values: "linear", "log", or "even" (one beside the other) where they are no numbers, or where 0 or a
--- negative one stands among numbers of several orders. by_factors: they differ by factors, however near they are (a step
--- size).
function axis.scale(values, by_factors)
  local low, high, least = math.huge, -math.huge, math.huge
  for _, value in ipairs(values) do
    local number = value.number
    if not number then return "even" end
    low, high = math.min(low, number), math.max(high, number)
    if number ~= 0 then least = math.min(least, math.abs(number)) end
  end
  local most = math.max(math.abs(low), math.abs(high))
  local apart = by_factors and 1 or decades
  if low > 0 and high > low and high / low >= apart then return "log" end
  if low <= 0 and high > low and most / least >= apart then return "even" end
  return "linear"
end

-- The place of each value from 0 to 1, and the marks below the axis: {{place, text}, …}.
local function places(values, by_factors)
  local scale, at, marks = axis.scale(values, by_factors), {}, {}
  local numbers = {}
  for i, value in ipairs(values) do
    numbers[i] = scale == "even" and i or scale == "log" and math.log(value.number) or value.number
  end
  local low, high = math.huge, -math.huge
  for _, number in ipairs(numbers) do low, high = math.min(low, number), math.max(high, number) end
  if low == high then low, high = low - 1, high + 1 end
  local air = scale == "linear" and 0.04 or 0.08
  local function place(number) return air + (number - low) / (high - low) * (1 - 2 * air) end
  for i, number in ipairs(numbers) do at[i] = place(number) end
  if scale == "linear" then
    for _, tick in ipairs((chart.ticks(low, high, 5))) do
      marks[#marks + 1] = {place(tick), format.number(tick)}
    end
  else
    local every = math.ceil(#values / 8)
    for i, value in ipairs(values) do
      if (i - 1) % every == 0 then
        marks[#marks + 1] = {at[i], value.label}
      end
    end
  end
  return at, marks
end

local function range(lines)
  local low, high = math.huge, -math.huge
  for _, line in ipairs(lines) do
    for i = 1, table.maxn(line.points) do -- not by pairs, for the reason in stats/points.lua
      local point = line.points[i]
      if point then low, high = math.min(low, point.low), math.max(high, point.high) end
    end
  end
  local air = high > low and (high - low) * 0.06 or math.max(math.abs(low) * 0.1, 1e-3)
  return low - air, high + air
end

local function shortened(text)
  if #text <= 14 then return text end
  return text:sub(1, 13):gsub("[\194-\244][\128-\191]*$", "") .. "…" -- never within a character
end

-- Only numbers are joined: between words there is nothing.
local function line_marks(line, at, shift, joined, x, y)
  local marks, before = {}, nil
  local class = " c" .. line.color
  local order = {}
  for i in pairs(line.points) do order[#order + 1] = i end
  table.sort(order, function(a, b) return at[a] < at[b] end)
  local steps = {}
  for _, i in ipairs(order) do
    local point, px = line.points[i], ("%.1f"):format(x(at[i]) + shift)
    steps[#steps + 1] = ("%s%s %.1f"):format(before and "L" or "M", px, y(point.mean))
    before = true
    if point.high > point.low then
      marks[#marks + 1] = tag("line", {class = "bars" .. class, x1 = px, x2 = px, y1 = ("%.1f"):format(y(point.low)),
        y2 = ("%.1f"):format(y(point.high))})
    end
    marks[#marks + 1] = tag("circle", {class = "dot" .. class, cx = px, cy = ("%.1f"):format(y(point.mean)),
      r = point.mark and 5 or 3})
  end
  if joined and #steps > 1 then table.insert(marks, 1, tag("path", {class = "line" .. class, d = table.concat(steps)})) end
  return marks
end

--- The figure. options: title, unit, note, values = [{label, number}], by_factors (of axis.scale), lines = [{label, color,
--- points = {index of the value = {mean, low, high, mark}}}].
function axis.figure(options)
  local lines = options.lines
  local at, marks_below = places(options.values, options.by_factors)
  local y0, y1 = range(lines)
  local function x(place) return left + place * (width - left - right) end
  local function y(value) return height - bottom - (value - y0) / (y1 - y0) * (height - top - bottom) end
  local marks = {}
  for _, tick in ipairs((chart.ticks(y0, y1, 5))) do
    local place = ("%.1f"):format(y(tick))
    marks[#marks + 1] = tag("line", {class = "grid", x1 = left, x2 = width - right, y1 = place, y2 = place})
    marks[#marks + 1] = tag("text", {x = left - 6, y = ("%.1f"):format(y(tick) + 4), ["text-anchor"] = "end"},
      format.number(tick))
  end
  for _, mark in ipairs(marks_below) do
    marks[#marks + 1] = tag("text", {x = ("%.1f"):format(x(mark[1])), y = height - 8, ["text-anchor"] = "middle"},
      shortened(mark[2]))
  end
  local keys, joined = {}, true
  for _, value in ipairs(options.values) do joined = joined and value.number ~= nil end
  for i, line in ipairs(lines) do
    marks[#marks + 1] = line_marks(line, at, (i - (#lines + 1) / 2) * 4, joined, x, y)
    keys[i] = tag("span", {class = "key c" .. line.color}, line.label)
  end
  return tag("figure", nil,
    tag("figcaption", nil, tag("b", nil, options.title), " ", options.unit and tag("span", {class = "unit"}, options.unit),
      #lines > 1 and tag("span", {class = "legend"}, keys)),
    tag("div", {class = "plot axis-plot"}, tag("svg", {viewBox = ("0 0 %d %d"):format(width, height), role = "img",
      ["aria-label"] = options.title}, marks)),
    options.note and tag("p", {class = "note"}, options.note))
end

axis.style = [==[
.axis-plot .bars { stroke: currentColor; stroke-width: 2; opacity: .55; stroke-linecap: round; }
.axis-plot { aspect-ratio: 460 / 240; max-width: 640px; }
]==]

return axis
