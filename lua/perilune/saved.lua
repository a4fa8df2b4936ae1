--- Agents that were saved: by their files, or by the folders of the runs that saved them.

local posix = require "posix"
local prl = require "perilune"

local saved = {}

--- The checkpoints of a run's folder that have both files, oldest first: paths without their endings.
function saved.checkpoints(folder)
  local found, place = {}, folder .. "/checkpoints"
  for name in posix.stat(place) and posix.files(place) or function() end do
    local base = name:match("^(step%-%d+)%.json$")
    local path = base and place .. "/" .. base
    if base and posix.stat(path .. ".safetensors") then found[#found + 1] = path end
  end
  table.sort(found)
  return found
end

--- The step at which one of these was saved.
function saved.step(checkpoint) return tonumber(checkpoint:match("step%-(%d+)$")) end

--- The agent of a file, or the newest of a run's folder that is whole: the agent and its file; or nil and a sentence.
function saved.agent(path)
  path = path:gsub("(.)/+$", "%1")
  local stat = posix.stat(path)
  if not stat then return nil, ("there is no run or agent %s"):format(path) end
  if stat.type ~= "directory" then
    local agent, message = prl.load_agent(path)
    return agent, agent and path or message
  end
  local all, first = saved.checkpoints(path), nil
  for i = #all, 1, -1 do
    local agent, message = prl.load_agent(all[i] .. ".safetensors")
    if agent then return agent, all[i] .. ".safetensors" end
    first = first or message
  end
  return nil, first or ("%s has no checkpoint"):format(path)
end

--- The same, and the digest of the file; refused where `digest` is given and another one.
function saved.exactly(path, digest)
  local agent, file = saved.agent(path)
  if not agent then return nil, file end
  local found = prl.hash_bytes(assert(prl.io.read(file)))
  if digest and digest ~= found then return nil, ("%s has the digest %s, and digest says %s"):format(file, found, digest) end
  return agent, found
end

--- Why what acts in a saved agent (prl.acting) cannot act beside another policy that normalises its observations so (policy.normalise),
--- as a sentence; nil: it can.
function saved.unfit(acting, normalise)
  if acting.memory then return "its policy has a memory, policy.memory, and no state of one comes with these rows" end
  local clip = acting.normaliser and acting.normaliser.clip or false
  if clip ~= normalise then
    return ("it normalises observations with policy.normalise = %s, and here it is %s: both read the same ones"):format(
      tostring(clip), tostring(normalise))
  end
end

--- Where an agent has other observations or actions than the environment of this spec, as a sentence; nil: nowhere.
function saved.difference(agent, spec)
  local own = agent:spec()
  local function differs(what, found, expected)
    for i = 1, math.max(#found, #expected) do
      if found[i] ~= expected[i] then
        return ("its %s %d is %s, and the environment's is %s"):format(what, i, found[i] or "absent", expected[i] or "absent")
      end
    end
  end
  return differs("observation", own.observation.names, spec.observation.names)
    or differs("action", own.action.names, spec.action.names)
    or differs("kind of action", {own.action.kind}, {spec.action.kind})
    or differs("number of choices of action", own.action.choices or {}, spec.action.choices or {})
end

return saved
