--- The modules of actors (recipe/networks.lua): layers as a recipe gives them, and what makes a distribution over actions of their
--- last numbers.
local join = require "perilune.columns"
local prl = require "perilune"
local nn, distribution = prl.nn, prl.distribution

local actors = {}

-- ---- Layers ----

local function sizes(inputs, hidden, outputs)
  local out = {inputs}
  for _, width in ipairs(hidden) do out[#out + 1] = width end
  out[#out + 1] = outputs
  return out
end

actors.initialisers = {orthogonal = "orthogonal", xavier = "xavier_uniform", kaiming = "kaiming_uniform"}

--- given: {hidden, activation, init}, as policy of a recipe.
function actors.mlp(inputs, given, outputs, last_gain)
  local layers = sizes(inputs, given.hidden, outputs)
  layers.activation, layers.last_gain, layers.init = given.activation, last_gain, actors.initialisers[given.init]
  return nn.mlp(layers)
end

--- Hidden layers alone, every one activated.
function actors.body(inputs, given)
  local layers = sizes(inputs, given.hidden, nil)
  layers.activation, layers.output, layers.init = given.activation, given.activation, actors.initialisers[given.init]
  layers.last_gain = math.sqrt(2)
  return nn.mlp(layers)
end

-- ---- What acts ----

--- Which action dimensions the policy sets, and the numbers that hold the others.
local function free_dimensions(spec, given)
  local free, held = {}, {}
  for i, name in ipairs(spec.action.names) do
    local option = given and given[name]
    if type(option) == "number" then held[i] = option else free[#free + 1] = i end
  end
  if #free == 0 then error("policy.action: every dimension is held; the policy has nothing to set", 0) end
  return free, held
end

--- {centre}, {half} of the bounds of these dimensions; nil where one of them has none.
local function middles(spec, given, free)
  local centre, half, all = {}, {}, true
  for k, i in ipairs(free) do
    local own = given and given[spec.action.names[i]]
    local low, high = (own or spec.action.low)[own and 1 or i], (own or spec.action.high)[own and 2 or i]
    all = all and low > -math.huge and high < math.huge
    centre[k], half[k] = (low + high) / 2, (high - low) / 2
  end
  if all then return centre, half end
end

--- The mean of the network's numbers. In the action's own units that is raw, and bounded c + h · tanh(raw/h): slope 1 in the
--- middle, never outside of the bounds; in half ranges c + h · raw, and bounded c + h · tanh(raw). c, h: the middle of a
--- dimension and half its range.
local function mean_of(raw, spec, policy, free)
  local centre, half = middles(spec, policy.action, free)
  local in_halves = policy.unit == "half_range"
  if not centre or not (policy.bounded or in_halves) then return raw end
  local c, h = prl.tensor(centre), prl.tensor(half)
  local own = in_halves and raw or raw / h
  return c + h * (policy.bounded and own:tanh() or own)
end

--- ln σ in the action's own units, of one that is counted in half ranges.
local function in_own_units(log_std, spec, policy, free)
  local logs, _, half = {}, middles(spec, policy.action, free)
  for k, h in ipairs(half) do logs[k] = math.log(h) end
  return log_std + prl.tensor(logs)
end

--- Where policy.start is a constant action: the last layer gives that action in these dimensions for every input, until it learns;
--- squash: what its outputs go through, "bounded" as the recipe says, or "unit", the tanh between bounds of a network of the
--- algorithm's own.
function actors.begin_at_constant(self, layer, free, squash)
  local vector = self.recipe.policy.start and require("perilune.recipe.start").vector(self.recipe, self.spec)
  if not vector then return end
  local numbers = {}
  for k, i in ipairs(free) do numbers[k] = vector[i] end
  local centre, half = middles(self.spec, self.recipe.policy.action, free)
  local in_halves = squash == "unit" or self.recipe.policy.unit == "half_range"
  for k = 1, (squash or in_halves) and centre and #free or 0 do
    local unit = (numbers[k] - centre[k]) / half[k]
    if squash then unit = 0.5 * math.log((1 + unit) / (1 - unit)) end
    numbers[k] = in_halves and unit or unit * half[k]
  end
  for k = #free + 1, layer.bias:size(1) do numbers[k] = 0 end
  layer.weight:copy_(prl.zeros(layer.weight:shape()))
  layer.bias:copy_(prl.tensor(numbers))
  self.began = true
end

--- Actions of the policy's own dimensions from rows of the environment's, and back.
local function selectors(spec, free, held)
  if #free == #spec.action.names then
    return function(action) return action end, function(action) return action end
  end
  local ids, column = {}, {}
  for k, i in ipairs(free) do ids[k], column[i] = i - 1, k end
  local index = prl.tensor(ids, "int32")
  return function(action) return action:index_select(2, index) end, function(action)
    local columns = {}
    for i = 1, #spec.action.names do
      local own = action:slice(2, column[i] or 1, column[i] or 1)
      columns[i] = column[i] and own or own * 0 + held[i]
    end
    return join(columns)
  end
end

--- The network of the actor's last numbers: the recipe's layers, or those of its own file (recipe/policy_file.lua).
local function actor_network(self, policy, inputs, outputs)
  if self.own_policy then return self.own_policy(self, policy, inputs, outputs) end
  return actors.mlp(inputs, policy, outputs, policy.last_gain)
end

--- by_state: the logarithm of a deviation that is to depend on the state, at the start; nil: as the recipe says.
local function continuous(self, policy, inputs, by_state)
  local spec = self.spec
  local free, held = free_dimensions(spec, policy.action)
  local width, kind, init = #free, policy.log_std.kind, policy.log_std.init
  if by_state then kind, init = "state", by_state end
  local layers = actor_network(self, policy, inputs, width)
  if not self.own_policy then actors.begin_at_constant(self, layers[#layers], free, policy.bounded and "bounded") end
  local net = nn.module {
    mean = layers,
    deviation = kind == "state" and actors.mlp(inputs, policy, width, 0) or nil,
    log_std = kind == "free" and nn.parameter(prl.full({width}, init)) or nil,
    forward = function(net, x, shift)
      local mean = net.mean(x)
      if shift then mean = mean + shift end
      local log_std = net.log_std or prl.full({width}, init)
      if net.deviation then log_std = net.deviation(x) + init end
      if policy.unit == "half_range" then log_std = in_own_units(log_std, spec, policy, free) end
      return distribution.normal(mean_of(mean, spec, policy, free), log_std)
    end,
  }
  local from_env, to_env = selectors(spec, free, held)
  return net, {draws = width, numbers = width, from_env = from_env, to_env = to_env}
end

--- by_state: the logarithm of a temperature that depends on the state, by which the logits are divided, at the start.
local function discrete(self, policy, inputs, by_state)
  local choices, total = self.spec.action.choices, 0
  for _, n in ipairs(choices) do total = total + n end
  local net = nn.module {
    logits = actor_network(self, policy, inputs, total),
    temperature = by_state and actors.mlp(inputs, policy, 1, 0) or nil,
    forward = function(net, x, shift)
      local logits = net.logits(x)
      if shift then logits = logits + shift end
      if net.temperature then logits = logits * (-(net.temperature(x) + by_state)):exp() end
      if #choices == 1 then return distribution.categorical(logits) end
      return distribution.multi_categorical(logits, choices)
    end,
  }
  local function same(action) return action end
  return net, {draws = #choices, numbers = total, from_env = same, to_env = same}
end

--- One action for everybody: a layer that returns it for any input. Nothing in it is squashed or normalised, so that the
--- numbers are returned unchanged. Or one that is linear in the observations, within bounds (recipe/search.lua).
function actors.constant(constant, inputs)
  local layer = nn.linear(inputs, #constant, {init = "zero"})
  layer.bias:copy_(prl.tensor {unpack(constant)})
  local forward = function(net, x) return distribution.point(net.mean(x)) end
  if constant.weights then
    local low, high = prl.tensor(constant.low), prl.tensor(constant.high)
    layer.weight:copy_(prl.tensor(constant.weights))
    forward = function(net, x) return distribution.point(net.mean(x):minimum(high):maximum(low)) end
  end
  local net = nn.module {mean = layer, forward = forward}
  local function same(action) return action end
  return net, {draws = 0, from_env = same, to_env = same}
end

--- A module with forward(x, shift) → a distribution, and {draws, numbers, from_env, to_env}. policy: as of a recipe; inputs: what it
--- reads; by_state: the logarithm of a width that depends on the state, at the start; nil: as the recipe says.
function actors.new(self, policy, inputs, by_state)
  local make = self.spec.action.kind == "continuous" and continuous or discrete
  return make(self, policy, inputs, by_state)
end

return actors
