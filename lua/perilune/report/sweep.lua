--- The table and the page of a sweep.
---
--- A swept is {name, path, axes, names (short, of the axes), points = [{values, label, set, base}], seeds = [of the
--- grid], fresh_seeds, metric, minimise, baseline or nil, measured, judged (stats/points.lua), failed = {number =
--- sentence}, undefined = {number = whether it is the metric that is}, fresh (points.estimate) with fresh_runs = [as
--- measured], or nil and fresh_failed, root (folder of its page), lift = table of the fresh runs or nil, command, recipe}.

local assets = require "perilune.report.assets"
local axis_chart = require "perilune.report.axis"
local format = require "perilune.format"
local html = require "perilune.report.html"
local invocation = require "perilune.invocation"
local lift = require "perilune.stats.lift"
local points = require "perilune.stats.points"
local ratios = require "perilune.stats.ratios"

local sweep = {}

local tag = html.tag
local most_lines = 6

-- ---- numbers as texts ----

local function plain(value)
  if value.half and value.half > 0 then return format.with_error(value.mean, value.half) end
  return format.number(value.mean)
end

local function difference_text(value)
  if not value then return "–" end
  if value.relative then return lift.percent(value) end
  local text = plain(value)
  return value.mean > 0 and "+" .. text or text
end

-- A point's own figure: its lift where it has one, else its mean.
local function figure_text(estimate) return estimate.lift and lift.percent(estimate.lift) or plain(estimate) end

local function unit_text(swept)
  local metric = swept.metric
  local unit = metric.unit ~= "" and metric.unit ~= "count" and metric.unit ~= "reward" and " (" .. metric.unit .. ")" or ""
  return (metric.form and metric.name ~= "reward" and "reward of " .. metric.name or metric.name) .. unit
end

local function of_what(swept)
  if swept.metric.formula then return "= " .. swept.metric.formula end
  if not swept.baseline then return "of an episode" end
  return swept.metric.per and "mean" or "of a user and day"
end

