--- Writing a run's journal (records/journal.lua says what it is): a line is on the disk before what it says is in force.

local failure = require "perilune.failure"
local posix = require "posix"
local prl = require "perilune"
local journal = require "perilune.records.journal"

local writing = {}

--- Who works here, for a line's author.
function writing.author()
  local user = posix.getpasswd(posix.geteuid())
  return user and user.name or ("user %d"):format(posix.geteuid())
end

--- What happens now, as an entry that is still to be written: `fields` with the time, the step and the recipe in force.
function writing.entry(run, fields)
  local entry = {time = os.date("!%Y-%m-%dT%H:%M:%SZ"), step = run.state.step, before = run.info.hash, after = run.info.hash}
  for name, value in pairs(fields) do entry[name] = value end
  return entry
end

--- Adds a line for an entry, or for `fields` of what happens now, with its number and the hash of the line before. Returns the
--- entry; raises where it cannot be written, and then there is no line of it. That run.json cannot is the second result, a
--- sentence: the line is there, and run.json counts it when it is written next.
function writing.append(run, fields)
  local path, at = run.folder:file(journal.name), run.info.journal or {lines = 0, hash = journal.first}
  local entry = writing.entry(run, fields)
  entry.number, entry.previous = at.lines + 1, at.hash
  local line = prl.to_json(entry)
  failure.check(prl.io.append(path, line .. "\n"))
  run.info.journal = {lines = entry.number, hash = prl.hash_bytes(line)}
  run.info.step = run.state.step
  local ok, message = prl.io.write(run.folder:file "run.json", prl.to_json(run.info, 2) .. "\n")
  return entry, not ok and message or nil
end

--- Takes up the journal of a run that goes on; the line that a process was writing when it ended is taken away. Returns the
--- entries.
function writing.take_up(run)
  local entries, hash, whole = journal.read(run.folder.path, run.info, true)
  if whole then run.folder:write(journal.name, whole) end
  run.info.journal = #entries > 0 and {lines = #entries, hash = hash} or nil
  return entries
end

return writing
