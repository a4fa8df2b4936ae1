--- An entry of a run's journal on the terminal.

local format = require "perilune.format"
local judged = require "perilune.judged"
local migration = require "perilune.migration"
local terminal = require "perilune.terminal"

local entry = {}

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
  for _, line in ipairs(judged(one)) do terminal.out("      ", line, "\n") end
  for _, part in ipairs(one.plan or {}) do terminal.out("      ", migration.line(part), "\n") end
  terminal.out("      ", one.outcome:gsub("\n", "\n      "), "\n")
end

return entry
