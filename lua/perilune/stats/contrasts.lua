--- Arms beside a control and beside one another, on the same users and seeds: lifts with their intervals (stats/lift.lua), and which
--- are told from 0 when all comparisons of the table are read at once.
---
--- Every comparison of every response that the table shows, of an arm with the control or with another arm, is of one family, and
--- Holm's correction keeps the chance of any false mark in a table at 5 %. The table is read as a whole, comparisons share users and
--- control, and Holm asks nothing of how they depend.

local lift = require "perilune.stats.lift"
local stats = require "perilune.stats"

local contrasts = {}

contrasts.level = 0.05
contrasts.correction = "Holm"

local function compared(policies, baselines, metric)
  local values, policy, baseline = lift.values(policies, baselines, metric)
  local result = {policy = policy, baseline = baseline}
  if values then
    result.values, result.lift, result.p = values, stats.crossed(values), stats.crossed_p(values, contrasts.level)
  end
  return result
end

--- arms: [{name, panels = one for each seed}]; control: the same, or one of the arms itself, which is not compared with itself;
--- metrics: of lift.metrics. Returns {count (of comparisons), rows = [{name, unit, per, formula, control (mean), arms = [{name, lift,
--- p, told, policy, smallest}], pairs = [{a, b, lift (of b over a), p, told}]}]}.
function contrasts.of(arms, control, metrics)
  local result, tests = {rows = {}}, {}
  for m, metric in ipairs(metrics) do
    local row = {name = metric.name, unit = metric.unit, per = metric.per, formula = metric.formula, arms = {}, pairs = {}}
    for i, arm in ipairs(arms) do
      if arm ~= control then
        local one = compared(arm.panels, control.panels, metric)
        one.name, row.control = arm.name, one.baseline
        row.arms[#row.arms + 1], tests[#tests + 1] = one, one
        for k = 1, i - 1 do
          if arms[k] ~= control then
            local pair = compared(arm.panels, arms[k].panels, metric)
            pair.a, pair.b = arms[k].name, arm.name
            row.pairs[#row.pairs + 1], tests[#tests + 1] = pair, pair
          end
        end
      end
    end
    result.rows[m] = row
  end
  stats.holm(tests, contrasts.level)
  result.count = #tests
  for _, test in ipairs(tests) do
    test.smallest = test.values and stats.smallest(test.values, contrasts.level / #tests)
    test.values = nil
  end
  return result
end

return contrasts
