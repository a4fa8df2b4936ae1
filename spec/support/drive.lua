--- An agent that a spec drives itself, through a vector env.

local prl = require "perilune"

local drive = {}

--- Drives so many updates; the metrics after each, as JSON.
function drive.updates(agent, env, count)
  local lines = {}
  for i = 1, count do
    agent:drive(env, 1e6, true)
    lines[i] = prl.to_json(agent:metrics())
  end
  return lines
end

return drive
