--- What an algorithm's build(learn, opt) sees: networks and parameters to declare, programs to trace, verbs for the
--- schedule. Everything that is declared becomes data of the plan (recipe/build.lua).
local keys = require "perilune.keys"
local networks = require "perilune.recipe.networks"
local options = require "perilune.options"
local prl = require "perilune"
local tracing = require "perilune.recipe.tracing"

local Learn = {}
Learn.__index = Learn

-- ---- Networks and parameters ----

--- The recipe's policy, which also acts: actor(obs), with obs (rows, O), is a distribution with log_prob(action) of actions
--- (rows, A) as the environment sees them, entropy(), kl(other). A shared trunk is stepped with it, and policy.memory. With a
--- memory obs has the states of the rows behind the O observations; of batch.obs the rows go on from one another.
function Learn:actor()
  self.actor_made = self.actor_made or networks.actor(self)
  return self.actor_made.learned or self.actor_made
end

--- The same with a width of its own in each state: the deviation of continuous actions, as policy.log_std.kind = "state" has it; of
--- choices a temperature, by which their logits are divided. init: its logarithm at the start. It comes before learn:actor.
function Learn:widen_actor(init)
  options.need_kind("learn:widen_actor: init", init, "number")
  if self.actor_made then options.refuse("learn:widen_actor: the actor is declared already") end
  self.actor_made = networks.actor(self, init)
end

--- The recipe's policy acts with parameters to which those of a set "perturbation" are added, which learn:perturb draws; width: their
--- deviation at the start. learn:actor is this perturbed policy, so that a row's density is that of what acted, and its gradient
--- is that of the parameters behind (Plappert et al. 2018, section 3, on policy). Judged and served without recording is the policy
--- without it, which is returned. It comes before learn:actor.
function Learn:perturb_actor(width)
  options.need_kind("learn:perturb_actor: width", width, "number")
  if self.actor_made then options.refuse("learn:perturb_actor: the actor is declared already") end
  local plain, perturbed = networks.perturbed(self, width)
  self:serve {{plain, share = 0}, {perturbed, share = 1}}
  self.actor_made.learned = perturbed
  return plain
end

--- The critics of the recipe's objective, as a list and by name: critic(obs), with obs (rows, O) → (rows); critic.name.
function Learn:critics()
  self.critics_made = self.critics_made or networks.critics(self)
  return self.critics_made
end

--- The objective as the recipe has it: a list of {name, weight, gamma}, a critic of the recipe each, without a network. weight,
--- gamma: numbers that may change while the agent learns, as scalars of the program that is traced; gamma is for a step, or for
--- a unit of time, as the recipe says.
function Learn:objective()
  local list = {}
  for i, name in ipairs(keys(self.recipe.objective.critics)) do
    list[i] = setmetatable({name = name}, {__index = function(_, key)
      if key == "weight" or key == "gamma" then return self:live_scalar(("objective.critics.%s.%s"):format(name, key)) end
      options.refuse("an objective has a name, a weight and a gamma, and no %s", tostring(key))
    end})
  end
  return list
end

--- What acts, in place of the recipe's policy: distribution(obs), with obs (rows, O), is a distribution over actions (rows, A)
--- as the environment sees them; draws: how many numbers a sample of it takes. Networks that it reads are published with the
--- policy. given: every, steps of a stream that the same draws last (1; 0: its whole episode); drawn, how many numbers
--- batch.noise has (draws); theta, dt: the numbers are an Ornstein–Uhlenbeck process by stream, x ← (1 − θ dt) x + √dt z, from 0
--- with each episode, z being standard normals. Rows that are acted with it have no density.
function Learn:acts(distribution, draws, given)
  options.need_kind("learn:acts: the distribution", distribution, "function")
  options.need_kind("learn:acts: draws", draws, "number")
  local noise = options.check("learn:acts", given, {every = "number", drawn = "number", theta = "number", dt = "number"})
  if noise.theta then options.need("learn:acts", noise, {"dt"}) end
  if self.actor_made then options.refuse("learn:acts: the actor is declared already") end
  self.actor_made = networks.acting(distribution, draws, noise)
end

