--- A chart of a report: a drawing that needs no JavaScript, and the data from which the charting library draws a live
--- one in its place.

local assets = require "perilune.report.assets"
local format = require "perilune.format"
local html = require "perilune.report.html"

local chart = {}

local width, height = 460, 230
local left, right, top, bottom = 52, 12, 10, 26
local tag = html.tag

local most = 1e300 -- beyond it differences are infinite

--- About `count` round positions within [low, high], and their distance; none where they could not be told apart. 0 is 0,
--- never −0, which would be written so.
function chart.ticks(low, high, count)
  local distance, size = high - low, math.max(math.abs(low), math.abs(high))
  if not (distance > 1e-12 * size and distance > 1 / most and distance < 2 * most) then return {}, distance end
  local rough = (high - low) / count
  local power = 10 ^ math.floor(math.log(rough) / math.log(10))
  local step, miss
  for _, factor in ipairs {1, 2, 2.5, 5, 10} do
    local off = math.abs((high - low) / (factor * power) - count)
    if not miss or off < miss then step, miss = factor * power, off end
  end
  local ticks = {}
  for i = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) do
    ticks[#ticks + 1] = i == 0 and 0 or i * step
  end
  return ticks, step
end

-- What a drawing can hold: points whose place is a number; bounds that are none are the mean itself.
local function drawable(points)
  local function finite(value) return math.abs(value) <= most end
  local kept = {}
  for _, point in ipairs(points) do
    if finite(point.x) and finite(point.mean) then
      kept[#kept + 1] = {x = point.x, mean = point.mean, low = finite(point.low) and point.low or point.mean,
        high = finite(point.high) and point.high or point.mean}
    end
  end
  return kept
end

local tail = 0.02 -- of a long series' points, at either end, that may lie beyond its drawing

-- Where the lines themselves run: their means, without the tails of a long series.
local function core(lines)
  local means = {}
  for _, line in ipairs(lines) do
    for _, point in ipairs(line.points) do means[#means + 1] = point.mean end
  end
  table.sort(means)
  local cut = #means >= 40 and math.floor(#means * tail) or 0
  return means[1 + cut], means[#means - cut]
end

-- The range of all series, never empty, with a little air above and below; with 0 in it where that is asked. A few points
-- or a band that would squash the lines to less than a quarter of the height are cut: the last result says so.
local function range(lines, zero, within)
  local x0, x1, y0, y1 = math.huge, -math.huge, math.huge, -math.huge
  for _, line in ipairs(lines) do
    for _, point in ipairs(line.points) do
      x0, x1 = math.min(x0, point.x), math.max(x1, point.x)
      y0, y1 = math.min(y0, point.low), math.max(y1, point.high)
    end
  end
  local low, high = core(lines)
  local cut = high > low and y1 - y0 > 4 * (high - low)
  if cut then y0, y1 = math.max(y0, low - (high - low)), math.min(y1, high + (high - low)) end
  if within then
    cut = cut or y0 < within[1] or y1 > within[2]
    y0, y1 = math.max(y0, within[1]), math.min(y1, within[2])
    if y0 > y1 then y0, y1 = within[1], within[2] end
  end
  if zero then y0, y1 = math.min(y0, 0), math.max(y1, 0) end
  if x0 == x1 then x0, x1 = x0 - 1, x1 + 1 end
  -- What differs by rounding alone is one value: ticks could not tell such numbers apart.
  local flat = y1 - y0 <= 1e-9 * math.max(math.abs(y0), math.abs(y1))
  local air = flat and math.max(math.abs(y0) * 0.1, 1e-3) or (y1 - y0) * 0.06
  return x0, x1, y0 - air, y1 + air, cut
end

local function path(points, x, y, key)
  local out = {}
  for i, point in ipairs(points) do
    out[i] = ("%s%.1f %.1f"):format(i == 1 and "M" or "L", x(point.x), y(point[key]))
  end
  return table.concat(out)
end

local function band(points, x, y)
  local out = {path(points, x, y, "high")}
  for i = #points, 1, -1 do out[#out + 1] = ("L%.1f %.1f"):format(x(points[i].x), y(points[i].low)) end
  return table.concat(out) .. "Z"
end

-- Where something was done to the run: a vertical line at each, whose text shows when it is pointed at.
local function marks_of(marks, x)
  local found = {}
  for _, mark in ipairs(marks) do
    local at = ("%.1f"):format(x(mark.x))
    found[#found + 1] = tag("g", nil, tag("title", nil, mark.text),
      tag("line", {class = "mark", x1 = at, x2 = at, y1 = top, y2 = height - bottom}))
  end
  return found
end

local function drawing(title, lines, within, inside)
  local x0, x1, y0, y1 = unpack(within)
  local function x(value) return left + (value - x0) / (x1 - x0) * (width - left - right) end
  local function y(value) -- what is beyond the drawing runs along its edge
    value = math.max(y0, math.min(y1, value))
    return height - bottom - (value - y0) / (y1 - y0) * (height - top - bottom)
  end
  local marks = {marks_of(inside, x)}
  for _, tick in ipairs((chart.ticks(y0, y1, 5))) do
    local at = ("%.1f"):format(y(tick))
    marks[#marks + 1] = tag("line", {class = "grid", x1 = left, x2 = width - right, y1 = at, y2 = at})
    marks[#marks + 1] = tag("text", {x = left - 6, y = ("%.1f"):format(y(tick) + 4), ["text-anchor"] = "end"},
      format.number(tick))
  end
  for _, tick in ipairs((chart.ticks(x0, x1, 4))) do
    marks[#marks + 1] = tag("text", {x = ("%.1f"):format(math.min(x(tick), width - 18)), y = height - 8,
      ["text-anchor"] = "middle"}, format.count(tick))
  end
  for _, line in ipairs(lines) do
    local points = line.points
    if #points > 1 then
      marks[#marks + 1] = tag("path", {class = "band c" .. line.color, d = band(points, x, y)})
      marks[#marks + 1] = tag("path", {class = "line c" .. line.color, d = path(points, x, y, "mean")})
    end
    if #points <= 30 then
      for _, point in ipairs(points) do
        marks[#marks + 1] = tag("circle", {class = "dot c" .. line.color, cx = ("%.1f"):format(x(point.x)),
          cy = ("%.1f"):format(y(point.mean)), r = 2.5})
      end
    end
  end
  return tag("svg", {viewBox = ("0 0 %d %d"):format(width, height), role = "img", ["aria-label"] = title}, marks)
end

local function beyond(lines)
  local low, high = math.huge, -math.huge
  for _, line in ipairs(lines) do
    for _, point in ipairs(line.points) do low, high = math.min(low, point.low), math.max(high, point.high) end
  end
  return ("Not all of it is drawn: it reaches from %s to %s."):format(format.number(low), format.number(high))
end

local function legend(lines)
  if #lines < 2 then return nil end
  local items = {}
  for _, line in ipairs(lines) do
    items[#items + 1] = tag("span", {class = "key c" .. line.color}, line.label)
  end
  return tag("span", {class = "legend"}, items)
end

-- One row for each x of any line: [x, [low, mean, high] or false, …].
local function rows(lines)
  local at, xs = {}, {}
  for i, line in ipairs(lines) do
    for _, point in ipairs(line.points) do
      if not at[point.x] then
        at[point.x] = {}
        xs[#xs + 1] = point.x
      end
      at[point.x][i] = {point.low, point.mean, point.high}
    end
  end
  table.sort(xs)
  local result = {}
  for r, x in ipairs(xs) do
    local row = {x}
    for i = 1, #lines do row[i + 1] = at[x][i] or false end
    result[r] = row
  end
  return result
end

--- The set of charts of one page: `figure` gives markup, `data` what the script needs. marks: [{x, text}], in every chart over
--- steps.
function chart.set(marks)
  local set = {data = {}}

  --- options: title, note (what it means), unit, axis (its label; "steps"), zero (0 is within the range), within =
  --- {low, high} (nothing beyond is drawn), lines = {{label, points = buckets of series.thin}, …}. nil where there
  --- is nothing to draw: one point is a number, not a line.
  function set.figure(options)
    local lines, axis = {}, options.axis or "steps"
    for i, line in ipairs(options.lines) do
      local points = drawable(line.points)
      if #points > 1 then
        lines[#lines + 1] = {label = line.label, points = points, color = line.color or assets.color(i)}
      end
    end
    if #lines == 0 then return nil end
    local labels, colors = {}, {}
    for i, line in ipairs(lines) do labels[i], colors[i] = line.label, line.color end
    local id = "chart" .. (#set.data + 1)
    local x0, x1, y0, y1, cut = range(lines, options.zero, options.within)
    local inside, at = {}, nil
    for _, mark in ipairs(axis == "steps" and marks or {}) do
      if mark.x >= x0 and mark.x <= x1 then
        inside[#inside + 1], at = mark, at or {}
        at[#inside] = mark.x
      end
    end
    set.data[#set.data + 1] = {id = id, title = options.title, labels = labels, colors = colors, axis = axis,
      range = {y0, y1}, rows = rows(lines), marks = at}
    local unit = options.unit and options.unit ~= "" and tag("span", {class = "unit"}, options.unit)
    return tag("figure", {class = options.wide and "wide" or false},
      tag("figcaption", nil, tag("b", nil, options.title), " ", unit, legend(lines)),
      tag("div", {class = "plot", id = id}, drawing(options.title, lines, {x0, x1, y0, y1}, inside)),
      (options.note or cut) and tag("p", {class = "note"}, options.note, cut and options.note and " " or nil,
        cut and beyond(lines) or nil))
  end

  return set
end

return chart
