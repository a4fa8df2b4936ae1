--- The page and the table of a comparison (trainer/comparison.lua).

local assets = require "perilune.report.assets"
local charts = require "perilune.report.chart"
local format = require "perilune.format"
local html = require "perilune.report.html"
local lift = require "perilune.stats.lift"
local series = require "perilune.report.series"
local ratios = require "perilune.stats.ratios"

local comparison = {}

local tag = html.tag

--- What an interval says in words.
function comparison.verdict(difference)
  if not difference.low then return "one pair says nothing" end
  if difference.low > 0 then return "B is higher" end
  if difference.high < 0 then return "B is lower" end
  if difference.half == 0 then return "no difference" end
  return "no clear difference"
end

local function range(difference)
  if not difference.low then return "–" end
  return ("%s … %s"):format(format.number(difference.low), format.number(difference.high))
end

-- A difference far below its interval is the rounding of sums.
local function difference_of(difference)
  local rounding = difference.half and math.abs(difference.mean) < 1e-9 * difference.half
  return format.number(rounding and 0 or difference.mean)
end

local function rows_of(intervals)
  local rows = {}
  for i, item in ipairs(intervals) do
    local label = ratios.label(item) .. (item.unit and item.unit ~= "" and " (" .. item.unit .. ")" or "")
    rows[i] = item.undefined and {label, "–", "–", "–", "–", item.undefined} or
      {label, format.with_error(item.a.mean, item.a.half), format.with_error(item.b.mean, item.b.half),
        difference_of(item.difference), range(item.difference), comparison.verdict(item.difference)}
  end
  return rows
end

-- Metrics that one recipe alone names, or the two say differently.
local function apart_text(compared)
  if #(compared.apart or {}) == 0 then return "" end
  return ("Left out, since A and B do not name the same ratio: %s.\n"):format(table.concat(compared.apart, ", "))
end

