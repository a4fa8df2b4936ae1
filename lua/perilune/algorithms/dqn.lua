--- Deep Q-learning (Mnih et al. 2015), double (van Hasselt et al. 2016) and dueling (Wang et al. 2016), with returns of
--- several steps, draws by priority (Schaul et al. 2016) and distributions of returns (Dabney et al. 2018, "Distributional
--- reinforcement learning with quantile regression"); one value for each objective, each with its own discount. One action
--- serves all of them: that with the greatest weighted sum.
local prl = require "perilune"
local replay = require "perilune.replay"

local dqn = {
  summary = "deep Q-learning from replay memory, one value for each objective",
  actions = {"discrete"},
  networks = "own",
  stale = "keep", -- values are of a policy that never acted
  options = replay.options({rollout = 4, minibatch = 64, updates = 0.25}, {
    target     = {250,  "",      "updates after which the target networks are made anew", structural = true, min = 1},
    tau        = {1,    "",      "share of the networks in the targets that are made", min = 0, max = 1},
    double     = {true, "",      "the network that learns chooses the next action, the target network values it",
                  structural = true},
    dueling    = {false, "",     "the value of a state and the advantages of its actions apart", structural = true},
    priority   = {0,    "",      "power of its error that a step is drawn in proportion to; 0: all alike",
                  structural = true, min = 0, max = 1, integer = false},
    correction = {0.4,  "",      "how much of what priorities distort weights make good: 0, nothing, to 1, all",
                  min = 0, max = 1},
    quantiles  = {false, "",     "quantiles of the return that are learned for each action; false: its mean alone",
                  structural = true, optional = true, min = 2, integer = true},
    epsilon    = {0.05, "",      "probability of a random action", min = 0, max = 1},
    lr         = {5e-4, "",      "step size", min = 0, scale = "log"},
    max_norm   = {10,   "",      "clips the gradient norm of each network to this", min = 0},
  }),
  metrics = {
    value_loss = {"Value loss", "Huber loss of the values (or quantiles) against their targets, in units of scaled rewards."},
    value = {"Value", "Mean value of the actions that were taken, in units of scaled rewards."},
  },
  optimizer = {"adam", epsilon = 1e-8},
}

--- V + A − mean A (Wang et al. 2016, eq. 9), from the outputs (rows, 1 + choices, n): V, A₁ … Aₙ.
local function duel(outputs, choices)
  local value, advantage = outputs:slice(2, 1, 1), outputs:slice(2, 2, choices + 1)
  return value + advantage - advantage:mean(2, true)
end

--- Of values and goals (rows, n) → (rows): the Huber loss of means (n = 1); of quantiles Σᵢ meanⱼ |τᵢ − 1{u < 0}| · Huber(u),
--- u = goalⱼ − valueᵢ, τᵢ = (2i − 1)/2n (Dabney et al. 2018, eq. 10).
local function losses(value, goal, n)
  if n == 1 then return prl.huber(value:reshape(-1), goal:reshape(-1), "none") end
  local tau = {}
  for i = 1, n do tau[i] = {(2 * i - 1) / (2 * n)} end
  local short = goal:reshape(-1, 1, n) - value:reshape(-1, n, 1)
  local share = (prl.tensor(tau) - prl.lt(short, 0)):abs()
  return (share * prl.huber(short, short * 0, "none")):mean(3):sum(2)
end

function dqn.build(learn, opt)
  local objective, choices = learn:objective(), learn:action().choices[1]
  local n, ranked = opt.quantiles or 1, opt.priority > 0
  local networks, targets, copies = {}, {}, {}
  for i, one in ipairs(objective) do
    networks[i] = learn:network("value/" .. one.name, {inputs = {"obs"}, outputs = n * (choices + (opt.dueling and 1 or 0))})
    targets[i] = learn:target(networks[i])
    copies[i] = learn:copy(targets[i], networks[i], opt.tau)
  end
  local function values(network, obs) -- (rows, choices, n)
    local outputs = network(obs):reshape(-1, choices + (opt.dueling and 1 or 0), n)
    return opt.dueling and duel(outputs, choices) or outputs
  end
  -- Of values (rows, choices, n): their means (rows, choices); those of an action (rows, 1), (rows, n).
  local function expected(all) return n == 1 and all:reshape(-1, choices) or all:mean(3) end
  local function chosen(all, action)
    if n == 1 then return all:reshape(-1, choices):gather(2, action) end
    return all:gather(2, action:reshape(-1, 1, 1):broadcast_to(all:slice(2, 1, 1))):reshape(-1, n)
  end
  local function total(list, obs) -- Σ weight · Q, (rows, choices)
    local sum
    for i, one in ipairs(objective) do
      local term = expected(values(list[i], obs)) * one.weight
      sum = sum and sum + term or term
    end
    return sum
  end
  learn:acts(function(obs) return prl.distribution.epsilon_greedy(total(networks, obs), opt.epsilon) end, 1)

  local update = learn:program(function(batch)
    local best = total(opt.double and networks or targets, batch.next_obs):argmax(2, true, "int64")
    local action, steps, loss, priority = batch.action:cast "int64", {max_norm = opt.max_norm}, nil, nil
    for i, one in ipairs(objective) do
      local ahead = chosen(values(targets[i], batch.next_obs), best)
      local goal = (batch.reward[one.name]:reshape(-1, 1) + batch.discount[one.name]:reshape(-1, 1) * ahead):detach()
      local value = chosen(values(networks[i], batch.obs), action)
      local each = losses(value, goal, n)
      local error = (ranked and each * batch.weight or each):mean()
      loss = loss and loss + error or error
      learn:metric("value_loss/" .. one.name, error)
      learn:metric("value/" .. one.name, value:mean())
      steps[networks[i].name] = opt.lr
      if ranked then -- one for the row: what all its values are wrong by, as they count
        local wrong = ((goal - value):mean(2) * one.weight):abs()
        priority = priority and priority + wrong or wrong
      end
    end
    if ranked then learn:priority(priority) end
    learn:minimise(loss, steps)
  end)
  return {
    learn:collect(opt.rollout), learn:remember(opt.memory),
    learn:updates {ratio = opt.updates, start = opt.start, body = {
      learn:sample {size = opt.minibatch, steps = opt.steps, priority = opt.priority, correction = opt.correction},
      update, learn:every(opt.target, copies)}},
    learn:publish(),
  }
end

return dqn
