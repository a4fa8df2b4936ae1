--- Ctrl-C and SIGTERM. They end a command at once, and what it writes is written whole or not at all; only where something
--- has to be saved first are they caught, and then whatever takes long asks whether one came.

local posix = require "posix"
local failure = require "perilune.failure"
local prl = require "perilune"
local terminal = require "perilune.terminal"

local interruption = {}

--- The exit code of a command that was stopped.
interruption.code = 130

-- In another LuaJIT, where main.c does not catch them: a function is called between two lines of Lua.
local own, noted = {posix.SIGINT, posix.SIGTERM}, false

local function note()
  noted = true
  terminal.err "\nperilune: stopping; once more: at once\n"
end

--- From here on the first signal is only noted, and said; a second one ends the process.
function interruption.catch()
  if prl.catch_interrupt then return prl.catch_interrupt() end
  for _, signal in ipairs(own) do posix.signal(signal, note, posix.SA_RESETHAND) end
end

--- From here on signals end the process again.
function interruption.release()
  if prl.release_interrupt then return prl.release_interrupt() end
  for _, signal in ipairs(own) do posix.signal(signal, "SIG_DFL") end
end

-- Compiled loops call no `note`: what is not compiled keeps the loop that asks out of them.
local function own_came() return noted end
if jit then jit.off(own_came) end

--- Whether one was noted.
function interruption.came()
  if prl.interrupted then return prl.interrupted() end
  return own_came()
end

--- Leaves what is at work: a failure that whoever has something to save takes.
function interruption.leave(message) failure.raise(message or "stopped", interruption.code) end

return interruption
