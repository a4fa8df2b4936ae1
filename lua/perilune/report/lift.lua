--- The lift table: what policies give a user and day, in percent against a baseline on the same users with the same
--- chances, with 95 % intervals over users crossed with seeds.
---
--- A metric is a ratio of sums, R = Σ_u N_u / Σ_u D_u (watch time over user-days, return time over the returns that
--- came). The lift of seed s is L_s = R_s / R_0 − 1. The user is the unit, never the request: by the delta method
--- user u moves R by e_u = (N_u − R D_u) / mean D, and so the lift by
---     z_su = e_su / R_0 − (R_s / R_0) e_0u / R_0,
--- which sums to 0 over users. y_su = L_s + z_su is a table of seeds × users with mean L, and its interval is that of
--- crossed random effects (stats.crossed). One policy against itself has y = 0 exactly.

local format = require "perilune.report.format"
local stats = require "perilune.report.stats"

local lift = {}

--- What the table shows of these responses ({name, unit, combine}): {name, unit, of, per}; per nil: user-days.
function lift.metrics(responses)
  local metrics = {}
  for i, response in ipairs(responses) do
    local whole = response.combine == nil or response.combine == "sum"
    metrics[i] = {name = response.name, unit = response.unit, of = response.name,
      per = not whole and "count/" .. response.name or nil}
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

-- The ratio of a panel and each user's influence on it; nil where nothing came.
local function ratio(panel, metric)
  local of, per, n = panel.columns[metric.of], metric.per and panel.columns[metric.per], panel.users
  local top, bottom = 0, 0
  for u = 1, n do
    top = top + of[u]
    bottom = bottom + (per and per[u] or panel.days)
  end
  if bottom == 0 then return nil end
  local result, mean, influence, squares = top / bottom, bottom / n, {}, 0
  for u = 1, n do
    local e = (of[u] - result * (per and per[u] or panel.days)) / mean
    influence[u], squares = e, squares + e * e
  end
  return result, influence, n > 1 and math.sqrt(squares / (n - 1)) or 0
end

local function lift_of(policies, baselines, metric)
  local table_, sum, sum_0, sd = {}, 0, 0, 0
  for s, policy in ipairs(policies) do
    local r, e, deviation = ratio(policy, metric)
    local r0, e0 = ratio(baselines[s] or baselines[1], metric)
    if not r or not r0 then return nil end
    sum, sum_0, sd = sum + r, sum_0 + r0, sd + deviation
    if r0 ~= 0 then
      local row, against = {}, r / r0
      for u = 1, policy.users do row[u] = against - 1 + (e[u] / r0 - against * (e0[u] / r0)) end
      table_[s] = row
    end
  end
  return #table_ == #policies and stats.crossed(table_) or nil, sum / #policies, sum_0 / #policies, sd / #policies
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
    local value, judged, beside, sd = lift_of(policies, baselines, metric)
    result.rows[i] = {name = metric.name, unit = metric.unit, per = metric.per, policy = judged, baseline = beside,
      sd = sd, lift = value}
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

--- "+3.21 ± 0.40 %", or what stands for it.
function lift.percent(row)
  local value = row.lift
  if not value then return "–" end
  if not value.half then return signed(100 * value.mean) .. " %" end
  return ("%s ± %.2f %%"):format(signed(100 * value.mean), 100 * value.half)
end

local function unit_of(row)
  local unit = row.unit and row.unit ~= "" and row.unit ~= "count" and " (" .. row.unit .. ")" or ""
  return row.name .. unit .. (row.per and row.per:find("^count/") and ", mean" or "")
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
    local cells = {unit_of(row), format.number(row.policy), format.number(row.baseline), lift.percent(row)}
    if compared.seeds > 1 then cells[5], cells[6] = seeds_share(row.lift), lift.to_halve(compared, row) end
    rows[i] = cells
  end
  return header, rows
end

--- What the table rests on, in one sentence or two.
function lift.grounds(compared)
  local text = ("%s users × %d day%s, the same for both, are %s user-days"):format(format.grouped(compared.users),
    compared.days, compared.days == 1 and "" or "s", format.grouped(compared.users * compared.days))
  if compared.seeds > 1 then
    return ("%s for each of %d seeds; intervals over users crossed with seeds."):format(text, compared.seeds)
  end
  return ("%s; intervals over users, half as wide with %s user-days. One seed says nothing about another training.")
    :format(text, format.grouped(4 * compared.users * compared.days))
end

--- The table as lines for a terminal.
function lift.text(compared)
  local header, rows = lift.cells(compared)
  table.insert(rows, 1, header)
  return ("Lift over %s: %s\n%s"):format(compared.baseline or "the baseline", lift.grounds(compared),
    format.columns(rows))
end

return lift
