--- The ratios that a recipe names (`eval.metrics`): sums over sums, such as clicks over views.
---
--- A ratio is a metric as stats/lift.lua has them, {name, unit, of, per, formula}: Σ of / Σ per over what was evaluated, its
--- episodes or its users, and its interval over these by the delta method (stats.ratio_interval). of, per: columns of a
--- judge; formula: what the recipe says, as a text. Where Σ per is 0 the ratio is undefined: nil here, an empty cell in a
--- table, a word in a text.

local keys = require "perilune.keys"
local stats = require "perilune.stats"

local ratios = {}

-- What a step is called: each judge counts it in one column.
local steps = {steps = true, requests = true, length = true}

local function unit_of(top, bottom)
  if bottom == "" then return top end
  if top == bottom then return "" end
  return (top == "" and "1" or top) .. "/" .. bottom
end

--- The ratios of `metrics`, the recipe's or nil, by name. responses: {name, unit}; step: the judge's column of steps.
function ratios.list(metrics, responses, step)
  local units, list = {}, {}
  for _, response in ipairs(responses) do units[response.name] = response.unit == "count" and "" or response.unit or "" end
  local function column(name) return not units[name] and steps[name] and step or name end
  for i, name in ipairs(keys(metrics or {})) do
    local given = metrics[name]
    list[i] = {name = name, unit = unit_of(units[given.of] or "", units[given.per] or ""), of = column(given.of),
      per = column(given.per), formula = ("%s / %s"):format(given.of, given.per)}
  end
  return list
end

--- The ratios that both lists have and say alike, and the names of the others.
function ratios.shared(a, b)
  local left, shared, apart = {}, {}, {}
  for _, one in ipairs(b) do left[one.name] = one.formula end
  for _, one in ipairs(a) do
    local alike = left[one.name] == one.formula
    if alike then shared[#shared + 1] = one else apart[#apart + 1] = one.name end
    left[one.name] = nil
  end
  for _, one in ipairs(b) do
    if left[one.name] then apart[#apart + 1] = one.name end
  end
  return shared, apart
end

--- How a table calls a metric: a ratio by what it is.
function ratios.label(metric) return metric.formula and ("%s = %s"):format(metric.name, metric.formula) or metric.name end

--- Why there is no number, where there is none.
function ratios.undefined(metric) return ("undefined: the sum of %s is 0"):format(metric.per) end

--- Each unit's part of a ratio, R + e, by the delta method (stats.ratio): values whose mean is R, whose interval is that of
--- R, and whose differences, pair by pair, are those of two ratios. Or nil and why there is none. columns: lists by unit, of
--- what the judge counts.
function ratios.values(metric, columns)
  for _, name in ipairs {metric.of, metric.per} do
    if not columns[name] then return nil, ("undefined: %s is not counted here"):format(name) end
  end
  local value, influence = stats.ratio(columns[metric.of], columns[metric.per])
  if not value then return nil, ratios.undefined(metric) end
  local values = {}
  for u, moved in ipairs(influence) do values[u] = value + moved end
  return values
end

--- The ratios of a list on both sides of a comparison: each with `a` and `b`, its values, or `undefined`, why there are none.
function ratios.both(list, columns_a, columns_b)
  for _, ratio in ipairs(list) do
    local message
    ratio.a, ratio.undefined = ratios.values(ratio, columns_a)
    ratio.b, message = ratios.values(ratio, columns_b)
    ratio.undefined = ratio.undefined or message
  end
  return list
end

return ratios
