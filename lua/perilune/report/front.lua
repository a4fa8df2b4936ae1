--- The section of a report that draws a front (stats/front.lua).

local keys = require "perilune.keys"
local charts = require "perilune.report.chart"
local format = require "perilune.format"
local html = require "perilune.report.html"
local lift = require "perilune.stats.lift"
local statistics = require "perilune.stats.front"

local front = {}

local tag = html.tag

local width, height = 460, 350
local left, right, top, bottom = 42, 14, 12, 42
local colors = {baseline = 6, policy = 1, vector = "soft"}
local others = {2, 3, 4, 5} -- of the policies beside, one after the other

-- The colour of each point.
local function colored(points)
  local found, beside = {}, 0
  for _, point in ipairs(points) do
    if point.kind == "beside" then beside = beside + 1 end
    found[point] = colors[point.kind] or others[(beside - 1) % #others + 1]
  end
  return found
end

local function range(points, key)
  local low, high = 0, 0
  for _, point in ipairs(points) do
    local value = point[key]
    low, high = math.min(low, value.low or value.mean), math.max(high, value.high or value.mean)
  end
  local air = high > low and (high - low) * 0.08 or 0.01
  return 100 * (low - air), 100 * (high + air)
end

local function axes(found, x, y, x0, x1, y0, y1)
  local marks = {}
  for _, tick in ipairs((charts.ticks(y0, y1, 5))) do
    local at = ("%.1f"):format(y(tick))
    marks[#marks + 1] = tag("line", {class = tick == 0 and "zero" or "grid", x1 = left,
      x2 = width - right, y1 = at, y2 = at})
    marks[#marks + 1] = tag("text", {x = left - 7, y = ("%.1f"):format(y(tick) + 4), ["text-anchor"] = "end"},
      format.number(tick))
  end
  for _, tick in ipairs((charts.ticks(x0, x1, 5))) do
    local at = ("%.1f"):format(x(tick))
    marks[#marks + 1] = tag("line", {class = tick == 0 and "zero" or "grid", y1 = top,
      y2 = height - bottom, x1 = at, x2 = at})
    marks[#marks + 1] = tag("text", {x = at, y = height - bottom + 18, ["text-anchor"] = "middle"},
      format.number(tick))
  end
  marks[#marks + 1] = tag("text", {x = (left + width - right) / 2, y = height - 8, ["text-anchor"] = "middle"},
    ("%s, %% over %s"):format(found.x, found.baseline))
  return marks
end

-- "name: x +1.2 ± 0.3 %, y …", for pointing at it and for those who cannot see it.
local function words(found, point)
  return ("%s: %s %s, %s %s"):format(point.name, found.x, lift.percent(point.x), table.concat(found.y, " + "),
    lift.percent(point.y))
end

local function mark(found, point, color, x, y)
  local px, py = x(100 * point.x.mean), y(100 * point.y.mean)
  local parts, class = {tag("title", nil, words(found, point))}, "c" .. color
  local function bar(x1, y1, x2, y2)
    parts[#parts + 1] = tag("line", {class = "bar-" .. (point.kind == "vector" and "thin" or "thick"),
      x1 = ("%.1f"):format(x1), y1 = ("%.1f"):format(y1), x2 = ("%.1f"):format(x2), y2 = ("%.1f"):format(y2)})
  end
  if point.x.low then bar(x(100 * point.x.low), py, x(100 * point.x.high), py) end
  if point.y.low then bar(px, y(100 * point.y.low), px, y(100 * point.y.high)) end
  parts[#parts + 1] = tag("circle", {class = "dot", cx = ("%.1f"):format(px), cy = ("%.1f"):format(py),
    r = point.kind == "vector" and 3 or 5.5})
  return tag("g", {class = class}, parts)
end

