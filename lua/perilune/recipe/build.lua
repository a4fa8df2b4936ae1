--- The builder: a resolved recipe becomes a plan (runtime/agent/README.md). An algorithm's Lua runs here, once: it
--- writes its losses over symbolic batches, which are traced into programs, and leaves its schedule as plain data.
local prl = require "perilune"
local networks = require "perilune.recipe.networks"
local search = require "perilune.recipe.search"

local TRACE_ROWS = {3, 5} -- programs are traced for two numbers of rows, so that none can creep into them

--- Runs body(rows) in a trace for each number of rows and insists that both say the same.
local function trace(what, body)
  local graphs = {}
  for i, rows in ipairs(TRACE_ROWS) do graphs[i] = prl.trace(function() body(rows) end) end
  local line = graphs[1]:difference(graphs[2])
  if line then
    error(("%s: line %d does something else for another number of rows or other values; a program cannot follow")
      :format(what, line), 0)
  end
  return graphs[1]
end

-- ---- What a program's function sees ----

local function scalar_input(name) return prl.trace_input(name, prl.full({}, .5), false) end

--- opt.lr is a scalar of the program while one is traced, and a reference to the live option elsewhere. Structural
--- options are plain numbers; one that was not given is nil.
local function new_options(self, algorithm, given)
  return setmetatable({}, {
    __index = function(_, key)
      local declared, value = algorithm.options[key], given[key]
      if not declared then error(("algorithm: there is no option %s"):format(tostring(key)), 2) end
      if value == nil or value == false then return nil end
      if declared.structural then return value end
      local name = "algorithm." .. key
      if not prl.tracing() then return name end
      self.scalars[name] = self.scalars[name] or scalar_input(name)
      return self.scalars[name]
    end,
  })
end

--- Plain numbers: an op here would become part of the program that is traced.
local function example_action(self, rows)
  local action, out = self.spec.action, {}
  for i = 1, rows do
    out[i] = {}
    for k = 1, #action.names do
      out[i][k] = action.kind == "continuous" and math.sin(i * rows + k) or (i * rows + k) % action.choices[k]
    end
  end
  return prl.tensor(out)
end

