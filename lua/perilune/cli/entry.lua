--- An entry of a run's journal on the terminal.

local format = require "perilune.format"
local migration = require "perilune.migration"
local terminal = require "perilune.terminal"

local entry = {}

local function percent(share) return ("%+.4g"):format(100 * share) end

-- What is known of a guard: the lift of a response over the control group with its interval, or a metric.
local function guard_line(guard)
  local bound, way = guard.at_least or guard.at_most, guard.at_least and "at least" or "at most"
  local compared = guard.value and guard.low and guard.high
  local known = guard.value and ("%.4g"):format(guard.value) or "not known"
  if compared then known = ("%s %% (%s to %s)"):format(percent(guard.value), percent(guard.low), percent(guard.high)) end
  local text = guard.name .. ": " .. known
  if bound then text = ("%s, may be %s %s"):format(text, way, compared and percent(bound) .. " %" or ("%.4g"):format(bound)) end
  if not compared then return text end
  return ("%s; %s beside %s of the control group"):format(text, format.plural(guard.users, "user"), format.grouped(guard.control_users))
end

function entry.show(one)
  local time = one.time:gsub("T", " "):gsub("Z$", " UTC")
  terminal.out(("%4.0f  %s  step %s  %s by %s%s\n"):format(one.number, time, format.grouped(one.step), one.kind,
    one.author, one.reason and ": " .. one.reason or ""))
  if one.before ~= one.after then
    terminal.out(("      recipe %s → %s\n"):format(one.before:sub(1, 8), one.after:sub(1, 8)))
  end
  for _, change in ipairs(one.changes or {}) do
    terminal.out(("      %s: %s → %s\n"):format(change.option, change.before or "–", change.after or "–"))
  end
  if one.ramp then
    local ramp = one.ramp
    terminal.out(("      ramp: %s%s of the users%s\n"):format(ramp.before and format.share(ramp.before) .. " → " or "",
      format.share(ramp.share), ramp.users and (", after %s of them had counted"):format(format.grouped(ramp.users)) or ""))
  end
  for _, guard in ipairs(one.guards or {}) do terminal.out("      ", guard_line(guard), "\n") end
  for _, part in ipairs(one.plan or {}) do terminal.out("      ", migration.line(part), "\n") end
  terminal.out("      ", one.outcome, "\n")
end

return entry