-- Names beside their points: to the left of a point in the right half; moved down until they are clear of one another.
local function labels(points, color, x, y)
  local marks, placed = {}, {}
  for _, point in ipairs(points) do
    if point.kind ~= "vector" then
      local px, py = x(100 * point.x.mean), y(100 * point.y.mean)
      local before = px > (left + width - right) * 0.55
      local at = py - 9
      for _, other in ipairs(placed) do
        if other.before == before and math.abs(other.at - at) < 16 then at = other.at + 17 end
      end
      at = math.min(math.max(at, top + 10), height - bottom - 4)
      placed[#placed + 1] = {at = at, before = before}
      marks[#marks + 1] = tag("text", {class = "name c" .. color[point], x = ("%.1f"):format(px + (before and -9 or 9)),
        y = ("%.1f"):format(at), ["text-anchor"] = before and "end" or "start"}, point.name)
    end
  end
  return marks
end

local function drawing(found)
  local x0, x1 = range(found.points, "x")
  local y0, y1 = range(found.points, "y")
  local function x(value) return left + (value - x0) / (x1 - x0) * (width - left - right) end
  local function y(value) return height - bottom - (value - y0) / (y1 - y0) * (height - top - bottom) end
  local path, points, color = {}, {}, colored(found.points)
  for i, point in ipairs(statistics.line(found)) do
    path[i] = ("%s%.1f %.1f"):format(i == 1 and "M" or "L", x(100 * point.x.mean), y(100 * point.y.mean))
  end
  for _, kind in ipairs {"vector", "baseline", "beside", "policy"} do -- what matters most is drawn last
    for _, point in ipairs(found.points) do
      if point.kind == kind then points[#points + 1] = mark(found, point, color[point], x, y) end
    end
  end
  return tag("svg", {class = "front", viewBox = ("0 0 %d %d"):format(width, height), role = "img",
    ["aria-label"] = ("%s against %s"):format(table.concat(found.y, " + "), found.x)},
    axes(found, x, y, x0, x1, y0, y1),
    #path > 1 and tag("path", {class = "front-line", d = table.concat(path)}) or nil, points, labels(found.points, color, x, y))
end

local function vector_text(action)
  local parts = {}
  for _, name in ipairs(keys(action)) do
    if action[name] ~= 0 then parts[#parts + 1] = ("%s = %.3g"):format(name, action[name]) end
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

local function numbers(found)
  local rows = {}
  for _, point in ipairs(found.points) do
    rows[#rows + 1] = {(point.name:gsub(" ", "\194\160")), point.on and "yes" or point.on == false and "no" or nil,
      lift.percent(point.x), lift.percent(point.y),
      point.action and tag("code", nil, vector_text(point.action)) or nil}
  end
  return tag("details", nil, tag("summary", nil, ("%d points as numbers"):format(#rows)),
    html.cards({{"", ""}, {"On the front", ""}, {found.x, "n"},
      {table.concat(found.y, " + "), "n"}, {"The vector", ""}}, rows))
end

-- What is drawn, and what its bars are.
local function lead(found, vectors)
  local users = ("%s users × %d days"):format(format.grouped(found.users), found.days)
  if vectors == 0 then
    return ("Of a user and day, in percent over %s, all on the same %s. Bars are 95 %% intervals over users crossed with seeds."):format(
      found.baseline, users)
  end
  return ("Of a user and day, in percent over %s: %d vectors for everybody and the policies, all on the same %s. The line joins the "
    .. "vectors that no other beats in both. Bars are 95 %% intervals over users."):format(found.baseline, vectors, users)
end

--- The section of a report.
function front.section(found)
  if not found or #found.points < 2 then return nil end
  local vectors = 0
  for _, point in ipairs(found.points) do vectors = vectors + (point.kind == "vector" and 1 or 0) end
  local upwards = table.concat(found.y, " + ")
  return {
    tag(vectors > 0 and "h2" or "h3", nil, vectors > 0 and "Global vectors: " or "", found.x, " against the others"),
    tag("p", {class = "lead"}, lead(found, vectors)),
    tag("figure", nil, tag("figcaption", nil, tag("b", nil, upwards), " ",
      tag("span", {class = "unit"}, "% over ", found.baseline)), drawing(found)),
    numbers(found),
  }
end

return front
