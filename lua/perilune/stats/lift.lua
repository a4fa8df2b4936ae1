--- The lift table: what policies give a user and day, in percent against a baseline on the same users with the same
--- random draws, with 95 % intervals over users crossed with seeds.
---
--- A metric is a ratio of sums, R = Σ_u N_u / Σ_u D_u (watch time over user-days, return time over the returns that
--- came). The lift of seed s is L_s = R_s / R_0 − 1. The user is the unit, never the request: by the delta method
--- user u moves R by e_u = (N_u − R D_u) / mean D, and so the lift by
---     z_su = e_su / R_0 − (R_s / R_0) e_0u / R_0,
--- which sums to 0 over users. y_su = L_s + z_su is a table of seeds × users with mean L, and its interval is that of
--- crossed random effects (stats.crossed). One policy against itself has y = 0 exactly. Where nothing came under one of the two there
--- is no lift: y would be the same for all users, and its interval, of width 0, would say nothing of the next ones.

local keys = require "perilune.keys"
local format = require "perilune.format"
local ratios = require "perilune.stats.ratios"
local stats = require "perilune.stats"

local lift = {}

--- What the table shows of these responses ({name, unit, combine}): {name, unit, of, per}; of: a column of a panel, or
--- weights of several, {watch_time = 1, like = 20}; per nil: user-days. An entry with `of` is a metric already: a reward, or
--- a ratio (stats/ratios.lua).
function lift.metrics(responses)
  local metrics = {}
  for i, response in ipairs(responses) do
    local whole = response.combine == nil or response.combine == "sum"
    metrics[i] = {name = response.name, unit = response.unit, of = response.of or response.name,
      per = response.per or not whole and "count/" .. response.name or nil, formula = response.formula}
  end
  metrics[#metrics + 1] = {name = "requests", unit = "", of = "requests"}
  metrics[#metrics + 1] = {name = "sessions", unit = "", of = "sessions"}
  metrics[#metrics + 1] = {name = "requests_a_session", unit = "", of = "requests", per = "sessions"}
  return metrics
end

--- The metric of that name.
function lift.metric(responses, name)
  for _, metric in ipairs(lift.metrics(responses)) do
    if metric.name == name then return metric end
  end
end

--- What is judged, of a run.json or of what has its fields: the responses, then those rewards that are weighted sums of
--- responses, then the ratios that the evaluation names.
function lift.judged(info)
  local list = {}
  local parts = {info.responses, info.rewards or {}, ratios.list(info.evaluation.metrics, info.responses, "requests")}
  for _, part in ipairs(parts) do
    for _, one in ipairs(part) do list[#list + 1] = one end
  end
  return list
end

--- The panel of some of its users, by their numbers.
function lift.of_users(panel, users)
  local result = {users = #users, days = panel.days, columns = {}}
  for name, column in pairs(panel.columns) do
    local some = {}
    for i, user in ipairs(users) do some[i] = column[user] end
    result.columns[name] = some
  end
  return result
end

-- Each user's part of a metric's upper sum.
local function parts_of(panel, of)
  if type(of) == "string" then return panel.columns[of] end
  local names, sums = keys(of), {} -- one order of additions
  for u = 1, panel.users do
    local sum = 0
    for _, name in ipairs(names) do sum = sum + of[name] * panel.columns[name][u] end
    sums[u] = sum
  end
  return sums
end

--- The ratio of a panel, each user's influence on it and the deviation of these; nil where nothing came.
function lift.ratio(panel, metric)
  local value, influence = stats.ratio(parts_of(panel, metric.of), metric.per and panel.columns[metric.per] or panel.days)
  if not value then return nil end
  local _, sd = stats.mean_sd(influence)
  return value, influence, sd
end

--- Whether one of two ratios can be said in percent of the other.
function lift.comparable(r, r0) return r ~= nil and r0 ~= nil and r ~= 0 and r0 ~= 0 end

-- A mean over the seeds is there where that of every seed is.
local function plus(sum, value) return sum and value and sum + value end

--- The table y of one metric, seeds × users, whose mean is the lift (nil where there is none), and the policies' and baselines'
--- means and the policies' deviation of a user, each nil where it is undefined.
function lift.values(policies, baselines, metric)
  local table_, sum, sum_0, sd = {}, 0, 0, 0
  for s, policy in ipairs(policies) do
    local r, e, deviation = lift.ratio(policy, metric)
    local r0, e0 = lift.ratio(baselines[s] or baselines[1], metric)
    sum, sum_0, sd = plus(sum, r), plus(sum_0, r0), plus(sd, deviation)
    if lift.comparable(r, r0) then
      local row, against = {}, r / r0
      for u = 1, policy.users do row[u] = against - 1 + (e[u] / r0 - against * (e0[u] / r0)) end
      table_[#table_ + 1] = row
    end
  end
  local n = #policies
  return #table_ == n and table_ or nil, sum and sum / n, sum_0 and sum_0 / n, sd and sd / n
end

--- The same with stats.crossed of the table in its place.
function lift.of(policies, baselines, metric)
  local values, policy, baseline, sd = lift.values(policies, baselines, metric)
  return values and stats.crossed(values), policy, baseline, sd
end

--- Compares panels ({users, days, columns}) of one recipe's seeds with their baselines: one for all of them, or one
--- for each. All have the same users and days. Returns {users, days, seeds, baseline = name, rows = {{name, unit, per,
--- policy, baseline, sd (of users), lift = stats.crossed or nil}}}; lift is a fraction.
function lift.table(policies, baselines, responses, name, policy)
  local users, days = policies[1].users, policies[1].days
  for _, list in ipairs {policies, baselines} do
    for _, panel in ipairs(list) do
      assert(panel.users == users and panel.days == days, "panels must have the same users and days")
    end
  end
  local result = {users = users, days = days, seeds = #policies, baseline = name, policy = policy,
    rows = {}}
  for i, metric in ipairs(lift.metrics(responses)) do
    local value, judged, beside, sd = lift.of(policies, baselines, metric)
    result.rows[i] = {name = metric.name, unit = metric.unit, per = metric.per, formula = metric.formula, policy = judged,
      baseline = beside, sd = sd, lift = value}
  end
  return result
end

--- The row of a metric.
function lift.find(compared, name)
  for _, row in ipairs(compared.rows) do
    if row.name == name then return row end
  end
end

-- ---- texts ----

local function signed(value)
  local text = ("%+.2f"):format(value)
  return (text:gsub("^%-", "−"))
end

--- An interval of fractions (of a row's lift, of anything beside it) as "+3.21 ± 0.40 %"; what stands for none.
function lift.percent(value)
  if not value then return "–" end
  if not value.half then return signed(100 * value.mean) .. " %" end
  return ("%s ± %.2f %%"):format(signed(100 * value.mean), 100 * value.half)
end

-- A mean; undefined where nothing came by which it is divided.
local function mean_text(value) return value and format.number(value) or "undefined" end

--- The name of a row with its unit.
function lift.label(row)
  local unit = row.unit and row.unit ~= "" and row.unit ~= "count" and " (" .. row.unit .. ")" or ""
  local mean = row.per and not row.formula and row.per:find("^count/")
  return ratios.label(row) .. unit .. (mean and ", mean" or "")
end

--- How many user-days would halve the interval: a text.
function lift.to_halve(compared, row)
  local value = row.lift
  if not value or not value.half then return "–" end
  if value.half == 0 then return "0" end
  local factor = stats.to_halve(value)
  if not factor then return "more seeds" end
  return format.count(factor * compared.users * compared.days)
end

local function seeds_share(value)
  if not value or not value.seeds_part or value.variance == 0 then return "–" end
  return ("%.0f %%"):format(100 * value.seeds_part / value.variance)
end

--- The table's cells: header, rows.
function lift.cells(compared)
  local header, rows = {"of a user and day", compared.policy or "policy", compared.baseline or "baseline", "lift, 95 %"}, {}
  if compared.seeds > 1 then header[5], header[6] = "of it by seeds", "user-days to halve it" end
  for i, row in ipairs(compared.rows) do
    local cells = {lift.label(row), mean_text(row.policy), mean_text(row.baseline), lift.percent(row.lift)}
    if compared.seeds > 1 then cells[5], cells[6] = seeds_share(row.lift), lift.to_halve(compared, row) end
    rows[i] = cells
  end
  return header, rows
end

--- What the table rests on, in one sentence or two.
function lift.grounds(compared)
  local text = ("%s users × %s, the same for both, are %s user-days"):format(format.grouped(compared.users),
    format.plural(compared.days, "day"), format.grouped(compared.users * compared.days))
  if compared.seeds > 1 then
    return ("%s for each of %d seeds; intervals over users crossed with seeds."):format(text, compared.seeds)
  end
  return ("%s; intervals over users, half as wide with %s user-days. One seed says nothing about another training.")
    :format(text, format.grouped(4 * compared.users * compared.days))
end

--- Which critics have no row, and why; nil where each has one.
function lift.unsummed(compared)
  local names = compared.unsummed or {}
  if #names == 0 then return nil end
  return ("No row for the reward of %s: it is no weighted sum of responses, and does not add up over a day."):format(
    table.concat(names, ", "))
end

-- ---- further policies on the same users ----

--- The tables of further policies beside a judged one: others = {{name, panel}, …}. Each is {name, lift = of it over the
--- baseline, against = of the policy over it}.
function lift.beside(policy, baseline, others, responses, baseline_name)
  local result = {}
  for i, other in ipairs(others) do
    result[i] = {name = other.name, lift = lift.table({other.panel}, {baseline}, responses, baseline_name, other.name),
      against = lift.table({policy}, {other.panel}, responses, other.name)}
  end
  return result
end

local longest = 24 -- of a name in a table's header

--- The cells of one of them: header, rows, of the metrics in `main` (a list of names; nil: all).
function lift.beside_cells(item, main)
  local wanted, rows = {}, {}
  for _, name in ipairs(main or {}) do wanted[name] = true end
  for i, row in ipairs(item.lift.rows) do
    if not main or #main == 0 or wanted[row.name] then
      rows[#rows + 1] = {lift.label(row), mean_text(row.policy), lift.percent(row.lift),
        lift.percent(item.against.rows[i].lift)}
    end
  end
  local it = #item.name <= longest and item.name or "it"
  return {"of a user and day", it, ("over %s, 95 %%"):format(item.lift.baseline or "the baseline"),
    ("policy over %s, 95 %%"):format(it)}, rows
end

--- The table as lines for a terminal; further policies follow in short.
function lift.text(compared)
  local header, rows = lift.cells(compared)
  table.insert(rows, 1, header)
  local text = ("Lift over %s: %s\n%s"):format(compared.baseline or "the baseline", lift.grounds(compared),
    format.columns(rows))
  local unsummed = lift.unsummed(compared)
  if unsummed then text = text .. unsummed .. "\n" end
  for _, item in ipairs(compared.beside or {}) do
    header, rows = lift.beside_cells(item, compared.main)
    table.insert(rows, 1, header)
    text = ("%sBeside %s, on the same users:\n%s"):format(text, item.name, format.columns(rows))
  end
  return text
end

return lift
