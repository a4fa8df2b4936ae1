--- The networks of a recipe: the actor's distribution, one network (or head) for each critic, and their parameter sets.
---
--- Sets: "policy" (the actor), "critic/NAME" for each critic, and with a shared trunk "trunk", which steps with the
--- actor. Names of parameters are paths of modules: "1.weight".
local keys = require "perilune.keys"
local prl = require "perilune"
local strict = require("perilune.options").strict
local nn, distribution = prl.nn, prl.distribution

local networks = {}

local no_field = strict("a critic", "field", {}, {"name"}) -- what an algorithm sees of one

--- Columns side by side: concat takes up to 8 at once.
function networks.join(columns)
  while #columns > 1 do
    local joined = {}
    for first = 1, #columns, 8 do
      local part = {}
      for i = first, math.min(first + 7, #columns) do part[#part + 1] = columns[i] end
      joined[#joined + 1] = #part == 1 and part[1] or prl.concat(part, 2)
    end
    columns = joined
  end
  return columns[1]
end

local function sizes(inputs, hidden, outputs)
  local out = {inputs}
  for _, width in ipairs(hidden) do out[#out + 1] = width end
  out[#out + 1] = outputs
  return out
end

local initialisers = {orthogonal = "orthogonal", xavier = "xavier_uniform", kaiming = "kaiming_uniform"}

local function mlp(inputs, options, outputs, last_gain)
  local layers = sizes(inputs, options.hidden, outputs)
  layers.activation, layers.last_gain, layers.init = options.activation, last_gain, initialisers[options.init]
  return nn.mlp(layers)
end

--- Hidden layers alone, every one activated.
local function body(inputs, options)
  local layers = sizes(inputs, options.hidden, nil)
  layers.activation, layers.output, layers.init = options.activation, options.activation, initialisers[options.init]
  layers.last_gain = math.sqrt(2)
  return nn.mlp(layers)
end

-- ---- The actor ----

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

--- mean = centre + half · tanh(raw/half): slope 1 in the middle, never outside of the bounds.
local function bounded(raw, spec, given, free)
  local centre, half, all = {}, {}, true
  for k, i in ipairs(free) do
    local own = given and given[spec.action.names[i]]
    local low, high = (own or spec.action.low)[own and 1 or i], (own or spec.action.high)[own and 2 or i]
    all = all and low > -math.huge and high < math.huge
    centre[k], half[k] = (low + high) / 2, (high - low) / 2
  end
  if not all then return raw end
  local c, h = prl.tensor(centre), prl.tensor(half)
  return c + h * (raw / h):tanh()
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
    return networks.join(columns)
  end
end

local function continuous_actor(self, recipe, inputs)
  local policy, spec = recipe.policy, self.spec
  local free, held = free_dimensions(spec, policy.action)
  local width, kind = #free, policy.log_std.kind
  local net = nn.module {
    mean = mlp(inputs, policy, width, policy.last_gain),
    deviation = kind == "state" and mlp(inputs, policy, width, 0) or nil,
    log_std = kind == "free" and nn.parameter(prl.full({width}, policy.log_std.init)) or nil,
    forward = function(net, x)
      local mean = net.mean(x)
      if policy.bounded then mean = bounded(mean, spec, policy.action, free) end
      local log_std = net.log_std or prl.full({width}, policy.log_std.init)
      if net.deviation then log_std = net.deviation(x) + policy.log_std.init end
      return distribution.normal(mean, log_std)
    end,
  }
  local from_env, to_env = selectors(spec, free, held)
  return net, {draws = width, from_env = from_env, to_env = to_env}
end

local function discrete_actor(self, recipe, inputs)
  local choices, total = self.spec.action.choices, 0
  for _, n in ipairs(choices) do total = total + n end
  local net = nn.module {
    logits = mlp(inputs, recipe.policy, total, recipe.policy.last_gain),
    forward = function(net, x)
      if #choices == 1 then return distribution.categorical(net.logits(x)) end
      return distribution.multi_categorical(net.logits(x), choices)
    end,
  }
  local function same(action) return action end
  return net, {draws = #choices, from_env = same, to_env = same}
end

--- One action for everybody: a layer that gives it whatever it is shown. Nothing in it is squashed or normalised, so
--- that the numbers come back as they were given.
local function constant_actor(constant, inputs)
  local layer = nn.linear(inputs, #constant, {init = "zero"})
  layer.bias:copy_(prl.tensor(constant))
  local net = nn.module {mean = layer, forward = function(net, x) return distribution.point(net.mean(x)) end}
  local function same(action) return action end
  return net, {draws = 0, from_env = same, to_env = same}
end

-- ---- Sets ----

local function add_set(self, name, module, critic, optimizer)
  local names, parameters = module:parameters()
  local set = prl.params(name, parameters, names)
  local options = {}
  for key, value in pairs(optimizer) do if key ~= 1 then options[key] = value end end
  self.sets[#self.sets + 1] = {
    name = name, names = names, parameters = parameters, critic = critic, kind = optimizer[1], options = options,
    optim = prl.new_optim(optimizer[1], set, options),
  }
end

--- A recipe whose networks have no layers but the last, for a policy that is one action for everybody.
function networks.bare(recipe)
  local critics = {}
  for name in pairs(recipe.objective.critics) do critics[name] = {} end
  return {policy = {hidden = {}, activation = recipe.policy.activation, init = recipe.policy.init, trunk = "separate"},
    objective = {critics = critics}, algorithm = {optimizer = {"sgd"}}}
end

--- Adds to the builder: actor {distribution(obs), draws, to_env}, policy(obs) for algorithms, critics (a list, and by
--- name), sets. constant: the action of a policy that is the same for everybody, or nil.
function networks.make(self, recipe, constant)
  local policy, inputs, optimizer = recipe.policy, #self.spec.observation.names, recipe.algorithm.optimizer
  self.sets, self.critics, self.critic = {}, {}, {}
  local trunk = policy.trunk == "shared" and body(inputs, policy) or nil
  local head = trunk and {hidden = {}, activation = policy.activation, init = policy.init}
  local features, trunk_scope = inputs, nil
  if trunk then features = policy.hidden[#policy.hidden] end

  --- The trunk is evaluated once for each batch of observations.
  local last_obs, last_features
  local function feature(obs)
    if not trunk then return obs end
    if not rawequal(last_obs, obs) or trunk_scope ~= prl.scope_number() then
      last_obs, last_features, trunk_scope = obs, trunk(obs), prl.scope_number()
    end
    return last_features
  end

  local make = self.spec.action.kind == "continuous" and continuous_actor or discrete_actor
  local actor_recipe = trunk and {policy = setmetatable(head, {__index = policy})} or recipe
  local net, actor
  if constant then
    net, actor = constant_actor(constant, features)
  else
    net, actor = make(self, actor_recipe, features)
  end
  actor.distribution = function(obs) return net(feature(obs)) end
  self.actor = actor
  --- For algorithms: log-densities of actions as the environment saw them.
  self.policy = function(obs)
    local pi = actor.distribution(obs)
    return setmetatable({log_prob = function(_, action) return pi:log_prob(actor.from_env(action)) end}, {__index = pi})
  end
  if trunk then add_set(self, "trunk", trunk, false, optimizer) end
  add_set(self, "policy", net, false, optimizer)
  for i, name in ipairs(keys(recipe.objective.critics)) do
    local own = recipe.objective.critics[name]
    local options = head or {hidden = own.hidden or policy.hidden, activation = own.activation or policy.activation,
      init = policy.init}
    local value = mlp(features, options, 1, 1)
    local critic = setmetatable({name = name, set = "critic/" .. name, last = tostring(#value)}, {
      __index = no_field, __call = function(_, obs) return value(feature(obs)):reshape(-1) end,
    })
    self.critics[i], self.critic[name] = critic, critic
    add_set(self, critic.set, value, true, optimizer)
  end
end

return networks
