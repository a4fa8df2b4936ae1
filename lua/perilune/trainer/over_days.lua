--- Whether lifts last: those of an experiment's arms by the days that users have had with a policy, in parts of nearly the same length.

local lift = require "perilune.stats.lift"
local panel = require "perilune.trainer.panel"

local over_days = {}

local most = 4 -- parts

local function parts_of(days)
  local parts, count = {}, math.min(days, most)
  for i = 1, count do parts[i] = {from = math.floor((i - 1) * days / count) + 1, to = math.floor(i * days / count)} end
  return parts
end

local function of_part(panels, part)
  local list = {}
  for i, whole in ipairs(panels) do list[i] = panel.of_days(whole, part.from, part.to) end
  return list
end

--- arms, control: as for contrasts.of; metrics: of lift.metrics. Returns {parts = [{from, to}], rows = [{name, unit, per, formula, arms =
--- [{name, lifts = [stats.crossed or false, for each part]}]}]}; nil where there is no metric, or only one day.
function over_days.of(arms, control, metrics)
  local parts = parts_of(control.panels[1].days)
  if #metrics == 0 or #parts == 1 then return nil end
  local result = {parts = parts, rows = {}}
  for m, metric in ipairs(metrics) do
    result.rows[m] = {name = metric.name, unit = metric.unit, per = metric.per, formula = metric.formula, arms = {}}
  end
  for p, part in ipairs(parts) do
    local beside, count = of_part(control.panels, part), 0
    for _, arm in ipairs(arms) do
      if arm ~= control then
        local panels = of_part(arm.panels, part)
        count = count + 1
        for m, metric in ipairs(metrics) do
          local row = result.rows[m]
          row.arms[count] = row.arms[count] or {name = arm.name, lifts = {}}
          row.arms[count].lifts[p] = lift.of(panels, beside, metric) or false
        end
      end
    end
  end
  return result
end

return over_days
