--- Proximal policy optimisation with one critic for each objective (Schulman et al. 2017, eq. 7; generalised
--- advantages, Schulman et al. 2016). The actor follows the weighted sum of the critics' advantages.
local continuation = require "perilune.continuation"
local exploration = require "perilune.exploration"
local prl = require "perilune"
local replay = require "perilune.replay"
local trust = require "perilune.trust"

local ppo = {
  summary = "proximal policy optimisation, one critic for each objective",
  actions = {"discrete", "multi_discrete", "continuous"},
  recurrent = true,
  stale = "keep", -- the ratio to the density at the time of acting takes care of older steps
  options = {
    rollout    = {128,  "steps", "steps per instance: an update takes this × env.n, or × agent.streams for a host",
                  structural = true, min = 1},
    minibatch  = {256,  "steps", "steps of a minibatch", structural = true, min = 1},
    epochs     = {4,    "",      "passes over the collected steps", structural = true, min = 1},
    lr         = {3e-4, "",      "step size of the actor and of a shared trunk", min = 0, scale = "log"},
    critic_lr  = {3e-4, "",      "step size of the critics", min = 0, scale = "log"},
    lambda     = {0.95, "",      "λ of the generalised advantage estimate", min = 0, max = 1},
    clip       = {0.2,  "",      "clips the probability ratio to 1 ± this", min = 0},
    clip_value = {nil,  "",      "clips the value prediction to ± this around the one at collection, in normalised "
                                 .. "units; false: no clipping", optional = true, min = 0},
    entropy    = {0,    "",      "weight of the entropy bonus", min = 0},
    max_norm   = {0.5,  "",      "clips the gradient norm of the actor and of each critic to this", min = 0},
    target_kl  = {nil,  "nats",  "ends the epochs of an update when a minibatch's divergence from the policy that "
                                 .. "acted exceeds this; false: never", optional = true, min = 0},
    correction = replay.correction,
    trust      = trust.option,
    exploration = exploration.option,
    continuation = continuation.option,
  },
  metrics = continuation.metrics(exploration.metrics(trust.metrics {
    policy_loss = {"Policy loss", "What the actor's update minimises."},
    value_loss = {"Value loss", "Squared error of the critics, in units of normalised returns."},
    entropy = {"Entropy", "Of the policy, in nats: how much it still explores."},
    approx_kl = {"Approximate KL", "How far an update moved the policy: mean of r − 1 − log r."},
    clip_fraction = {"Clip fraction", "Share of rows whose probability ratio met the clip range."},
  })),
  optimizer = {"adam", epsilon = 1e-5},
}

--- The larger of the plain and the clipped squared error, as in the reference implementation of the paper.
local function value_loss(value, old, returns, clip)
  local error = (value - returns):square()
  if not clip then return error:mean() end
  local near = old + (value - old):clamp(-clip, clip)
  return prl.maximum(error, (near - returns):square()):mean()
end

function ppo.build(learn, opt)
  local explore = exploration.begin(learn, opt.exploration)
  local actor, critics = learn:actor(), learn:critics()
  local near = trust.new(learn, opt, function() return learn:start_of(actor) end)
  local goes_on = continuation.begin(learn, opt.continuation, true)
  local update = learn:program(function(batch)
    local pi = actor(batch.obs)
    local log_ratio = pi:log_prob(batch.action) - batch.log_prob
    local ratio = log_ratio:exp()
    local clipped = ratio:clamp(1 - opt.clip, 1 + opt.clip)
    local policy_loss = -prl.minimum(ratio * batch.advantage, clipped * batch.advantage):mean()
    local entropy = pi:entropy():mean()
    local loss = near.add(policy_loss - explore.entropy(opt.entropy) * entropy, pi, batch.obs)
    for _, critic in ipairs(critics) do
      local name = critic.name
      local old = opt.clip_value and batch.value[name]
      local one = value_loss(critic(batch.obs), old, batch.returns[name], opt.clip_value)
      loss = loss + one
      learn:metric("value_loss/" .. name, one)
    end
    loss = goes_on.add(loss, batch)
    learn:metric("policy_loss", policy_loss)
    learn:metric("entropy", entropy)
    learn:metric("approx_kl", (ratio - 1 - log_ratio):mean()) -- Schulman 2020, "Approximating KL divergence", k3
    learn:metric("clip_fraction", prl.gt((ratio - 1):abs(), opt.clip):mean())
    learn:minimise(loss, goes_on.steps(near.steps {actor = opt.lr, critics = opt.critic_lr, max_norm = opt.max_norm}))
  end)
  local step = {update, explore.update}
  if opt.target_kl then step[3] = learn:stop("approx_kl", opt.target_kl) end
  return {
    learn:collect(opt.rollout),
    learn:estimate {lambda = opt.lambda, correction = opt.correction},
    learn:epochs(opt.epochs, {learn:minibatches(opt.minibatch, step)}),
    explore.last, learn:publish(),
  }
end

function ppo.refusal(opt, recipe)
  local wrong, message = exploration.refusal(opt, recipe, {correction = opt.correction})
  if wrong then return wrong, message end
  return continuation.refusal(opt, recipe)
end

return ppo
