--- Child processes: several command lines of this executable at once, or functions.

local posix = require "posix"
local failure = require "perilune.failure"
local interruption = require "perilune.interruption"
local prl = require "perilune"
local terminal = require "perilune.terminal"

local pool = {}

local pause = 2e7 -- ns between two looks at the children

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

local function become(executable, job, parent)
  if prl.end_with then prl.end_with(parent) end -- a sweep that is killed leaves no trainings behind
  posix.setpid("p", 0, 0) -- a group of its own: Ctrl-C reaches it once, from pool.run
  local file = assert(posix.open(job.log, posix.O_WRONLY + posix.O_CREAT + posix.O_TRUNC, "rw-r--r--"))
  posix.dup2(file, 1)
  posix.dup2(file, 2)
  if interruption.came() then posix._exit(interruption.code) end
  if job.words then posix.execp(executable, job.words) end
  local ok, message = xpcall(job.work, failure.handler)
  if not ok then terminal.err("perilune: ", tostring(message), "\n") end
  posix._exit(ok and 0 or message.code or 1)
end

local function start(executable, job)
  io.stdout:flush()
  io.stderr:flush()
  local parent = posix.getpid "pid"
  local pid = assert(posix.fork())
  if pid ~= 0 then return pid end
  pcall(become, executable, job, parent)
  posix._exit(127) -- whatever went wrong: a child never goes on in the parent's place
end

-- The next child that ends. Children are looked at rather than waited for, so that Ctrl-C is seen at once; it is
-- handed on to them one time, since a second one would kill them before they have saved.
local function next_end(active, state)
  while true do
    local pid, reason, code = posix.wait(-1, posix.WNOHANG)
    if pid and pid > 0 then return pid, reason, code end
    if not state.stopped and interruption.came() then
      state.stopped = true
      for child in pairs(active) do posix.kill(child, posix.SIGINT) end
    end
    posix.nanosleep(0, pause)
  end
end

--- Runs every job = {words = {…}, or work = a function that a copy of this process calls, log = path of its output} with at most
--- `limit` at a time. done(job, ok, code) is called as each ends, code 130 where Ctrl-C ended it; where it returns false, no further
--- one begins. On Ctrl-C the children are told, and waited for. Returns whether that happened. executable: in place of this one.
function pool.run(jobs, limit, done, executable)
  executable = executable or assert(posix.readlink("/proc/self/exe"))
  interruption.catch()
  local active, count, position, going, state = {}, 0, 0, true, {}
  while count > 0 or (going and position < #jobs) do
    while going and count < limit and position < #jobs do
      position = position + 1
      active[start(executable, jobs[position])] = jobs[position]
      count = count + 1
    end
    local pid, reason, code = next_end(active, state)
    local job = active[pid]
    if job then
      active[pid] = nil
      count = count - 1
      if reason ~= "exited" and code == posix.SIGINT then code = 130 end
      if done(job, reason == "exited" and code == 0, code) == false or state.stopped then going = false end
    end
  end
  interruption.release()
  return state.stopped == true
end

return pool
