--- What keeps a policy near the one with which it begins (`policy.start`), for the losses of algorithms:
---
---     KL(π‖π₀) = E over observations of KL(π(·|s)‖π₀(·|s))        π₀: the policy at the start, which stays as it is
---
--- either as a penalty with a fixed weight, or below a bound, by a multiplier that is driven (multiplier.lua).
local multiplier = require "perilune.multiplier"

local trust = {}

trust.option = {nil, "", "keeps the policy near policy.start: {\"penalty\", kl_to_start = 0.1}, a weight of the divergence from it, or "
  .. "{\"bound\", kl_to_start = 0.05}, the divergence that it may come to; false: it goes where it learns to", of = "trust", forms = {
    penalty = {
      kl_to_start = {0.1,  "",     "weight of the mean KL(π‖π₀) in the loss of the actor", min = 0},
    },
    bound = {
      kl_to_start = {0.05, "nats", "mean KL(π‖π₀) that the multiplier of it is driven to where it would be more", above = 0},
      lr          = {0.01, "",     "step size of the logarithm of the multiplier", min = 0, scale = "log"},
    },
  }}

--- The algorithm's metrics and those of trust.
function trust.metrics(own)
  own.kl_to_start = {"Divergence from the start", "Mean KL(π‖π₀) of the policy from the one with which it began, in nats.",
    of = "trust"}
  own.trust = {"Weight of the divergence", "What a nat of divergence from the policy at the start costs the actor.", of = "trust"}
  return own
end

local none = {add = function(loss) return loss end, steps = function(steps) return steps end}

--- learn, opt: of an algorithm's build; make(): π₀ as a function of observations, as learn:start_of gives it. Returns add(loss, pi,
--- obs), the loss with what divergence costs, and steps(steps), the step sizes of learn:minimise with that of the multiplier.
function trust.new(learn, opt, make)
  if not opt.trust then return none end
  local start, bound = make(), opt.trust[1] == "bound"
  local logarithm = bound and multiplier.new(learn, "trust", 1)
  local near = {}
  function near.add(loss, pi, obs)
    local divergence = pi:kl(start(obs)):mean()
    local weight = bound and multiplier.value(logarithm) or opt.trust.kl_to_start
    learn:metric("kl_to_start", divergence)
    learn:metric("trust", weight)
    if not bound then return loss + weight * divergence end
    return loss + weight:detach() * divergence + multiplier.loss(weight, opt.trust.kl_to_start, divergence)
  end
  function near.steps(steps)
    steps.trust = bound and opt.trust.lr or nil
    return steps
  end
  return near
end

return trust
