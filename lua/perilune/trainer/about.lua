--- What run.json says of a run that begins: what it is made of, by which its policies are judged, its reports are written
--- and it goes on.

local posix = require "posix"
local keys = require "perilune.keys"
local prl = require "perilune"
local formula = require "perilune.recipe.formula"
local printer = require "perilune.recipe.print"
local search = require "perilune.recipe.search"
local environment = require "perilune.trainer.environment"

local rows_of_metrics = 5000 -- at most about as many, however long the run

-- A number, or that it follows a schedule; nil where an algorithm has none such.
local function number(value) return type(value) == "number" and value or type(value) == "table" and "scheduled" or nil end

-- λ of a critic: its own, or that of the algorithm; and the live option that it is.
local function lambda_of(recipe, name)
  local own = recipe.objective.critics[name].lambda
  local value = number(own or recipe.algorithm.lambda)
  return value, value and (own and ("objective.critics.%s.lambda"):format(name) or "algorithm.lambda") or nil
end

local function critics_of(recipe)
  local list = {}
  for name, critic in pairs(recipe.objective.critics) do
    local observes, one = critic.observes or recipe.policy.observes, {name = name, per = critic.per, scale = critic.scale}
    one.reward, one.gamma, one.weight = formula.to_lua(critic.reward, printer.number), number(critic.gamma), number(critic.weight)
    one.lambda, one.lambda_at = lambda_of(recipe, name)
    one.observes = observes and printer.value(observes, "observes") or nil
    list[#list + 1] = one
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

-- The responses that the objective reads, in the order of the environment.
local function objective_of(recipe, spec)
  local read, list = {}, {}
  for _, critic in pairs(recipe.objective.critics) do
    formula.reads(critic.reward, function(name) read[name] = true end)
  end
  for _, response in ipairs(spec.responses) do
    if read[response.name] then list[#list + 1] = response.name end
  end
  return list
end

-- The critics' rewards that are weighted sums of responses, as metrics of a panel (stats/lift.lua); a reward that is one
-- response is that response.
local function rewards_of(recipe, spec)
  local taken, list = {requests = true, sessions = true, requests_a_session = true}, {}
  for _, response in ipairs(spec.responses) do taken[response.name] = true end
  for name, critic in pairs(recipe.objective.critics) do
    local form = search.linear(critic.reward)
    local first, coefficient = next(form and form.of or {})
    local plain = form and form.constant == 0 and coefficient == 1 and next(form.of, first) == nil
    if first and not plain then
      if form.constant ~= 0 then form.of.requests = form.constant end -- a step is a request
      list[#list + 1] = {name = taken[name] and name .. " (reward)" or name, unit = "", of = form.of}
    end
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

-- The critics whose rewards are no weighted sums, by name: what they come to cannot be told from sums over a day. nil: none.
local function unsummed_of(recipe)
  local names
  for _, name in ipairs(keys(recipe.objective.critics)) do
    if not search.linear(recipe.objective.critics[name].reward) then
      names = names or {}
      names[#names + 1] = name
    end
  end
  return names
end

local function updates_per_row(plan, steps)
  local first = plan:document().schedule[1]
  if not steps then return 1 end
  return math.max(1, math.ceil(steps / (first.rows or 1) / rows_of_metrics))
end

-- As run.json keeps it: its files can be found from any folder.
local function environment_of(env)
  local settings = {}
  for key, value in pairs(env.options or {}) do settings[key] = value end
  settings.world = settings.world and posix.realpath(settings.world)
  return {kind = env.kind, name = env.name, path = env.path and posix.realpath(env.path), options = settings, n = env.n,
    twins = env.twins ~= 0 and env.twins or nil, couples = env.couples}
end

local about = {}

--- What a policy is judged by. loaded: of recipe/load.lua.
function about.judged(loaded)
  local recipe, env = loaded.recipe, loaded.env
  return {
    name = recipe.name, seed = recipe.train.seed, hash = loaded.hash,
    env = env.name or env.path or env.kind, environment = environment_of(env),
    responses = environment.responses(loaded.spec),
    actions = loaded.spec.action.names,
    objective = objective_of(recipe, loaded.spec), rewards = rewards_of(recipe, loaded.spec), unsummed = unsummed_of(recipe),
    evaluation = recipe.eval,
  }
end

--- What run.json says of the recipe that is in force, and what a swap changes with it. driver: a kind of drivers/; agent: of
--- the recipe; set: the overrides.
function about.recipe(loaded, agent, driver, set)
  local recipe = loaded.recipe
  local function place_of(section) return section.lua and posix.realpath(loaded.folder .. section.lua) end
  return {
    hash = loaded.hash, code = loaded.code, algorithm = recipe.algorithm[1],
    algorithm_file = place_of(recipe.algorithm), policy_file = place_of(recipe.policy),
    metrics = driver.meanings(agent, loaded.algorithm), critics = critics_of(recipe), set = set, recipe = loaded.path,
  }
end

--- The fields of about.recipe, and the live options that were set since it came into force.
about.recipe_fields = {"hash", "code", "algorithm", "algorithm_file", "policy_file", "metrics", "critics", "set", "recipe", "changes"}

--- plan, agent: of the loaded recipe; options: of trainer.start; driver: of drivers/.
function about.run(loaded, plan, agent, driver, options)
  local info, recipe, planned = about.judged(loaded), loaded.recipe, driver.planned(loaded)
  local more = {
    format = 1, tags = recipe.tags, steps = planned.steps, search = planned.search, checkpoint = recipe.train.checkpoint,
    workers = (options.workers or 1) > 1 and options.workers or nil, lag = (options.lag or 0) > 0 and options.lag or nil,
    updates_per_row = updates_per_row(plan, planned.steps),
    started = os.date("%Y-%m-%d %H:%M"), version = prl.version, kernels = prl.kernels(),
    status = "running", step = 0, updates = 0, seconds = 0,
  }
  for key, value in pairs(about.recipe(loaded, agent, driver, options.set or {})) do info[key] = value end
  for key, value in pairs(more) do info[key] = value end
  return info
end

return about
