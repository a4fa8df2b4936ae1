--- The advantage actor-critic with one critic for each objective, which a2c and a3c have in common: its options, what it
--- reports and its losses.
local continuation = require "perilune.continuation"
local exploration = require "perilune.exploration"
local prl = require "perilune"
local replay = require "perilune.replay"
local trust = require "perilune.trust"

local actor_critic = {
  actions = {"discrete", "multi_discrete", "continuous"},
  options = {
    rollout   = {5,    "steps", "steps per instance: an update takes this × env.n, or × agent.streams for a host",
                 structural = true, min = 1},
    lr        = {7e-4, "",      "step size of the actor and of a shared trunk", min = 0, scale = "log"},
    critic_lr = {7e-4, "",      "step size of the critics", min = 0, scale = "log"},
    lambda    = {0.95, "",      "λ of the generalised advantage estimate", min = 0, max = 1},
    entropy   = {0.01, "",      "weight of the entropy bonus", min = 0},
    max_norm  = {0.5,  "",      "clips the gradient norm of the actor and of each critic to this", min = 0},
    correction = replay.correction,
    trust      = trust.option,
    exploration = exploration.option,
    continuation = continuation.option,
  },
  metrics = continuation.metrics(exploration.metrics(trust.metrics {
    policy_loss = {"Policy loss", "What the actor's update minimises."},
    value_loss = {"Value loss", "Squared error of the critics, in units of normalised returns."},
    entropy = {"Entropy", "Of the policy, in nats: how much it still explores."},
  })),
  optimizer = {"rmsprop", alpha = 0.99, epsilon = 1e-5},
}

--- The verbs of an update, and those before learn:publish: the actor follows the weighted sum of the critics' advantages,
---     −mean(log π(a|s) · A) − entropy · mean(H(π)) + Σ mean((V − R)²)       (Mnih et al. 2016, section 4).
function actor_critic.update(learn, opt)
  local explore = exploration.begin(learn, opt.exploration)
  local actor, critics = learn:actor(), learn:critics()
  local near = trust.new(learn, opt, function() return learn:start_of(actor) end)
  local goes_on = continuation.begin(learn, opt.continuation, true)
  local update = learn:program(function(batch)
    local pi = actor(batch.obs)
    local policy_loss = -(pi:log_prob(batch.action) * batch.advantage):mean()
    local entropy = pi:entropy():mean()
    local loss = near.add(policy_loss - explore.entropy(opt.entropy) * entropy, pi, batch.obs)
    for _, critic in ipairs(critics) do
      local value_loss = prl.mse(critic(batch.obs), batch.returns[critic.name])
      loss = loss + value_loss
      learn:metric("value_loss/" .. critic.name, value_loss)
    end
    loss = goes_on.add(loss, batch)
    learn:metric("policy_loss", policy_loss)
    learn:metric("entropy", entropy)
    learn:minimise(loss, goes_on.steps(near.steps {actor = opt.lr, critics = opt.critic_lr, max_norm = opt.max_norm}))
  end)
  return {update, explore.update}, explore.last
end

--- As `refusal` of an algorithm's file. memory: of the algorithm, if it has such an option.
function actor_critic.refusal(opt, recipe, memory)
  local wrong, message = exploration.refusal(opt, recipe, {memory = memory, correction = opt.correction})
  if wrong then return wrong, message end
  return continuation.refusal(opt, recipe)
end

return actor_critic
