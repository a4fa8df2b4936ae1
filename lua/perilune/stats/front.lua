--- The front of one response against others: policies as points, in percent of the baseline, and the global vectors that
--- none of the others beats in both.
---
--- A front is {x = {name, unit}, y = {names}, baseline, users, days, points = {{name, kind, x, y, on, action}, …}}: x and y
--- are intervals of the lift (fractions), kind is "vector", "baseline", "policy" or "beside", `on` says that a vector stands
--- on the front, action is a vector's. All points are judged on the same users.

local format = require "perilune.format"
local lift = require "perilune.stats.lift"

local front = {}

--- Marks the points of which no other has as much of both and more of one: a list of booleans. points: {{x, y}, …}.
function front.nondominated(points)
  local on = {}
  for i, a in ipairs(points) do
    on[i] = true
    for _, b in ipairs(points) do
      if b[1] >= a[1] and b[2] >= a[2] and (b[1] > a[1] or b[2] > a[2]) then on[i] = false end
    end
  end
  return on
end

local function interval(panels, baselines, metric)
  local value = lift.of(panels, baselines, metric)
  return value and {mean = value.mean, half = value.half, low = value.low, high = value.high} or nil
end

-- The metrics of both axes.
local function axes(options)
  local across, upwards = {of = options.x}, {of = {}}
  for _, name in ipairs(options.y) do upwards.of[name] = 1 end
  return across, upwards
end

--- options: the recipe's eval.front (x, y). entries: {name, kind, panel, action}, the baseline's panel apart. Points without
--- a lift (the baseline gave nothing) are left out. fixed: the baseline is a constant action, and so on the front itself.
function front.of(options, entries, baseline, baseline_name, fixed)
  local across, upwards = axes(options)
  local result = {x = options.x, y = options.y, baseline = baseline_name, users = baseline.users, days = baseline.days,
    points = {}}
  local list = {{name = baseline_name, kind = "baseline", panel = baseline}}
  for _, entry in ipairs(entries) do list[#list + 1] = entry end
  local global = {}
  for _, entry in ipairs(list) do
    local point = {name = entry.name, kind = entry.kind, action = entry.action,
      x = interval({entry.panel}, {baseline}, across), y = interval({entry.panel}, {baseline}, upwards)}
    if point.x and point.y then
      result.points[#result.points + 1] = point
      if entry.kind == "vector" or (entry.kind == "baseline" and fixed) then
        global[#global + 1] = {point.x.mean, point.y.mean, point = point}
      end
    end
  end
  for i, on in ipairs(front.nondominated(global)) do global[i].point.on = on end
  return result
end

--- The arms of an experiment, each with the panels of all seeds, beside their control: names = responses, the first against the
--- sum of the others; nil where there are none. There is no vector in it, and so no line.
function front.of_arms(names, arms, control)
  if #names == 0 then return nil end
  local options = {x = names[1], y = {unpack(names, 2)}}
  local across, upwards = axes(options)
  local first = control.panels[1]
  local result = {x = options.x, y = options.y, baseline = control.name, users = first.users, days = first.days, points = {
    {name = control.name, kind = "baseline", x = {mean = 0, half = 0, low = 0, high = 0}, y = {mean = 0, half = 0, low = 0, high = 0}}}}
  for _, arm in ipairs(arms) do
    local x, y = interval(arm.panels, control.panels, across), interval(arm.panels, control.panels, upwards)
    if arm ~= control and x and y then result.points[#result.points + 1] = {name = arm.name, kind = "beside", x = x, y = y} end
  end
  return result
end

--- The points on the front, from left to right.
function front.line(found)
  local on = {}
  for _, point in ipairs(found.points) do
    if point.on then on[#on + 1] = point end
  end
  table.sort(on, function(a, b) return a.x.mean < b.x.mean or (a.x.mean == b.x.mean and a.y.mean > b.y.mean) end)
  return on
end

--- The points as lines for a terminal.
function front.text(found)
  local rows = {{"of a user and day", "", found.x .. ", 95 %", table.concat(found.y, " + ") .. ", 95 %", ""}}
  for _, point in ipairs(found.points) do
    rows[#rows + 1] = {point.name, point.kind, lift.percent(point.x), lift.percent(point.y), point.on and "on the front" or ""}
  end
  return ("The front over %s, on %s users:\n%s"):format(found.baseline, format.grouped(found.users), format.columns(rows))
end

return front
