--- Soft actor-critic with a learned temperature (Haarnoja et al. 2018, "Soft actor-critic algorithms and applications"), with
--- one value for each objective, each with its own discount, and the entropy as a value of its own. One action serves all of
--- them: the actor follows Σ weight · Q + α · Q of the entropy, in which the twin whose sum is smaller is taken whole. Its noise may
--- last (generalised state-dependent exploration, Raffin et al. 2022). A memory of the policy's is trained by the values' loss, from
--- the states that it had when the rows were acted; the actor follows what it gives.
local continuation = require "perilune.continuation"
local prl = require "perilune"
local replay = require "perilune.replay"
local trust = require "perilune.trust"

local sac = {
  summary = "soft actor-critic from replay memory, one value for each objective",
  actions = {"continuous"},
  bounds = true,
  networks = "own",
  recurrent = true,
  stale = "keep", -- values are of the policy that learns, whoever acted
  options = replay.options({rollout = 1, minibatch = 256, updates = 1}, {
    tau         = {5e-3, "",      "share of the networks in the targets at each update", min = 0, max = 1},
    lr          = {3e-4, "",      "step size of the actor", min = 0, scale = "log"},
    critic_lr   = {3e-4, "",      "step size of the values", min = 0, scale = "log"},
    alpha_lr    = {3e-4, "",      "step size of the logarithm of the temperature", min = 0, scale = "log"},
    alpha       = {1,    "",      "the temperature at the start", structural = true, above = 0},
    entropy     = {-1,   "nats",  "the entropy that the temperature aims at, for each dimension of the action"},
    exploration = {nil, "",       "noise that lasts: {\"gsde\"}, generalised state-dependent exploration, a matrix of noise over the "
                   .. "actor's last features that is drawn anew every so many steps; false: fresh noise in each step",
                   of = "exploration", forms = {gsde = {
                     steps   = {0,  "steps", "steps of an episode that a matrix lasts; 0: the whole episode", structural = true, min = 0,
                                max = 2 ^ 28},
                     log_std = {-3, "", "logarithm of the deviation of its elements at the start, then learned", structural = true},
                   }}},
    entropy_gamma = {nil, "",     "discount of the entropy, a step; false: that of the objective's first critic", optional = true,
                   min = 0, max = 1},
    trust       = trust.option,
    continuation = continuation.option,
  }),
  metrics = continuation.metrics(trust.metrics {
    policy_loss = {"Policy loss", "What the actor's update minimises."},
    value_loss = {"Value loss", "Squared error of the twins' values against their targets, in units of scaled rewards."},
    value = {"Value", "Mean value of the actions that were taken, in units of scaled rewards."},
    temperature = {"Temperature", "α: what a nat of entropy is worth, in units of weighted rewards."},
    entropy = {"Entropy", "Of the policy, in nats, from a sample."},
  }),
  optimizer = {"adam", epsilon = 1e-8},
}

local low_log_std, high_log_std = -5, 2

