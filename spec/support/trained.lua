--- What specs read of a run, and do to its training.

local assert = require "luassert"
local posix = require "posix"
local prl = require "perilune"

local trained = {}

function trained.read(run, name) return assert(prl.io.read(run.folder:file(name))) end

function trained.info(run) return assert(prl.from_json(trained.read(run, "run.json"))) end

--- Before the run's n-th update: fn.
function trained.at(run, n, fn)
  local advance = run.driver.advance
  function run.driver:advance()
    n = n - 1
    if n == 0 then fn() end
    advance(self)
  end
end

--- The run, after a process that trained it was killed: where(kill) says at which point it calls kill.
function trained.killed(run, where)
  local pid = posix.fork()
  if pid == 0 then
    where(function()
      run.log:flush()
      posix.kill(posix.getpid "pid", posix.SIGKILL)
    end)
    pcall(run.train, run)
    posix._exit(1)
  end
  assert.same({pid, "killed", posix.SIGKILL}, {posix.wait(pid)})
  return run
end

--- What fn(...) writes to standard error, then what it returns.
function trained.silently(fn, ...)
  local stderr, file = io.stderr, assert(io.tmpfile())
  io.stderr = file -- luacheck: ignore
  local results = {pcall(fn, ...)}
  io.stderr = stderr -- luacheck: ignore
  file:seek "set"
  local text = file:read "*a"
  file:close()
  if not results[1] then error(results[2], 0) end
  return text, unpack(results, 2)
end

return trained
