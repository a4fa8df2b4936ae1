--- The builder: a resolved recipe becomes a plan (runtime/agent/README.md). An algorithm's Lua runs here, once: it
--- declares networks, writes its losses over symbolic batches, which are traced into programs, and leaves its schedule as
--- plain data.
local algorithms = require "perilune.recipe.algorithms"
local join = require "perilune.columns"
local embed = require "perilune.recipe.embed"
local keys = require "perilune.keys"
local learn = require "perilune.recipe.learn"
local memory = require "perilune.recipe.memory"
local networks = require "perilune.recipe.networks"
local prl = require "perilune"
local tracing = require "perilune.recipe.tracing"

-- ---- Fixed programs ----

--- Not of a process: what it comes to depends on the step before. Nor of a saved agent's policy.
local function has_log_prob(actor) return actor.dense ~= false and not (actor.noise and actor.noise.theta) end

--- Of an action that is asked for later: not of noise that lasts, given which rows have theirs.
local function has_density(actor) return has_log_prob(actor) and not (actor.noise and actor.noise.lasting) end

--- What acts.
local function acting(self)
  self:actor()
  return self.actor_made
end

local function act_program(self)
  local continuous, actor = self.spec.action.kind == "continuous", acting(self)
  return tracing.program(self, "act", function(rows)
    local noise = continuous and prl.randn(rows, actor.draws) or prl.rand(rows, actor.draws)
    local obs = tracing.observations(self, rows)
    if actor.draws > 0 then noise = prl.trace_input("noise", noise, true) end
    local sample = tracing.scalar "sample"
    local pi = actor.given and actor.given(obs, noise) or actor.distribution(obs)
    local action = prl.where(sample, pi:sample(noise), pi:mean())
    prl.trace_output("action", actor.to_env(action))
    if has_log_prob(actor) then prl.trace_output("log_prob", pi:log_prob(action)) end
    local state = networks.memory(self, obs)
    if state then prl.trace_output("memory", state) end
  end)
end

--- The log-density of a given action, from the distribution that acts.
local function density_program(self)
  local actor = acting(self)
  return tracing.program(self, "density", function(rows)
    local obs, action = tracing.observations(self, rows), tracing.actions(self, rows)
    prl.trace_output("log_prob", actor(obs):log_prob(action))
  end)
end

--- The log-probabilities of all choices, those of one dimension after those of the other.
local function densities_program(self)
  local actor = acting(self)
  return tracing.program(self, "densities", function(rows)
    prl.trace_output("log_probs", actor.distribution(tracing.observations(self, rows)):log_probs())
  end)
end

local function values_program(self)
  return tracing.program(self, "values", function(rows)
    local obs = tracing.observations(self, rows)
    local columns = {}
    for i, critic in ipairs(self:critics()) do columns[i] = critic(obs):reshape(-1, 1) end
    prl.trace_output("value", join(columns))
  end)
end

--- What learn:novelty says of where rows arrived.
local function novelty_program(self)
  return tracing.program(self, "novelty", function(rows)
    prl.trace_output("novelty", self.novelty_of.fn(tracing.batch(self, rows)))
  end)
end

--- What learn:continuation says of the rows.
local function continuation_program(self)
  return tracing.program(self, "continuation", function(rows)
    prl.trace_output("continuation", self.continuation_of(tracing.batch(self, rows)))
  end)
end

--- What every plan has beside the programs that learn.
local function fixed_programs(self)
  self.programs.act = act_program(self)
  local dense = has_density(acting(self))
  if dense then self.programs.density = density_program(self) end
  if dense and self.spec.action.kind ~= "continuous" then self.programs.densities = densities_program(self) end
  if self.critics_made then self.programs.values = values_program(self) end
  if self.novelty_of then self.programs.novelty = novelty_program(self) end
  if self.continuation_of then self.programs.continuation = continuation_program(self) end
end

-- ---- The document ----

