--- What the algorithms that learn from replay memory have in common: options, and the choice between twin values.

local prl = require "perilune"

local replay = {}

-- The greatest are those of the plan (runtime/agent/verbs/memory.c).
local function common(default)
  return {
    rollout   = {default.rollout, "steps", "steps per instance between two rounds of updates", structural = true, min = 1},
    memory    = {1e5, "steps", "steps that are kept", structural = true, min = 1, max = 2 ^ 28},
    start     = {1000, "steps", "steps before the first update", structural = true, min = 0, integer = true},
    minibatch = {default.minibatch, "steps", "steps of an update", structural = true, min = 1, max = 2 ^ 20},
    updates   = {default.updates, "", "updates for each step that was made", min = 0},
    steps     = {1, "steps", "steps of rewards before the value of the state after them", structural = true, min = 1,
                 max = 2 ^ 10},
  }
end

--- The options of an algorithm: those in common, with its defaults {rollout, minibatch, updates}, and its own.
function replay.options(default, own)
  local options = common(default)
  for name, option in pairs(own) do options[name] = option end
  return options
end

--- Of two sets of values (rows, n) that with the smaller total, whole: a minimum of each would favour what the weights are
--- negative for. total(values) → (rows).
function replay.smaller(a, b, total)
  local first = prl.le(total(a), total(b)):reshape(-1, 1)
  return a * first + b * (1 - first)
end

return replay