--- The recipe's policy, shifted by what lasts: a matrix of normals (for choices uniforms of variance 1) over the observations and
--- 1, divided by the root of their number, is drawn for a stream and lasts `every` steps (0: its episode); times width it is added to
--- the mean of continuous actions, or to the logits. Each row keeps what its draw was, and learn:actor is the policy given that, so
--- that densities and gradients are those of what acted. The mean action is that without it. It comes before learn:actor.
function Learn:shift_actor(given)
  local o = options.check("learn:shift_actor", given, {width = "number or string", every = "number"})
  options.need("learn:shift_actor", o, {"width"})
  if self.actor_made then options.refuse("learn:shift_actor: the actor is declared already") end
  self.actor_made = networks.shifted(self, o.width, o.every or 0)
end

--- The recipe's policy with draws that last `every` steps of a stream (0: its episode), times a factor: `width`, a number or a live
--- option. Its deviation is that of policy.log_std times the factor. It comes before learn:actor.
function Learn:hold_actor(given)
  local o = options.check("learn:hold_actor", given, {width = "number or string", every = "number"})
  if self.actor_made then options.refuse("learn:hold_actor: the actor is declared already") end
  self.actor_made = networks.held(self, o.width or 1, o.every or 0)
end

--- A further policy of the shape that the recipe's has, with a parameter set of that name, by which learn:minimise steps it.
function Learn:policy(name)
  options.need_kind("learn:policy: its name", name, "string")
  return networks.policy(self, name)
end

--- A policy of another run, which the recipe names as references[name] and nothing steps: called with batch.raw_obs, it gives
--- the distribution as a policy does, by its own statistics of observations.
function Learn:reference(name)
  options.need_kind("learn:reference: its name", name, "string")
  return require("perilune.recipe.references").policy(self, name)
end

--- The names of the recipe's references, in order.
function Learn:references() return keys(self.recipe.references or {}) end

--- What acts are several policies: a list of {policy, share =}, the first the one that is judged, saved and served without
--- recording. share: the part of the streams, relative to the sum of all; a number or a live option. A stream keeps its policy
--- for an episode. batch.arm (rows) says which one acted, from 0.
function Learn:serve(list)
  if self.actor_made then options.refuse("learn:serve: the actor is declared already") end
  local policies, arms = {}, {}
  for i, one in ipairs(options.list("learn:serve", list)) do
    options.check("learn:serve: an item", one, {share = "number or string"}, 1)
    options.need_kind("learn:serve: the policy of an item", one[1], "table")
    policies[i], arms[i] = one[1], {name = one[1].name, share = one.share or 1}
  end
  self.arms = arms
  self.actor_made = networks.serving(policies)
end

--- The policy of a run or a saved agent, {run, digest} as an option that is `saved` gives it, as it stands: pi(obs), with obs (rows,
--- O), has mean() and sample(noise), actions (rows, A). It may serve (learn:serve), and then acts without a density. Its
--- parameters are sets "NAME/…", which no optimizer steps. It reads observations as they are normalised for it: its statistics
--- are those of this agent, too, and stay.
function Learn:saved(name, given)
  options.need_kind("learn:saved: its name", name, "string")
  options.need("learn:saved", options.check("learn:saved", given, {run = "string", digest = "string"}), {"run"})
  return networks.saved(self, name, given)
end

--- A number of the algorithm's own that follows env steps, such as {kind = "piecewise", points = {{0, 1}, {1e5, 0}}}; its name
--- is that of a live option within these bounds, and learn:live_scalar gives it in a program.
function Learn:scalar(name, value, low, high)
  local path = "algorithm." .. name
  self.live[path] = {value = value, low = low, high = high}
  return path
end

--- What an action is: {kind, names, choices (of discrete ones), low, high (of continuous ones)}, lists by dimension; where
--- policy.action of the recipe gives other bounds than the environment, those.
function Learn:action()
  local action, given = self.spec.action, self.recipe.policy.action or {}
  if action.kind ~= "continuous" then return action end
  local own = {kind = action.kind, names = action.names, units = action.units, low = {}, high = {}}
  for i, name in ipairs(action.names) do
    local bounds = type(given[name]) == "table" and given[name] or {action.low[i], action.high[i]}
    own.low[i], own.high[i] = bounds[1], bounds[2]
  end
  return own
end

--- What networks of the algorithm's own see: sight(obs) of batch.obs or batch.next_obs, (rows, O), is what they are called with.
--- That is obs itself, or where the recipe's policy has a memory its numbers, (rows, width), through which gradients go back in
--- the stretches that learn:sample {stretch = sight.stretch} draws; its set is "memory", by which learn:minimise steps it.
--- sight:fixed(obs): the same as a constant. sight.stretch, sight.set: nil without a memory.
function Learn:sight() return networks.sight(self) end

