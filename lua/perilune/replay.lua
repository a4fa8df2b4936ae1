--- What the algorithms that learn from steps of other policies have in common: options of a replay memory, corrections, and
--- the choice between twin values.

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

--- The same for an algorithm that also learns without a memory, each step once: they hold where `memory` is given. It draws
--- stretches of streams in place of returns of several steps; its defaults have their length, {…, stretch}.
function replay.optional(default, own)
  local options = common(default)
  options.memory = {nil, "steps", "steps that are kept, to learn from stretches of them; false: each step is learned from once",
    structural = true, min = 1, max = 2 ^ 28, integer = true}
  options.steps = nil
  options.stretch = {default.stretch, "steps", "steps of a stream that are drawn together, fewer where its episode ends",
    structural = true, min = 1, max = 2 ^ 20}
  for _, option in pairs(options) do option.of = "memory" end
  for name, option in pairs(own) do options[name] = option end
  return options
end

--- What corrects steps that an older policy acted.
replay.correction = {nil, "", "corrects steps that an older policy acted, as in {\"vtrace\", rho = 1, c = 1}, and keeps those that "
  .. "close late; false: all count as the policy's own", of = "correction", forms = {vtrace = {
    rho = {1, "", "greatest ratio of densities, now to then, by which a step counts; with a lower one the values are those of "
      .. "a policy nearer to what acted", min = 0},
    c   = {1, "", "greatest ratio by which what comes after a step counts for it", min = 0},
  }}}

--- Of two sets of values (rows, n) that with the smaller total, whole: a minimum of each would favour what the weights are
--- negative for. total(values) → (rows).
function replay.smaller(a, b, total)
  return prl.where(prl.le(total(a), total(b)):reshape(-1, 1), a, b)
end

--- Where the recipe refits critics after a swap: how much of its goal's variance (rows) a value says before it learns from it,
--- 1 − Var(goal − value)/Var(goal). The goal counts values itself, so that this is near 1 sooner than of whole returns.
function replay.explain(learn, name, value, goal)
  if not learn:refits() then return end
  local function variance(x) return (x - x:mean()):square():mean() end
  learn:metric("explained_variance/" .. name, 1 - variance(goal - value) / (variance(goal) + 1e-12))
end

return replay
