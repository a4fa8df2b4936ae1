--- The parts of a run's page that judge it by user and simulated day: the lift table, the policies beside it, the front,
--- the learning curves, the actions by user group.

local format = require "perilune.format"
local front = require "perilune.report.front"
local groups = require "perilune.report.groups"
local html = require "perilune.report.html"
local lift = require "perilune.stats.lift"

local judged = {}

local tag = html.tag
local most_curves = 8 -- drawn at once; further metrics are in the numbers

local function lifts(compared)
  local parts = {
    tag("h2", nil, "Lift over ", compared.baseline),
    tag("p", {class = "lead"}, lift.grounds(compared), " Both met the same users with the same random draws."),
    html.cards(lift.cells(compared)),
    lift.unsummed(compared) and tag("p", {class = "lead"}, lift.unsummed(compared)) or nil,
  }
  for _, item in ipairs(compared.beside or {}) do
    parts[#parts + 1] = {
      tag("h2", nil, "Beside ", item.name),
      tag("p", {class = "lead"}, "On the same users, for what the objective reads."),
      html.cards(lift.beside_cells(item, compared.main)),
    }
  end
  return parts
end

-- ---- learning curves ----

-- The horizontal position of an evaluation: after so many user-days of experience, or after so many steps in a run that did not
-- note them.
local function across(evaluations)
  local days = evaluations.columns.user_days
  local last = days and days[evaluations.rows]
  if last and last == last and last > 0 then return days, "user-days" end
  return evaluations.columns.step, "steps"
end

--- The learning curve of a metric's lift, in percent: points for a chart.
function judged.curve(evaluations, metric)
  local values, points = evaluations.columns["lift/" .. metric], {}
  local halves, xs = evaluations.columns["half/" .. metric], (across(evaluations))
  for i = 1, values and evaluations.rows or 0 do
    local value, half = values[i], halves[i] == halves[i] and halves[i] or 0
    if value == value then points[#points + 1] = {x = xs[i], mean = value, low = value - half, high = value + half} end
  end
  return points
end

-- What the curves show: rewards and what they read, else whatever has a lift; and every ratio that the recipe names.
local function metrics_of(run)
  local main, found = run.lift and run.lift.main or {}, {}
  for _, name in ipairs(#main > 0 and main or run.evaluations.names) do
    local metric = #main > 0 and name or name:match("^lift/(.+)$")
    local asked = metric and (lift.find(run.lift, metric) or {}).formula
    if metric and (asked or #found < most_curves) then found[#found + 1] = metric end
  end
  return found
end

local function experience(run)
  local evaluations = run.evaluations
  local _, unit = across(evaluations)
  if unit == "steps" then return "Across: steps of training." end
  local days, steps = evaluations.columns.user_days[evaluations.rows], evaluations.columns.step[evaluations.rows]
  if run.info.search then
    return ("Across: user-days that trials served; %s requests are %s user-days."):format(format.count(steps),
      format.count(days))
  end
  local n = (run.info.environment or {}).n
  local text = ("Across: user-days of experience in training, by the users' own clocks. %s steps are %s user-days"):format(
    format.count(steps), format.count(days))
  return n and ("%s, %s days of each of %d users at once."):format(text, format.count(days / n), n) or text .. "."
end

local function curves(run, set)
  local evaluations, figures = run.evaluations, {}
  if not evaluations or evaluations.rows < 2 or not run.lift then return nil end
  local _, unit = across(evaluations)
  for _, metric in ipairs(metrics_of(run)) do
    figures[#figures + 1] = set.figure {title = metric, unit = "% over " .. run.lift.baseline, axis = unit,
      zero = true, lines = {{label = metric, points = judged.curve(evaluations, metric)}}}
  end
  if #figures == 0 then return nil end
  return {
    tag("h2", nil, "Learning curves against ", run.lift.baseline),
    tag("p", {class = "lead"}, experience(run), " Bands are 95 % intervals over users; the last point is on more of them."),
    tag("div", {class = #figures > 4 and "charts dense" or "charts"}, figures),
  }
end

-- A lift with as many digits as its interval deserves.
local function short(row)
  local value = row.lift
  if not value then return "–" end
  return (value.mean > 0 and "+" or "") .. format.with_error(100 * value.mean, value.half and 100 * value.half) .. " %"
end

--- The figures that come first: {"+3.2 ± 0.4 %", what it is}; none of a run that was not judged so.
function judged.figures(run)
  local compared, found = run.lift, {}
  if not compared then return found end
  local main = compared.main and compared.main[1] or (compared.rows[1] or {}).name
  local row = lift.find(compared, main)
  if not row then return found end
  found[1] = {short(row), ("%s of a user and day, over %s"):format(main, compared.baseline)}
  for _, item in ipairs(compared.beside or {}) do
    found[#found + 1] = {short(lift.find(item.against, main)), ("%s, over %s"):format(main, item.name)}
  end
  found[#found + 1] = {format.number(row.policy), ("%s of a user and day; %s %s"):format(lift.label(row),
    compared.baseline, format.number(row.baseline))}
  return found
end

--- The sections of a run that was judged so; nil for others.
function judged.sections(run, set)
  if not run.lift then return nil end
  return {lifts(run.lift), {front.section(run.front)}, {curves(run, set)}, {groups.section(run.groups)}}
end

return judged
