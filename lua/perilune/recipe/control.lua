--- The control group of a recipe, `agent.baseline`: a fixed policy that serves a share of the users beside the one that learns.

local environment = require "perilune.recipe.environment"
local prl = require "perilune"
local saved = require "perilune.saved"
local schema = require "perilune.recipe.schema"
local search = require "perilune.recipe.search"
local values = require "perilune.recipe.values"

local control = {}

--- A saved agent's: neither a constant action nor the name of one.
local function is_saved(policy) return type(policy) ~= "table" and policy ~= "zero" and policy ~= "ltr" end

-- A saved policy: that it is there and fits. What was resolved once is in its plan, and need not be there again.
local function saved_policy(check, result, path, spec)
  if not check.saved then return end
  local agent, digest = saved.exactly(result.policy, result.digest)
  if not agent then
    check.fail(path .. ".policy", ('expected "zero", a constant action such as {diversity = 0.5}, a run or a saved agent: %s'):format(
      digest))
  end
  local difference = saved.difference(agent, spec)
  if difference then check.fail(path .. ".policy", ("%s: %s"):format(result.policy, difference)) end
  result.digest = digest
end

--- nil where there is none. spec: of the environment; nil where that is wrong itself.
function control.resolve(check, value, path, spec)
  if type(value) ~= "table" then values.wrong(check, path, 'a table of options, as in {policy = "zero", traffic = 0.02}', value) end
  local result = check.section(schema.control, value, path)
  if #(result.salt or "") > 64 then check.note(path .. ".salt", ("expected at most 64 bytes, got %d"):format(#result.salt)) end
  if result.digest and not is_saved(result.policy) then
    check.note(path .. ".digest", "this is of a saved policy, and none is given")
  end
  if type(result.policy) == "table" and spec then
    environment.constant(check, spec, result.policy, path .. ".policy")
  elseif is_saved(result.policy) and spec then
    check.try(saved_policy, check, result, path, spec)
  end
  if spec and not result.per then result.per = spec.clock and "user_day" or "episode" end
  return result
end

--- What compares it with the environment and the algorithm.
function control.check(check, recipe, spec, env, algorithm)
  local given, path = recipe.agent.baseline, "agent.baseline"
  if algorithm.search then
    check.note(path, "a search serves its vectors to users of their own; an algorithm that learns is needed, such as a2c or ppo")
  end
  if env.kind == "host" and given.traffic == 1 then
    check.note(path .. ".traffic", "expected less than 1, got 1: nobody would be left to learn from")
  end
  if given.per == "user_day" and not spec.clock and env.kind ~= "host" then
    check.note(path .. ".per", ("expected step or episode, got user_day: the env %s has no clock"):format(values.show(spec.name)))
  end
end

local fewest_twins = 16 -- a lift of fewer says little, and below four it has no interval

--- How many of a simulation's users have a twin in the control group; 0 where a host says who is of it.
function control.twins(recipe)
  local given, n = recipe.agent.baseline, recipe.env.n
  if not given or not n then return 0 end
  return math.min(n, math.max(fewest_twins, math.floor(given.traffic * n + 0.5)))
end

--- What acts for the group where it is a saved agent's policy: document, tensors (prl.acting); nil elsewhere.
function control.acting(recipe)
  local given = recipe.agent.baseline
  if not is_saved(given.policy) then return nil end
  local agent, message = saved.exactly(given.policy, given.digest)
  if not agent then error("agent.baseline.policy: " .. message, 0) end
  return prl.acting(agent, "control/")
end

--- The action that the control group's policy takes for everybody: a list.
function control.vector(recipe, spec)
  local given, action = recipe.agent.baseline.policy, spec.action
  if action.kind == "continuous" then return search.constant(recipe, spec, type(given) == "table" and given or {}) end
  local vector = {}
  for i, name in ipairs(action.names) do vector[i] = type(given) == "table" and given[name] or 0 end
  return vector
end

--- Streams that the control group has room for: of a host all may be of it; an agent of a simulation may serve a host later.
local function streams_of(recipe)
  local twins, streams = control.twins(recipe), recipe.agent.streams
  if twins == 0 then return streams end
  return math.max(twins, math.min(streams, math.ceil(2 * recipe.agent.baseline.traffic * streams) + 16))
end

--- `control` of the plan. rows: capacity of the agent for its own steps; act: what acts for the group, {noise, sets, programs,
--- live, normaliser, memory, ids}; plan: the agent's document, whose shape it has.
function control.document(recipe, rows, act, plan)
  local given, streams, found = recipe.agent.baseline, streams_of(recipe), act.normaliser
  local own_rows = math.ceil(rows * streams / recipe.agent.streams) + 16
  return {
    traffic = given.traffic, salt = given.salt, per = given.per, window = given.window,
    plan = {
      format = plan.format, seed = plan.seed, observation = plan.observation, action = plan.action, responses = plan.responses,
      capacity = {streams = streams, rows = own_rows, batch = own_rows, idle_us = plan.capacity.idle_us},
      noise = act.noise, memory = act.memory, ids = act.ids,
      normaliser = found and {clip = found.clip, shift = found.shift, scale = found.scale}, -- which gather nothing
      sets = act.sets, optims = {}, live = act.live, programs = act.programs,
    },
  }
end

return control
