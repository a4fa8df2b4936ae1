--- The networks that an algorithm declares (recipe/learn.lua): the recipe's actor and critics, and its own; and their
--- parameter sets.
---
--- Sets: "policy" (the actor), "critic/NAME" for each critic, with a shared trunk "trunk" and with a memory "memory", which
--- step with the actor, and what the algorithm calls its own. Names of parameters are paths of modules: "1.weight".
local actors = require "perilune.recipe.actors"
local join = require "perilune.columns"
local embed = require "perilune.recipe.embed"
local keys = require "perilune.keys"
local observes = require "perilune.recipe.observes"
local options = require "perilune.options"
local prl = require "perilune"
local tracing = require "perilune.recipe.tracing"
local nn = prl.nn

local networks = {}

local no_field = options.strict("a critic", "field", {}, {"name"}) -- what an algorithm sees of one

--- fn, whose last result is given again for the same inputs in the same trace: what several networks read is evaluated once.
local function once(fn)
  local last, inputs, scope = nil, {}, nil
  return function(...)
    local same = scope == prl.scope_number() and #inputs == select("#", ...)
    for i = 1, #inputs do same = same and rawequal(inputs[i], (select(i, ...))) end
    if not same then inputs, last, scope = {...}, fn(...), prl.scope_number() end
    return last
  end
end

-- ---- Sets ----