--- The comparison as lines for a terminal.
function comparison.text(compared, intervals)
  if compared.lift then -- it counts the users' part too, and says what each side gives
    return ("A  %s\nB  %s\n%s%s"):format(compared.names[1], compared.names[2], lift.text(compared.lift), apart_text(compared))
  end
  local rows = rows_of(intervals)
  table.insert(rows, 1, {compared.by_user and "of a user and day" or "sum over an episode", "A", "B", "B − A", "95 % interval", ""})
  return ("A  %s\nB  %s\n%s in pairs\n%s%s"):format(compared.names[1], compared.names[2],
    format.plural(#compared.pairs, compared.unit), format.columns(rows), apart_text(compared))
end

-- ---- the drawing of paired differences ----

local width, left, right = 460, 12, 12
local most_dots = 300 -- of one drawing; more pairs are shown by some of them

local function row_drawing(item, x)
  local y, parts, difference = 20, {}, item.difference
  parts[#parts + 1] = tag("text", {x = left, y = y}, item.name)
  local middle = y + 22
  local values = difference.values
  for i = 1, #values, math.max(1, math.ceil(#values / most_dots)) do
    local value = values[i]
    -- Spread upwards and downwards by turns, so that equal values stay apart.
    parts[#parts + 1] = tag("circle", {class = "dot pair", cx = ("%.1f"):format(x(value)),
      cy = middle + (#parts % 5 - 2) * 3, r = 2.5})
  end
  if difference.low then
    parts[#parts + 1] = tag("line", {class = "interval", x1 = ("%.1f"):format(x(difference.low)),
      x2 = ("%.1f"):format(x(difference.high)), y1 = middle, y2 = middle})
  end
  parts[#parts + 1] = tag("circle", {class = "dot mean", cx = ("%.1f"):format(x(difference.mean)), cy = middle, r = 5})
  return parts
end

-- Each response on a scale of its own: their units differ.
local function drawing(item)
  local difference = item.difference
  local low, high = math.min(0, difference.low or 0), math.max(0, difference.high or 0)
  for _, value in ipairs(difference.values) do low, high = math.min(low, value), math.max(high, value) end
  if low == high then low, high = low - 1, high + 1 end
  local air = (high - low) * 0.06
  low, high = low - air, high + air
  local function x(value) return left + (value - low) / (high - low) * (width - left - right) end
  local zero = ("%.1f"):format(x(0))
  local marks = {tag("line", {class = "zero", x1 = zero, x2 = zero, y1 = 26, y2 = 62})}
  for _, tick in ipairs((charts.ticks(low, high, 5))) do
    marks[#marks + 1] = tag("text", {x = ("%.1f"):format(x(tick)), y = 82, ["text-anchor"] = "middle"},
      format.number(tick))
  end
  return tag("figure", nil,
    tag("svg", {class = "pairs", viewBox = ("0 0 %d 90"):format(width), role = "img",
      ["aria-label"] = "paired differences of " .. item.name}, marks, row_drawing(item, x)))
end

local function differences(intervals)
  local figures = {}
  for _, item in ipairs(intervals) do
    if not item.undefined then figures[#figures + 1] = drawing(item) end
  end
  return tag("div", {class = "charts"}, figures)
end

-- ---- learning curves: the mean of each side over its runs ----

-- The baseline that all runs were judged beside; nil where there is none, or not the same. Their lifts can be drawn
-- then, in which it does not matter that the last evaluation is on more users.
local function common_baseline(sides)
  local found
  for _, side in ipairs(sides) do
    for _, run in ipairs(side) do
      local name = run.lift and run.lift.baseline
      if not name or (found and found ~= name) then return nil end
      found = name
    end
  end
  return found
end

local function curves(compared, set)
  if not compared.curves then return nil end
  local figures, baseline = {}, common_baseline(compared.curves)
  for _, response in ipairs(compared.responses) do
    local column = (baseline and "lift/" or "mean/") .. response.name
    figures[#figures + 1] = set.figure {title = response.name, unit = baseline and "% over " .. baseline or response.unit,
      wide = #compared.responses == 1, zero = baseline ~= nil, lines = {
        {label = "A " .. compared.names[1], points = series.mean_curve(compared.curves[1], column), color = 1},
        {label = "B " .. compared.names[2], points = series.mean_curve(compared.curves[2], column), color = 2},
      }}
  end
  if #figures == 0 then return nil end
  return {tag("h2", nil, "Evaluations on the way"),
    tag("p", {class = "lead"}, "The mean over runs; a band reaches from the least of them to the greatest."),
    tag("div", {class = "charts"}, figures)}
end

local function lifts(compared)
  if not compared.lift then return nil end
  local header, rows = lift.cells(compared.lift)
  return {tag("h2", nil, "Lift of B over A"), tag("p", {class = "lead"}, lift.grounds(compared.lift)),
    html.cards(header, rows)}
end

local function recipes(compared)
  local parts = {}
  for side, letter in ipairs {"A", "B"} do
    local run = compared.curves and compared.curves[side][1]
    if run and run.recipe then
      local set = run.info.set or {}
      parts[#parts + 1] = {tag("h3", nil, letter .. "  " .. compared.names[side]),
        #set > 0 and tag("p", nil, "With ", tag("code", nil, "--set " .. table.concat(set, " --set "))) or nil,
        tag("pre", nil, (run.recipe:gsub("%s+$", "")))}
    end
  end
  return #parts > 0 and {tag("h2", nil, "Recipes"), parts} or nil
end

local function cell(value) return value == value and format.number(value) or "–" end

local most_rows = 300 -- of the table of every pair

local function all_pairs(compared)
  if #compared.pairs > most_rows then return nil end
  local columns, rows, shown = {{compared.unit == "seed" and "Seed" or "Episode", ""}}, {}, {}
  for _, response in ipairs(compared.responses) do -- one episode's part of a ratio is no figure of the episode
    if compared.unit == "seed" or not response.formula then shown[#shown + 1] = response end
  end
  for _, response in ipairs(shown) do
    for _, part in ipairs {"A", "B", "B − A"} do columns[#columns + 1] = {response.name .. ", " .. part, "n"} end
  end
  for i, pair in ipairs(compared.pairs) do
    local row = {tostring(pair)}
    for _, response in ipairs(shown) do
      row[#row + 1] = cell(response.a[i])
      row[#row + 1] = cell(response.b[i])
      row[#row + 1] = cell(response.b[i] - response.a[i])
    end
    rows[i] = row
  end
  return {tag("h2", nil, "Every pair"), tag("details", nil, tag("summary", nil, ("%d pairs"):format(#rows)),
    html.cards(columns, rows))}
end

-- What a pair's part of a ratio is: of episodes and users; seeds have ratios of their own.
local function ratio_note(compared)
  for _, response in ipairs(compared.responses) do
    if response.formula and compared.unit ~= "seed" then
      return (" Of a ratio of sums it is what one %s moves the difference of the two ratios by."):format(compared.unit)
    end
  end
end

--- The page as one HTML text.
function comparison.render(compared, intervals)
  local set = charts.set()
  local library, library_style = assets.library()
  local title = ("%s and %s"):format(compared.names[1], compared.names[2])
  local body = {
    tag("header", nil, tag("h1", nil, title), tag("p", {class = "lead"}, tag("b", {class = "key c1"}, "A "),
      compared.names[1], "  ", tag("b", {class = "key c2"}, "B "), compared.names[2],
      (" · %s in pairs"):format(format.plural(#compared.pairs, compared.unit)))),
    tag("h2", nil, "B − A"),
    tag("p", {class = "lead"}, compared.lift and "Of a user and day" or "Sums over an episode",
      ". A small dot is the difference of one ", compared.unit,
      #compared.pairs > most_dots and (" (some of %s)"):format(format.grouped(#compared.pairs)) or "",
      "; the large one is their mean with its 95 % interval (Student's t)",
      compared.lift and compared.unit == "seed" and ", over seeds alone: for these very users" or "", ".",
      ratio_note(compared), " ", apart_text(compared)),
    differences(intervals),
    html.cards({"Response", "A", "B", "B − A", "95 % interval", {"", ""}}, rows_of(intervals)),
    {lifts(compared)}, {curves(compared, set)}, {all_pairs(compared)}, {recipes(compared)},
  }
  return html.page(title, {library_style, assets.style}, {body, html.json("charts", set.data)},
    {library, assets.script})
end

return comparison
