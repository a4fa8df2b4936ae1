--- A complete algorithm of your own: advantage actor-critic with a second network, which learns to predict how the
--- observation changes (a model of the world), and a temperature that it learns itself to keep the policy's entropy at
--- `target_entropy`, as soft actor-critic does (Haarnoja et al. 2018b, eq. 18).
local prl = require "perilune"

local guided = {
  summary = "a2c with a forward model and a learned temperature",
  actions = {"discrete"},
  stale = "drop",
  options = {
    rollout        = {16,   "steps", "an update takes this × env.n steps", structural = true, min = 1},
    lr             = {1e-3, "",      "step size of the actor and the critics", min = 0},
    model_lr       = {1e-3, "",      "step size of the model", min = 0},
    temperature_lr = {1e-2, "",      "step size of the temperature's logarithm", min = 0},
    target_entropy = {0.3,  "nats",  "what the temperature keeps the entropy at", min = 0},
    lambda         = {0.95, "",      "decay of the generalised advantage estimate", min = 0, max = 1},
  },
  metrics = {
    policy_loss = {"Policy loss", "What the actor's update minimises."},
    value_loss = {"Value loss", "Squared error of the critics, in units of normalised returns."},
    model_loss = {"Model loss", "Squared error of the predicted change of the observation."},
    entropy = {"Entropy", "Of the policy, in nats."},
    temperature = {"Temperature", "Weight of the entropy, learned."},
  },
  optimizer = {"adam", epsilon = 1e-5},
}

function guided.build(learn, opt)
  local actor, critics = learn:actor(), learn:critics()
  local observations = #learn:observations()
  local model = learn:network("model", {inputs = {"obs", "action"}, outputs = observations})
  local log_temperature = learn:parameter("temperature", prl.full({1}, -3))

  local update = learn:program(function(batch)
    local pi = actor(batch.obs)
    local entropy = pi:entropy():mean()
    local temperature = log_temperature:exp():detach():sum()
    local policy_loss = -(pi:log_prob(batch.action) * batch.advantage):mean()
    local loss = policy_loss - temperature * entropy
    for _, critic in ipairs(critics) do
      local value_loss = prl.mse(critic(batch.obs), batch.returns[critic.name])
      loss = loss + value_loss
      learn:metric("value_loss/" .. critic.name, value_loss)
    end
    --- A terminated row has no next observation that counts.
    local alive = (1 - batch.terminated):reshape(-1, 1)
    local model_error = (model(batch.obs, batch.action) - (batch.next_obs - batch.obs)) * alive
    local model_loss = model_error:square():mean()
    local temperature_loss = (log_temperature:sum() * (entropy:detach() - opt.target_entropy))
    learn:metric("policy_loss", policy_loss)
    learn:metric("model_loss", model_loss)
    learn:metric("entropy", entropy)
    learn:metric("temperature", temperature)
    learn:minimise(loss + model_loss + temperature_loss,
      {actor = opt.lr, critics = opt.lr, model = opt.model_lr, temperature = opt.temperature_lr, max_norm = 0.5})
  end)

  return {learn:collect(opt.rollout), learn:estimate {lambda = opt.lambda}, update, learn:publish()}
end

return guided
