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

-- The panels of all seeds, part by part.
local function divided(panels, parts)
  local result = {}
  for p, part in ipairs(parts) do
    result[p] = {}
    for i, whole in ipairs(panels) do result[p][i] = panel.of_days(whole, part.from, part.to) end
  end
  return result
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
  local beside = divided(control.panels, parts)
  for _, arm in ipairs(arms) do
    local panels = arm ~= control and divided(arm.panels, parts)
    for m, metric in ipairs(panels and metrics or {}) do
      local lifts, shown = {}, result.rows[m].arms
      for p in ipairs(parts) do lifts[p] = lift.of(panels[p], beside[p], metric) or false end
      shown[#shown + 1] = {name = arm.name, lifts = lifts}
    end
  end
  return result
end

return over_days
