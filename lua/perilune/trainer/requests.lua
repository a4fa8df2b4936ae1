--- What a command asks of a training that is at work in another process: a file, request.json, that is renamed into the run's
--- folder. The training looks for it between two updates, takes it by another name, taken.json, and answers with a line of the
--- journal; where that cannot be written, with a file, answer.json. Then taken.json goes. So one request waits at a time, who put
--- it there may take it back, and whoever may write in the folder may ask, since no file outlasts its use.

local posix = require "posix"
local failure = require "perilune.failure"
local interruption = require "perilune.interruption"
local invocation = require "perilune.invocation"
local prl = require "perilune"
local journal = require "perilune.records.journal"
local locks = require "perilune.trainer.locks"
local records = require "perilune.records"

local requests = {name = "request.json", taken = "taken.json", answer = "answer.json"}

local most_bytes = 65536
local pause = 5e7 -- ns between two looks for the answer

--- Whether a process trains in the folder; nil and why where that cannot be told.
function requests.at_work(path) return locks.taken(path, ".lock") end

local function answer_to(folder, id)
  local text = prl.io.read(folder:file(journal.name)) or ""
  local last = ("\n" .. text):match("^.*\n([^\n]*)\n$")
  local entry = last and records.parse(last, "entry")
  if entry and entry.request == id then return entry end
  if not text:find(id, 1, true) then return nil end
  for line in text:gmatch("([^\n]*)\n") do -- others came behind it
    entry = records.parse(line, "entry")
    if entry and entry.request == id then return entry end
  end
end

-- The answer where the journal could not be written. An empty one: nor could the reason be.
local function unwritten_answer(folder, id)
  local path = folder:file(requests.answer)
  local text = posix.stat(path) and prl.io.read(path, most_bytes)
  if not text then return nil end
  local entry = text ~= "" and failure.check(records.parse(text, "answer"))
  if entry and entry.request ~= id then return nil end
  os.remove(path)
  return entry or {outcome = ("refused: the training in %s cannot write its journal, nor why, since the disk is full; nothing is changed")
    :format(folder.path)}
end

-- The command is stopped, and what it asked for is not: what becomes of it, where that is seen, and how it is taken back.
local function leave(folder, kind)
  local path, ways = folder:file(requests.name), {}
  local waits = posix.stat(path) ~= nil
  if waits then ways[1] = ("remove %s while it waits"):format(path) end
  if kind == "swap" then ways[#ways + 1] = invocation.line("rollback", folder.path) .. " when it is in force" end
  interruption.leave(("the %s %s: %s shows what becomes of it%s"):format(kind, waits and "waits on, and will be carried out"
    or "was taken by the training, and is carried out", invocation.line("status", folder.path),
    #ways > 0 and "; to take it back: " .. table.concat(ways, ", or ") or ""))
end

-- Whether the request of that id waits, or was taken and has no answer yet.
local function is_there(folder, id)
  for _, name in ipairs {requests.name, requests.taken} do
    local text = prl.io.read(folder:file(name), most_bytes)
    if text and text:find(('"%s"'):format(id), 1, true) then return true end
  end
  return false
end

-- Puts it where the training looks, whole, and in no other's place.
local function put(folder, request)
  local path = folder:file(requests.name)
  local draft = ("%s.%d.0.tmp"):format(path, posix.getpid "pid") -- which paths.clear_halves knows
  failure.check(prl.io.write(draft, prl.to_json(request) .. "\n"))
  posix.chmod(draft, "rw-r--r--") -- whoever trains reads it, whatever this user's umask
  local done, why, code = posix.link(draft, path)
  os.remove(draft)
  if code == posix.EEXIST then
    failure.run(("a request waits for the training in %s already, and will be carried out: perilune journal shows when it is")
      :format(folder.path))
  end
  if not done then failure.run(("cannot make %s: %s"):format(path, why)) end
end

--- Asks {kind, recipe, set, author, reason} (a rollback has no recipe) of the training in a run's folder (trainer/folder.lua), and
--- waits for the answer, an entry of the journal.
function requests.ask(folder, request)
  local at_work, unknown = requests.at_work(folder.path)
  if unknown then failure.run(("it cannot be told whether a training is at work: %s"):format(unknown)) end
  if not at_work then
    failure.run(("no training is at work in %s: it takes another recipe while it trains"):format(folder.path))
  end
  local seconds, nanoseconds = posix.clock_gettime("realtime")
  os.remove(folder:file(requests.answer)) -- of a command that was stopped before it
  request.format, request.id = 1, ("%d.%d.%d"):format(seconds, nanoseconds, posix.getpid("pid"))
  put(folder, request)
  interruption.catch() -- so that it can be said that the request stays
  local entry
  while not entry do
    if interruption.came() then leave(folder, request.kind) end
    posix.nanosleep(0, pause)
    local over = requests.at_work(folder.path) == false
    local gone = not is_there(folder, request.id) -- looked at before the answer, which comes before what was taken goes
    entry = answer_to(folder, request.id) or unwritten_answer(folder, request.id)
    if over and not entry then
      os.remove(folder:file(requests.name))
      failure.run(("the training in %s ended before it took the request"):format(folder.path))
    elseif gone and not entry then
      failure.run(("the %s was taken back: %s was removed before the training took it"):format(request.kind, folder:file(requests.name)))
    end
  end
  interruption.release()
  return entry
end

--- The request that waits, as it is told; nil: none does.
function requests.waiting(path)
  local text = prl.io.read(path .. "/" .. requests.name, most_bytes)
  local request = text and records.parse(text, "request")
  return request and {kind = request.kind, author = request.author, reason = request.reason}
end

local function read(path)
  local text, message = prl.io.read(path, most_bytes)
  if not text then return nil, message end
  return records.parse(text, "request")
end

--- The request that waits in the folder, if one does, which is taken away: it, for requests.done; or nil and a sentence where it
--- is none, or cannot be taken away, so that it would be carried out again and again.
function requests.take(folder)
  local path, taken = folder:file(requests.name), folder:file(requests.taken)
  if not posix.stat(path) then return nil end
  local moved, why = os.rename(path, taken)
  if not moved then return nil, ("a request is not carried out, since it cannot be taken away: %s"):format(why) end
  local request, message = read(taken)
  if request then return request end
  requests.done(folder)
  return nil, ("%s: %s; it was taken away"):format(path, message)
end

--- What was taken has its answer.
function requests.done(folder) os.remove(folder:file(requests.taken)) end

--- Answers a request of which the journal has no line: what was found, {request, outcome}.
function requests.reply(folder, found)
  local path = folder:file(requests.answer)
  if prl.io.write(path, prl.to_json(found) .. "\n") then return end
  local empty = io.open(path, "w") -- takes no room on a full disk
  if empty then empty:close() end
end

--- What waited for a training that is over is asked of none that comes: it is taken away, and what has no answer is returned.
function requests.left(folder)
  local list = {}
  for _, name in ipairs {requests.taken, requests.name} do
    local path = folder:file(name)
    local request = posix.stat(path) and read(path)
    if request and not answer_to(folder, request.id) then list[#list + 1] = request end
    os.remove(path)
  end
  os.remove(folder:file(requests.answer))
  return list
end

return requests
