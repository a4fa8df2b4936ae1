--- Ctrl-C and SIGTERM. They end a command at once, and what it writes is written whole or not at all; only where something
--- has to be saved first are they caught, and then whatever takes long asks whether one came.

local failure = require "perilune.failure"
local prl = require "perilune"

local interruption = {}

--- The exit code of a command that was stopped.
interruption.code = 130

--- From here on the first signal is only noted; a second one ends the process.
function interruption.catch()
  if prl.catch_interrupt then prl.catch_interrupt() end
end

--- From here on signals end the process again.
function interruption.release()
  if prl.release_interrupt then prl.release_interrupt() end
end

--- Whether one was noted.
function interruption.came() return prl.interrupted ~= nil and prl.interrupted() end

--- Leaves what is at work: a failure that whoever has something to save takes.
function interruption.leave(message) failure.raise(message or "stopped", interruption.code) end

return interruption
