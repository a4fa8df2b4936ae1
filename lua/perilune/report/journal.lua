--- What was done to a run while it trained: its section of the report, and the places of its curves where another recipe came
--- into force.

local format = require "perilune.format"
local html = require "perilune.report.html"
local judged = require "perilune.judged"
local migration = require "perilune.migration"
local past = require "perilune.records.journal"

local journal = {}

local tag = html.tag

--- [{x, text}] for the charts over steps.
function journal.marks(run)
  local marks = {}
  for i, entry in ipairs(past.brought(run.journal or {})) do
    marks[i] = {x = entry.step, text = ("Step %s: %s by %s%s"):format(format.grouped(entry.step), entry.kind, entry.author,
      (entry.reason or entry.kind == "ramp") and ": " .. (entry.reason or entry.outcome) or "")}
  end
  return marks
end

local function changes_of(entry)
  local list = {}
  for i, change in ipairs(entry.changes or {}) do
    list[i] = tag("div", nil, tag("code", nil, ("%s: %s → %s"):format(change.option, change.before or "–", change.after or "–")))
  end
  return list
end

-- What it says of a ramp and of guards.
local function judged_of(entry)
  local list = {}
  for i, line in ipairs(judged(entry)) do list[i] = tag("div", nil, line) end
  return list
end

-- What became of each part of the agent, folded up.
local function plan_of(entry)
  if not entry.plan or #entry.plan == 0 then return nil end
  local lines = {}
  for i, part in ipairs(entry.plan) do lines[i] = migration.line(part) .. "\n" end
  return tag("details", nil, tag("summary", nil, ("What %s of the agent's %d parts"):format(entry.kind == "check" and "would become"
    or "became", #lines)), tag("pre", nil, lines))
end

function journal.section(run)
  local rows = {}
  for i, entry in ipairs(run.journal or {}) do
    rows[i] = {format.grouped(entry.step), entry.kind, entry.author, entry.reason or "–",
      {changes_of(entry), judged_of(entry), tag("div", nil, entry.outcome), plan_of(entry)}}
  end
  if #rows == 0 then return nil end
  return {
    tag("h2", nil, "What was done to it"),
    tag("p", {class = "lead"}, "Every line of the journal. Where another recipe came into force, or a ramp to its next share, the curves "
      .. "have a dashed line."),
    html.cards({{"Step", "n"}, {"What", ""}, {"Who", ""}, {"Why", ""}, {"Changes and outcome", ""}}, rows),
  }
end

return journal
