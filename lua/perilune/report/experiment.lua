--- The table and the page of an experiment (trainer/experiment.lua). Shown is {name, question, seeds, users, days, published, fast,
--- metrics, tune, set (overrides of all arms), told (the same in words), over_days (whether they are asked for), missing (responses that
--- not every world has), worlds = [{name, arms, control, table, split, ab, front, over_days, served, values, tuned}],
--- differences = [{name, list}], command, recipe (its text)}.

local assets = require "perilune.report.assets"
local charts = require "perilune.report.chart"
local format = require "perilune.format"
local front = require "perilune.report.front"
local groups = require "perilune.report.groups"
local html = require "perilune.report.html"
local keys = require "perilune.keys"
local lift = require "perilune.stats.lift"
local lifts = require "perilune.report.lifts"
local statistics = require "perilune.stats.front"
local contrasts = require "perilune.stats.contrasts"
local series = require "perilune.report.series"
local training = require "perilune.stats.training"

local experiment = {}

local tag = html.tag

local function bare(value) return (("%+.2f"):format(value):gsub("^%-", "−")) end

local function percent(value) return value and bare(value) .. " %" or "–" end

local function cell(one) return lift.percent(one.lift) .. (one.told and " *" or "") end

-- Of an unpaired test: its mark is no correction's.
local function unpaired_cell(one) return lift.percent(one.lift) .. (one.told and " †" or "") end

