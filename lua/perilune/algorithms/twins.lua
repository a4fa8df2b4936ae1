--- Antithetic evolution strategies on actions, with common random numbers (Salimans et al. 2017, sections 2 and 2.1; antithetic
--- draws: Geweke 1988), for simulators. Instances come in pairs, who are the same user with the same chances: one acts μ(s) + σε, the
--- other μ(s) − σε, with one ε ~ N(0, I) for as long as `hold` says. With G± the discounted rewards of either from where ε begins
--- to the end of the episode, and s± the states in which they act,
---
---     loss = −mean over steps of log π(a|s) · A        A = Σᵢ wᵢ (Gᵢ₊ − Gᵢ₋)/2 / m for the steps of the first, −A for the second
---
--- over the m steps of a hold that both have; those that one has alone count nothing. Else what the noise itself moves in an
--- observation (what was done lately) would be told by the longer of the two, which is the better one: steps in its direction were
--- rewarded for being there, and the policy learned to exaggerate what it does. So a step's gradient is ± A ε/σ ∇μ(s). Why: for a
--- shift c of all actions while ε lasts, J(c) = E[G(c + σε)] has the gradient E[ε G(c + σε)]/σ, and since −ε has the same law,
--- E[ε (G₊ − G₋)/2]/σ: what does not come of ε is the same on both sides, and goes. ∇μ(s) carries it to the parameters. That is
--- exact where ∇μ(s) is the same in all steps of a hold, or where a hold is one step; else each step is told what the hold as a
--- whole brings, which is right between holds and blind within one.
---
--- The differences say nothing of the width: ∂log π/∂ log σ = ε² − 1 is the same for both, and cancels. So σ is given, and may follow a
--- schedule. Where a pair's states are alike, its gradient does not depend on how far μ has moved since it was acted: A (a₊ − a₋)/σ².
local trust = require "perilune.trust"

local twins = {
  summary = "antithetic evolution strategies on actions, with pairs of instances that meet the same chances; simulators only",
  actions = {"continuous"},
  pairs = true,
  stale = "keep", -- else the beginnings of episodes were never learned from
  options = {
    rollout   = {16,  "steps", "steps per instance: an update takes the whole episodes that have ended when they come to this × env.n",
                 structural = true, min = 1},
    longest   = {64,  "steps", "the longest episode that has a place; where memory is full, one is cut (dropped_steps)",
                 structural = true, min = 1, max = 2 ^ 27},
    hold      = {0,   "steps", "how long a draw of noise lasts; 0: the whole episode, which is what the env says (a session, a day); 1: "
                 .. "each step has its own", structural = true, min = 0, max = 2 ^ 31 - 1},
    width     = {1,   "",      "factor of the deviation of actions, exp(policy.log_std.init); a schedule anneals it", above = 0},
    minibatch = {0,   "steps", "steps of a minibatch; 0: all of an update's", structural = true, min = 0},
    epochs    = {1,   "",      "passes over an update's steps", structural = true, min = 1},
    lr        = {1e-3, "",     "step size of the actor and of a shared trunk", min = 0, scale = "log"},
    max_norm  = {0.5, "",      "clips the gradient norm of the actor to this", min = 0},
    trust     = trust.option,
  },
  metrics = trust.metrics {
    policy_loss = {"Policy loss", "What the actor's update minimises."},
    pairs_alike = {"Pairs alike", "Share of pairs whose episodes have the same number of steps."},
  },
  optimizer = {"adam", epsilon = 1e-5},
}

function twins.refusal(_, beside)
  if beside.log_std ~= "fixed" then
    return "width", ('the difference of twins says nothing of the width of actions: policy.log_std.kind = "fixed" is needed, got %q')
      :format(tostring(beside.log_std))
  end
end

function twins.build(learn, opt)
  learn:hold_actor {width = "algorithm.width", every = opt.hold}
  local actor = learn:actor()
  local near = trust.new(learn, opt, function() return learn:start_of(actor) end)
  local update = learn:program(function(batch)
    local pi = actor(batch.obs)
    local policy_loss = -(pi:log_prob(batch.action) * batch.advantage):mean()
    learn:metric("policy_loss", policy_loss)
    learn:minimise(near.add(policy_loss, pi, batch.obs), near.steps {actor = opt.lr, max_norm = opt.max_norm})
  end)
  local pass = opt.minibatch > 0 and learn:minibatches(opt.minibatch, {update}) or update
  return {
    learn:collect(opt.rollout, {whole = opt.longest, paired = true}), learn:freeze(), learn:rewards(), learn:returns {paired = true},
    learn:weigh {normalise = false}, opt.epochs > 1 and learn:epochs(opt.epochs, {pass}) or pass, learn:publish(),
  }
end

return twins
