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

--- Adds a line for `fields`, with its number, time and the hash of the line before. Returns the entry.
function writing.append(run, fields)
  local path, at = run.folder:file(journal.name), run.info.journal or {lines = 0, hash = journal.first}
  local entry = {number = at.lines + 1, previous = at.hash, time = os.date("!%Y-%m-%dT%H:%M:%SZ"), step = run.state.step,
    before = run.info.hash, after = run.info.hash}
  for name, value in pairs(fields) do entry[name] = value end
  local line = prl.to_json(entry)
  failure.check(prl.io.append(path, line .. "\n"))
  run.info.journal = {lines = entry.number, hash = prl.hash_bytes(line)}
  run.info.step = run.state.step
  run.folder:write_json("run.json", run.info)
  return entry
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
