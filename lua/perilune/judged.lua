--- What an entry of a run's journal says of a ramp and of guards: a list of lines.

local format = require "perilune.format"

local function percent(share) return ("%+.4g"):format(100 * share) end

-- What is known of a guard: the lift of a response over the control group with its interval, or a metric.
local function guard_line(guard)
  local bound, way = guard.at_least or guard.at_most, guard.at_least and "at least" or "at most"
  local compared = guard.value and guard.low and guard.high
  local known, relative = guard.value and ("%.4g"):format(guard.value) or "not known", guard.name ~= "kl"
  if compared then known = ("%s %% (%s to %s)"):format(percent(guard.value), percent(guard.low), percent(guard.high)) end
  local text = guard.name .. ": " .. known
  if bound then text = ("%s, may be %s %s"):format(text, way, relative and percent(bound) .. " %" or ("%.4g"):format(bound)) end
  if guard.users + guard.control_users == 0 then return text end
  return ("%s; %s beside %s of the control group"):format(text, format.plural(guard.users, "user"), format.grouped(guard.control_users))
end

return function(one)
  local lines = {}
  if one.ramp then
    local ramp = one.ramp
    lines[1] = ("ramp: %s%s of the users%s"):format(ramp.before and format.share(ramp.before) .. " → " or "", format.share(ramp.share),
      ramp.users and (", after %s of them had counted"):format(format.grouped(ramp.users)) or "")
  end
  for _, guard in ipairs(one.guards or {}) do lines[#lines + 1] = guard_line(guard) end
  return lines
end