--- A further network, with a parameter set of that name: net(x, …) → (rows, outputs), or (rows) if there is one output,
--- where x, … (rows, columns) are joined side by side. given: inputs (a list of "obs", "action" or numbers of columns; with a
--- memory "obs" is what learn:sight gives), outputs (1), hidden, activation, init (default: the policy's), last_gain (1), fixed
--- (false): no optimizer steps it. net:with_features(x, …) gives the same, and what its last layer reads, (rows, net.features).
function Learn:network(name, given)
  local o = options.check("learn:network", given, {inputs = "table", outputs = "number", hidden = "table",
    activation = "string", last_gain = "number", init = "string", fixed = "boolean"})
  options.need_kind("learn:network: its name", name, "string")
  return networks.own(self, name, o)
end

--- Further trained numbers, with a parameter set of that name. value: a tensor of initial values, or sizes for zeros.
function Learn:parameter(name, value)
  options.need_kind("learn:parameter: its name", name, "string")
  return networks.parameter(self, name, value)
end

--- A copy of a network that no optimizer steps; learn:copy updates it. Its set is called "target/NAME".
function Learn:target(network) return networks.target(self, network) end

--- What a policy is where it begins: of learn:actor() its distribution(obs), of a network (learn:network) the same network, of a
--- parameter a function that gives it. It is a copy that no optimizer steps, saved with the others, in sets "start/NAME".
function Learn:start_of(declared) return networks.start_of(self, declared) end

--- For algorithms with networks of their own: where policy.start is a constant action, the first outputs of the network begin at
--- what gives it, for every observation, through tanh and the action's bounds; further ones at 0. Before learn:target copies it.
function Learn:start_squashed(network) networks.start_squashed(self, network) end

--- The names of the observations, a list in their order.
function Learn:observations() return self.spec.observation.names end

--- The names of the responses, a list in their order: the columns of batch.response.
function Learn:responses()
  local names = {}
  for i, response in ipairs(self.spec.responses) do names[i] = response.name end
  return names
end

--- Of the observations the ones that actions influence, as the environment says.
function Learn:influenced() return self.spec.observation.influenced or {} end

--- A critic beside those of the recipe, "novelty" in learn:critics. Its reward is what fn(batch), (rows), says of where the rows
--- arrived: batch.arrival (rows, n), normalised. It is divided by the running deviation of its discounted sums, and its return goes
--- on over the ends of episodes. learn:estimate makes it. given: observes, the names of n observations; clip (5), of what is
--- normalised; gamma (0.99) and weight (1), numbers or live options. It comes before learn:critics.
function Learn:novelty(fn, given)
  options.need_kind("learn:novelty: the function", fn, "function")
  local o = options.check("learn:novelty", given, {observes = "table", clip = "number", gamma = "number or string",
    weight = "number or string"})
  options.need("learn:novelty", o, {"observes"})
  if self.critics_made then options.refuse("learn:novelty: the critics are declared already") end
  self.novelty_of = {fn = fn, observes = o.observes, clip = o.clip, gamma = o.gamma or 0.99, weight = o.weight or 1}
end

--- How likely it is that the episode goes on after each row, fn(batch), (rows), in [0, 1]: learn:estimate takes the luck of who
--- went on out of the rewards by it (runtime/rl/returns.h, prl_rewards_fair). It comes before learn:estimate.
function Learn:continuation(fn)
  options.need_kind("learn:continuation: the function", fn, "function")
  self.continuation_of = fn
end

-- ---- Programs ----

--- A program over a minibatch: fn(batch) computes losses and calls learn:minimise. Returns the verb that runs it.
function Learn:program(fn)
  options.need_kind("learn:program: what it traces", fn, "function")
  self.programs_count = self.programs_count + 1
  local name = self.programs_count == 1 and "update" or "update_" .. self.programs_count
  self.programs[name] = tracing.program(self, name, function(rows)
    fn(tracing.batch(self, rows))
  end)
  return {verb = "run", program = name}
end

local function groups_of(self)
  local groups = {}
  for _, set in ipairs(self.sets) do
    if set.optim then groups[set.group] = "number or tensor" end
  end
  return groups
end

--- Computes the gradients of the loss, a scalar, and steps the sets that are named, each with its step size (a number or a
--- scalar): actor (with a shared trunk), critics, and networks and parameters by their names. max_norm clips the gradient
--- norm of each set.
function Learn:minimise(loss, steps)
  local groups = groups_of(self)
  local fields = {max_norm = "number or tensor"}
  for group, kind in pairs(groups) do fields[group] = kind end
  steps = options.check("learn:minimise", steps, fields)
  local any = false
  for _, group in ipairs(keys(groups)) do any = any or steps[group] ~= nil end
  if not any then
    options.refuse("learn:minimise: no step size is given; there are %s", table.concat(keys(groups), ", "))
  end
  loss:backward()
  for _, set in ipairs(self.sets) do
    local lr = set.optim and steps[set.group]
    if lr then set.optim:step(lr, steps.max_norm) end
  end
end

--- Reports value, a scalar of the program, among the metrics. `metrics` of the algorithm's file says what it means.
function Learn:metric(name, value)
  options.need_kind("learn:metric: its name", name, "string")
  options.need_kind("learn:metric: its value", value, "tensor")
  prl.trace_output(name, value)
  self.explains = self.explains or name:find("^explained_variance/") ~= nil
end

--- Whether the recipe refits critics after a swap (agent.refit): then an update says explained_variance/CRITIC of each, by the
--- values before it learned from its rows. learn:advantages and learn:vtrace say it; other algorithms by learn:metric.
function Learn:refits() return self.recipe.agent.refit ~= nil end

--- Gives the rows that were drawn from the memory their priorities, |values| (rows); learn:sample {priority =} draws by them.
function Learn:priority(values)
  options.need_kind("learn:priority: the values", values, "tensor")
  prl.trace_output("priority", values:detach())
end

-- ---- Verbs: runtime/agent/README.md says what each does ----

--- The verbs of a list, flat: learn:estimate gives several at once.
local function verbs(about, list, out)
  for i, verb in ipairs(options.list(about, list)) do
    if type(verb) ~= "table" then
      options.refuse("%s: item %d is a %s; a verb is needed, as learn:publish() gives it", about, i, type(verb))
    end
    if verb.verb then out[#out + 1] = verb else verbs(about, verb, out) end
  end
  return out
end

--- Waits until `steps` steps per stream, on average, are closed. steps: a number. given: whole, the steps of the longest episode
--- that has a place: steps close with their episode then, and an update takes whole episodes, all that have ended. A longer
--- one is cut where memory is full, and counts in dropped_steps. paired: an episode closes with that of its stream's partner.
function Learn:collect(steps, given)
  options.need_kind("learn:collect: steps", steps, "number")
  local o = options.check("learn:collect", given, {whole = "number", paired = "boolean"})
  if o.whole then self.longest = o.whole end
  return {verb = "collect", rows = steps * self.streams, whole = o.whole and true or nil, paired = o.paired or nil}
end

--- The return of each critic from each row on, as its advantage and its return (rows), without values: what comes after the
--- last row of an episode, also of a truncated one, counts nothing. paired: the advantage is half of the difference from the
--- partner's, from where the draw of the row began on.
function Learn:returns(given)
  local o = options.check("learn:returns", given, {paired = "boolean"})
  return {verb = "returns", paired = o.paired or nil}
end

--- Computes each critic's values (rows).
function Learn:values()
  self:critics()
  return {verb = "values"}
end

--- Computes each critic's advantages and returns (rows). lambda: a number or a live option.
function Learn:advantages(given)
  local o = options.check("learn:advantages", given, {lambda = "number or string"})
  options.need("learn:advantages", o, {"lambda"})
  return {verb = "advantages", lambda = o.lambda}
end

--- Adds the critics' advantages by their weights. normalise: over all rows (true).
function Learn:weigh(given)
  local o = options.check("learn:weigh", given, {normalise = "boolean"})
  return {verb = "weigh", normalise = o.normalise ~= false}
end

--- The verbs from closed rows to what an actor-critic's loss reads: freeze, rewards, values, advantages, weigh. With a correction
--- {"vtrace", rho =, c =}, for rows that an older policy acted, ratios and vtrace in place of advantages. drawn: of rows that
--- learn:sample drew, without freeze and rewards. Where there is a novelty (learn:novelty), its reward, too.
function Learn:estimate(given)
  local o = options.check("learn:estimate", given, {lambda = "number or string", normalise = "boolean", correction = "table",
    drawn = "boolean"})
  options.need("learn:estimate", o, {"lambda"})
  local by = o.correction
  if by then options.word("learn:estimate: correction", tostring(by[1]), {"vtrace"}) end
  return {o.drawn and {} or {self:freeze(), self:rewards()}, self.novelty_of and {verb = "novelty"} or {}, self:values(),
    self.continuation_of and {verb = "continuation"} or {},
    by and {self:ratios(), self:vtrace {lambda = o.lambda, rho = by.rho, c = by.c}} or self:advantages {lambda = o.lambda},
    self:weigh {normalise = o.normalise}}
end

--- As freeze and rewards; the closed rows go into the replay memory, a ring of `rows` places.
function Learn:remember(rows)
  options.need_kind("learn:remember: rows", rows, "number")
  return {verb = "remember", rows = rows}
end

--- Repeats the verbs of body, a list, `ratio` times for each row that this update remembered (1); not before
--- `start` rows were (0). ratio: a number or a live option.
function Learn:updates(given)
  local o = options.check("learn:updates", given, {ratio = "number or string", start = "number", body = "table"})
  options.need("learn:updates", o, {"body"})
  return {verb = "updates", ratio = o.ratio, start = o.start, body = verbs("learn:updates", o.body, {})}
end

--- Runs the verbs of body, a list, at every count-th time.
function Learn:every(count, body)
  return {verb = "every", count = count, body = verbs("learn:every", body, {})}
end

--- Repeats the verbs of body, a list, `count` times.
function Learn:epochs(count, body)
  return {verb = "epochs", count = count, body = verbs("learn:epochs", body, {})}
end

--- Runs the verbs of body, a list, for each `size` rows of a fresh permutation.
function Learn:minibatches(size, body)
  return {verb = "minibatches", size = size, body = verbs("learn:minibatches", body, {})}
end

--- to ← tau from + (1 − tau) to, of networks or parameters of this algorithm. tau: a number or a live option (1).
function Learn:copy(to, from, tau)
  return {verb = "copy", to = networks.set_of(self, to), from = networks.set_of(self, from), tau = tau}
end

--- Ends the enclosing epochs if the metric's last value exceeds `above`, a number or a live option.
function Learn:stop(metric, above) return {verb = "stop", metric = metric, above = above} end

-- Every other verb by its name, with its fields, as in learn:publish() and learn:NAME {field = …}; the runtime checks their values.
for _, name in ipairs(keys(prl.verbs())) do
  local fields = prl.verbs()[name]
  Learn[name] = Learn[name] or function(_, given)
    local verb = {verb = name}
    for key, value in pairs(options.check("learn:" .. name, given, fields)) do verb[key] = value end
    return verb
  end
end

-- The methods that an algorithm sees; the other fields are the builder's.
local seen = {}
for _, name in ipairs(keys(Learn)) do
  if name:sub(1, 2) ~= "__" then seen[#seen + 1] = name end
end

--- A live option as a scalar of the program that is traced.
function Learn:live_scalar(name)
  self.scalars[name] = self.scalars[name] or tracing.scalar(name)
  return self.scalars[name]
end
options.strict("learn", "method", Learn, seen)

local learn = {}

--- The schedule that the algorithm's build returned, as the plan stores it: a flat list of verbs.
function learn.schedule(name, list)
  if type(list) ~= "table" or #list == 0 then error(("algorithm %s: build returned no schedule"):format(name), 0) end
  return verbs("the schedule of " .. name, list, {})
end

--- recipe, spec, constant: as build.plan takes them. own_policy: makes the actor's network (recipe/policy_file.lua).
function learn.new(recipe, spec, constant, own_policy)
  return setmetatable({
    recipe = recipe, spec = spec, constant = constant or false, streams = recipe.env.n or recipe.agent.streams,
    sets = {}, programs = {}, programs_count = 0, live = {}, scalars = {}, actor_made = false, critics_made = false,
    trunk_made = false, own_policy = own_policy or false, makers = {}, prefix = "",
    arms = false, sequence = false, sight_made = false, longest = false, began = false, policies = {}, saved_sets = {},
    statistics = false, novelty_of = false, continuation_of = false, raw = false, references_made = {}, explains = false,
  }, Learn)
end

return learn