function sac.build(learn, opt)
  local objective, action = learn:objective(), learn:action()
  local n, dimensions = #objective, #action.names
  local lasting, sight = opt.exploration, learn:sight()
  local actor = learn:network("actor", {inputs = {"obs"}, outputs = lasting and dimensions or 2 * dimensions, last_gain = 0.01})
  learn:start_squashed(actor)
  local twins, targets, copies = {}, {}, {}
  for i = 1, 2 do -- the outputs of each: a value for each objective, and that of the entropy
    twins[i] = learn:network("twin_" .. i, {inputs = {"obs", "action"}, outputs = n + 1})
    targets[i] = learn:target(twins[i])
    copies[i] = learn:copy(targets[i], twins[i], opt.tau)
  end
  local log_alpha = learn:parameter("temperature", prl.full({1}, math.log(opt.alpha)))

  local noise_log_std = lasting and learn:parameter("log_std", prl.full({actor.features, dimensions}, lasting.log_std))

  --- obs: as sight gives it; network, width: another than the one that learns.
  local function policy(obs, network, width)
    if lasting then
      local mean, features = (network or actor):with_features(obs)
      return prl.distribution.state_dependent(mean:reshape(-1, dimensions), features, width or noise_log_std, action.low, action.high)
    end
    local outputs = (network or actor)(obs)
    local log_std = outputs:slice(2, dimensions + 1, 2 * dimensions):clamp(low_log_std, high_log_std)
    return prl.distribution.squashed(outputs:slice(2, 1, dimensions), log_std, action.low, action.high)
  end
  local function acting(obs) return policy(sight(obs)) end
  if lasting then
    learn:acts(acting, actor.features * dimensions, {every = lasting.steps, drawn = dimensions})
  else
    learn:acts(acting, dimensions)
  end

  local near = trust.new(learn, opt, function()
    local start, width = learn:start_of(actor), lasting and learn:start_of(noise_log_std)
    return function(obs) return policy(obs, start, width and width()) end
  end)

  local function column(values, i) return values:slice(2, i, i):reshape(-1) end
  -- Σ weight · Q + α · Q of the entropy, (rows)
  local function total(values)
    local sum = column(values, n + 1) * log_alpha:exp():detach()
    for i, one in ipairs(objective) do sum = sum + column(values, i) * one.weight end
    return sum
  end

  --- What discounts the entropy of the next state, (rows).
  local function entropy_discount(batch)
    if not opt.entropy_gamma then return batch.discount[objective[1].name] end
    local discount = opt.entropy_gamma
    for _ = 2, opt.steps do discount = discount * opt.entropy_gamma end
    return (1 - batch.terminated) * discount
  end

  local goes_on = continuation.begin(learn, opt.continuation)

  local values = learn:program(function(batch)
    local next_obs = sight:fixed(batch.next_obs)
    local next_action, next_log_prob = policy(next_obs):sample_with_log_prob(batch.next_noise)
    local ahead = replay.smaller(targets[1](next_obs, next_action), targets[2](next_obs, next_action), total)
    local goals, loss = {}, nil
    local fair = goes_on.fair(batch, function()
      return replay.smaller(targets[1](batch.obs, batch.action), targets[2](batch.obs, batch.action), total)
    end)
    for i, one in ipairs(objective) do
      goals[i] = fair(batch.reward[one.name] + batch.discount[one.name] * column(ahead, i), one.gamma, i):detach()
    end
    goals[n + 1] = fair(entropy_discount(batch) * (column(ahead, n + 1) - next_log_prob), opt.entropy_gamma or objective[1].gamma,
      n + 1):detach()
    for _, twin in ipairs(twins) do
      local value = twin(sight(batch.obs), batch.action)
      for i, goal in ipairs(goals) do
        local error = prl.mse(column(value, i), goal)
        loss = loss and loss + error or error
      end
      if twin == twins[1] then
        for i, one in ipairs(objective) do
          learn:metric("value/" .. one.name, column(value, i):mean())
          replay.explain(learn, one.name, column(value, i), goals[i])
        end
      end
    end
    learn:metric("value_loss", loss)
    learn:minimise(goes_on.add(loss, batch),
      goes_on.steps {twin_1 = opt.critic_lr, twin_2 = opt.critic_lr, memory = sight.set and opt.critic_lr})
  end)

  local improve = learn:program(function(batch)
    local obs = sight:fixed(batch.obs)
    local pi = policy(obs)
    local chosen, log_prob = pi:sample_with_log_prob(batch.noise)
    local alpha = log_alpha:exp():detach()
    local value = replay.smaller(twins[1]:fixed(obs, chosen), twins[2]:fixed(obs, chosen), total)
    local gain = total(value) - alpha * log_prob
    learn:metric("policy_loss", -gain:mean())
    learn:metric("entropy", -log_prob:mean())
    learn:metric("temperature", alpha:sum())
    local short = (log_prob + opt.entropy * dimensions):mean():detach() -- positive where there is too little entropy
    local loss = near.add(-gain:mean() - (log_alpha * short):sum(), pi, obs)
    learn:minimise(loss, near.steps {actor = opt.lr, log_std = lasting and opt.lr, temperature = opt.alpha_lr})
  end)
  return {
    learn:collect(opt.rollout), learn:remember(opt.memory),
    learn:updates {ratio = opt.updates, start = opt.start, body = {
      learn:sample {size = opt.minibatch, steps = opt.steps, stretch = sight.stretch}, values, improve, copies}},
    learn:publish(),
  }
end

function sac.refusal(opt, recipe)
  if recipe.memory and opt.steps > 1 then
    return "steps", "a policy's memory is learned from rows that follow each other by one step, each with its own reward"
  end
  return continuation.refusal(opt, recipe, opt.steps)
end

return sac
