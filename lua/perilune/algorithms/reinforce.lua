--- REINFORCE (Williams 1992): of each step the log-density of its action, times the return from there to the end of its episode.
--- The return is Σ weight · Gᵢ of the objective's critics, each with its own discount γᵢ:
---
---     loss = −mean over steps of log π(aₜ|sₜ) (Σᵢ wᵢ Gᵢₜ − bₜ)        Gᵢₜ = Σₖ γᵢᵏ rᵢₜ₊ₖ
---
--- As is usual, the γᵗ of the discounted objective's own gradient is left out, so that late steps count as much as early ones.
--- It learns from whole episodes, each once: the steps of an episode wait for its end, however many updates come before it, so
--- that the beginning of a long one may be acted by an older policy than the one that learns. This is not corrected for.
local prl = require "perilune"
local trust = require "perilune.trust"

local reinforce = {
  summary = "REINFORCE: returns to the end of each episode, with or without a baseline",
  actions = {"discrete", "multi_discrete", "continuous"},
  stale = "keep", -- else the beginnings of long episodes were never learned from
  options = {
    rollout   = {128,  "steps", "steps per instance: an update takes the whole episodes that have ended when they come to this × "
                 .. "env.n, or × agent.streams for a host", structural = true, min = 1},
    longest   = {1000, "steps", "the longest episode that has a place; where memory is full, one is cut (dropped_steps)",
                 structural = true, min = 1, max = 2 ^ 27},
    baseline  = {"value", "",   "what returns are compared with: none; mean, that of the update's returns; value, learned by the "
                 .. "critics, which also stands for what a truncated episode would have had yet (else: nothing)",
                 choices = {"none", "mean", "value"}, structural = true},
    lr        = {1e-3, "",      "step size of the actor and of a shared trunk", min = 0, scale = "log"},
    critic_lr = {1e-3, "",      "step size of the critics, where they are the baseline", min = 0, scale = "log"},
    entropy   = {0,    "",      "weight of the entropy bonus", min = 0},
    max_norm  = {0.5,  "",      "clips the gradient norm of the actor and of each critic to this", min = 0},
    trust     = trust.option,
  },
  metrics = trust.metrics {
    policy_loss = {"Policy loss", "What the actor's update minimises."},
    value_loss = {"Value loss", "Squared error of the critics, in units of normalised returns."},
    entropy = {"Entropy", "Of the policy, in nats: how much it still explores."},
  },
  optimizer = {"adam", epsilon = 1e-5},
}

function reinforce.build(learn, opt)
  local actor, learned = learn:actor(), opt.baseline == "value"
  local critics = learned and learn:critics() or {}
  local near = trust.new(learn, opt, function() return learn:start_of(actor) end)
  local update = learn:program(function(batch)
    local pi, gain = actor(batch.obs), batch.advantage
    if opt.baseline == "mean" then gain = gain - gain:mean() end
    local policy_loss = -(pi:log_prob(batch.action) * gain):mean()
    local entropy = pi:entropy():mean()
    local loss = near.add(policy_loss - opt.entropy * entropy, pi, batch.obs)
    for _, critic in ipairs(critics) do
      local value_loss = prl.mse(critic(batch.obs), batch.returns[critic.name])
      loss = loss + value_loss
      learn:metric("value_loss/" .. critic.name, value_loss)
    end
    learn:metric("policy_loss", policy_loss)
    learn:metric("entropy", entropy)
    learn:minimise(loss, near.steps {actor = opt.lr, critics = learned and opt.critic_lr or nil, max_norm = opt.max_norm})
  end)
  -- With λ = 1 an advantage is the return less the value, and a truncated episode goes on with the value of its last state.
  local estimate = learned and {learn:values(), learn:advantages {lambda = 1}} or learn:returns()
  return {
    learn:collect(opt.rollout, {whole = opt.longest}), learn:freeze(), learn:rewards(), estimate, learn:weigh {normalise = false},
    update, learn:publish(),
  }
end

return reinforce
