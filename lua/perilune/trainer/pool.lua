--- Child processes: several command lines of this executable at once.

local posix = require "posix"

local pool = {}

--- How many processors this process may use.
function pool.processors()
  local count = 0
  for line in io.lines("/proc/self/status") do
    for first, last in (line:match("^Cpus_allowed_list:(.*)$") or ""):gmatch("(%d+)%-?(%d*)") do
      count = count + (tonumber(last) or first) - first + 1
    end
  end
  return math.max(count, 1)
end

local function start(executable, job)
  io.stdout:flush()
  io.stderr:flush()
  local pid = assert(posix.fork())
  if pid ~= 0 then return pid end
  local file = posix.open(job.log, posix.O_WRONLY + posix.O_CREAT + posix.O_TRUNC, "rw-r--r--")
  posix.dup2(file, 1)
  posix.dup2(file, 2)
  posix.execp(executable, job.words)
  posix._exit(127)
end

--- Runs every job = {words = {…}, log = path of its output} with at most `limit` at a time. done(job, ok, code) is
--- called as each ends; where it returns false, no further one begins.
function pool.run(jobs, limit, done)
  local executable = assert(posix.readlink("/proc/self/exe"))
  local active, count, position, going = {}, 0, 0, true
  while count > 0 or (going and position < #jobs) do
    while going and count < limit and position < #jobs do
      position = position + 1
      active[start(executable, jobs[position])] = jobs[position]
      count = count + 1
    end
    local pid, reason, code = posix.wait(-1)
    local job = active[pid]
    if job then
      active[pid] = nil
      count = count - 1
      if done(job, reason == "exited" and code == 0, code) == false then going = false end
    end
  end
end

return pool
