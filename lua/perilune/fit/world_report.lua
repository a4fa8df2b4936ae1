--- The report of a fitted world, as text and as one page: the same tables in both.
local assets = require "perilune.report.assets"
local charts = require "perilune.report.chart"
local format = require "perilune.format"
local html = require "perilune.report.html"
local ranker_report = require "perilune.fit.report"

local report = {}

local tag = html.tag

local function fixed(digits, value) return value and ("%." .. digits .. "f"):format(value) or "–" end

local function pair(digits, a, b)
  if not a and not b then return "–" end
  return fixed(digits, a) .. " | " .. fixed(digits, b)
end

--- {title, note, columns, rows} of each table.
local function tables(result)
  local models = {
    title = "The two models",
    note = ("Ranker | response. The ranker learned days %d to %d, the response model days %d to %d. Apart: on rows of its own days, "
      .. "by networks that were trained without them. Other days: those of the other model. Slope: by how much the outputs were "
      .. "stretched to fit rows that were not trained on; below 1 the network was too sure. Predicted / observed: the sums, on the "
      .. "moment that the world has; on its own days it is 1 by the final shift."):format(result.ranker_days[1],
        result.ranker_days[2], result.days[1], result.days[2]),
    columns = {"head", "positives", "AUC (RMSE) apart", "other days", "slope", "predicted / observed, own days", "other days"},
    rows = {},
  }
  local spread = {
    title = "How much there is to personalise",
    note = "Response | ranker. Deviations of the outputs (logits; watch: ln(1 + s)) over requests drawn from the pools: between users "
      .. "and among the candidates of one request. Agreement: the correlation of the two models over users, and among the candidates "
      .. "of one request. Own: the deviation between users, and between videos, that features leave unexplained on rows that were "
      .. "not trained on; interactions have it in the response's biases as a draw, watch and long_view have not. ψ: what one "
      .. "more unit of ln(1 + s) watched adds to the logit, ± its standard error.",
    columns = {"head", "between users", "in a request", "agreement on users", "in a request", "own: users", "videos", "ψ"},
    rows = {},
  }
  for _, head in ipairs(result.order) do
    local entry = result.heads[head]
    local own = entry.own or entry.unexplained
    local a, b, slope = entry.ranker, entry.response, entry.time_slope
    local key = a.apart.auc and "auc" or "rmse"
    models.rows[#models.rows + 1] = {head, a.positives and pair(0, a.positives, b.positives) or "–",
      pair(3, a.apart[key], b.apart[key]), pair(3, a.other[key], b.other[key]), pair(2, a.slope, b.slope),
      pair(3, a.fitted.ratio, b.fitted.ratio), pair(2, a.other_held.ratio, b.other_held.ratio)}
    spread.rows[#spread.rows + 1] = {head, pair(2, b.spread.users, a.spread.users), pair(2, b.spread.request, a.spread.request),
      fixed(2, entry.agreement.users), fixed(2, entry.agreement.request), fixed(2, own.users), fixed(2, own.items),
      slope and ("%.2f ± %.2f"):format(slope.value, slope.error) or "–"}
  end
  local replay = result.replay
  local beside = {
    title = "The world beside the log",
    note = ("Drawn once for each of the log's %s impressions of the world's days and moment."):format(format.grouped(replay.rows)),
    columns = {"", "log", "world"},
    rows = {{"play time, mean (s)", fixed(1, replay.log.mean), fixed(1, replay.world.mean)}},
  }
  for k, q in ipairs(replay.at) do
    beside.rows[#beside.rows + 1] = {("play time, p%.0f (s)"):format(q * 100), fixed(1, replay.log.quantiles[k]),
      fixed(1, replay.world.quantiles[k])}
  end
  for _, key in ipairs {"short", "whole"} do
    beside.rows[#beside.rows + 1] = {key == "short" and "under 3 s" or "watched to the end", fixed(3, replay.log[key]),
      fixed(3, replay.world[key])}
  end
  for _, head in ipairs(result.order) do
    local rate = replay.rates[head]
    if rate then beside.rows[#beside.rows + 1] = {head, fixed(5, rate.log), fixed(5, rate.world)} end
  end
  return {models, spread, beside}
end

local function lead(result)
  return ("%s users, %s videos shown on days %d to %d; %s impressions read."):format(format.grouped(result.users),
    format.grouped(result.items), result.days[1], result.days[2], format.grouped(result.rows.log))
end

function report.text(result)
  local parts = {lead(result), "\n"}
  for _, one in ipairs(tables(result)) do
    local rows = {one.columns}
    for _, row in ipairs(one.rows) do rows[#rows + 1] = row end
    parts[#parts + 1] = "\n" .. one.title .. "\n" .. format.columns(rows)
  end
  return table.concat(parts)
end

local function calibration(result, set)
  local drawn = {}
  for _, head in ipairs(result.order) do
    local bins = result.heads[head].ranker.other.calibration
    if bins then drawn[#drawn + 1] = ranker_report.calibration(set, head, bins, "Each point is a tenth of the impressions.") end
  end
  return drawn
end

--- result: what world.run gave.
function report.render(result)
  local set, body = charts.set(), {}
  local library, library_style = assets.library()
  body[1] = tag("header", nil, tag("h1", nil, result.name), tag("p", {class = "lead"}, lead(result)))
  for _, one in ipairs(tables(result)) do
    local columns = {}
    for k, title in ipairs(one.columns) do columns[k] = {title} end
    body[#body + 1] = {tag("h2", nil, one.title), html.table(columns, one.rows), tag("p", {class = "note"}, one.note)}
  end
  body[#body + 1] = {
    tag("h2", nil, "Calibration of the ranker on the world's days"),
    tag("p", {class = "note"}, "Across: the mean of what the ranker predicted; up: the share that was observed."),
    tag("div", {class = "charts"}, calibration(result, set)),
    tag("footer", nil, "Written by Perilune. The digest of the world is ", tag("code", nil, result.digest), "."),
  }
  return html.page(result.name, {library_style, assets.style}, {body, html.json("charts", set.data)},
    {library, assets.script})
end

return report
