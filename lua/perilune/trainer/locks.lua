--- Locks of a folder, files that a process has to itself until it gives them back or ends.

local posix = require "posix"
local failure = require "perilune.failure"

local locks = {}

local function whole() return {l_type = posix.F_WRLCK, l_whence = posix.SEEK_SET, l_start = 0, l_len = 0} end

--- The lock of that name, for locks.release; nil where another process has it.
function locks.take(folder, name)
  local file, why = posix.open(("%s/%s"):format(folder, name), posix.O_WRONLY + posix.O_CREAT, "rw-r--r--")
  if not file then failure.run("cannot lock " .. why) end
  if posix.fcntl(file, posix.F_SETLK, whole()) then return file end
  posix.close(file)
end

--- Whether another process has it, for whoever may read it; nil and why where that cannot be told.
function locks.taken(folder, name)
  local file, why, code = posix.open(("%s/%s"):format(folder, name), posix.O_RDONLY)
  if code == posix.ENOENT then return false end
  if not file then return nil, why end
  local found = whole()
  posix.fcntl(file, posix.F_GETLK, found)
  posix.close(file)
  return found.l_type ~= posix.F_UNLCK
end

function locks.release(file) posix.close(file) end

return locks
