--- What a new run begins with of another's (`train --start-from`): what was taken, for run.json and for a terminal.

local failure = require "perilune.failure"
local prl = require "perilune"
local folder = require "perilune.trainer.folder"

local start = {}

--- The new agent begins with the policy, critics and statistics of the agent at `path`, a run's folder or an agent's file,
--- where they fit. Returns {from = the file, digest, parts = [{part, name, taken, of}]} (agent:start_from).
function start.from(agent, path)
  local file, other = folder.agent(path)
  local ok, parts = pcall(agent.start_from, agent, other)
  other:free()
  if not ok then failure.usage(("--start-from %s: %s"):format(path, (tostring(parts):gsub("^start_from: ", "")))) end
  return {from = file, digest = prl.hash_bytes(failure.check(prl.io.read(file))), parts = parts}
end

local function name_of(part)
  if part.part == "parameters" then return part.name end
  return part.part == "observations" and "statistics of observations" or ("statistics of %s's returns"):format(part.name)
end

-- Whether the policy begins nearly from scratch, as it does where its layers have another width.
local function little_taken(parts)
  for _, part in ipairs(parts) do
    if part.part == "parameters" and part.name == "policy" and 2 * part.taken < part.of then return true end
  end
  return false
end

--- What was taken and what was not, in two lines; and one more where it is little.
function start.text(about)
  local taken, fresh = {}, {}
  for _, part in ipairs(about.parts) do
    local name = name_of(part)
    if part.taken > 0 and part.taken < part.of then name = ("%s (%.0f of %.0f numbers)"):format(name, part.taken, part.of) end
    local list = part.taken > 0 and taken or fresh
    list[#list + 1] = name
  end
  return ("Starting with %s of %s\n"):format(table.concat(taken, ", "), about.from)
    .. (#fresh > 0 and ("New: %s\n"):format(table.concat(fresh, ", ")) or "")
    .. (little_taken(about.parts) and "Most of the policy begins anew: a layer of another width takes nothing over\n" or "")
end

return start
