--- Deep deterministic policy gradient (Lillicrap et al. 2016) as an algorithm of one's own: two networks, their targets, and a
--- replay memory. `algorithm = {lua = "./ddpg.lua"}`, with --trust.
local prl = require "perilune"

local ddpg = {
  summary = "deep deterministic policy gradient",
  actions = {"continuous"},
  bounds = true,    -- actions need finite bounds
  networks = "own", -- of the recipe's `policy` it uses hidden, activation, init and normalise
  stale = "keep",
  options = {
    memory    = {5e4,  "steps", "steps that are kept", structural = true, min = 1},
    start     = {500,  "steps", "steps before the first update", structural = true, min = 0, integer = true},
    minibatch = {100,  "steps", "steps of an update", structural = true, min = 1},
    noise     = {0.2,  "",      "deviation of the actions that are tried, in halves of their range", above = 0},
    tau       = {5e-3, "",      "share of the networks in the targets at each update", min = 0, max = 1},
    lr        = {1e-3, "",      "step size of both networks", min = 0, scale = "log"},
  },
  metrics = {value_loss = {"Value loss", "Squared error of the value against its target."}},
}

function ddpg.build(learn, opt)
  local action, objective = learn:action(), learn:objective()
  local n, centre, half, log_half = #action.names, {}, {}, {}
  for i, low in ipairs(action.low) do
    centre[i], half[i] = (low + action.high[i]) / 2, (action.high[i] - low) / 2
    log_half[i] = math.log(half[i])
  end
  centre, half, log_half = prl.tensor(centre), prl.tensor(half), prl.tensor(log_half)
  local actor = learn:network("actor", {inputs = {"obs"}, outputs = n, last_gain = 0.01})
  local value = learn:network("value", {inputs = {"obs", "action"}})
  local actor_target, value_target = learn:target(actor), learn:target(value)
  local function act(network, obs) return centre + half * network(obs):reshape(-1, n):tanh() end
  learn:acts(function(obs) return prl.distribution.normal(act(actor, obs), log_half + opt.noise:log()) end, n)

  local evaluate = learn:program(function(batch)
    -- One value of the weighted sum, and so one discount: the first one's.
    local goal = batch.discount[objective[1].name] * value_target(batch.next_obs, act(actor_target, batch.next_obs))
    for _, one in ipairs(objective) do goal = goal + batch.reward[one.name] * one.weight end
    local loss = prl.mse(value(batch.obs, batch.action), goal:detach())
    learn:metric("value_loss", loss)
    learn:minimise(loss, {value = opt.lr})
  end)
  local improve = learn:program(function(batch)
    learn:minimise(-value:fixed(batch.obs, act(actor, batch.obs)):mean(), {actor = opt.lr})
  end)
  return {
    learn:collect(1), learn:remember(opt.memory),
    learn:updates {start = opt.start, body = {learn:sample {size = opt.minibatch}, evaluate, improve,
      learn:copy(actor_target, actor, opt.tau), learn:copy(value_target, value, opt.tau)}},
    learn:publish(),
  }
end

return ddpg
