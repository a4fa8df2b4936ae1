--- The journal of a run, journal.jsonl: one line for each thing that an operator did to it, a JSON object whose fields
--- records/schema.lua lists (`entry`).
---
--- A line's `previous` is the hash of the line before, its bytes without the line break; that of the first is 32 zeros. So
--- no line can be changed, taken out or moved without a trace in what comes after it. run.json counts the lines and has
--- the hash of the last one, so that an end that was cut off is missed, too. The hash is that of all files of the house
--- (prl.hash_bytes, XXH3-128): it finds what was damaged or edited, and is no signature. Somebody who writes all the lines and
--- run.json anew leaves no trace under any hash without a key; a copy of the last line's hash elsewhere shows that, too.

local failure = require "perilune.failure"
local prl = require "perilune"
local records = require "perilune.records"
local text_of = require "perilune.records.text"

local journal = {name = "journal.jsonl", first = ("0"):rep(32)}

local most_bytes = 2 ^ 28

-- One line checked against those before it: its entry, or nil and what is wrong.
local function entry_of(line, number, previous)
  local entry, message = records.parse(line, "entry")
  if not entry then return nil, message end
  if entry.number ~= number then
    return nil, ("its number is %.0f, and line %d was expected here: lines are missing or were moved"):format(entry.number, number)
  end
  if entry.previous ~= previous then
    return nil, ("it comes after a line with the hash %s, and that of the line before it is %s: one of them was changed"):format(
      entry.previous, previous)
  end
  return entry
end

--- The entries of a journal's text, the hash of its last line, and what stands behind the last line break. Or nil, the line
--- and what is wrong with it.
function journal.parse(text)
  local entries, hash, done = {}, journal.first, 0
  for line, stop in text:gmatch("([^\n]*)\n()") do
    local entry, message = entry_of(line, #entries + 1, hash)
    if not entry then return nil, #entries + 1, message end
    entries[#entries + 1], hash, done = entry, prl.hash_bytes(line), stop - 1
  end
  return entries, hash, text:sub(done + 1)
end

-- What is missing of what run.json counts; nil where nothing is. at: {lines, hash}.
local function cut_off(text, entries, at)
  if not at then return nil end
  if #entries < at.lines then
    return #entries, ("this is the last line, and run.json counts %.0f: the end was cut off"):format(at.lines)
  end
  local line = 0
  for bytes in text:gmatch("([^\n]*)\n") do
    line = line + 1
    if line == at.lines then
      if prl.hash_bytes(bytes) ~= at.hash then return line, ("its hash is not %s, as run.json says: it was changed"):format(at.hash) end
      return nil
    end
  end
end

--- The entries of a run's journal, in order, and the hash of the last line; none where nothing was done to the run. Raises
--- what is no whole journal, by its line. rest: what was being written when a process ended, behind the last line, is given as
--- a third result with the text before it, and is no failure; nothing of it was in force.
function journal.read(folder, info, rest)
  local path = folder .. "/" .. journal.name
  local text = text_of(path, most_bytes)
  if not text then
    if info.journal then failure.run(("%s is not there, and run.json counts %.0f lines of it"):format(path, info.journal.lines)) end
    return {}, journal.first
  end
  local function refuse(line, message) failure.run(("%s:%d: %s"):format(path, line, message)) end
  local entries, hash, left = journal.parse(text)
  if not entries then refuse(hash, left) end
  local line, message = cut_off(text, entries, info.journal)
  if line then refuse(line, message) end
  if left ~= "" and not rest then
    refuse(#entries + 1, "the line does not end: it was cut, or its process ended while it wrote it; it was never in force")
  end
  return entries, hash, left ~= "" and text:sub(1, #text - #left) or nil
end

-- Whether a run that went on from an older checkpoint has the entry no more. Two may be of the same step, of which the checkpoint
-- has the first.
local function undone(entry, resumed)
  return entry.step > resumed.step or entry.step == resumed.step and entry.after ~= resumed.after
end

local changing = {swap = true, confirm = true, rollback = true}

local function changed_recipe(entry) return changing[entry.kind] and entry.outcome == "in force" end

--- The entries that brought a recipe into force, or more users to it, in order: not what a checkpoint of before them undid.
function journal.brought(entries)
  local found = {}
  for _, entry in ipairs(entries) do
    if entry.kind == "resume" then
      while #found > 0 and undone(found[#found], entry) do found[#found] = nil end
    elseif changed_recipe(entry) or entry.kind == "ramp" then
      found[#found + 1] = entry
    end
  end
  return found
end

--- Of these the entries that changed the recipe in force.
function journal.swaps(entries)
  local found = {}
  for _, entry in ipairs(journal.brought(entries)) do
    if changed_recipe(entry) then found[#found + 1] = entry end
  end
  return found
end

return journal
