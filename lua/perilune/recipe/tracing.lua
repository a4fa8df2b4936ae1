--- Tracing: an algorithm's Lua over symbolic values becomes the graph of a program.
local embed = require "perilune.recipe.embed"
local keys = require "perilune.keys"
local prl = require "perilune"

local tracing = {}

local ROWS = {3, 5} -- programs are traced for two numbers of rows, so that none can creep into them

--- Runs body(rows) in a trace for each number of rows and insists that both say the same. self: the builder, whose scalars
--- are those of the program that is traced.
function tracing.program(self, what, body)
  local graphs = {}
  for i, rows in ipairs(ROWS) do
    graphs[i] = prl.trace(function()
      self.scalars, self.sequence = {}, false
      body(rows)
    end)
  end
  local line = graphs[1]:difference(graphs[2])
  if line then
    error(("%s: line %d does something else for another number of rows or other values; a program cannot follow")
      :format(what, line), 0)
  end
  return graphs[1]
end

--- A scalar of the program that its runner fills in.
function tracing.scalar(name) return prl.trace_input(name, prl.full({}, .5), false) end

--- The options of the algorithm as its build sees them: opt.lr is a scalar of the program while one is traced, and a
--- reference to the live option elsewhere. Structural options are plain numbers; one that was not given is nil; one with forms
--- is such a table again, its name at [1].
function tracing.options(self, algorithm, given)
  local function seen(about, all, values, prefix)
    return setmetatable({values[1]}, {
      __index = function(_, key)
        local declared, value = all[key], values[key]
        if not declared then prl.refuse(prl.no_name(about, "option", tostring(key), all)) end
        if value == nil or value == false then return nil end
        local name = prefix .. key
        if declared.forms then return seen(key, declared.forms[value[1]], value, name .. ".") end
        if declared.structural then return value end
        return prl.tracing() and self:live_scalar(name) or name
      end,
    })
  end
  return seen("the algorithm", algorithm.options or {}, given, "algorithm.")
end

--- Actions (rows, A) from plain numbers: an op here would become part of the program that is traced.
local function example_action(spec, rows)
  local action, out = spec.action, {}
  for i = 1, rows do
    out[i] = {}
    for k = 1, #action.names do
      out[i][k] = action.kind == "continuous" and math.sin(i * rows + k) or (i * rows + k) % action.choices[k]
    end
  end
  return prl.tensor(out)
end

--- How many numbers a row's observations have in a program: O, and behind them the state of the policy's memory.
function tracing.width(self)
  local memory = self.recipe.policy.memory
  return #self.spec.observation.names + (memory and memory[2] or 0)
end

--- Numbers in the place of observations; ids where those are ids.
local function example_observations(self, rows)
  local example = prl.randn(rows, tracing.width(self))
  local ids = embed.vocabularies(self.spec.observation.names, self.recipe.policy.embed)
  if not ids then return example end
  example = example:totable()
  for i = 1, rows do
    for k, vocabulary in ipairs(ids) do
      if vocabulary > 0 then example[i][k] = (i + k) % vocabulary end
    end
  end
  return prl.tensor(example)
end

--- An input (rows, tracing.width) of the program that is traced.
function tracing.observations(self, rows, name)
  return prl.trace_input(name or "obs", example_observations(self, rows), true)
end

--- Of the rows that are learned from: self.sequence says where their stretches begin, if the policy has a memory.
local function learned_observations(self, rows)
  local obs = tracing.observations(self, rows)
  if self.recipe.policy.memory then
    local example = {}
    for i = 1, rows do example[i] = i % 2 end
    self.sequence = {obs = obs, start = prl.trace_input("start", prl.tensor(example), true)}
  end
  return obs
end

--- The input (rows, A).
function tracing.actions(self, rows) return prl.trace_input("action", example_action(self.spec, rows), true) end

--- The input (rows): which of several policies serves a row, from 0.
function tracing.arms(rows, count)
  local example = {}
  for i = 1, rows do example[i] = i % count end
  return prl.trace_input("arm", prl.tensor(example), true)
end

--- The input (rows, count): what lasted of the draws with which the rows were acted.
function tracing.lasting(self, rows, count)
  local draw = self.spec.action.kind == "continuous" and prl.randn or prl.rand
  self.scalars.lasting = self.scalars.lasting or prl.trace_input("lasting", draw(rows, count), true)
  return self.scalars.lasting
end

--- The rows of a minibatch; each field becomes an input of the program when it is first read.
function tracing.batch(self, rows)
  local function vector(name) return prl.trace_input(name, prl.randn(rows), true) end
  local function draws(name)
    local actor = self:actor() and self.actor_made
    local width = actor.noise and actor.noise.drawn or actor.draws
    if width == 0 then prl.refuse(("batch.%s: what acts draws no numbers"):format(name)) end
    local example = self.spec.action.kind == "continuous" and prl.randn(rows, width) or prl.rand(rows, width)
    return prl.trace_input(name, example, true)
  end
  local function density(name)
    local noise = self.actor_made and self.actor_made.noise
    if noise and noise.theta then
      prl.refuse(("batch.%s: what acts draws from an Ornstein–Uhlenbeck process (learn:acts {theta = %g}), and its actions have no "
        .. "density"):format(name, noise.theta))
    end
    return vector(name)
  end
  local makers = {
    obs = function() return learned_observations(self, rows) end,
    next_obs = function(name) return tracing.observations(self, rows, name) end,
    raw_obs = function(name)
      self.raw = true
      return tracing.observations(self, rows, name)
    end,
    action = function() return tracing.actions(self, rows) end,
    arrival = function(name)
      local novelty = self.novelty_of
      if not novelty then prl.refuse "batch.arrival: learn:novelty says of which observations" end
      return prl.trace_input(name, prl.randn(rows, #novelty.observes), true)
    end,
    arm = function()
      if not self.arms then prl.refuse "batch.arm: one policy acts; learn:serve declares several" end
      return tracing.arms(rows, #self.arms)
    end,
    response = function(name)
      if #self.spec.responses == 0 then prl.refuse "batch.response: the env has no responses" end
      return prl.trace_input(name, prl.randn(rows, #self.spec.responses), true)
    end,
    log_prob = density, weight = vector, advantage = vector, terminated = vector, truncated = vector, noise = draws, next_noise = draws,
  }
  local function by_critic(field)
    return setmetatable({}, {__index = function(inner, critic)
      local critics = self.recipe.objective.critics
      if not critics[critic] and not (self.novelty_of and critic == "novelty") then
        prl.refuse(prl.no_name("batch." .. field, "critic", tostring(critic), keys(critics)))
      end
      inner[critic] = vector(field .. "/" .. critic)
      return inner[critic]
    end})
  end
  local batch = {
    returns = by_critic "returns", value = by_critic "value", reward = by_critic "reward",
    advantages = by_critic "advantage", discount = by_critic "discount",
  }
  local names = keys(batch)
  for _, field in ipairs(keys(makers)) do names[#names + 1] = field end
  return setmetatable(batch, {
    __index = function(_, field)
      local make = makers[field]
      if not make then prl.refuse(prl.no_name("batch", "field", tostring(field), names)) end
      batch[field] = make(field)
      return batch[field]
    end,
  })
end

return tracing
