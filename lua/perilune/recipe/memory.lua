--- What a recipe takes of memory before there is a plan that says so: its networks, which the builder makes in Lua, and
--- the results of its evaluations. The agent's own part follows from the plan (plan:memory, runtime/agent/needs.c).

local format = require "perilune.format"
local keys = require "perilune.keys"
local prl = require "perilune"

local memory = {}

--- Copies of each parameter once the agent is there: value, gradient and two moments of the builder and of the agent,
--- the builder's clone and the plan's.
local COPIES, FLOAT, DOUBLE = 10, 4, 8

-- Weights and biases of layers from `inputs` over the hidden ones to `outputs`; nil: none behind the hidden ones.
local function layers(inputs, hidden, outputs)
  local count, last = 0, inputs
  for i = 1, #hidden + (outputs and 1 or 0) do
    local width = hidden[i] or outputs
    count, last = count + (last + 1) * width, width
  end
  return count
end

local function outputs_of(spec)
  local choices = 0
  for _, n in ipairs(spec.action.choices or {}) do choices = choices + n end
  return math.max(choices, #spec.action.names)
end

-- Parameters by the option that decides on them.
local function networks(recipe, spec)
  local policy, inputs, found = recipe.policy, #spec.observation.names, {}
  local shared = policy.trunk == "shared"
  local features, unit = shared and policy.hidden[#policy.hidden] or inputs, policy.memory
  if unit then
    found["policy.memory"] = 3 * unit[2] * (features + unit[2] + 2)
    features = unit[2]
  end
  for _, name in ipairs(keys(policy.embed or {})) do
    local one = policy.embed[name]
    found["policy.embed." .. name] = (one.vocabulary + 1) * one.width
  end
  local heads = policy.log_std.kind == "state" and 2 or 1
  found["policy.hidden"] = heads * layers(features, shared and {} or policy.hidden, outputs_of(spec)) +
    (shared and layers(inputs, policy.hidden) or 0)
  for _, name in ipairs(keys(recipe.objective.critics)) do
    local hidden = recipe.objective.critics[name].hidden
    local path = (shared or hidden == policy.hidden) and "policy.hidden" or ("objective.critics.%s.hidden"):format(name)
    found[path] = (found[path] or 0) + layers(features, shared and {} or hidden, 1)
  end
  return found
end

--- Steps that wait for their responses at once; 0 where no response has a wait, or how often a stream decides is not known.
--- Also the response that they wait for longest.
function memory.waiting(agent, responses)
  local longest
  for _, response in ipairs(responses) do
    if response.wait_us > (longest and longest.wait_us or 0) then longest = response end
  end
  if not longest or not agent.interval then return 0, longest end
  return agent.streams * (math.floor(longest.wait_us / (agent.interval * 1e6)) + 1), longest
end

-- The numbers of one evaluation.
local function results(recipe, spec)
  local eval, responses = recipe.eval, #spec.responses
  if eval.users == 0 then return "eval.episodes", ("%.0f episodes"):format(eval.episodes), eval.episodes * (responses + 1) end
  local width = 2 * responses + 2 + #spec.action.names + #eval.groups
  return "eval.users", ("%.0f users × %.0f days"):format(eval.users, eval.days), eval.users * eval.days * width
end

--- Refuses (check: of validate.lua) what is above the budget, by the option that makes it large.
function memory.check(check, recipe, spec, algorithm)
  local now = prl.memory()
  local left = math.max(0, now.budget_bytes - now.live_bytes)
  local function afford(path, what, bytes)
    if bytes <= left then return end
    check.fail(path, ("%s take %s of memory; %s are left of a budget of %s (--memory)"):format(what, format.bytes(bytes),
      format.bytes(left), format.bytes(now.budget_bytes)))
  end
  local found = algorithm.search and {} or networks(recipe, spec)
  for _, path in ipairs(keys(found)) do
    afford(path, ("networks of %.0f parameters"):format(found[path]), found[path] * FLOAT * COPIES)
  end
  local path, what, numbers = results(recipe, spec)
  afford(path, what, numbers * DOUBLE)
end

--- What the agent of a plan takes, in one line: "3.1 MB: algorithm.rollout 2.5 MB, …", the most first.
function memory.line(plan)
  local needs, by, parts = plan:memory(), {}, {}
  for _, need in ipairs(needs) do by[need.option] = (by[need.option] or 0) + need.bytes end
  local names = keys(by)
  table.sort(names, function(a, b) return by[a] > by[b] or (by[a] == by[b] and a < b) end)
  for i, name in ipairs(names) do parts[i] = ("%s %s"):format(name, format.bytes(by[name])) end
  return ("%s: %s"):format(format.bytes(needs.bytes), table.concat(parts, ", "))
end

return memory
