--- Twin delayed deep deterministic policy gradient (Fujimoto et al. 2018), with one value for each objective, each with its own
--- discount. One action serves all of them: the actor follows the weighted sum of the first twin's values; in targets the twin
--- whose weighted sum is smaller is taken whole. Its noise is white, or an Ornstein–Uhlenbeck process as in Lillicrap et al. 2016.
local continuation = require "perilune.continuation"
local prl = require "perilune"
local replay = require "perilune.replay"

local td3 = {
  summary = "twin delayed deterministic policy gradient from replay memory, one value for each objective",
  actions = {"continuous"},
  bounds = true,
  networks = "own",
  stale = "keep", -- values are of the policy that learns, whoever acted
  options = replay.options({rollout = 1, minibatch = 256, updates = 1}, {
    delay        = {2,    "",      "updates of the values for each of the actor and the targets", structural = true, min = 1},
    tau          = {5e-3, "",      "share of the networks in the targets when they are updated", min = 0, max = 1},
    noise        = {0.1,  "",      "deviation of the actions that are tried, in halves of their range; σ of a process", above = 0},
    exploration  = {nil,  "",      "noise that goes on from step to step: {\"ou\"}, the Ornstein–Uhlenbeck process "
                                   .. "x ← (1 − theta dt) x + noise √dt z, which begins at 0 with each episode; false: it is white",
                    of = "exploration", forms = {ou = {
                      theta = {0.15, "", "pull of the process to 0: it forgets by e in 1/(theta dt) steps", structural = true, above = 0},
                      dt    = {0.01, "", "time of a step of the process; at most 1/theta", structural = true, above = 0},
                    }}},
    smooth       = {0.2,  "",      "deviation of the next action in targets, in halves of its range", min = 0},
    smooth_clip  = {0.5,  "",      "the most that it deviates, in halves of its range", min = 0},
    lr           = {3e-4, "",      "step size of the actor", min = 0, scale = "log"},
    critic_lr    = {3e-4, "",      "step size of the values", min = 0, scale = "log"},
    continuation = continuation.option,
  }),
  metrics = continuation.metrics {
    policy_loss = {"Policy loss", "What the actor's update minimises."},
    value_loss = {"Value loss", "Squared error of the twins' values against their targets, in units of scaled rewards."},
    value = {"Value", "Mean value of the actions that were taken, in units of scaled rewards."},
  },
  optimizer = {"adam", epsilon = 1e-8},
}

function td3.build(learn, opt)
  local objective, action = learn:objective(), learn:action()
  local dimensions = #action.names
  local centre, half, log_half = {}, {}, {}
  for i, low in ipairs(action.low) do
    centre[i], half[i] = (low + action.high[i]) / 2, (action.high[i] - low) / 2
    log_half[i] = math.log(half[i])
  end
  centre, half, log_half = prl.tensor(centre), prl.tensor(half), prl.tensor(log_half)

  local actor = learn:network("actor", {inputs = {"obs"}, outputs = dimensions, last_gain = 0.01})
  learn:start_squashed(actor)
  local actor_target = learn:target(actor)
  local twins, targets, copies = {}, {}, {learn:copy(actor_target, actor, opt.tau)}
  for i = 1, 2 do
    twins[i] = learn:network("twin_" .. i, {inputs = {"obs", "action"}, outputs = #objective})
    targets[i] = learn:target(twins[i])
    copies[i + 1] = learn:copy(targets[i], twins[i], opt.tau)
  end
  local function rows(values) return values:reshape(-1, #objective) end
  local function column(values, i) return values:slice(2, i, i):reshape(-1) end
  local function total(values) -- Σ weight · Q, (rows)
    local sum
    for i, one in ipairs(objective) do
      local term = column(values, i) * one.weight
      sum = sum and sum + term or term
    end
    return sum
  end
  local function unit(network, obs) return network(obs):reshape(-1, dimensions):tanh() end
  local function act(network, obs) return centre + half * unit(network, obs) end
  --- What the environment was given: draws are remembered before they are cut (prl_agent_act).
  local function cut(drawn) return centre + half * ((drawn - centre) / half):clamp(-1, 1) end
  local process = opt.exploration
  learn:acts(function(obs) return prl.distribution.normal(act(actor, obs), log_half + opt.noise:log()) end, dimensions,
    process and {theta = process.theta, dt = process.dt})

  local goes_on = continuation.begin(learn, opt.continuation)

  local values = learn:program(function(batch)
    local smoothing = (batch.next_noise * opt.smooth):clamp(-opt.smooth_clip, opt.smooth_clip)
    local next_action = centre + half * (unit(actor_target, batch.next_obs) + smoothing):clamp(-1, 1)
    local a, b = rows(targets[1](batch.next_obs, next_action)), rows(targets[2](batch.next_obs, next_action))
    local ahead, taken, loss = replay.smaller(a, b, total), cut(batch.action), nil
    local fair = goes_on.fair(batch, function()
      return replay.smaller(rows(targets[1](batch.obs, taken)), rows(targets[2](batch.obs, taken)), total)
    end)
    for k, twin in ipairs(twins) do
      local value = rows(twin(batch.obs, taken))
      for i, one in ipairs(objective) do
        local goal = fair(batch.reward[one.name] + batch.discount[one.name] * column(ahead, i), one.gamma, i):detach()
        local error = prl.mse(column(value, i), goal)
        loss = loss and loss + error or error
        if k == 1 then
          learn:metric("value/" .. one.name, column(value, i):mean())
          replay.explain(learn, one.name, column(value, i), goal)
        end
      end
    end
    learn:metric("value_loss", loss)
    learn:minimise(goes_on.add(loss, batch), goes_on.steps {twin_1 = opt.critic_lr, twin_2 = opt.critic_lr})
  end)

  local improve = learn:program(function(batch)
    local loss = -total(rows(twins[1]:fixed(batch.obs, act(actor, batch.obs)))):mean()
    learn:metric("policy_loss", loss)
    learn:minimise(loss, {actor = opt.lr})
  end)
  return {
    learn:collect(opt.rollout), learn:remember(opt.memory),
    learn:updates {ratio = opt.updates, start = opt.start, body = {
      learn:sample {size = opt.minibatch, steps = opt.steps}, values, learn:every(opt.delay, {improve, copies})}},
    learn:publish(),
  }
end

function td3.refusal(opt, recipe)
  local process = opt.exploration
  if process and process.theta * process.dt > 1 then
    return "exploration.dt", ("expected at most 1/theta, %.6g, or the process swings: got %.6g"):format(1 / process.theta, process.dt)
  end
  return continuation.refusal(opt, recipe, opt.steps)
end

return td3
