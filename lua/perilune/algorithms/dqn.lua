--- Deep Q-learning (Mnih et al. 2015), double (van Hasselt et al. 2016) and dueling (Wang et al. 2016), with returns of
--- several steps; one value for each objective, each with its own discount. One action serves all of them: that with the
--- greatest weighted sum.
local prl = require "perilune"

local dqn = {
  summary = "deep Q-learning from replay memory, one value for each objective",
  actions = {"discrete"},
  networks = "own",
  stale = "keep", -- values are of a policy that never acted
  options = {
    rollout    = {4,    "steps", "steps per instance between two rounds of updates", structural = true, min = 1},
    memory     = {1e5,  "steps", "steps that are kept", structural = true, min = 1},
    start      = {1000, "steps", "steps before the first update", structural = true, min = 0, integer = true},
    minibatch  = {64,   "steps", "steps of an update", structural = true, min = 1},
    updates    = {0.25, "",      "updates for each step that was made", min = 0},
    steps      = {1,    "steps", "steps of rewards before the value of the state after them", structural = true, min = 1},
    target     = {250,  "",      "updates after which the target networks are made anew", structural = true, min = 1},
    tau        = {1,    "",      "share of the networks in the targets that are made", min = 0, max = 1},
    double     = {true, "",      "the network that learns chooses the next action, the target network values it",
                  structural = true},
    dueling    = {false, "",     "the value of a state and the advantages of its actions apart", structural = true},
    epsilon    = {0.05, "",      "probability of a random action", min = 0, max = 1},
    lr         = {5e-4, "",      "step size", min = 0, scale = "log"},
    max_norm   = {10,   "",      "clips the gradient norm of each network to this", min = 0},
  },
  metrics = {
    value_loss = {"Value loss", "Huber loss of the values against their targets, in units of scaled rewards."},
    value = {"Value", "Mean value of the actions that were taken, in units of scaled rewards."},
  },
  optimizer = {"adam", epsilon = 1e-8},
}

--- V + A − mean A (Wang et al. 2016, eq. 9), from the outputs V, A₁ … Aₙ.
local function duel(outputs, choices)
  local value, advantage = outputs:slice(2, 1, 1), outputs:slice(2, 2, choices + 1)
  return value + advantage - advantage:sum(2):reshape(-1, 1) * (1 / choices)
end

function dqn.build(learn, opt)
  local objective, choices = learn:objective(), learn:action().choices[1]
  local networks, targets, copies = {}, {}, {}
  for i, one in ipairs(objective) do
    networks[i] = learn:network("value/" .. one.name, {inputs = {"obs"}, outputs = choices + (opt.dueling and 1 or 0)})
    targets[i] = learn:target(networks[i])
    copies[i] = learn:copy(targets[i], networks[i], opt.tau)
  end
  local function values(network, obs) return opt.dueling and duel(network(obs), choices) or network(obs) end
  local function total(list, obs) -- Σ weight · Q
    local sum
    for i, one in ipairs(objective) do
      local term = values(list[i], obs) * one.weight
      sum = sum and sum + term or term
    end
    return sum
  end
  learn:acts(function(obs) return prl.distribution.epsilon_greedy(total(networks, obs), opt.epsilon) end, 1)

  local update = learn:program(function(batch)
    local best = total(opt.double and networks or targets, batch.next_obs):argmax(2, true)
    local action, steps, loss = batch.action:cast "int64", {max_norm = opt.max_norm}, nil
    for i, one in ipairs(objective) do
      local ahead = values(targets[i], batch.next_obs):gather(2, best):reshape(-1)
      local goal = (batch.reward[one.name] + batch.discount[one.name] * ahead):detach()
      local value = values(networks[i], batch.obs):gather(2, action):reshape(-1)
      local error = prl.huber(value, goal)
      loss = loss and loss + error or error
      learn:metric("value_loss/" .. one.name, error)
      learn:metric("value/" .. one.name, value:mean())
      steps[networks[i].name] = opt.lr
    end
    learn:minimise(loss, steps)
  end)
  return {
    learn:collect(opt.rollout), learn:remember(opt.memory),
    learn:updates {ratio = opt.updates, start = opt.start, body = {
      learn:sample {size = opt.minibatch, steps = opt.steps}, update, learn:every(opt.target, copies)}},
    learn:publish(),
  }
end

return dqn
