--- A recipe as it was evaluated becomes a resolved one: checked against the schema, every default filled in.

local algorithms = require "perilune.recipe.algorithms"
local checks = require "perilune.recipe.check"
local embed = require "perilune.recipe.embed"
local environment = require "perilune.recipe.environment"
local keys = require "perilune.keys"
local memory = require "perilune.recipe.memory"
local observes = require "perilune.recipe.observes"
local policy_file = require "perilune.recipe.policy_file"
local schema = require "perilune.recipe.schema"
local search = require "perilune.recipe.search"
local values = require "perilune.recipe.values"

local function default_critics(check, path)
  for _, name in ipairs(check.responses or {}) do
    if name == "reward" then return {reward = {}} end
  end
  if not check.responses then return {} end
  check.fail(path, ("this is missing: critics, each with a reward of the env's responses (%s)"):format(
    table.concat(check.responses, ", ")))
end

--- The reward of a critic that says none: the response of its own name.
local function own_response(check, name, at)
  for _, response in ipairs(check.responses) do
    if response == name then return {"r", name} end
  end
  check.note(at, ("its reward is missing: a function of the env's responses (%s), as in function(r) return r.%s end")
    :format(table.concat(check.responses, ", "), check.responses[1]))
end

local function resolve_critic(check, name, given, at, policy)
  if type(name) ~= "string" or not name:find("^[%a_][%w_]*$") then
    check.fail(at, "a critic has a name of letters, digits and _, as in watch = {reward = …}")
  end
  local critic, meant = check.section(schema.critic, given, at)
  if given.reward == nil and not meant.reward and check.responses then critic.reward = own_response(check, name, at) end
  if policy.trunk == "shared" then
    for _, field in ipairs {"hidden", "activation"} do
      if given[field] ~= nil then check.note(at .. "." .. field, "over a shared trunk a critic has no hidden layers of its own") end
    end
    critic.hidden = {}
  end
  critic.hidden = critic.hidden or policy.hidden
  critic.activation = critic.activation or policy.activation
  return critic
end

local function resolve_critics(check, value, path, policy)
  if value == nil then value = default_critics(check, path) end
  if type(value) ~= "table" then values.wrong(check, path, "critics by name", value) end
  local result = {}
  for _, name in ipairs(keys(value)) do
    result[name] = check.try(resolve_critic, check, name, value[name], path .. "." .. tostring(name), policy)
  end
  if next(value) == nil and check.responses then check.fail(path, "there is no critic; the actor needs at least one") end
  return result
end

--- A discount by time needs steps that say how long they took.
local function needs_clock(check, recipe, spec, env)
  if spec.clock or env.kind == "host" then return end
  for _, name in ipairs(keys(recipe.objective.critics)) do
    local per = recipe.objective.critics[name].per
    if per ~= "step" then
      check.note("objective.critics." .. name .. ".per",
        ("expected step, got %s: the env %s has no clock"):format(per, values.show(spec.name)))
    end
  end
end

local statistics_rows = 32 -- PRL_STATISTICS_ROWS: fewer begin no statistics

local function needs_warmup(check, recipe)
  local warmup = recipe.train.warmup
  if warmup >= statistics_rows then return end
  for _, name in ipairs(keys(recipe.objective.critics)) do
    if recipe.objective.critics[name].scale == "baseline" then
      check.note("objective.critics." .. name .. ".scale",
        ('the scale "baseline" is measured over a warm-up of at least %d steps, and train.warmup is %d'):format(
          statistics_rows, warmup))
    end
  end
end

local function leaves_steps(check, recipe, algorithm)
  local train = recipe.train
  if algorithm.search or train.warmup == 0 or train.steps > train.warmup then return end
  check.fail("train.steps", ("train.warmup is %d, and steps of the warm-up teach nothing: more than so many are needed, got %d")
    :format(train.warmup, train.steps))
end

local MOST_ROWS = 2 ^ 27 -- of an update (runtime/agent/agent.c)

--- The steps of an update must fit into the experience. For an algorithm without a rollout the builder checks it.
local function needs_rows(check, recipe)
  local rollout, streams, rows = recipe.algorithm.rollout, recipe.env.n or recipe.agent.streams, recipe.agent.rows
  local longest = recipe.algorithm.longest
  if type(rollout) ~= "number" then return end
  local update = ("algorithm.rollout %.0f × %.0f streams"):format(rollout, streams)
  if rows > 0 and rows < rollout * streams then
    check.fail("agent.rows", ("expected 0 or at least %.0f, the steps that an update takes (%s), got %.0f"):format(
      rollout * streams, update, rows))
  elseif rollout * streams > MOST_ROWS then
    check.fail("algorithm.rollout", ("an update takes %.0f steps (%s); at most %.0f are accepted"):format(
      rollout * streams, update, MOST_ROWS))
  elseif type(longest) == "number" and (rollout + longest) * streams > MOST_ROWS then
    check.fail("algorithm.longest", ("%.0f streams take %.0f steps (%s, and the episodes that run); at most %.0f are accepted")
      :format(streams, (rollout + longest) * streams, update, MOST_ROWS))
  end
