--- A recipe as it was evaluated becomes a resolved one: checked against the schema, every default filled in.

local algorithms = require "perilune.recipe.algorithms"
local checks = require "perilune.recipe.check"
local environment = require "perilune.recipe.environment"
local keys = require "perilune.keys"
local memory = require "perilune.recipe.memory"
local nearest = require "perilune.nearest"
local policy_file = require "perilune.recipe.policy_file"
local schema = require "perilune.recipe.schema"
local search = require "perilune.recipe.search"
local values = require "perilune.recipe.values"

local function default_critics(check, path)
  for _, name in ipairs(check.responses) do
    if name == "reward" then return {reward = {}} end
  end
  check.fail(path, ("this is missing: critics, each with a reward of the env's responses (%s)"):format(
    table.concat(check.responses, ", ")))
end

--- A critic without a reward takes the response of its own name.
local function with_reward(check, name, given, at)
  if type(given) ~= "table" or given.reward ~= nil then return given end
  for _, response in ipairs(check.responses) do
    if response == name then
      local copy = {reward = {"r", name}}
      for k, v in pairs(given) do copy[k] = v end
      return copy
    end
  end
  check.fail(at, ("its reward is missing: a function of the env's responses (%s), as in function(r) return r.%s end")
    :format(table.concat(check.responses, ", "), check.responses[1]))
end

local function resolve_critics(check, value, path, policy)
  if value == nil then value = default_critics(check, path) end
  if type(value) ~= "table" then values.wrong(check, path, "critics by name", value) end
  local result, count = {}, 0
  for _, name in ipairs(keys(value)) do
    local at = path .. "." .. tostring(name)
    if type(name) ~= "string" or not name:find("^[%a_][%w_]*$") then
      check.fail(at, "a critic has a name of letters, digits and _, as in watch = {reward = …}")
    end
    local given = with_reward(check, name, value[name], at)
    local critic = check.section(schema.critic, given, at)
    if policy.trunk == "shared" then
      for _, field in ipairs {"hidden", "activation"} do
        if given[field] ~= nil then check.fail(at .. "." .. field,
          "over a shared trunk a critic has no hidden layers of its own") end
      end
      critic.hidden = {}
    end
    critic.hidden = critic.hidden or policy.hidden
    critic.activation = critic.activation or policy.activation
    result[name], count = critic, count + 1
  end
  if count == 0 then check.fail(path, "there is no critic; the actor needs at least one") end
  return result
end

--- A discount by time needs steps that say how long they took.
local function needs_clock(check, recipe, spec, env)
  if spec.clock or env.kind == "host" then return end
  for _, name in ipairs(keys(recipe.objective.critics)) do
    local per = recipe.objective.critics[name].per
    if per ~= "step" then
      check.fail("objective.critics." .. name .. ".per",
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
      check.fail("objective.critics." .. name .. ".scale",
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
  if type(rollout) ~= "number" then return end
  local update = ("algorithm.rollout %.0f × %.0f streams"):format(rollout, streams)
  if rows > 0 and rows < rollout * streams then
    check.fail("agent.rows", ("expected 0 or at least %.0f, the steps that an update takes (%s), got %.0f"):format(
      rollout * streams, update, rows))
  elseif rollout * streams > MOST_ROWS then
    check.fail("algorithm.rollout", ("an update takes %.0f steps (%s); at most %.0f are accepted"):format(
      rollout * streams, update, MOST_ROWS))
  end
end

--- What waits has a place in memory.
local function needs_waits(check, recipe, spec)
  local waiting, response = memory.waiting(recipe.agent, spec.responses)
  if waiting <= MOST_ROWS then return end
  check.fail("agent.interval", ("%.0f steps of %.0f streams wait at once, %s s for %s; at most %.0f are accepted"):format(
    waiting, recipe.agent.streams, values.show(response.wait_us / 1e6), response.name, MOST_ROWS))
end

local validate = {}

local TOP = {"name", "tags", "env", "objective", "policy", "algorithm", "train", "eval", "agent"}

local function resolve(check, recipe)
  local result = {}
  for _, key in ipairs(keys(recipe)) do
    local known = false
    for _, name in ipairs(TOP) do known = known or name == key end
    if not known then check.fail(tostring(key), "unknown key" .. nearest.hint_or_list(tostring(key), TOP)) end
  end
  local function section(name, value) return check.option(schema.find(schema.recipe, name), value, name) end
  result.name, result.tags = section("name", recipe.name), section("tags", recipe.tags)
  result.train = section("train", recipe.train)
  check.steps = result.train.steps
  local spec, make, algorithm
  section("env", recipe.env)
  result.env, spec, make = environment.resolve(check, recipe.env, "env")
  for i, response in ipairs(spec.responses) do check.responses[i] = response.name end
  result.policy = section("policy", recipe.policy)
  if result.policy.trunk == "shared" and #result.policy.hidden == 0 then
    check.fail("policy.trunk", "a shared trunk is made of the policy's hidden layers, and policy.hidden has none")
  end
  result.policy.action = environment.dimensions(check, spec, result.policy.action, "policy.action")
  local own_policy = policy_file.load(check, result.policy, "policy")
  result.objective = section("objective", recipe.objective)
  result.objective.critics = resolve_critics(check, result.objective.critics, "objective.critics", result.policy)
  section("algorithm", recipe.algorithm)
  result.algorithm, algorithm = algorithms.resolve(check, recipe.algorithm, "algorithm", spec)
  if algorithm.trials then search.check(check, result, spec) end
  result.eval = section("eval", recipe.eval)
  environment.evaluation(check, spec, result.eval, "eval", result.objective.critics)
  result.agent = section("agent", recipe.agent)
  result.agent.streams = result.agent.streams or result.env.n or 1024
  if result.env.n and result.agent.streams < result.env.n then
    check.fail("agent.streams",
      ("the env has %d instances, and each is a stream; expected at least as many, got %d"):format(
      result.env.n, result.agent.streams))
  end
  needs_clock(check, result, spec, make)
  needs_warmup(check, result)
  leaves_steps(check, result, algorithm)
  needs_rows(check, result)
  needs_waits(check, result, spec)
  memory.check(check, result, spec, algorithm)
  return {recipe = result, spec = spec, env = make, algorithm = algorithm, own_policy = own_policy, live = check.live}
end

--- recipe: as prl.recipe_eval gives it. given: {trust, folder, files, env_spec}, where env_spec(reference, options) gives
--- what an environment is made of, or nil and a sentence; files: paths of code that is not beside the recipe, by what the
--- recipe calls it. Returns {recipe, spec, env, algorithm, own_policy, live}, or nil and {path, message, read}.
function validate.recipe(recipe, given) return checks.run(given, resolve, recipe) end

return validate