--- The rows of a minibatch; each field becomes an input of the program when it is first read.
local function new_batch(self, rows)
  local function vector() return prl.randn(rows) end
  local makers = {
    obs = function() return prl.randn(rows, #self.spec.observation.names) end,
    action = function() return example_action(self, rows) end,
    log_prob = vector, advantage = vector,
  }
  local function by_critic(field)
    return setmetatable({}, {__index = function(inner, critic)
      if not self.critic[critic] then error(("batch.%s: there is no critic %s"):format(field, tostring(critic)), 2) end
      inner[critic] = prl.trace_input(field .. "/" .. critic, vector(), true)
      return inner[critic]
    end})
  end
  return setmetatable({
    returns = by_critic "returns", value = by_critic "value", reward = by_critic "reward",
    advantages = by_critic "advantage",
  }, {
    __index = function(batch, field)
      local make = makers[field]
      if not make then error(("batch: there is no field %s"):format(tostring(field)), 2) end
      batch[field] = prl.trace_input(field, make(), true)
      return batch[field]
    end,
  })
end

-- ---- What an algorithm's build sees ----

local Learn = {}
Learn.__index = Learn

--- A program over a minibatch: fn(batch) writes losses and ends in learn:minimise. Returns the verb that runs it.
function Learn:program(fn)
  self.programs_count = self.programs_count + 1
  local name = self.programs_count == 1 and "update" or "update_" .. self.programs_count
  self.programs[name] = trace(name, function(rows)
    self.scalars = {}
    fn(new_batch(self, rows))
  end)
  return {verb = "run", program = name}
end

--- Gradients of the loss and one step of every set: actor, critics: their step sizes; max_norm: the greatest norm of
--- the gradient of the actor and of each critic.
function Learn:minimise(loss, steps)
  loss:backward()
  for _, set in ipairs(self.sets) do
    local lr = set.critic and steps.critics or steps.actor
    if lr == nil then error(("minimise: no step size for the %s"):format(set.critic and "critics" or "actor"), 2) end
    set.optim:step(lr, steps.max_norm)
  end
end

--- A scalar of the program under its name in the metrics.
function Learn:metric(name, value) prl.trace_output(name, value) end

--- Waits until `steps` steps of each stream, on average, are closed.
function Learn:collect(steps) return {verb = "collect", rows = steps * self.streams} end

--- lambda: a number or a live option; normalise: the weighted sum of advantages over all rows (true).
function Learn:estimate(o) return {verb = "estimate", lambda = o.lambda, normalise = o.normalise ~= false} end
function Learn:epochs(count, body) return {verb = "epochs", count = count, body = body} end
function Learn:minibatches(size, body) return {verb = "minibatches", size = size, body = body} end
function Learn:stop(metric, above) return {verb = "stop", metric = metric, above = above} end
function Learn:publish() return {verb = "publish"} end

-- ---- Fixed programs ----

local function act_program(self)
  local continuous = self.spec.action.kind == "continuous"
  return trace("act", function(rows)
    local noise = continuous and prl.randn(rows, self.actor.draws) or prl.rand(rows, self.actor.draws)
    local obs = prl.trace_input("obs", prl.randn(rows, #self.spec.observation.names), true)
    if self.actor.draws > 0 then noise = prl.trace_input("noise", noise, true) end
    local sample = scalar_input "sample"
    local pi = self.actor.distribution(obs)
    local action = prl.where(sample, pi:sample(noise), pi:mean())
    prl.trace_output("action", self.actor.to_env(action))
    prl.trace_output("log_prob", pi:log_prob(action))
  end)
end

local function values_program(self)
  return trace("values", function(rows)
    local obs = prl.trace_input("obs", prl.randn(rows, #self.spec.observation.names), true)
    local columns = {}
    for i, critic in ipairs(self.critics) do columns[i] = critic(obs):reshape(-1, 1) end
    prl.trace_output("value", #columns == 1 and columns[1] or networks.join(columns))
  end)
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

local function critic_documents(self, recipe)
  local index, out = {}, {}
  for i, response in ipairs(self.spec.responses) do index[response.name] = i - 1 end
  for i, critic in ipairs(self.critics) do
    local options, path = recipe.objective.critics[critic.name], "objective.critics." .. critic.name
    self.live[path .. ".gamma"] = {value = scalar(options.gamma), low = 0, high = 1}
    self.live[path .. ".weight"] = {value = scalar(options.weight)}
    out[i] = {
      name = critic.name, gamma = path .. ".gamma", per = options.per ~= "step" and options.per or nil,
      weight = path .. ".weight", scale = options.scale,
      reward = indexed(options.reward, index), value_set = critic.set,
      popart = {weight = critic.last .. ".weight", bias = critic.last .. ".bias"},
    }
  end
  return out
end

local function live_algorithm_options(self, algorithm, given)
  for key, declared in pairs(algorithm.options) do
    if not declared.structural and given[key] ~= nil and given[key] ~= false then
      self.live["algorithm." .. key] = {value = scalar(given[key]), low = declared.min, high = declared.max}
    end
  end
end

local function set_documents(self)
  local sets, optims, tensors = {}, {}, {}
  for i, set in ipairs(self.sets) do
    local params = {}
    for k, name in ipairs(set.names) do
      params[k] = {name = name, shape = set.parameters[k]:shape()}
      tensors[set.name .. ":" .. name] = set.parameters[k]:clone()
    end
    sets[i] = {name = set.name, params = params}
    optims[i] = {set = set.name, kind = set.kind}
    for key, value in pairs(set.options) do optims[i][key] = value end
  end
  return sets, optims, tensors
end

--- Plain data holds no infinities: a bound that is not there is false, and a side without any is left out.
local function finite_action(action)
  local out = {kind = action.kind, names = action.names, units = action.units, choices = action.choices}
  for _, side in ipairs {"low", "high"} do
    local bounds, any = {}, false
    for i, bound in ipairs(action[side] or {}) do
      bounds[i] = math.abs(bound) < math.huge and bound
      any = any or bounds[i] ~= false
    end
    if any then out[side] = bounds end
  end
  return out
end

--- A search learns nothing from single steps: what comes in is estimated, for the metrics of a host, and let go.
local function idle_schedule(self)
  return {self:collect(1), self:estimate {lambda = 1}, self:publish()}
end

local function schedule_of(self, algorithm, given)
  if algorithm.search then return idle_schedule(self) end
  local schedule = algorithm.build(self, new_options(self, algorithm, given))
  if type(schedule) ~= "table" or #schedule == 0 then
    error(("algorithm %s: build returned no schedule"):format(algorithm.name or "?"), 0)
  end
  return schedule
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

local build = {}

--- recipe: resolved, every default filled in; spec: what its environment is made of ({observation = {names, units},
--- action = {kind, names, choices, low, high}, responses = {…}}); algorithm: the table of its file. constant: of a search,
--- the whole action that it found; without it that where it starts.
function build.plan(recipe, spec, algorithm, hash, constant)
  prl.seed(recipe.train.seed)
  local self = setmetatable({
    spec = spec, programs = {}, programs_count = 0, live = {}, scalars = {}, streams = recipe.env.n or
      recipe.agent.streams,
  }, Learn)
  if algorithm.search then
    networks.make(self, networks.bare(recipe), constant or search.vector(recipe, spec))
  else
    networks.make(self, recipe)
  end
  local given = recipe.algorithm
  local schedule = schedule_of(self, algorithm, given)
  needs_rows(self, schedule, recipe.agent.rows)
  self.programs.act, self.programs.values = act_program(self), values_program(self)
  live_algorithm_options(self, algorithm, given)
  local critics = critic_documents(self, recipe)
  local sets, optims, tensors = set_documents(self)
  local capacity = {
    streams = recipe.agent.streams, rows = recipe.agent.rows > 0 and recipe.agent.rows or nil,
    idle_us = math.floor(recipe.agent.idle * 1e6 + 0.5), stale = algorithm.stale,
  }
  return prl.new_plan({
    format = 1, hash = hash, recipe = recipe, seed = recipe.train.seed,
    observation = {names = spec.observation.names, units = spec.observation.units}, action = finite_action(spec.action),
    responses = spec.responses,
    capacity = capacity, warmup = recipe.train.warmup,
    normaliser = recipe.policy.normalise and not algorithm.search and {clip = recipe.policy.normalise} or nil,
    noise = self.actor.draws, sets = sets, optims = optims, live = self.live, critics = critics, schedule = schedule,
  }, self.programs, tensors)
end

return build