-- The lifts: a response's row, with what was published behind each arm that has such a figure.
local function lift_cells(shown, world)
  local header, rows, known = {"lift over " .. world.control.name .. ", 95 %"}, {}, {}
  for _, figures in pairs(shown.published) do
    for name in pairs(figures) do known[name] = true end
  end
  for _, one in ipairs(world.table.rows[1].arms) do
    header[#header + 1] = one.name
    if known[one.name] then header[#header + 1] = "published" end
  end
  for r, row in ipairs(world.table.rows) do
    local cells = {lift.label(row)}
    for _, one in ipairs(row.arms) do
      cells[#cells + 1] = cell(one)
      if known[one.name] then cells[#cells + 1] = percent((shown.published[row.name] or {})[one.name]) end
    end
    rows[r] = cells
  end
  return header, rows
end

-- A pair's row: with eight arms there are 28.
local function pair_cells(world)
  local first = world.table.rows[1].pairs
  if #first == 0 then return nil end
  local header, rows = {"second over first, 95 %"}, {}
  for i, pair in ipairs(first) do rows[i] = {("%s, %s"):format(pair.a, pair.b)} end
  for r, row in ipairs(world.table.rows) do
    header[r + 1] = lift.label(row)
    for i, pair in ipairs(row.pairs) do rows[i][r + 1] = cell(pair) end
  end
  return header, rows
end

-- Whether lifts last: a row of each response and arm.
local function over_days_cells(_, world)
  if not world.over_days then return nil end
  local header, rows = {"by the users' days with the policy, 95 %", ""}, {}
  for _, part in ipairs(world.over_days.parts) do
    header[#header + 1] = part.from == part.to and ("day %d"):format(part.from) or ("days %d to %d"):format(part.from, part.to)
  end
  for _, row in ipairs(world.over_days.rows) do
    for i, arm in ipairs(row.arms) do
      local cells = {i == 1 and lift.label(row) or "", arm.name}
      for _, one in ipairs(arm.lifts) do cells[#cells + 1] = lift.percent(one or nil) end
      rows[#rows + 1] = cells
    end
  end
  return header, rows
end

-- What it took and would take: the smallest difference that could have been seen, user-days that would halve the interval.
local function power_cells(shown, world)
  local header, rows = {"could see, at 80 %; user-days to halve"}, {}
  for _, one in ipairs(world.table.rows[1].arms) do header[#header + 1] = one.name end
  for r, row in ipairs(world.table.rows) do
    rows[r] = {lift.label(row)}
    for _, one in ipairs(row.arms) do
      rows[r][#rows[r] + 1] = ("%s; %s"):format(one.smallest and ("± %.2f %%"):format(100 * one.smallest) or "–",
        lift.to_halve({users = shown.users, days = shown.days}, one))
    end
  end
  return header, rows
end

-- What the policies' own exploration costs.
local function served_cells(_, world)
  if not world.served then return nil end
  local header, rows = {"with its exploration, over itself without"}, {}
  for i, arm in ipairs(world.served) do header[i + 1] = arm.name end
  for r, row in ipairs(world.table.rows) do
    rows[r] = {lift.label(row)}
    for _, arm in ipairs(world.served) do rows[r][#rows[r] + 1] = lift.percent(arm[r] or nil) end
  end
  return header, rows
end

local function interval(value) return value and format.with_error(value.mean, value.half) or "–" end

-- What the critics of each arm expect beside the returns that came, and those of the one that all are beside.
local function value_cells(_, world)
  if not world.values then return nil end
  local first = world.values[1]
  local other = #world.values == 1 and first.name or "the arm"
  local header, rows = {"estimates of values", "", first.beside, other, ("%s − %s, 95 %%"):format(other, first.beside)}, {}
  for _, one in ipairs(world.values) do
    for _, estimate in ipairs(one.found.estimates) do
      for k, row in ipairs(estimate.rows) do
        if row.a or row.b then
          rows[#rows + 1] = {("%s: %s"):format(one.name, estimate.name), row.name, interval(row.a), interval(row.b),
            interval(row.difference)}
        end
        if k == 1 and estimate.a and row.difference then
          rows[#rows + 1] = {"", "of " .. one.beside, "", "", (lift.percent {mean = row.difference.mean / row.a.mean,
            half = row.difference.half and row.difference.half / row.a.mean})}
        end
      end
    end
  end
  return header, rows
end

-- What the trainings show of themselves, over seeds.
local function training_cells(shown, world)
  local header, rows = {"of the training, over seeds"}, {}
  for i, arm in ipairs(world.arms) do header[i + 1] = arm.name end
  local function add(label, of, always)
    local cells, any = {label}, always
    for i, arm in ipairs(world.arms) do
      local value = of(arm)
      cells[i + 1], any = value or "–", any or value ~= nil
    end
    if any then rows[#rows + 1] = cells end
  end
  for _, row in ipairs(world.table.rows) do
    add(("%s: user-days to 95 %% of its final lift"):format(row.name), function(arm)
      local days = training.user_days(arm.runs, row.name)
      return days and format.count(days.mean) .. (days.half and " ± " .. format.count(days.half) or "")
    end)
  end
  for _, name in ipairs(shown.metrics or {}) do
    add(name .. ": first tenth, last tenth", function(arm)
      local last, first = training.late(arm.runs, name)
      return last and interval(first) .. "; " .. interval(last)
    end, true)
  end
  if #rows == 0 then return nil end
  return header, rows
end

-- The same policies as an A/B test would have judged them.
local function split_cells(_, world)
  if not world.split then return nil end
  local header, rows = {"unpaired, users split; user-days to see it"}, {}
  for _, one in ipairs(world.split.rows[1].arms) do header[#header + 1] = one.name end
  for r, row in ipairs(world.split.rows) do
    rows[r] = {lift.label(row)}
    for _, one in ipairs(row.arms) do
      rows[r][#rows[r] + 1] = unpaired_cell(one) .. (one.needed and "; " .. format.count(one.needed) or "")
    end
  end
  return header, rows
end

-- The A/B test in which each arm learns on its own share, the first and over all of them.
local function ab_cells(_, world)
  if not world.ab then return nil end
  local header, rows = {("A/B, days %d to %d; user-days to see the paired lift"):format(world.ab.from, world.ab.days)}, {}
  for _, one in ipairs(world.ab.rows[1].arms) do header[#header + 1] = one.name == "A/A" and "A/A, of " .. one.of or one.name end
  for r, row in ipairs(world.ab.rows) do
    rows[r] = {lift.label(row)}
    for _, one in ipairs(row.arms) do
      rows[r][#rows[r] + 1] = unpaired_cell(one) .. (one.needed and "; " .. format.count(one.needed) or "")
    end
  end
  return header, rows
end

local function ab_tests_cells(_, world)
  if not world.ab or world.ab.tests < 2 then return nil end
  local header, rows = {("mean of %d A/B tests, 95 %% over tests; † in"):format(world.ab.tests)}, {}
  for _, one in ipairs(world.ab.rows[1].arms) do header[#header + 1] = one.name == "A/A" and "A/A, of " .. one.of or one.name end
  for r, row in ipairs(world.ab.rows) do
    rows[r] = {lift.label(row)}
    for _, one in ipairs(row.arms) do rows[r][#rows[r] + 1] = ("%s; %d of %d"):format(lift.percent(one.mean), one.count, world.ab.tests) end
  end
  return header, rows
end

local function sample_ratio(found)
  return ("Shares of %s users; sample ratio: χ² = %.2f, p = %.3f."):format(table.concat(found.sizes, ", "), found.sample_ratio.statistic,
    found.sample_ratio.p)
end

-- What the A/B tests rest on, and what each learner of the first one had.
local function ab_text(world)
  if not world.ab then return "" end
  local parts = {}
  for _, share in ipairs(world.ab.shares) do
    local had = share.learned
    if had.steps then
      parts[#parts + 1] = ("%s %s in %s updates%s"):format(share.name, format.count(had.steps), format.grouped(had.updates),
        had.dropped > 0 and (" (%s not recorded: agent.rows)"):format(format.count(had.dropped)) or "")
    end
  end
  return ("A/B: %d days of one world; every user is of one share, by a hash, and each arm learns on its own share alone; A/A is a second "
    .. "share of %s with a learner of its own. The first seed's test, unpaired; † as below: over users, which says nothing of another "
    .. "learner. %s Requests learned from: %s."):format(world.ab.days, world.ab.shares[#world.ab.shares].of, sample_ratio(world.ab),
    table.concat(parts, ", "))
end

local function split_text(world)
  if not world.split then return "" end
  return ("Unpaired, as an A/B test would have judged the first seed's policies: every user is of one share, by a hash; the last share "
    .. "is the control's, A/A another of it; † its own 95 %% interval leaves 0 out, uncorrected. %s"):format(sample_ratio(world.split))
end

-- What every arm was tuned with.
local function budget(tune)
  if not tune then return "Nothing was tuned for this table." end
  return ("Every arm was tuned with %d points × %s (from %.0f), chosen by %s of %s users × %s (seed %.0f), which judge nothing "
    .. "else."):format(tune.points, format.plural(tune.seeds, "seed"), tune.first_seed, tune.metric, format.grouped(tune.users),
    format.plural(tune.days, "day"), tune.user_seed)
end

--- What the tables rest on.
function experiment.grounds(shown)
  local seeds = #shown.seeds == 1 and ("seed %.0f"):format(shown.seeds[1])
    or ("each of %d seeds (%.0f to %.0f)"):format(#shown.seeds, shown.seeds[1], shown.seeds[#shown.seeds])
  return ("%s users × %s, the same with the same random draws for all arms and seeds, are %s user-days for %s of "
    .. "training, which all arms share; intervals over users%s. %s"):format(format.grouped(shown.users),
    format.plural(shown.days, "day"), format.grouped(shown.users * shown.days), seeds,
    #shown.seeds > 1 and " crossed with seeds" or "; one seed says nothing about another training", budget(shown.tune))
    .. (shown.over_days and shown.days < 2 and " Lifts by the users' days need two days or more." or "")
    .. (#(shown.set or {}) > 0 and (" In every arm: %s."):format(table.concat(shown.told, ", ")) or "")
    .. (#(shown.missing or {}) > 0 and (" Not in the tables, since not every world has it: %s."):format(
      table.concat(shown.missing, ", ")) or "")
end

local function marks(world)
  local count = world.table.count
  if count == 0 then return "This table compares nothing." end
  local of = count == 1 and "the one comparison of this table" or ("all %d comparisons of this table together"):format(count)
  return ("* told from 0 at 5 %% for %s, by %s's correction. What could be seen is what this would mark in four of five "
    .. "repetitions."):format(of, contrasts.correction)
end

local function experience(world)
  local parts, seconds, count = {}, 0, 0
  for i, arm in ipairs(world.arms) do
    parts[i] = ("%s %s"):format(arm.name, arm.user_days and format.count(arm.user_days) or "not noted")
    for _, run in ipairs(arm.runs) do seconds, count = seconds + (run.info.seconds or 0), count + 1 end
  end
  return ("User-days of training, all seeds: %s. %s."):format(table.concat(parts, ", "), (count == 1 and "The run took %s"
    or "The " .. count .. " runs took %s, one after the other"):format(format.duration(seconds)))
end

-- The point that each arm was tuned to.
local function tuned(world)
  if not world.tuned then return "" end
  local parts = {}
  for i, arm in ipairs(world.arms) do parts[i] = ("%s: %s"):format(arm.name, world.tuned[arm.name]) end
  return "Tuned to " .. table.concat(parts, "; ") .. "."
end

-- Which critics have no row, in any arm.
local function unsummed(world)
  local names, seen = {}, {}
  for _, arm in ipairs(world.arms) do
    for _, name in ipairs(arm.runs[1].info.unsummed or {}) do
      if not seen[name] then names[#names + 1], seen[name] = name, true end
    end
  end
  return lift.unsummed {unsummed = names}
end

local function tables_of(shown, world)
  local list = {}
  for _, make in ipairs {lift_cells, function(_, one) return pair_cells(one) end, over_days_cells, power_cells, ab_cells, ab_tests_cells,
    split_cells, served_cells, value_cells, training_cells} do
    local header, rows = make(shown, world)
    if header then list[#list + 1] = {header, rows} end
  end
  return list
end

--- The experiment as lines for a terminal.
function experiment.text(shown)
  local parts = {("%s%s: %s\n%s\n"):format(shown.name, shown.fast and " (fast)" or "", shown.question, experiment.grounds(shown))}
  for _, world in ipairs(shown.worlds) do
    parts[#parts + 1] = ("\n%s\n"):format(world.name)
    for _, one in ipairs(tables_of(shown, world)) do
      table.insert(one[2], 1, one[1])
      parts[#parts + 1] = format.columns(one[2])
    end
    if world.front then parts[#parts + 1] = statistics.text(world.front) end
    parts[#parts + 1] = ("%s\n%s\n%s%s\n"):format(marks(world), experience(world), world.ab and ab_text(world) .. "\n" or "",
      split_text(world))
    if world.tuned then parts[#parts + 1] = tuned(world) .. "\n" end
    local missing = unsummed(world)
    if missing then parts[#parts + 1] = missing .. "\n" end
  end
  return table.concat(parts)
end

-- ---- the table as Markdown ----

-- What was published of a response, arm by arm.
local function published_text(figures)
  local parts = {}
  for _, name in ipairs(keys(figures or {})) do parts[#parts + 1] = ("%s %s"):format(name, bare(figures[name])) end
  return #parts > 0 and table.concat(parts, ", ") or "–"
end

local function markdown_line(cells) return "| " .. table.concat(cells, " | ") .. " |" end

-- What a table is of, where it stands by itself.
local function markdown_head(shown)
  local first, last = shown.seeds[1], shown.seeds[#shown.seeds]
  local parts = {("%s%s"):format(shown.name, shown.fast and " (fast)" or ""),
    first == last and ("seed %.0f"):format(first) or ("seeds %.0f to %.0f"):format(first, last),
    ("%s users × %s"):format(format.grouped(shown.users), format.plural(shown.days, "day"))}
  for _, text in ipairs(shown.set or {}) do parts[#parts + 1] = ("`--set %s`"):format(text) end
  return table.concat(parts, ", ") .. ":"
end

--- The lifts of each world as a table of Markdown, in percent, below a line that says what it is of: what EXPERIMENTS.md has of an
--- experiment.
function experiment.markdown(shown)
  local lines, published = {}, next(shown.published) ~= nil
  for _, world in ipairs(shown.worlds) do
    local header = {("`%s`, lift over %s, %%"):format(world.name, world.control.name)}
    for _, one in ipairs(world.table.rows[1].arms) do header[#header + 1] = one.name end
    if published then header[#header + 1] = "published" end
    lines[#lines + 1], lines[#lines + 2] = markdown_head(shown), ""
    lines[#lines + 1], lines[#lines + 2] = markdown_line(header), "|" .. ("---|"):rep(#header)
    for _, row in ipairs(world.table.rows) do
      local cells = {(row.name:gsub("_", " "))}
      for _, one in ipairs(row.arms) do cells[#cells + 1] = (cell(one):gsub(" %%", ""):gsub("%*", "\\*")) end
      if published then cells[#cells + 1] = published_text(shown.published[row.name]) end
      lines[#lines + 1] = markdown_line(cells)
    end
    lines[#lines + 1] = ""
  end
  return table.concat(lines, "\n")
end

-- ---- the page ----

-- Metrics of the training over its steps, one after another.
local function metric_curves(shown, world, set, figures)
  for _, name in ipairs(shown.metrics or {}) do
    local lines = {}
    for i, arm in ipairs(world.arms) do
      local columns = arm.runs[1].metrics.columns
      lines[i] = {label = arm.name, points = series.thin(columns.step, columns[name] or {}, 120), color = assets.color(i)}
    end
    figures[#figures + 1] = set.figure {title = name, unit = "first seed", lines = lines}
  end
end

local function curves(shown, world, set)
  local figures = {}
  for _, row in ipairs(world.table.rows) do
    local lines = {}
    for i, arm in ipairs(world.arms) do
      lines[i] = {label = arm.name, points = series.mean_curve(arm.runs, "lift/" .. row.name, "user_days"), color = assets.color(i)}
    end
    local baseline = (world.arms[1].runs[1].lift or {}).baseline or "the baseline"
    figures[#figures + 1] = set.figure {title = row.name, unit = "% over " .. baseline, axis = "user-days", zero = true, lines = lines}
  end
  metric_curves(shown, world, set, figures)
  return #figures > 0 and {tag("h3", nil, "Over simulated days"),
    tag("p", {class = "lead"}, "Means over seeds; across: user-days of experience. A band reaches from the least seed to the greatest."),
    tag("div", {class = "charts"}, figures)} or nil
end

-- The lifts of the A/B tests by day.
local function ab_curves(world, set)
  if not world.ab then return {} end
  local figures = {}
  for r, row in ipairs(world.ab.rows) do
    local lines = {}
    for i, curve in ipairs(world.ab.curves[r]) do lines[i] = {label = curve.name, points = curve.points, color = assets.color(i)} end
    figures[r] = set.figure {title = row.name, unit = "% over " .. world.control.name, axis = "day", zero = true, lines = lines}
  end
  return {tag("h3", nil, "A/B tests, day by day"), tag("p", {class = "lead"}, ("Means of %d %s, as served; a band reaches from the least "
    .. "to the greatest. A/A is over the other share of its arm."):format(world.ab.tests, world.ab.tests == 1 and "test" or "tests")),
    tag("div", {class = "charts"}, figures)}
end

local function by_group(world)
  local parts = {}
  for _, arm in ipairs(world.arms) do
    local section = groups.section(arm.runs[1].groups)
    if section then parts[#parts + 1] = {tag("h3", nil, arm.name, (", seed %.0f"):format(arm.runs[1].info.seed)), section} end
  end
  return parts
end

local function differences(shown)
  local parts = {}
  for i, one in ipairs(shown.differences) do
    local rows = {}
    for k, difference in ipairs(one.list) do rows[k] = {difference.option, difference.before or "–", difference.after or "–"} end
    parts[i] = tag("details", nil, tag("summary", nil, one.name, " beside ", one.beside),
      html.cards({{"Option", ""}, {one.beside, ""}, {one.name, ""}}, rows))
  end
  return {tag("h2", nil, "How the arms differ"), tag("p", {class = "lead"}, "Resolved recipes, with every default filled in."), parts}
end

--- The page as one HTML text.
function experiment.render(shown)
  local set, sections, title = charts.set(), {}, shown.name .. (shown.fast and " (fast)" or "")
  local library, library_style = assets.library()
  for i, world in ipairs(shown.worlds) do
    local tables = {}
    for k, one in ipairs(tables_of(shown, world)) do tables[k] = html.cards(one[1], one[2]) end
    sections[i] = {tag("h2", nil, world.name), tables, tag("p", {class = "lead"}, marks(world), " ", experience(world), " ",
      ab_text(world), " ", split_text(world), " ", tuned(world), " ", unsummed(world)), front.section(world.front),
      {curves(shown, world, set)}, ab_curves(world, set),
      by_group(world)}
  end
  local body = {
    tag("header", nil, tag("h1", nil, title), tag("p", {class = "lead"}, shown.question)),
    tag("p", {class = "lead"}, experiment.grounds(shown)),
    tag("p", {class = "lead"}, "Lifts with their intervals; a large dot is marked in the table, a square is what was published."),
    lifts.drawing(shown.worlds, shown.published), sections, differences(shown),
    tag("h2", nil, "To do it again"), tag("pre", nil, shown.command), tag("pre", nil, (shown.recipe:gsub("%s+$", ""))),
    html.json("charts", set.data),
  }
  return html.page(title, {library_style, assets.style, lifts.style}, body, {library, assets.script})
end

--- The lifts as a picture of its own.
function experiment.picture(shown) return lifts.picture(shown.worlds, shown.published, assets.style) end

-- Of the A/B tests: what the tables show, and the curves.
local function ab_data(world)
  if not world.ab then return nil end
  local rows = {}
  for r, row in ipairs(world.ab.rows) do
    rows[r] = {name = row.name, arms = {}, curves = world.ab.curves[r]}
    for i, one in ipairs(row.arms) do
      rows[r].arms[i] = {name = one.name, of = one.of, mean = one.lift and one.lift.mean, low = one.lift and one.lift.low,
        high = one.lift and one.lift.high, told = one.told, tests = {mean = one.mean and one.mean.mean, half = one.mean and one.mean.half,
          told = one.count}, needed = one.needed}
    end
  end
  return {from = world.ab.from, days = world.ab.days, tests = world.ab.tests, sizes = world.ab.sizes,
    sample_ratio = world.ab.sample_ratio, rows = rows}
end

-- Lifts by the users' days.
local function over_days_data(world)
  if not world.over_days then return nil end
  local rows = {}
  for r, row in ipairs(world.over_days.rows) do
    rows[r] = {name = row.name, arms = {}}
    for i, arm in ipairs(row.arms) do
      rows[r].arms[i] = {name = arm.name, lifts = {}}
      for k, one in ipairs(arm.lifts) do rows[r].arms[i].lifts[k] = one and {mean = one.mean, low = one.low, high = one.high} or {} end
    end
  end
  return {parts = world.over_days.parts, rows = rows}
end

--- The experiment as plain data, for experiment.json.
function experiment.data(shown)
  local function plain(one)
    return {a = one.a, b = one.b, name = one.name, mean = one.lift and one.lift.mean, low = one.lift and one.lift.low,
      high = one.lift and one.lift.high,
      p = one.p, told = one.told, smallest = one.smallest}
  end
  local data = {format = 1, name = shown.name, fast = shown.fast or false, seeds = shown.seeds, users = shown.users, days = shown.days,
    correction = contrasts.correction, published = shown.published,
    worlds = {}}
  for w, world in ipairs(shown.worlds) do
    local rows = {}
    for r, row in ipairs(world.table.rows) do
      rows[r] = {name = row.name, control = row.control, arms = {}, pairs = {}}
      for i, one in ipairs(row.arms) do rows[r].arms[i] = plain(one) end
      for i, one in ipairs(row.pairs) do rows[r].pairs[i] = plain(one) end
    end
    data.worlds[w] = {name = world.name, control = world.control.name, comparisons = world.table.count, rows = rows,
      ab = ab_data(world), over_days = over_days_data(world)}
  end
  return data
end

return experiment
