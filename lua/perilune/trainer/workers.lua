--- Whether a recipe can be trained as is asked beside it: by several workers, or acting by an older policy.

local format = require "perilune.format"
local schema = require "perilune.recipe.schema"

local workers = {}

local function name_of(loaded) return loaded.recipe.algorithm[1] or loaded.recipe.algorithm.lua end

-- Each of so many workers has a part of the instances.
local function against_workers(loaded, count)
  local n = loaded.env.n
  if not loaded.algorithm.asynchronous then return ("%s learns by one worker; a3c does by several"):format(name_of(loaded)) end
  if loaded.env.kind == "lua" then return "an environment in Lua is driven by one worker" end
  if loaded.recipe.agent.baseline then return "a control group (agent.baseline) is for one worker" end
  if count > n then return ("each drives some of the env's instances, and env.n is %d"):format(n) end
end

-- The algorithm learns from steps of older policies.
local function against_lag(loaded, lag, count)
  local made = loaded.algorithm
  if lag > schema.most_lag then return ("expected from 0 to %s updates"):format(format.grouped(schema.most_lag)) end
  if not made.build then return name_of(loaded) .. " is a search, and acts by what it tries" end
  if count > 1 then return "workers have a lag of their own (the metric `lag`)" end
  if made.stale == "drop" and not loaded.recipe.algorithm.correction then
    return name_of(loaded) .. ' drops the steps of older policies: a correction is needed with it, as in correction = {"vtrace"}'
  end
end

--- What is against training a loaded recipe so, {workers, lag}: "workers" or "lag", and the sentence; nil: nothing.
function workers.refused(loaded, options)
  local count, lag = options.workers or 1, options.lag or 0
  local message = count > 1 and against_workers(loaded, count)
  if message then return "workers", message end
  message = lag > 0 and against_lag(loaded, lag, count)
  if message then return "lag", message end
end

return workers