local function seeds_text(seeds, fresh)
  if #seeds == 1 then return ("%sseed %.0f"):format(fresh or "", seeds[1]) end
  return ("%d %sseeds (%.0f to %.0f)"):format(#seeds, fresh or "", seeds[1], seeds[#seeds])
end

local function any_lift(swept)
  for _, one in pairs(swept.judged and swept.judged.estimates or {}) do
    if one.lift then return true end
  end
  return false
end

-- ---- what is said of the winner ----

local function label_of(swept, number) return swept.points[number].label end

local function grid_sentence(swept)
  local intervals = not swept.baseline and "over seeds (Student's t)" or #swept.seeds > 1 and
    "over users crossed with seeds" or "over users, for this one training"
  return ("%s %s, %s is better; each point on the same %s; 95 %% intervals %s, differences pair by pair."):format(
    unit_text(swept), of_what(swept), swept.minimise and "less" or "more", seeds_text(swept.seeds), intervals)
end

-- Whether the seeds that chose the winner made it look better than fresh ones do.
local function looked_better(swept)
  local chosen, fresh = swept.judged.estimates[swept.judged.winner], swept.fresh
  if chosen.lift and fresh.lift then chosen, fresh = chosen.lift, fresh.lift end
  if swept.minimise then return chosen.mean < fresh.mean end
  return chosen.mean > fresh.mean
end

local function winner_sentence(swept)
  local judged = swept.judged
  local chosen = figure_text(judged.estimates[judged.winner])
  local name = label_of(swept, judged.winner)
  if not swept.fresh then
    return ("The best is %s. It was not measured on fresh seeds (%s): %s is what it was chosen by, and optimistic."):format(
      name, swept.fresh_failed or "no run", chosen)
  end
  local over = any_lift(swept) and " over " .. swept.baseline or ""
  return ("The best is %s. On %s that took no part in the choice it gives %s%s; "):format(name,
    seeds_text(swept.fresh_seeds, "fresh "), figure_text(swept.fresh), over)
    .. (looked_better(swept) and "the %s that it was chosen by is optimistic." or "it was chosen by %s."):format(chosen)
end

-- The points whose paired interval to the winner holds 0.
local function untold(swept)
  local found = {}
  for i in ipairs(swept.points) do
    local difference = swept.judged.differences[i]
    if difference and not points.told(difference) then found[#found + 1] = i end
  end
  return found
end

local function second_sentence(swept)
  local judged = swept.judged
  if not judged.second then return nil end
  local difference = judged.differences[judged.second]
  local second = label_of(swept, judged.second)
  if not difference.low or #swept.seeds == 1 then
    return ("One seed cannot tell it from the second, %s: another training may differ by more."):format(second)
  end
  if points.told(difference) then
    return ("The second, %s, is %s from it on the same seeds: the two can be told apart, as far as an interval of a "
      .. "chosen winner can say."):format(second, difference_text(difference))
  end
  local others = #untold(swept) - 1
  return ("It cannot be told from the second, %s%s: their paired difference, %s, holds 0."):format(second,
    others > 0 and (" (nor from %d more)"):format(others) or "", difference_text(difference))
end

local function failures(swept)
  local lines = {}
  for i in ipairs(swept.points) do
    if swept.failed[i] then lines[#lines + 1] = ("%s: %s"):format(label_of(swept, i), swept.failed[i]) end
  end
  return lines
end

--- The sentences below the table.
function sweep.sentences(swept)
  if not swept.judged then return {"No point was measured on all of its seeds."} end
  local list = {winner_sentence(swept)}
  list[#list + 1] = second_sentence(swept)
  return list
end

-- ---- the table ----

local function cells_of(swept)
  local lifted, judged = any_lift(swept), swept.judged
  local based = judged and next(judged.to_base) ~= nil
  local header, rows = {}, {}
  for i, name in ipairs(swept.names) do header[i] = name end
  local first = #header
  local function add(row, place, text) row[first + place] = text end
  add(header, 1, lifted and unit_text(swept) or unit_text(swept) .. ", 95 %")
  if lifted then add(header, 2, "lift over " .. swept.baseline .. ", 95 %") end
  local over = lifted and "over %s, 95 %%" or "− %s, 95 %%" -- of lifts: relative to it; else a difference
  add(header, lifted and 3 or 2, over:format "best")
  if based then header[#header + 1] = over:format "base" end
  for i, point in ipairs(swept.points) do
    local row = {}
    for a, value in ipairs(point.values) do row[a] = value.label end
    local estimate = judged and judged.estimates[i]
    if not estimate then
      add(row, 1, swept.undefined[i] and "undefined" or "failed")
      for k = 2, #header - first do add(row, k, "–") end
    else
      add(row, 1, lifted and format.number(estimate.mean) or plain(estimate))
      if lifted then add(row, 2, estimate.lift and lift.percent(estimate.lift) or "–") end
      row[#row + 1] = i == judged.winner and "best" or difference_text(judged.differences[i])
      if based then row[#row + 1] = point.base and "base" or difference_text(judged.to_base[i]) end
    end
    rows[i] = row
  end
  return header, rows
end

--- The sweep as lines for a terminal.
function sweep.text(swept)
  local header, rows = cells_of(swept)
  table.insert(rows, 1, header)
  local lines = {("%s: %s\n"):format(swept.name, grid_sentence(swept)), format.columns(rows)}
  for _, line in ipairs(failures(swept)) do lines[#lines + 1] = ("  %s\n"):format(line) end
  for _, line in ipairs(sweep.sentences(swept)) do lines[#lines + 1] = line .. "\n" end
  return table.concat(lines)
end

-- ---- the pictures ----

-- What a point's place in a picture is.
local function mark_of(swept, number, lifted)
  local estimate = swept.judged.estimates[number]
  local shown = lifted and estimate and estimate.lift or not lifted and estimate or nil
  if not shown then return nil end
  local factor = lifted and 100 or 1
  return {mean = factor * shown.mean, low = factor * (shown.low or shown.mean), high = factor * (shown.high or shown.mean),
    mark = number == swept.judged.winner}
end

-- Groups the points by what their other axes say: [{label, distance (axes that differ from the winner's), points}].
local function lines_of(swept, a, lifted)
  local groups, order = {}, {}
  local winner = swept.points[swept.judged.winner]
  for number, point in ipairs(swept.points) do
    local key, parts, distance = {}, {}, 0
    for other, name in ipairs(swept.names) do
      if other ~= a then
        key[#key + 1] = point.index[other]
        parts[#parts + 1] = ("%s=%s"):format(name, point.values[other].label)
        if point.index[other] ~= winner.index[other] then distance = distance + 1 end
      end
    end
    key = table.concat(key, " ")
    if not groups[key] then
      groups[key] = {label = table.concat(parts, " "), distance = distance, points = {}, number = #order}
      order[#order + 1] = groups[key]
    end
    groups[key].points[point.index[a]] = mark_of(swept, number, lifted)
  end
  table.sort(order, function(x, y)
    if x.distance ~= y.distance then return x.distance < y.distance end
    return x.number < y.number
  end)
  return order
end

local function picture(swept, a)
  local axis, lifted = swept.axes[a], any_lift(swept)
  local all, lines = lines_of(swept, a, lifted), {}
  for i = 1, math.min(#all, most_lines) do
    if next(all[i].points) then
      lines[#lines + 1] = {label = all[i].label, points = all[i].points, color = i}
    end
  end
  if #lines == 0 then return nil end
  local note = #all > most_lines and ("%d of %d combinations of the other axes: those nearest to the best point's.")
    :format(most_lines, #all) or nil
  local scale = axis_chart.scale(axis.values, axis.by_factors)
  return axis_chart.figure {title = swept.names[a], values = axis.values, by_factors = axis.by_factors, lines = lines, note = note,
    unit = (lifted and "lift of %s over %s, %%" or "%s"):format(lifted and swept.metric.name or unit_text(swept), swept.baseline)
      .. (scale == "log" and "; logarithmic" or "")}
end

-- ---- the page ----

local function key_figures(swept)
  local judged = swept.judged
  if not judged then return nil end
  local items = {}
  local function add(value, text, class)
    items[#items + 1] = tag("div", {class = class}, tag("b", nil, value), tag("span", nil, text))
  end
  local over = any_lift(swept) and " over " .. swept.baseline or ""
  if swept.fresh then add(figure_text(swept.fresh), ("%s%s, the best point on fresh seeds"):format(swept.metric.name, over), "main") end
  add(figure_text(judged.estimates[judged.winner]), "the same on the seeds that chose it"
    .. ((not swept.fresh or looked_better(swept)) and ": optimistic" or ""))
  add(label_of(swept, judged.winner), "the best point")
  add(("%d × %d"):format(#swept.points, #swept.seeds), "points × seeds, and as many fresh seeds for the best")
  return tag("div", {class = "figures"}, items)
end

-- The means of every response and ratio, so that what the best point costs is seen too.
local function every_response(swept)
  local names, header, rows = {}, {"Point"}, {}
  local _, first = next(swept.measured)
  local function add(name, label)
    names[#names + 1], header[#header + 1] = name, label
  end
  for _, response in ipairs(first and first[1].responses or {}) do add(response.name, response.name) end
  for _, ratio in ipairs(first and ratios.list(first[1].evaluation.metrics, first[1].responses, "steps") or {}) do
    add(ratio.name, ratios.label(ratio))
  end
  for i, point in ipairs(swept.points) do
    local list, row = swept.measured[i], {point.label}
    for k, name in ipairs(names) do
      local sum = 0
      for _, one in ipairs(list or {}) do sum = sum + (one.means[name] or 0 / 0) end
      row[k + 1] = not list and "–" or sum == sum and format.number(sum / #list) or "undefined"
    end
    rows[i] = row
  end
  return {tag("h2", nil, "Every response"), tag("p", {class = "lead"}, swept.baseline and
    "Means over seeds, of a user and day." or "Means over seeds, of an episode."),
    tag("details", nil, tag("summary", nil, "As numbers"), html.cards(header, rows))}
end

-- A row of runs, each with a way to its report.
local function run_cells(swept, label, list)
  local row = {label}
  for i, one in ipairs(list) do
    row[i + 1] = tag("a", {href = one.folder:sub(#swept.root + 2) .. "/report.html"}, format.number(one.value))
  end
  return row
end

local function seed_header(seeds)
  local header = {"Point"}
  for i, seed in ipairs(seeds) do header[i + 1] = ("seed %.0f"):format(seed) end
  return header
end

local function every_run(swept)
  local rows, fresh = {}, nil
  for i, point in ipairs(swept.points) do
    if swept.measured[i] then rows[#rows + 1] = run_cells(swept, point.label, swept.measured[i]) end
  end
  if swept.fresh_runs then
    fresh = html.cards(seed_header(swept.fresh_seeds),
      {run_cells(swept, label_of(swept, swept.judged.winner), swept.fresh_runs)})
  end
  return {tag("h2", nil, "Every run"), tag("details", nil, tag("summary", nil, unit_text(swept) .. " of each seed"),
    html.cards(seed_header(swept.seeds), rows), {fresh})}
end

local function reproduce(swept)
  local words = {"train", swept.path}
  for _, text in ipairs(swept.points[swept.judged and swept.judged.winner or 1].set) do
    words[#words + 1] = "--set"
    words[#words + 1] = text
  end
  words[#words + 1] = "--seed"
  words[#words + 1] = ("%.0f"):format(swept.seeds[1])
  return {tag("h2", nil, "To do it again"),
    tag("p", nil, "The whole sweep; runs that are finished are not trained again:"), tag("pre", nil, swept.command),
    tag("p", nil, "One run of the best point:"),
    tag("pre", nil, invocation.line(unpack(words))),
    tag("h3", nil, "The recipe"), tag("pre", nil, (swept.recipe:gsub("%s+$", "")))}
end

local function lifts(swept)
  if not swept.lift then return nil end
  local header, rows = lift.cells(swept.lift)
  return {tag("h2", nil, "Lift of the best point over ", swept.lift.baseline, ", on fresh seeds"),
    tag("p", {class = "lead"}, lift.grounds(swept.lift)), html.cards(header, rows)}
end

--- The page as one HTML text.
function sweep.render(swept)
  local header, rows = cells_of(swept)
  local sentences, figures, failed = {}, {}, {}
  for i, text in ipairs(sweep.sentences(swept)) do sentences[i] = tag("p", nil, text) end
  for a in ipairs(swept.judged and swept.axes or {}) do figures[#figures + 1] = picture(swept, a) end
  for i, text in ipairs(failures(swept)) do failed[i] = tag("p", nil, text) end
  local body = {
    tag("header", nil, tag("h1", nil, swept.name), tag("p", {class = "lead"}, grid_sentence(swept))),
    {key_figures(swept)}, sentences, #failed > 0 and tag("div", {class = "warn"}, failed) or nil,
    {#figures > 0 and {tag("h2", nil, "Axis by axis"), tag("p", {class = "lead"},
      "Bars are 95 % intervals of a point by itself; the same seeds and users stand behind all points, so that paired "
      .. "differences, in the table, say more than bars that overlap. The large dot is the best point."),
      tag("div", {class = "charts"}, figures)} or nil},
    tag("h2", nil, "Points"),
    tag("p", {class = "lead"}, "In the grid's order. The best one is chosen by these very numbers: where nothing differs at all, ",
      "the interval of a difference to it misses 0 for about one point in 12 (a grid of 5 points), in 9 (of 10), in 5 (of 50) ",
      "(that of the second for at most one in 20), and its own figure tends to be optimistic. The fresh seeds took no part in that."),
    html.cards(header, rows, #swept.names), {lifts(swept)}, {every_response(swept)}, {every_run(swept)}, reproduce(swept),
  }
  return html.page(swept.name, {assets.style, axis_chart.style}, body, {})
end

--- The sweep as plain data, for sweep.json.
function sweep.data(swept)
  local function interval(one)
    return one and {mean = one.mean, half = one.half, low = one.low, high = one.high, relative = one.relative}
  end
  local data = {format = 1, name = swept.name, metric = swept.metric.name, minimise = swept.minimise,
    baseline = swept.baseline, seeds = swept.seeds, fresh_seeds = swept.fresh_seeds, points = {}}
  for i, point in ipairs(swept.points) do
    local judged, list = swept.judged, swept.measured[i]
    local estimate = judged and judged.estimates[i]
    local one = {set = point.set, hash = point.hash, failed = swept.failed[i], value = interval(estimate),
      lift = estimate and interval(estimate.lift), to_best = judged and interval(judged.differences[i]), seeds = {}}
    for k, run in ipairs(list or {}) do one.seeds[k] = {seed = run.seed, value = run.value, run = run.folder} end
    data.points[i] = one
  end
  if swept.judged then
    data.best, data.second = swept.judged.winner, swept.judged.second
    data.fresh = swept.fresh and {value = interval(swept.fresh), lift = interval(swept.fresh.lift)}
  end
  return data
end

return sweep
