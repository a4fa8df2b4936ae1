--- Where guards and a ramp stand while a run trains, standing.json: written now and then by the training, for `perilune status` in
--- another process.

local posix = require "posix"
local prl = require "perilune"
local records = require "perilune.records"

local standing = {name = "standing.json"}

--- Guards of the agent (agent:guards) as records have them.
function standing.numbers(guards)
  local list = {}
  for i, guard in ipairs(guards) do
    list[i] = {name = guard.name, at_least = guard.at_least, at_most = guard.at_most, value = guard.value, low = guard.low,
      high = guard.high, users = guard.users, control_users = guard.control_users}
  end
  return list
end

--- Whether nothing is counted: nothing was swapped in.
local function idle(guards)
  for _, guard in ipairs(guards) do
    if guard.state ~= "idle" then return false end
  end
  return true
end

--- Writes it; where nothing is counted there is none. It is of no weight: that it cannot be written is no failure.
function standing.write(run)
  local guards, ramp = run.agent:guards(), run.agent:ramp()
  if idle(guards) then return standing.forget(run.folder) end
  prl.io.write(run.folder:file(standing.name), prl.to_json {step = run.state.step, hash = run.agent:hash(),
    guards = standing.numbers(guards),
    ramp = ramp and {share = ramp.share, at = ramp.at, count = ramp.count, after = ramp.after, users = ramp.users} or nil} .. "\n")
end

function standing.forget(folder) os.remove(folder:file(standing.name)) end

--- What was written last in the folder of a run; nil: nothing is counted.
function standing.read(path)
  local file = path .. "/" .. standing.name
  return posix.stat(file) and records.read(file, "standing") or nil
end

return standing
