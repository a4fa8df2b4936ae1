--- An entry of a run's journal on the terminal.

local format = require "perilune.format"
local terminal = require "perilune.terminal"

local entries = {}

function entries.show(entry)
  local time = entry.time:gsub("T", " "):gsub("Z$", " UTC")
  terminal.out(("%4.0f  %s  step %s  %s by %s%s\n"):format(entry.number, time, format.grouped(entry.step), entry.kind,
    entry.author, entry.reason and ": " .. entry.reason or ""))
  if entry.before ~= entry.after then
    terminal.out(("      recipe %s → %s\n"):format(entry.before:sub(1, 8), entry.after:sub(1, 8)))
  end
  for _, change in ipairs(entry.changes or {}) do
    terminal.out(("      %s: %s → %s\n"):format(change.option, change.before or "–", change.after or "–"))
  end
  terminal.out("      ", entry.outcome, "\n")
end

return entries