--- group: the name by which learn:minimise steps the set; nil: nothing steps it.
--- row_sparse: its parameters are tables, of which a batch looks up some rows.
local function add_set(self, name, module, group, row_sparse)
  local names, parameters = module:parameters()
  name = self.prefix .. name
  local set = {name = name, names = names, parameters = parameters, group = group, module = module, row_sparse = row_sparse,
    params = prl.params(name, parameters, names)}
  if group then
    local optimizer = self.recipe.algorithm.optimizer
    set.kind, set.options = optimizer[1], {}
    for _, key in ipairs(keys(optimizer)) do if key ~= 1 then set.options[key] = optimizer[key] end end
    set.optim = prl.new_optim(set.kind, set.params, set.options)
  end
  self.sets[#self.sets + 1] = set
end

--- Networks are made before programs are traced: what is made inside of a trace would become part of it.
local function before_programs(about)
  if prl.tracing() then options.refuse("%s declares a network: it comes before learn:program, not inside of it", about) end
end

local function new_name(self, about, name)
  for _, set in ipairs(self.sets) do
    if set.name == name or set.group == name then options.refuse("%s: the name %q is taken", about, name) end
  end
end

-- ---- The actor and the critics ----

--- One name of policy.embed: a function of observations that gives (rows, width), the mean over the ids of a bag. An id of −1 has
--- the table's last row.
local function bag_of(self, name, places)
  local given = self.recipe.policy.embed[name]
  local rows = nn.embedding(given.vocabulary + 1, given.width)
  local ids = {}
  for i, place in ipairs(places) do ids[i] = place - 1 end
  local index = prl.tensor(ids, "int32")
  add_set(self, "embed/" .. name, rows, "actor", true)
  return function(obs)
    local id = obs:index_select(2, index)
    return rows(prl.where(prl.lt(id, 0), given.vocabulary, id)):mean(2)
  end
end

--- What networks see of observations, as policy.observes and policy.embed say: a function of rows, and how many numbers it gives.
--- of: `observes` of a critic of its own, which sees no tables.
local function sight_of(self, of)
  if not of and self.sight_made then return self.sight_made.see, self.sight_made.width end
  local names, policy = self.spec.observation.names, of and {observes = of} or self.recipe.policy
  local vocabularies = embed.vocabularies(names, policy.embed)
  local plain, bags, width = {}, {}, 0
  for _, place in ipairs(observes.kept(names, policy.observes)) do
    if not vocabularies or vocabularies[place] == 0 then plain[#plain + 1] = place - 1 end
  end
  for i, name in ipairs(keys(policy.embed or {})) do
    bags[i] = bag_of(self, name, embed.places(names, name))
    width = width + policy.embed[name].width
  end
  local index = #plain > 0 and prl.tensor(plain, "int32")
  local function see(obs)
    if #plain == #names then return obs end
    local parts = index and {obs:index_select(2, index)} or {}
    for _, bag in ipairs(bags) do parts[#parts + 1] = bag(obs) end
    return #parts == 1 and parts[1] or join(parts)
  end
  if not of then self.sight_made = {see = see, width = width + #plain} end
  return see, width + #plain
end

--- The policy's memory between what `trunk` gives of the observations and what acts and judges. Rows of a batch that is learned
--- from are in stretches, through which the gradients go back; elsewhere each row goes on from the state that comes with it.
local function add_memory(self, trunk, group)
  local width, observed, before = self.recipe.policy.memory[2], #self.spec.observation.names, trunk.feature
  local unit = nn.gru(trunk.width, width, {init = actors.initialisers[self.recipe.policy.init]})
  trunk.memory, trunk.width = unit, width
  trunk.feature = once(function(obs)
    local learned = self.sequence
    local starts = learned and rawequal(learned.obs, obs) and learned.start or nil
    return unit(before(obs:slice(2, 1, observed)), obs:slice(2, observed + 1, observed + width), starts)
  end)
  add_set(self, "memory", unit, group)
end

--- What actor and critics share, their hidden layers and the policy's memory: {width, feature(obs)}, evaluated once for each
--- batch of observations. Where they share nothing a feature is the observation itself. group: that of the memory's set
--- ("actor").
local function trunk_of(self, group)
  if self.trunk_made then return self.trunk_made end
  local policy = self.recipe.policy
  local see, inputs = sight_of(self)
  local trunk = {width = inputs, feature = (policy.observes or policy.embed) and once(see) or see}
  self.trunk_made = trunk
  if policy.trunk == "shared" then
    local module = actors.body(inputs, policy)
    trunk.module, trunk.width = module, policy.hidden[#policy.hidden]
    function trunk.make() return actors.body(inputs, policy) end
    trunk.feature = once(function(obs) return module(see(obs)) end)
    --- What uses the trunk has no hidden layers of its own.
    trunk.head = {hidden = {}, activation = policy.activation, init = policy.init}
  end
  if policy.memory then add_memory(self, trunk, group or "actor") end
  return trunk
end

--- What the states of the policy's memory come to, (rows, width), with these observations; nil where it has none.
function networks.memory(self, obs)
  return self.recipe.policy.memory and trunk_of(self).feature(obs) or nil
end

-- A policy's distribution over actions as the environment sees them.
local function as_environment_sees(policy, pi)
  return setmetatable({
    log_prob = function(_, action) return pi:log_prob(policy.from_env(action)) end,
    kl = function(_, other) return pi:kl(other.own) end, own = pi,
    detach = function() return as_environment_sees(policy, pi:detach()) end,
  }, {__index = pi})
end

local function callable_policy(policy)
  return setmetatable(policy, {__call = function(_, obs) return as_environment_sees(policy, policy.distribution(obs)) end})
end

--- {distribution(obs), draws, from_env, to_env, set}; called, it gives the distribution over actions as the environment
--- sees them. by_state: the logarithm of a width that is to depend on the state, at the start; nil: as the recipe says.
function networks.actor(self, by_state)
  before_programs "learn:actor"
  local policy, trunk = self.recipe.policy, trunk_of(self)
  local head = trunk.head and setmetatable(trunk.head, {__index = policy}) or policy
  local net, actor
  if self.constant then
    net, actor = actors.constant(self.constant, trunk.width)
  else
    net, actor = actors.new(self, head, trunk.width, by_state)
  end
  actor.set, actor.group, actor.net = "policy", "actor", net
  actor.distribution = function(obs) return net(trunk.feature(obs)) end
  --- As it is now, for good: a copy that no optimizer steps.
  function actor.start()
    local function copy(name, module, made)
      add_set(self, "start/" .. name, made:load(module:state()), nil)
      return made
    end
    local body_copy = trunk.module and copy("trunk", trunk.module, trunk.make())
    local net_copy = copy("policy", net, (actors.new(self, head, trunk.width, by_state)))
    local see = sight_of(self)
    return function(obs)
      local seen = see(obs)
      return as_environment_sees(actor, net_copy:fixed(body_copy and body_copy:fixed(seen) or seen))
    end
  end
  if trunk.module then add_set(self, "trunk", trunk.module, "actor") end
  add_set(self, "policy", net, "actor")
  return callable_policy(actor)
end

--- learn:policy.
function networks.policy(self, name)
  before_programs "learn:policy"
  new_name(self, "learn:policy", name)
  local trunk = trunk_of(self)
  if trunk.module then options.refuse("learn:policy: several policies share no trunk; policy.trunk is \"shared\"") end
  if trunk.memory then options.refuse("learn:policy: several policies share no memory, and policy.memory is given") end
  if self.recipe.policy.embed then options.refuse("learn:policy: several policies share no tables, and policy.embed is given") end
  local net, policy = actors.new(self, self.recipe.policy, trunk.width)
  policy.set, policy.name, policy.group = name, name, name
  function policy.distribution(obs) return net(trunk.feature(obs)) end
  self.policies[name] = true
  add_set(self, name, net, name)
  return callable_policy(policy)
end

-- Σₖ [arm = k] term(k), of rows (rows) or (rows, n).
local function of_arms(arm, count, columns, term)
  local sum
  for k = 1, count do
    local mask = prl.eq(arm, k - 1)
    local one = (columns and mask:reshape(-1, 1) or mask) * term(k)
    sum = sum and sum + one or one
  end
  return sum
end

--- learn:serve. Actions are those of the environment.
function networks.serving(policies)
  before_programs "learn:serve"
  local count, dense = #policies, true
  for _, policy in ipairs(policies) do dense = dense and policy.dense ~= false end
  local function distribution_of(obs)
    local arm, pi = tracing.arms(obs:size(1), count), {}
    for k, policy in ipairs(policies) do pi[k] = policy.distribution(obs) end
    return {
      sample = function(_, noise)
        return of_arms(arm, count, true, function(k) return policies[k].to_env(pi[k]:sample(noise)) end)
      end,
      mean = function() return of_arms(arm, count, true, function(k) return policies[k].to_env(pi[k]:mean()) end) end,
      log_prob = function(_, action)
        return of_arms(arm, count, false, function(k) return pi[k]:log_prob(policies[k].from_env(action)) end)
      end,
      log_probs = function() return pi[1]:log_probs() end,
    }
  end
  local actor = networks.acting(distribution_of, policies[1].draws)
  actor.dense = dense
  return actor
end

--- The module of a saved policy's set.
local function saved_module(set, numbers)
  local fields = {forward = function() end}
  for _, param in ipairs(set.params) do fields[param.name] = nn.parameter(numbers[set.name .. ":" .. param.name]) end
  return nn.module(fields)
end

--- learn:saved.
function networks.saved(self, name, given)
  before_programs "learn:saved"
  new_name(self, "learn:saved", name)
  local agent, message = require("perilune.saved").exactly(given.run, given.digest) -- few recipes need it
  if not agent then options.refuse("%s: %s", name, message) end
  local found, numbers = prl.acting(agent, name .. "/")
  agent:free()
  local unfit = require("perilune.saved").unfit(found, self.recipe.policy.normalise)
  if unfit then options.refuse("%s: %s: %s", name, given.run, unfit) end
  local values = {}
  for _, set in ipairs(found.sets) do
    local module = saved_module(set, numbers)
    add_set(self, set.name, module, nil)
    self.saved_sets[set.name] = true
    for _, param in ipairs(set.params) do values[set.name .. ":" .. param.name] = module[param.name] end
  end
  for option, scalar in pairs(found.live) do values[option] = scalar.value end
  if found.normaliser then
    found.normaliser.fixed = true
    self.statistics = found.normaliser
  end
  local graph, draws = prl.read_graph(found.programs.act), found.noise
  local function action(obs, noise, sample)
    local arm = obs:slice(2, 1, 1):reshape(-1) * 0 -- of several policies the one that is judged
    local inputs = setmetatable({obs = obs, noise = noise, sample = sample, arm = arm}, {__index = values})
    return graph:inline(inputs).action:cast("float32"):detach()
  end
  local function same(actions) return actions end
  -- Noise that lasts longer than a step is its agent's own: then it acts by its mean.
  local fresh = type(draws) == "number"
  local width = fresh and draws or draws.width
  local function distribution_of(obs)
    local none = obs:slice(2, 1, 1) * prl.zeros(1, math.max(width, 1))
    return {
      mean = function() return action(obs, none, 0) end,
      sample = function(_, noise)
        if fresh and width == noise:size(2) then return action(obs, noise, 1) end
        return action(obs, none, 0)
      end,
    }
  end
  return setmetatable({name = name, distribution = distribution_of, draws = width, from_env = same, to_env = same, dense = false},
    {__call = function(_, obs) return distribution_of(obs) end})
end

--- learn:perturb_actor. Two policies of the same parameters, without and with what is added to them: both, as learn:serve has them.
function networks.perturbed(self, width)
  local plain, trunk, values, of = networks.actor(self), trunk_of(self), {}, {}
  if trunk.module then options.refuse("learn:perturb_actor: policy.trunk is \"shared\", and critics are not perturbed") end
  local _, parameters = plain.net:parameters()
  for i, parameter in ipairs(parameters) do
    values[i] = nn.parameter(prl.randn(parameter:shape()) * width)
    of[parameter] = values[i]
  end
  values.forward = function() end
  add_set(self, "perturbation", nn.module(values), nil)
  local function add(parameter) return parameter + of[parameter]:detach() end
  local perturbed = callable_policy {draws = plain.draws, from_env = plain.from_env, to_env = plain.to_env, name = "perturbed",
    start = plain.start, distribution = function(obs) return plain.net:changed(add, trunk.feature(obs)) end}
  plain.name = "plain"
  return plain, perturbed
end

--- learn:shift_actor. What lasts is a matrix over observations and 1, in whose direction means or logits are shifted.
function networks.shifted(self, width, every)
  local plain, trunk = networks.actor(self), trunk_of(self)
  local inputs, numbers = #self.spec.observation.names + 1, plain.numbers
  local count, continuous = inputs * numbers, self.spec.action.kind == "continuous"
  local function shift(draws, obs)
    if not continuous then draws = (draws - 0.5) * math.sqrt(12) end -- uniforms, of variance 1
    local seen = join {obs, obs:slice(2, 1, 1) * 0 + 1}
    local by = type(width) == "string" and self:live_scalar(width) or width
    return (seen:reshape(-1, inputs, 1) * draws:reshape(-1, inputs, numbers)):sum(2) * by / math.sqrt(inputs)
  end
  local function given(obs, draws) return plain.net(trunk.feature(obs), shift(draws, obs)) end
  local learned = callable_policy {from_env = plain.from_env, to_env = plain.to_env, start = plain.start, distribution = function(obs)
    return given(obs, tracing.lasting(self, obs:size(1), count))
  end}
  --- Without a sample what lasts is 0, and the mean the plain policy's.
  local function acting(obs, noise)
    local pi = given(obs, noise:slice(2, 1, count))
    return setmetatable({sample = function() return pi:sample(noise:slice(2, count + 1, count + plain.draws)) end,
      mean = function() return pi:mean() end, log_prob = function(_, action) return pi:log_prob(action) end}, {__index = pi})
  end
  return {given = acting, distribution = plain.distribution, draws = count + plain.draws, noise = {every = every, lasting = count},
    from_env = plain.from_env, to_env = plain.to_env, learned = learned}
end

--- learn:hold_actor.
function networks.held(self, width, every)
  local actor = networks.actor(self)
  local plain = actor.distribution
  function actor.distribution(obs)
    return plain(obs):widen(type(width) == "string" and self:live_scalar(width) or width)
  end
  if every ~= 1 then actor.noise = {every = every} end
  return actor
end

--- learn:acts. noise: {every, drawn, theta, dt}.
function networks.acting(distribution_of, draws, noise)
  before_programs "learn:acts"
  local function same(action) return action end
  local actor = {distribution = distribution_of, draws = draws, noise = noise, from_env = same, to_env = same}
  return setmetatable(actor, {__call = function(_, obs) return distribution_of(obs) end})
end

--- The names of the recipe's critics, and behind them that of novelty (learn:novelty), in the order of the plan.
function networks.critic_names(self)
  local names = keys(self.recipe.objective.critics)
  if self.novelty_of then names[#names + 1] = "novelty" end
  return names
end

--- The critics, as a list and by name: each called with obs (rows, O) gives its values (rows).
function networks.critics(self)
  before_programs "learn:critics"
  local recipe, trunk = self.recipe, trunk_of(self)
  local policy, critics = recipe.policy, {}
  for i, name in ipairs(networks.critic_names(self)) do
    local own = recipe.objective.critics[name] or {}
    local given = trunk.head or {hidden = own.hidden or policy.hidden, activation = own.activation or policy.activation,
      init = policy.init}
    local feature, width = trunk.feature, trunk.width
    if own.observes and not observes.same(self.spec.observation.names, own.observes, policy.observes) then
      feature, width = sight_of(self, own.observes)
    end
    local value = actors.mlp(width, given, 1, 1)
    local critic = setmetatable({name = name, set = "critic/" .. name, last = tostring(#value)}, {
      __index = no_field, __call = function(_, obs) return value(feature(obs)):reshape(-1) end,
    })
    critics[i], critics[name] = critic, critic
    add_set(self, critic.set, value, "critics")
  end
  return critics
end

--- A recipe whose networks have no layers but the last, for a policy that is one action for everybody.
function networks.bare(recipe)
  local critics = {}
  for _, name in ipairs(keys(recipe.objective.critics)) do critics[name] = {} end
  return {policy = {hidden = {}, activation = recipe.policy.activation, init = recipe.policy.init, trunk = "separate"},
    objective = {critics = critics}, algorithm = {optimizer = {"sgd"}}, env = recipe.env, agent = recipe.agent}
end

-- ---- Networks and parameters of an algorithm's own ----

--- learn:sight.
function networks.sight(self)
  local memory = self.recipe.policy.memory
  if not memory then
    return setmetatable({fixed = function(_, obs) return obs end}, {__call = function(_, obs) return obs end})
  end
  local trunk = trunk_of(self, "memory")
  local sight = {stretch = memory.stretch, set = "memory"}
  function sight.fixed(_, obs) return trunk.feature(obs):detach() end
  return setmetatable(sight, {__call = function(_, obs) return trunk.feature(obs) end})
end

--- Columns side by side, joined once for networks that read the same.
local side_by_side = once(function(...) return select("#", ...) == 1 and ... or join {...} end)

--- How many columns the inputs have together, and what makes them of the rows that the network is called with.
local function columns_of(self, inputs)
  local memory = self.recipe.policy.memory
  local see, kept = sight_of(self)
  if memory then see, kept = function(features) return features end, memory[2] end
  local widths, total = {obs = kept, action = #self.spec.action.names}, 0
  for _, input in ipairs(inputs) do
    local width = type(input) == "number" and input or widths[input]
    if not width then prl.refuse(prl.no_name("learn:network: inputs", "input", tostring(input), widths)) end
    total = total + width
  end
  return total, function(...)
    local given = {...}
    for i, input in ipairs(inputs) do
      if input == "obs" and given[i] then given[i] = see(given[i]) end
    end
    return side_by_side(unpack(given))
  end
end

--- The module, layers one after another, called over columns side by side; one output a row comes as (rows).
local function callable(name, set, module, columns, outputs, fixed)
  local last = module[#module]
  local network = {name = name, set = set, features = last.weight:size(1)}
  local function seen(out)
    out = outputs == 1 and out:reshape(-1) or out
    return fixed and out:detach() or out
  end
  --- With its parameters as constants: gradients go to its inputs alone.
  function network.fixed(_, ...)
    local out = module:fixed(columns(...))
    return outputs == 1 and out:reshape(-1) or out
  end
  function network.with_features(_, ...)
    local features = columns(...)
    for i = 1, #module - 1 do features = module[i](features) end
    return seen(last(features)), fixed and features:detach() or features
  end
  return setmetatable(network, {__call = function(_, ...) return seen(module(columns(...))) end})
end

--- learn:network. given: inputs, outputs, hidden, activation, init, last_gain, fixed.
function networks.own(self, name, given)
  before_programs "learn:network"
  new_name(self, "learn:network", name)
  options.need("learn:network", given, {"inputs"})
  local policy, outputs = self.recipe.policy, given.outputs or 1
  local layers = {hidden = given.hidden or policy.hidden, activation = given.activation or policy.activation,
    init = given.init or policy.init}
  local inputs, columns = columns_of(self, given.inputs)
  local function make() return actors.mlp(inputs, layers, outputs, given.last_gain or 1) end
  local module = make()
  add_set(self, name, module, not given.fixed and name or nil)
  local network = callable(name, name, module, columns, outputs, given.fixed)
  self.makers[network] = {make = make, module = module, columns = columns, outputs = outputs}
  return network
end

-- A copy of what learn:network gave, which no optimizer steps.
local function copy_of(self, about, network, prefix)
  local maker = self.makers[network]
  if not (maker and maker.make) then options.refuse("%s takes what learn:network gave", about) end
  local name = prefix .. network.name
  new_name(self, about, name)
  local module = maker.make():load(maker.module:state())
  add_set(self, name, module, nil)
  return callable(name, name, module, maker.columns, maker.outputs, true)
end

--- learn:target.
function networks.target(self, network)
  before_programs "learn:target"
  return copy_of(self, "learn:target", network, "target/")
end

--- learn:start_of.
function networks.start_of(self, declared)
  before_programs "learn:start_of"
  local acts = self.actor_made
  if acts and (declared == acts or declared == acts.learned) and declared.start then return declared.start() end
  local parameter = self.makers[declared]
  if not (parameter and parameter.set) then return copy_of(self, "learn:start_of", declared, "start/") end
  local value = nn.parameter(declared:detach():clone())
  add_set(self, "start/" .. parameter.set, nn.module {value = value, forward = function(module) return module.value end}, nil)
  return function() return value:detach() end
end

--- learn:start_squashed.
function networks.start_squashed(self, network)
  before_programs "learn:start_squashed"
  local maker, free = self.makers[network], {}
  if not (maker and maker.module) then options.refuse("learn:start_squashed takes what learn:network gave") end
  for i in ipairs(self.spec.action.names) do free[i] = i end
  actors.begin_at_constant(self, maker.module[#maker.module], free, "unit")
end

--- learn:parameter.
function networks.parameter(self, name, value)
  before_programs "learn:parameter"
  new_name(self, "learn:parameter", name)
  local parameter = nn.parameter(value)
  add_set(self, name, nn.module {value = parameter, forward = function(module) return module.value end}, name)
  self.makers[parameter] = {set = name}
  return parameter
end

--- The name of the set of a network or parameter that the algorithm declared.
function networks.set_of(self, declared)
  local set = type(declared) == "table" and declared.set or (self.makers[declared] or {}).set
  return set or options.refuse("learn:copy takes networks and parameters that this algorithm declared")
end

return networks
