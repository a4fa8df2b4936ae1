--- The report of one run: a page that needs nothing beside itself.

local assets = require "perilune.report.assets"
local charts = require "perilune.report.chart"
local format = require "perilune.format"
local html = require "perilune.report.html"
local importance = require "perilune.report.importance"
local invocation = require "perilune.invocation"
local journal = require "perilune.report.journal"
local judged = require "perilune.report.judged"
local ratios = require "perilune.stats.ratios"
local runs = require "perilune.records.run"
local trials = require "perilune.stats.trials"
local series = require "perilune.report.series"
local stats = require "perilune.stats"

local page = {}

local tag = html.tag
local points_of_a_chart = 600

-- What a metric far beyond means no more than at the edge.
local bounds = {explained_variance = {-1, 1}}
-- Shown elsewhere, or counters that belong in the table alone.
local apart = {step = true, seconds = true, updates = true, steps = true, version = true, steps_per_second = true,
  trials = true, dropped_steps = true, late_feedback = true, duplicate_feedback = true, stale_steps = true, idle_streams = true,
  episodic_return = true, response = true, signal_share = true}

local function kind_of(name) return (name:gsub("/.*$", "")) end
local function detail_of(name) return name:match("/(.+)$") end

-- What the run says of its metrics by kind, and the kinds in the order of their charts: those that it says something of, as
-- they are reported, then the others.
local function metrics_of(run)
  local said, kinds = {}, {}
  for _, metric in ipairs(run.info.metrics or {}) do said[metric.kind], kinds[#kinds + 1] = metric, metric.kind end
  for _, name in ipairs(run.metrics.names) do kinds[#kinds + 1] = kind_of(name) end
  return said, kinds
end

-- Of a metric that nobody says anything of.
local function plain_title(kind) return (kind:gsub("^%l", string.upper):gsub("_", " ")) end

local function names_of(metrics, kind)
  local found = {}
  for _, name in ipairs(metrics.names) do
    if kind_of(name) == kind then found[#found + 1] = name end
  end
  return found
end

local function points(metrics, name)
  return series.thin(metrics.columns.step, metrics.columns[name], points_of_a_chart)
end

-- The run's responses, then its ratios.
local function measures_of(info)
  local list = {}
  for _, response in ipairs(info.responses or {}) do list[#list + 1] = response end
  for _, ratio in ipairs(ratios.list((info.evaluation or {}).metrics, list, "steps")) do list[#list + 1] = ratio end
  return list
end

local function response_of(info, name)
  for _, item in ipairs(measures_of(info)) do
    if item.name == name then return item end
  end
end

local function unit_of(info, name) return (response_of(info, name) or {}).unit end

-- A response that is no sum and is 0 in every episode: it is known only later than these ended.
local function never_came(run, name, mean, sd)
  local response = response_of(run.info, name)
  return not run.lift and response and (response.combine or "sum") ~= "sum" and mean == 0 and sd == 0
end

-- A mean with its interval; a ratio whose lower sum is 0 has none.
local function mean_text(mean, half) return mean == mean and format.with_error(mean, half) or "undefined" end

-- What a table calls a column of evaluations.
local function measure_label(info, name)
  if name == "length" then return "steps" end
  local item = response_of(info, name)
  local unit = item and item.unit and item.unit ~= "" and " (" .. item.unit .. ")" or ""
  return (item and ratios.label(item) or name) .. unit
end

-- ---- the parts of the page ----

local function key_figures(run)
  local info, last = run.info, runs.last_evaluation(run)
  local items = {}
  local function add(value, text, class) items[#items + 1] = tag("div", {class = class}, tag("b", nil, value),
    tag("span", nil, text)) end
  local function with_error(text) -- the error in small letters
    local mean, error = text:match("^(.-) (± .+)$")
    return mean and {mean, tag("small", nil, " " .. error)} or text
  end
  for i, figure in ipairs(judged.figures(run)) do add(with_error(figure[1]), figure[2], i == 1 and "main" or nil) end
  local shown = {responses = 0, ratios = 0} -- of either kind at most three
  for i, one in ipairs(last and not run.lift and measures_of(info) or {}) do
    local found, kind = last.response[one.name], one.formula and "ratios" or "responses"
    if found and shown[kind] < 3 then
      shown[kind] = shown[kind] + 1
      add(with_error(mean_text(found.mean, found.half)), ("%s%s%s, at the end"):format(ratios.label(one),
        one.unit and one.unit ~= "" and one.unit ~= "count" and " (" .. one.unit .. ")" or "",
        one.formula and "" or " an episode"), i == 1 and "main" or nil)
    end
  end
  add(format.count(info.step or 0), info.search and "requests served by trials" or "steps")
  if info.updates then add(format.grouped(info.updates), info.search and "generations" or "updates") end
  if info.search then
    add(format.duration(info.seconds or 0), "of searching")
  elseif info.seconds then
    add(format.duration(info.seconds), info.seconds > 0 and ("of training, %s steps/s"):format(
      format.count((info.step or 0) / info.seconds)) or "of training")
  end
  return tag("div", {class = "figures"}, items)
end

local function status(info)
  local texts = {
    running = "This run was still going on when the report was written.",
    interrupted = "This run was stopped before its end.",
    failed = "This run failed.",
  }
  local text = texts[info.status]
  if not text then return nil end
  return tag("div", {class = "warn"}, text, " ", info.message and tag("code", nil, info.message),
    info.status ~= "running" and info.folder and {" Continue with ",
      tag("code", nil, invocation.line("train", "--resume", info.folder)), "."})
end

-- What an evaluation says: its mean, and half the width of the mean's interval.
local function evaluated(run, response, row)
  local columns = run.evaluations.columns
  local mean, sd, n = columns["mean/" .. response][row], columns["sd/" .. response][row], columns.episodes[row]
  return mean, n > 1 and stats.t_quantile(0.975, n - 1) * sd / math.sqrt(n) or 0
end

local function evaluation_lines(run, response)
  local found = {}
  for i = 1, run.evaluations.rows do
    local mean, half = evaluated(run, response, i)
    if mean == mean then
      found[#found + 1] = {x = run.evaluations.columns.step[i], mean = mean, low = mean - half, high = mean + half}
    end
  end
  return found
end

local function evaluated_responses(table)
  local found = {}
  for _, name in ipairs(table.names) do
    local response = name:match("^mean/(.+)$")
    if response then found[#found + 1] = response end
  end
  return found
end

-- One row for each response: what it was at first and at the end.
local function evaluation_table(run, responses)
  local table, rows = run.evaluations, {}
  for _, response in ipairs(responses) do
    local mean, half = evaluated(run, response, table.rows)
    local sd = table.columns["sd/" .. response][table.rows]
    rows[#rows + 1] = {measure_label(run.info, response), mean_text(evaluated(run, response, 1)),
      never_came(run, response, mean, sd) and "did not come yet" or mean_text(mean, half),
      sd == sd and format.number(sd) or "–"}
  end
  local several = table.rows > 1
  local columns = {{run.lift and "Of a user and day" or "Sum over an episode", ""},
    {("At step %s"):format(format.count(table.columns.step[1])), "n"},
    {("At step %s"):format(format.count(table.columns.step[table.rows])), "n"},
    {run.lift and "Deviation of a user" or "Deviation of an episode", "n"}}
  if not several then
    for _, row in ipairs(rows) do row[2], row[3], row[4] = row[3], row[4], nil end
    columns = {columns[1], columns[3], columns[4]}
  end
  return html.cards(columns, rows)
end

local function every_evaluation(run, responses)
  local table, columns, rows = run.evaluations, {{"Step", ""}, {run.lift and "Users" or "Episodes", "n"}}, {}
  local cells = {}
  for i, response in ipairs(responses) do
    columns[i + 2] = {response == "length" and "steps" or response, "n"}
    for _, point in ipairs(evaluation_lines(run, response)) do
      cells[point.x] = cells[point.x] or {}
      cells[point.x][i] = format.with_error(point.mean, point.high - point.mean)
    end
  end
  for i = table.rows, 1, -1 do
    local step = table.columns.step[i]
    local row = {format.grouped(step), format.grouped(table.columns.episodes[i])}
    for j = 1, #responses do row[j + 2] = (cells[step] or {})[j] or "–" end
    rows[#rows + 1] = row
  end
  return tag("details", nil, tag("summary", nil, ("All %d evaluations"):format(#rows)),
    html.cards(columns, rows))
end

-- How the policy acted. What a script's run.evaluate does, it alone knows.
local function how_evaluated(info)
  if info.environment and info.environment.kind == "script" then return "as run.evaluate of the script played it." end
  return ("with %s, frozen normalisers and a seed apart from training."):format(
    (info.evaluation or {}).action == "sample" and "sampled actions" or "the mean action")
end

local function evaluation(run, set)
  local table = run.evaluations
  if not table or table.rows == 0 then return nil end
  local figures, responses = {}, evaluated_responses(table)
  for _, response in ipairs(table.rows > 1 and not run.lift and responses or {}) do -- a lift has curves of its own
    if response ~= "length" then
      figures[#figures + 1] = set.figure {title = response, unit = unit_of(run.info, response), wide = #responses == 2,
        lines = {{label = response, points = evaluation_lines(run, response)}}}
    end
  end
  local numbers = evaluation_table(run, responses)
  return {
    tag("h2", nil, "Evaluation"),
    tag("p", {class = "lead"}, run.lift and "Of a user and simulated day, " or "Sums over an episode, ", how_evaluated(run.info),
      " Bands and ± are ",
      run.lift and "95 % intervals over users, of the policy alone; its lift on the same users is known far better."
      or "95 % intervals over episodes."),
    #figures > 0 and tag("div", {class = #figures > 4 and "charts dense" or "charts"}, figures) or nil,
    run.lift and tag("details", nil, tag("summary", nil, "At first and at the end, as numbers"), numbers) or numbers,
    table.rows > 2 and every_evaluation(run, responses) or nil,
  }
end

-- What a search found, and what its trials cost users.
local function searched(run)
  local found = run.info.search
  if not found or not found.vector then return nil end
  local rows = {}
  for i, one in ipairs(found.vector) do rows[i] = {one.name, (trials.number(one.value):gsub("^%-", "−"))} end
  return {
    tag("h2", nil, "Search"),
    tag("p", {class = "lead"}, found.trials > 0 and table.concat(trials.cost(found), " ") or
      "Nothing was tried: everybody gets the action below."),
    html.cards({{"The action, " .. trials.whose(found), ""}, {"Value", "n"}}, rows),
    found.trials > 0 and tag("p", {class = "lead"}, "Every trial is a row of ", tag("code", nil, "trials.csv"),
      "; trial 0 of a generation is ", found.start, " on the same users.") or nil,
  }
end

local function training(run, set)
  local figures = {}
  for _, name in ipairs(names_of(run.metrics, "episodic_return")) do
    local critic = detail_of(name) or "return"
    figures[#figures + 1] = set.figure {title = "Episodic return: " .. critic,
      lines = {{label = critic, points = points(run.metrics, name)}}}
  end
  for _, response in ipairs(run.info.responses or {}) do
    local name = "response/" .. response.name
    if run.metrics.columns[name] then
      figures[#figures + 1] = set.figure {title = response.name, unit = response.unit,
        lines = {{label = response.name, points = points(run.metrics, name)}}}
    end
  end
  if #figures == 0 then return nil end
  return {tag("h2", nil, "Training"),
    tag("p", {class = "lead"}, run.info.search and "What the trials of each generation met." or
      {"What the exploring policy met while it learned: a critic's return is the sum of its reward over an episode, ",
        "a response the raw mean of a step. A band covers all updates of a point."}),
    tag("div", {class = #figures > 6 and "charts dense" or "charts"}, figures)}
end

-- Shares of the actor's signal may be negative: a critic that pulls against the sum.
local function share_cell(value)
  if not value then return nil end
  local width = math.max(0, math.min(1, value)) * 100
  return tag("span", {class = "share"},
    tag("span", {class = "bar"}, tag("i", {style = ("width:%.1f%%"):format(width)})),
    (("%.1f %%"):format(value * 100):gsub("^%-", "−")))
end

local function scale_cell(critic)
  if critic.found then return {format.number(critic.found), tag("small", nil, " " .. critic.scale)} end
  return type(critic.scale) == "number" and format.number(critic.scale) or critic.scale or "1"
end

local function late(run, name)
  local column = run.metrics.columns[name]
  local summary = column and series.summary(column)
  return summary and summary.late
end

-- A live option of a critic as it was at the end, and at first where the run went on with another.
local function option_cell(info, critic, option)
  local path, last = critic[option .. "_at"] or ("objective.critics.%s.%s"):format(critic.name, option), nil
  for _, change in ipairs(info.changes or {}) do
    local name, value = change.set:match("^%s*([^=]-)%s*=%s*(.-)%s*$")
    if name == path then last = value end
  end
  local first = critic[option] or "–"
  return last and {last, tag("small", nil, " at first ", first)} or first
end

-- What some of the critics have and not every algorithm's have, λ first.
local function own_options(list)
  local found = {}
  for _, option in ipairs {"lambda", "observes"} do
    for _, critic in ipairs(list or {}) do
      if critic[option] ~= nil then
        found[#found + 1] = option
        break
      end
    end
  end
  return found
end

local function own_cell(info, critic, option)
  if option == "lambda" then return option_cell(info, critic, option) end
  return critic.observes and tag("code", nil, critic.observes) or "all"
end

local function critics(run, set)
  local rows, lines, own = {}, {}, own_options(run.info.critics)
  for i, critic in ipairs(run.info.critics or {}) do
    local share = late(run, "signal_share/" .. critic.name)
    local discount = {option_cell(run.info, critic, "gamma"), critic.per and critic.per ~= "step" and " per " .. critic.per or nil}
    local cells = {critic.name, tag("code", nil, critic.reward or "–"), discount, option_cell(run.info, critic, "weight"),
      scale_cell(critic), share_cell(share), format.number(late(run, "explained_variance/" .. critic.name))}
    for place, option in ipairs(own) do table.insert(cells, 3 + place, own_cell(run.info, critic, option)) end
    rows[i] = cells
    local name = "signal_share/" .. critic.name
    if run.metrics.columns[name] then
      lines[#lines + 1] = {label = critic.name, points = points(run.metrics, name), color = assets.color(i)}
    end
  end
  if #rows == 0 then return nil end
  local columns = {{"Critic", ""}, {"Reward of a step", ""}, {"Discount", "n"}, {"Weight", "n"}, {"Scale", "n"},
    {"Share of the actor's signal", ""}, {"Explained variance", "n"}}
  for place, option in ipairs(own) do table.insert(columns, 3 + place, {option == "lambda" and "λ" or "Observes", "n"}) end
  return {
    tag("h2", nil, "Critics"),
    tag("p", {class = "lead"}, run.info.search and
      "A trial's score is the sum of weight × reward / scale, of a user and day; discounts play no part." or
      "The actor maximises the weighted sum of the critics' advantages. A critic's share is its part of that sum's " ..
      "variance, over the last tenth of the run."),
    html.cards(columns, rows),
    #lines > 1 and tag("div", {class = "charts"},
      set.figure {title = "Share of the actor's signal", lines = lines, wide = true}) or nil,
    importance.section(run.importance),
  }
end

local function learning(run, set)
  local said, kinds = metrics_of(run)
  local seen, figures = {}, {}
  for _, kind in ipairs(kinds) do
    if not seen[kind] and not apart[kind] then
      local lines = {}
      for i, name in ipairs(names_of(run.metrics, kind)) do
        lines[i] = {label = detail_of(name) or kind, points = points(run.metrics, name)}
      end
      local metric = said[kind] or {title = plain_title(kind)}
      figures[#figures + 1] = set.figure {title = metric.title, note = metric.text, lines = lines, within = bounds[kind]}
    end
    seen[kind] = true
  end
  if #figures == 0 then return nil end
  return {tag("h2", nil, "Learning"), tag("div", {class = "charts"}, figures)}
end

local function numbers(run)
  local rows = {}
  for _, name in ipairs(run.metrics.names) do
    local summary = name ~= "step" and series.summary(run.metrics.columns[name])
    if summary then
      rows[#rows + 1] = {name, format.number(summary.first), format.number(summary.low), format.number(summary.high),
        format.number(summary.late), format.number(summary.last)}
    end
  end
  if #rows == 0 then return nil end
  return {tag("h2", nil, "Every metric"),
    tag("details", nil, tag("summary", nil, ("%d metrics as numbers"):format(#rows)),
      html.cards({{"Metric", ""}, {"First", "n"}, {"Least", "n"}, {"Greatest", "n"},
        {"Mean of the last tenth", "n"}, {"Last", "n"}}, rows))}
end

local function recipe(run)
  local info = run.info
  local overrides, changes = {}, {}
  for i, text in ipairs(info.set or {}) do overrides[i] = {tag("code", nil, "--set " .. text), " "} end
  for i, change in ipairs(info.changes or {}) do
    changes[i] = tag("p", nil, ("From step %s on: "):format(format.grouped(change.step)), tag("code", nil, "--set " .. change.set))
  end
  return {
    tag("h2", nil, "Recipe"),
    #overrides > 0 and tag("p", nil, "With ", overrides),
    info.start and tag("p", nil, "Started with what ", tag("code", nil, info.start.from), " had learned, where it fitted."),
    changes,
    run.recipe and tag("pre", nil, (run.recipe:gsub("%s+$", ""))),
    run.resolved and tag("details", nil, tag("summary", nil, "The resolved recipe, every default filled in"),
      tag("pre", nil, run.resolved)),
  }
end

local function facts(info)
  local function item(text) return text and text ~= "" and {" · ", text} or nil end
  return tag("p", {class = "lead"}, info.algorithm or "", " on ", info.env or "an environment",
    item(info.seed and "seed " .. info.seed), item(info.hash and {"recipe ", tag("code", nil, info.hash:sub(1, 12))}),
    item(info.started), item(info.tags and table.concat(info.tags, ", ")))
end

--- In the order of the page: each takes the run and the page's set of charts (chart.lua), and gives markup (html.lua), or nil
--- where the run has nothing of it. A further one is a file of its own beside this one, and its place here.
page.sections = {judged.sections, searched, evaluation, training, critics, learning, numbers, journal.section, recipe}

--- The report of a run that records/run.lua loaded, as one HTML text.
function page.render(run)
  local set, info, sections = charts.set(journal.marks(run)), run.info, {}
  local library, library_style = assets.library()
  for _, section in ipairs(page.sections) do sections[#sections + 1] = section(run, set) end
  local body = {
    tag("header", nil, tag("h1", nil, info.name or run.folder), facts(info)),
    status(info),
    key_figures(run),
    sections,
    tag("footer", nil, "Written by Perilune ", info.version or "", ". The numbers are in ", tag("code", nil,
      "metrics.csv"), " and ", tag("code", nil, "evaluations.csv"), " beside this file."),
  }
  return html.page(info.name or run.folder, {library_style, assets.style},
    {body, html.json("charts", set.data)}, {library, assets.script})
end

--- Writes report.html into the run's folder, whole or not at all. Returns its path, or nil and a message.
function page.write(run, write_whole)
  local path = run.folder .. "/report.html"
  local ok, message = write_whole(path, page.render(run))
  if not ok then return nil, message end
  return path
end

return page
