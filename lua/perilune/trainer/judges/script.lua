--- The judge of a script's own loop: the responses of the episodes that run.evaluate gives, shown as the judge by episodes
--- shows them. Only the script can play them.

local episodes = require "perilune.trainer.judges.episodes"

local script = setmetatable({}, {__index = episodes})

local Script = setmetatable({has_length = false}, {__index = episodes.Judge})
Script.__index = Script

function script.asked(_, kind) return kind == "script" end

function script.new(info) return setmetatable({info = info}, Script) end

function Script:play(run) return run.driver:evaluation() end -- luacheck: no self

--- Those of the judge by episodes, without the length.
function script.metrics(responses, evaluation)
  local metrics = {}
  for _, metric in ipairs(episodes.metrics(responses, evaluation)) do
    if metric.name ~= "length" then metrics[#metrics + 1] = metric end
  end
  return metrics
end

return script