end

--- What waits has a place in memory.
local function needs_waits(check, recipe, spec)
  local waiting, response = memory.waiting(recipe.agent, spec.responses)
  if waiting <= MOST_ROWS then return end
  check.fail("agent.interval", ("%.0f steps of %.0f streams wait at once, %s s for %s; at most %.0f are accepted"):format(
    waiting, recipe.agent.streams, values.show(response.wait_us / 1e6), response.name, MOST_ROWS))
end

--- What the memory of an algorithm must hold, as runtime/agent/plan/shape.c asks for it.
local function needs_memory(check, recipe)
  local given, streams = recipe.algorithm, recipe.env.n or recipe.agent.streams
  if type(given.memory) ~= "number" then return end
  local function least(option, rows, why)
    if rows <= given.memory then return end
    check.note("algorithm." .. option, ("algorithm.memory holds %.0f steps; %s"):format(given.memory, why))
  end
  if type(given.minibatch) == "number" then
    least("minibatch", given.minibatch, ("expected at most so many, got %.0f"):format(given.minibatch))
  end
  if type(given.stretch) == "number" then
    least("stretch", given.stretch, ("expected at most so many, got %.0f"):format(given.stretch))
    if given.stretch > given.minibatch and given.stretch <= given.memory then
      check.note("algorithm.stretch", ("expected at most algorithm.minibatch, %.0f steps, got %.0f"):format(given.minibatch,
        given.stretch))
    end
  end
  if type(given.start) == "number" then
    least("start", given.start, ("expected at most so many, got %.0f"):format(given.start))
  end
  if type(given.rollout) == "number" then
    local rows = 2 * given.rollout * streams + streams
    least("memory", rows, ("an update brings %.0f of each of %.0f streams; expected at least %.0f"):format(given.rollout, streams,
      rows))
  end
end

--- An option of a section as it is where a recipe does not say it.
local function is_default(option, value)
  if option.kind ~= "section" then return value == option.default or value == nil end
  for _, field in ipairs(option.fields) do
    if not is_default(field, value[field.name]) then return false end
  end
  return true
end

local used = {hidden = true, activation = true, init = true, normalise = true, observes = true, memory = true}

--- An algorithm with networks of its own makes no use of what the recipe says of other ones.
local function own_networks(check, recipe, algorithm)
  if algorithm.networks ~= "own" then return end
  local name = recipe.algorithm[1] or recipe.algorithm.lua
  local function unused(path, what)
    check.note(path, ("%s makes its own networks, which take %s"):format(name, what))
  end
  for _, option in ipairs(schema.policy) do
    local value = recipe.policy[option.name]
    if not used[option.name] and option.name ~= "action" and option.name ~= "start" and not is_default(option, value) and
      not (option.name == "bounded" and algorithm.bounds) then
      unused("policy." .. option.name, "hidden, activation and init from policy, and no " .. option.name)
    end
  end
  for _, dimension in ipairs(keys(recipe.policy.action or {})) do
    if type(recipe.policy.action[dimension]) == "number" then
      unused("policy.action." .. dimension, "bounds of an action, {low, high}, and hold none of its dimensions")
    end
  end
  for _, critic in ipairs(recipe.policy.trunk == "shared" and {} or keys(recipe.objective.critics)) do
    for _, field in ipairs {"hidden", "activation"} do
      if values.show(recipe.objective.critics[critic][field]) ~= values.show(recipe.policy[field]) then
        unused(("objective.critics.%s.%s"):format(critic, field), "hidden and activation from policy alone")
      end
    end
  end
end

--- What critics say of their own: λ of an algorithm that has one, observations where nothing is shared with the policy.
local function own_critics(check, recipe, spec, algorithm)
  local name, policy = recipe.algorithm[1] or recipe.algorithm.lua, recipe.policy
  local shared = policy.trunk == "shared" and 'trunk = "shared"' or policy.memory and "memory" or policy.embed and "embed"
  for _, critic in ipairs(keys(recipe.objective.critics)) do
    local given, path = recipe.objective.critics[critic], "objective.critics." .. critic
    if given.lambda and not (algorithm.options or {}).lambda then
      check.note(path .. ".lambda", ("%s has no λ, and so none of a critic's own"):format(name))
    end
    local names = spec.observation.names
    if given.observes then observes.check(check, given.observes, names, path .. ".observes") end
    if given.observes and (algorithm.networks == "own" or algorithm.search) then
      check.note(path .. ".observes", ("%s has no network for this critic alone; policy.observes is for all"):format(name))
    elseif given.observes and shared and not observes.same(names, given.observes, policy.observes) then
      check.note(path .. ".observes", ("this critic reads what policy.%s gives, and so observes what the policy does"):format(shared))
    end
  end
end

