--- The judge of a script's own loop: the responses of the episodes that run.evaluate gives, as the judge by episodes shows
--- them. Only the script can play them.

local failure = require "perilune.failure"
local episodes = require "perilune.trainer.judges.episodes"

local script = setmetatable({}, {__index = episodes})

local Script = setmetatable({last_apart = false}, {__index = episodes.Judge})
Script.__index = Script

function script.asked(_, kind) return kind == "script" end

function script.new(info) return setmetatable({info = info}, Script) end

function Script:measure(run) return run.driver:evaluation() end -- luacheck: no self

--- The judge by episodes has the length, too.
function script.metrics(responses)
  local metrics = episodes.metrics(responses)
  metrics[#metrics] = nil
  return metrics
end

function script.compare(places)
  failure.usage(("%s is a script's run, which nothing else can play: compare the scripts, or folders of their runs"):format(
    places[1].path))
end

return script
