--- The report of a fit: figures with their intervals beside the baselines, and calibration drawn. One page that needs
--- nothing beside itself.
local assets = require "perilune.report.assets"
local charts = require "perilune.report.chart"
local format = require "perilune.format"
local html = require "perilune.report.html"

local report = {}

local tag = html.tag

-- Figures of a head, in the order of the table: key, title, what it means.
report.logistic = {
  {"auc", "AUC", "Chance that an impression with the answer scores above one without."},
  {"user_auc", "Within users", "The same among the impressions of one user, averaged by impressions."},
  {"group_auc", "Within groups", "The same within one value of the log's group."},
  {"log_loss", "Log-loss", "Mean of −log of the probability given to what happened; less is better."},
}
report.squared = {{"rmse", "RMSE", "Root of the mean squared error, in the head's own unit."}}
report.kinds = {{"ranker", "ranker"}, {"item_mean", "item mean"}, {"constant", "constant"}}

--- "0.7523 [0.7481, 0.7566]", or "–".
function report.figure(figure, digits)
  if not figure or not figure.value then return "–" end
  local number = ("%%.%df"):format(digits or 4)
  local text = number:format(figure.value)
  if figure.low and figure.high > figure.low then
    text = ("%s [%s, %s]"):format(text, number:format(figure.low), number:format(figure.high))
  end
  return text
end

local function row(head, entry, kind, figures)
  local cells = {tag("th", nil, kind[1] == "ranker" and head or ""), tag("td", nil, kind[2])}
  for _, figure in ipairs(figures) do
    cells[#cells + 1] = tag("td", nil, report.figure(entry[kind[1]][figure[1]]))
  end
  return tag("tr", nil, cells)
end

local function figures_table(result, loss, figures)
  local head_cells, rows = {tag("th", nil, "head"), tag("th", nil, "by")}, {}
  for _, figure in ipairs(figures) do head_cells[#head_cells + 1] = tag("th", {title = figure[3]}, figure[2]) end
  for _, head in ipairs(result.order) do
    if result.heads[head].loss == loss then
      for _, kind in ipairs(report.kinds) do rows[#rows + 1] = row(head, result.heads[head], kind, figures) end
    end
  end
  if #rows == 0 then return nil end
  local notes = {}
  for _, figure in ipairs(figures) do notes[#notes + 1] = figure[2] .. ": " .. figure[3] end
  return {
    tag("div", {class = "scroll"}, tag("table", nil, tag("thead", nil, tag("tr", nil, head_cells)),
      tag("tbody", nil, rows))),
    tag("p", {class = "note"}, table.concat(notes, " ")),
  }
end

--- A drawing of metrics.calibration's parts beside the line of perfect ones.
function report.calibration(set, title, bins, note)
  local points, last = {}, 0
  for k, bin in ipairs(bins) do
    points[k] = {x = bin.predicted, mean = bin.observed, low = bin.low, high = bin.high}
    last = math.max(last, bin.predicted, bin.observed)
  end
  return set.figure {
    title = title, note = note,
    lines = {{label = "observed", points = points},
      {label = "perfect", points = {{x = 0, mean = 0, low = 0, high = 0}, {x = last, mean = last, low = last, high = last}}}},
  }
end

local function calibration(result, set)
  local drawn = {}
  for _, head in ipairs(result.order) do
    local entry = result.heads[head]
    if entry.calibration then
      drawn[#drawn + 1] = report.calibration(set, head, entry.calibration,
        ("Mean distance %.4f. Each point is a tenth of the impressions."):format(entry.gap))
    end
  end
  return drawn
end

--- result: what fit.run gave.
function report.render(result)
  local set, rows = charts.set(), result.rows
  local library, library_style = assets.library()
  local lead = ("%s impressions learned, %s judged (days %d to %d), mean of %d seed%s. Intervals are 95 %% by a bootstrap over users.")
    :format(format.grouped(rows.training), format.grouped(rows.judged), result.days[1], result.days[2], #result.seeds,
      #result.seeds == 1 and "" or "s")
  local skipped = rows.skipped > 0 and tag("p", {class = "note"},
    ("%d rows of the log could not be read and were skipped; the first: %s"):format(rows.skipped, result.first_skipped))
  local body = {
    tag("header", nil, tag("h1", nil, result.name), tag("p", {class = "lead"}, lead), skipped),
    tag("h2", nil, "Figures"), figures_table(result, "logistic", report.logistic) or false,
    figures_table(result, "squared", report.squared) or false,
    tag("h2", nil, "Calibration"),
    tag("p", {class = "note"}, "Across: the mean of what the ranker predicted; up: the share that was observed."),
    tag("div", {class = "charts"}, calibration(result, set)),
    tag("footer", nil, "Written by Perilune. The numbers are in ", tag("code", nil, "metrics.json"), "."),
  }
  return html.page(result.name, {library_style, assets.style}, {body, html.json("charts", set.data)},
    {library, assets.script})
end

--- The same figures as plain text, a line for each head.
function report.text(result)
  local lines = {}
  local function line(...) lines[#lines + 1] = ("%-12s %-26s %-26s %-26s %-10s"):format(...):gsub("%s+$", "") end
  line("head", "AUC", "within users", "within groups", "item mean")
  for _, head in ipairs(result.order) do
    local entry = result.heads[head]
    if entry.loss == "logistic" then
      local ranker = entry.ranker
      line(head, report.figure(ranker.auc), report.figure(ranker.user_auc), report.figure(ranker.group_auc),
        ("%.4f"):format(entry.item_mean.auc.value or 0 / 0))
    end
  end
  line("", "log-loss", "item mean", "constant", "")
  for _, head in ipairs(result.order) do
    local entry = result.heads[head]
    local key = entry.loss == "logistic" and "log_loss" or "rmse"
    line(head .. (key == "rmse" and " RMSE" or ""), report.figure(entry.ranker[key], 5), report.figure(entry.item_mean[key], 5),
      ("%.5f"):format(entry.constant[key].value), "")
  end
  return table.concat(lines, "\n") .. "\n"
end

return report