--- Instances come in pairs, and a control group's twins are none.
local function needs_pairs(check, result, env)
  local n = result.env.n
  env.couples = true
  if n and n % 2 ~= 0 then check.note("env.n", ("%s takes instances in pairs; expected an even number, got %.0f"):format(
    result.algorithm[1] or result.algorithm.lua, n)) end
  if result.agent.baseline then
    check.note("agent.baseline", "instances in pairs have no twins for a control group; eval.baseline judges against a fixed policy")
  end
end

local validate = {}

--- What compares sound values with one another.
local function together(check, result, spec, env, algorithm)
  if algorithm.trials then check.try(search.check, check, result, spec) end
  if result.env.n and result.agent.streams < result.env.n then
    check.note("agent.streams",
      ("the env has %d instances, and each is a stream; expected at least as many, got %d"):format(
      result.env.n, result.agent.streams))
  end
  needs_clock(check, result, spec, env)
  needs_warmup(check, result)
  if result.policy.start or result.algorithm.trust then
    require("perilune.recipe.start").check(check, result, spec, algorithm)
  end
  if result.objective.constraints then
    require("perilune.recipe.constraints").check(check, result, spec, env, algorithm)
  end
  if result.agent.baseline then
    local control = require "perilune.recipe.control"
    control.check(check, result, spec, env, algorithm)
    env.twins = control.twins(result)
  end
  if result.agent.guards then require("perilune.recipe.guards").check(check, result, spec, env, algorithm) end
  if result.agent.ramp then require("perilune.recipe.ramp").check(check, result, algorithm) end
  if algorithm.pairs then needs_pairs(check, result, env) end
  check.try(leaves_steps, check, result, algorithm)
  check.try(needs_rows, check, result)
  check.try(needs_memory, check, result)
  own_networks(check, result, algorithm)
  own_critics(check, result, spec, algorithm)
  check.try(needs_waits, check, result, spec)
  check.try(memory.check, check, result, spec, algorithm)
end

local function resolve(check, recipe)
  local result = check.section(schema.recipe, recipe, "")
  local policy, spec, make, algorithm = result.policy, nil, nil, nil
  check.steps = result.train.steps
  if recipe.env ~= nil then result.env, spec, make = check.try(environment.resolve, check, recipe.env, "env") end
  check.spec = spec
  if policy.trunk == "shared" and #policy.hidden == 0 then
    check.note("policy.trunk", "a shared trunk is made of the policy's hidden layers, and policy.hidden has none")
  end
  if spec and policy.observes then
    observes.check(check, policy.observes, spec.observation.names, "policy.observes")
  end
  if spec and policy.embed then
    local observation = spec.observation
    embed.check(check, policy.embed, observation, observes.kept(observation.names, policy.observes), "policy.embed")
  end
  if spec then policy.action = check.try(environment.dimensions, check, spec, policy.action, "policy.action") end
  if policy.start then
    policy.start = check.try(require("perilune.recipe.start").resolve, check, policy.start, "policy.start", spec, policy)
  end
  local own_policy = check.try(policy_file.load, check, policy, "policy")
  result.objective.critics = check.try(resolve_critics, check, result.objective.critics, "objective.critics", policy)
  if result.objective.constraints then
    result.objective.constraints = check.try(require("perilune.recipe.constraints").resolve, check, result.objective.constraints,
      "objective.constraints", result.objective.critics or {})
  end
  if recipe.algorithm ~= nil then
    result.algorithm, algorithm = check.try(algorithms.resolve, check, recipe.algorithm, "algorithm", spec, result)
  end
  if result.agent.baseline then
    result.agent.baseline = check.try(require("perilune.recipe.control").resolve, check, result.agent.baseline, "agent.baseline", spec)
  end
  if result.agent.guards then
    result.agent.guards = check.try(require("perilune.recipe.guards").resolve, check, result.agent.guards, "agent.guards", spec)
  end
  if result.agent.ramp then
    result.agent.ramp = check.try(require("perilune.recipe.ramp").resolve, check, result.agent.ramp, "agent.ramp")
  end
  if result.references then
    result.references = check.try(require("perilune.recipe.references").resolve, check, result, "references", spec, algorithm)
  end
  if spec then check.try(environment.evaluation, check, spec, result.eval, "eval", result.objective.critics) end
  if check.count() > 0 then return nil end
  result.agent.streams = result.agent.streams or result.env.n or 1024
  together(check, result, spec, make, algorithm)
  return {recipe = result, spec = spec, env = make, algorithm = algorithm, own_policy = own_policy, live = check.live}
end

--- recipe: as prl.recipe_eval gives it. given: {trust, folder, files, env_spec, saved}, where env_spec(reference, options) gives
--- what an environment is made of, or nil and a sentence; files: paths of code that is not beside the recipe, by what the
--- recipe calls it; saved: whether agents that it names are looked at, or were when it was resolved. Returns {recipe, spec, env,
--- algorithm, own_policy, live}, or nil and a list of what is wrong, {path, message, read} each.
function validate.recipe(recipe, given) return checks.all(given, resolve, recipe) end

return validate