local function indexed(tree, index)
  if type(tree) ~= "table" then return tree end
  if tree[1] == "r" then return {"r", index[tree[2]]} end
  local out = {tree[1]}
  for i = 2, #tree do out[i] = indexed(tree[i], index) end
  return out
end

--- A scalar as plans hold it: an expression reads the step as response 0.
local function scalar(value)
  if type(value) ~= "table" or value.kind ~= "expression" then return value end
  return {kind = "expression", tree = indexed(value.tree, {step = 0})}
end

--- The last layer of a critic, and where its statistics are.
local function with_network(self, name, document)
  local critic = self.critics_made and self.critics_made[name]
  if not critic then return document end
  document.value_set = critic.set
  document.popart = {weight = critic.last .. ".weight", bias = critic.last .. ".bias"}
  return document
end

local function critic_documents(self, recipe)
  local index, out = {}, {}
  for i, response in ipairs(self.spec.responses) do index[response.name] = i - 1 end
  for i, name in ipairs(keys(recipe.objective.critics)) do
    local given, path = recipe.objective.critics[name], "objective.critics." .. name
    self.live[path .. ".gamma"] = {value = scalar(given.gamma), low = 0, high = 1}
    self.live[path .. ".weight"] = {value = scalar(given.weight)}
    if given.lambda then self.live[path .. ".lambda"] = {value = scalar(given.lambda), low = 0, high = 1} end
    if given.observes and not (self.critics_made and self.critics_made[name]) then
      error(("%s.observes: %s has no network for this critic alone"):format(path, recipe.algorithm[1] or recipe.algorithm.lua), 0)
    end
    out[i] = with_network(self, name, {
      name = name, gamma = path .. ".gamma", lambda = given.lambda and path .. ".lambda" or nil,
      per = given.per ~= "step" and given.per or nil,
      weight = path .. ".weight", scale = given.scale, reward = indexed(given.reward, index),
    })
  end
  local novelty = self.novelty_of
  if novelty then
    out[#out + 1] = with_network(self, "novelty", {name = "novelty", gamma = novelty.gamma, weight = novelty.weight})
  end
  return out
end

local function live_algorithm_options(self, all, given, prefix)
  for _, key in ipairs(keys(all or {})) do
    local declared, value, path = all[key], given[key], prefix .. key
    if value and declared.forms then
      live_algorithm_options(self, declared.forms[value[1]], value, path .. ".")
    elseif value and not declared.structural then
      self.live[path] = {value = scalar(value), low = declared.min, high = declared.max}
    end
  end
end

local function set_documents(self)
  local sets, optims, tensors = {}, {}, {}
  for i, set in ipairs(self.sets) do
    local params = {}
    for k, name in ipairs(set.names) do
      params[k] = {name = name, shape = set.parameters[k]:shape(), row_sparse = set.row_sparse or nil}
      tensors[set.name .. ":" .. name] = set.parameters[k]:clone()
    end
    sets[i] = {name = set.name, params = params}
    if set.optim then
      local optim = {set = set.name, kind = set.kind}
      for _, key in ipairs(keys(set.options)) do optim[key] = set.options[key] end
      optims[#optims + 1] = optim
    end
  end
  return sets, optims, tensors
end

--- The draws of what acts: their width alone, where they are fresh in each step.
local function noise_document(actor)
  if not next(actor.noise or {}) then return actor.draws end
  local noise = {width = actor.draws}
  for key, value in pairs(actor.noise) do noise[key] = value end
  return noise
end

--- The policy's memory: how wide it is, and how far gradients go back.
local function memory_document(given) return given and {width = given[2], stretch = given.stretch} or nil end

--- One action for everybody, as prl.acting tells of a policy.
local function constant_acting(self, recipe, vector)
  local other = learn.new(networks.bare(recipe), self.spec, vector)
  other.prefix = "control/"
  local act = act_program(other)
  local sets, _, tensors = set_documents(other)
  return {noise = acting(other).draws, sets = sets, live = {}, programs = {act = act:document()}}, tensors
end

--- `control` of the plan, and the values of its parameters.
local function control_document(self, recipe, document, rows)
  local control = require "perilune.recipe.control"
  local act, tensors = control.acting(recipe)
  if not act then act, tensors = constant_acting(self, recipe, control.vector(recipe, self.spec)) end
  return control.document(recipe, rows, act, document), tensors
end

-- The sets that act reads but for those of saved policies (learn:saved), by name, and that of the run at which the policy begins
-- whose parameters each may have where there is none of its own name.
local function acting_sets(self)
  local names = {}
  for _, value in ipairs(self.programs.act:document().values) do
    local set = value.kind == "param" and value.name:match "^(.*):"
    if set and not self.saved_sets[set] then names[set] = self.policies[set] and "policy" or set end
  end
  return names
end

--- `normaliser` of the plan, and the parameters of a policy that begins as another's.
local function start_policy(self, recipe, algorithm, sets, tensors)
  local given, normalise = recipe.policy.start, recipe.policy.normalise
  local found = given and require("perilune.recipe.start").take(recipe, sets, tensors, acting_sets(self))
  if given and given.constant and not self.began then
    error(("policy.start.constant: %s makes its own networks, and says of none that it begins there (learn:start_squashed)"):format(
      recipe.algorithm[1] or recipe.algorithm.lua), 0)
  end
  if not normalise or algorithm.search then return nil end
  local statistics = self.statistics or found or {clip = normalise}
  statistics.raw = self.raw or nil
  return statistics
end

--- Bounds as plain data holds them, which has no infinities: one that is not there is false; nil where there is none.
local function bounds_of(list)
  local out, any = {}, false
  for i, bound in ipairs(list or {}) do
    out[i] = math.abs(bound) < math.huge and bound
    any = any or out[i] ~= false
  end
  return any and out or nil
end

local function action_document(action)
  return {kind = action.kind, names = action.names, units = action.units, choices = action.choices,
    low = bounds_of(action.low), high = bounds_of(action.high)}
end

--- A search learns nothing from single steps: what comes in is estimated, for the metrics of a host, and let go.
local function idle_schedule(self)
  self:actor()
  self:critics()
  return {self:collect(1), self:estimate {lambda = 1}, self:publish()}
end

local function schedule_of(self, algorithm, given)
  local schedule = algorithm.search and idle_schedule(self) or
    algorithm.build(self, tracing.options(self, algorithm, given))
  return learn.schedule(given[1] or given.lua or "?", schedule)
end

--- What the metrics of an algorithm's programs mean: {kind = {title, text}}. given: its options.
local function metric_documents(algorithm, given)
  local out = {}
  for _, kind in ipairs(keys(algorithm.metrics or {})) do
    local one = algorithm.metrics[kind]
    if not one.of or given[one.of] then out[kind] = {title = one[1], text = one[2]} end
  end
  return out
end

local function novelty_document(self)
  local novelty = self.novelty_of
  return novelty and {critic = "novelty", observes = novelty.observes, clip = novelty.clip} or nil
end

-- Whether an update says how much of the returns each critic explains: a verb, or a metric of a program.
local function explains(self, schedule)
  for _, step in ipairs(schedule) do
    if step.verb == "advantages" or step.verb == "vtrace" or (step.body and explains(self, step.body)) then return true end
  end
  return self.explains
end

--- `refit`, where the recipe asks for it.
local function refit_document(self, schedule)
  local given, algorithm = self.recipe.agent.refit, self.recipe.algorithm
  if not given then return nil end
  if not explains(self, schedule) then
    error(("agent.refit: %s does not say how much of the returns its critics explain (explained_variance), as ppo and a2c do"):format(
      algorithm[1] or algorithm.lua), 0)
  end
  return {explained_variance = given.explained_variance, updates = given.updates}
end

--- What an update takes has a place in memory (validate.lua refuses a rollout that has none, in the recipe's place).
local function needs_rows(self, schedule, rows)
  for _, step in ipairs(schedule) do
    if step.verb == "collect" and rows > 0 and step.rows > rows then
      error(("agent.rows is %.0f; an update takes %.0f steps (%.0f of each of %.0f streams)"):format(rows, step.rows,
        step.rows / self.streams, self.streams), 0)
    end
  end
end

--- Steps that have a place: as the recipe says; else an update, what comes in while it is learned, and what waits for
--- responses. Of whole episodes those that run while an update's steps are complete. nil, where nothing is known to wait: the
--- agent's own default, which is the same without them.
local function rows_of(self, schedule, given)
  if given.rows > 0 then return given.rows end
  local waiting = memory.waiting(given, self.spec.responses)
  local episodes = self.longest and self.longest * self.streams
  if waiting == 0 and not episodes then return nil end
  for _, step in ipairs(schedule) do
    if step.verb == "collect" then return step.rows + (episodes or step.rows) + waiting end
  end
end

local function plan_document(self, algorithm, recipe, hash)
  local spec, given = self.spec, self.recipe.agent
  local schedule = schedule_of(self, algorithm, recipe.algorithm)
  needs_rows(self, schedule, given.rows)
  fixed_programs(self)
  live_algorithm_options(self, algorithm.options, recipe.algorithm, "algorithm.")
  local critics = critic_documents(self, recipe)
  local given_constraints = recipe.objective.constraints
  local constrained = given_constraints and
    require("perilune.recipe.constraints").documents(given_constraints, self.live) or nil
  local sets, optims, tensors = set_documents(self)
  local document = {
    format = 2, hash = hash, recipe = recipe, seed = recipe.train.seed,
    observation = {names = spec.observation.names, units = spec.observation.units,
      low = bounds_of(spec.observation.low), high = bounds_of(spec.observation.high)},
    action = action_document(spec.action), responses = spec.responses,
    capacity = {
      streams = given.streams, rows = rows_of(self, schedule, given),
      idle_us = math.floor(given.idle * 1e6 + 0.5), stale = algorithms.stale(algorithm, recipe.algorithm),
    },
    warmup = recipe.train.warmup,
    normaliser = start_policy(self, recipe, algorithm, sets, tensors),
    noise = noise_document(acting(self)), sets = sets, optims = optims, live = self.live, critics = critics, schedule = schedule,
    constraints = constrained, arms = self.arms or nil,
    ids = embed.vocabularies(spec.observation.names, self.recipe.policy.embed), memory = memory_document(self.recipe.policy.memory),
    metrics = metric_documents(algorithm, recipe.algorithm), asynchronous = algorithm.asynchronous,
    novelty = novelty_document(self), refit = refit_document(self, schedule),
  }
  if given.baseline then
    local rows = document.capacity.rows or 2 * schedule[1].rows
    local values
    document.control, values = control_document(self, recipe, document, rows)
    document.guards = given.guards and require("perilune.recipe.guards").document(recipe) or nil
    document.ramp = given.ramp and require("perilune.recipe.ramp").document(recipe) or nil
    for name, value in pairs(values) do tensors[name] = value end
  end
  return document, tensors
end

local build = {}

--- recipe: resolved, every default filled in; spec: what its environment is made of ({observation = {names, units},
--- action = {kind, names, choices, low, high}, responses = {…}}); algorithm: the table of its file. constant: of a search,
--- the whole action that it found; without it that where it starts. own_policy: of a policy network of the recipe's own
--- (recipe/policy_file.lua). The caller's random stream goes on as if nothing had been drawn.
function build.plan(recipe, spec, algorithm, hash, constant, own_policy)
  return prl.with_seed(recipe.train.seed, function()
    local self
    if algorithm.search then
      self = learn.new(networks.bare(recipe), spec, constant or require("perilune.recipe.search").vector(recipe, spec))
    else
      self = learn.new(recipe, spec, nil, own_policy)
    end
    local document, tensors = plan_document(self, algorithm, recipe, hash)
    return prl.new_plan(document, self.programs, tensors)
  end)
end

return build
