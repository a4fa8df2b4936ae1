--- Asynchronous advantage actor-critic with one critic for each objective (Mnih et al. 2016, algorithm S3; generalised
--- advantages, Schulman et al. 2016). Each of several workers acts and computes its gradients by a copy of the parameters,
--- pushes them to the parameters that all share, and goes on with those as its copy. With a correction (V-trace, Espeholt et
--- al. 2018) it takes the shared parameters before it computes the gradient, whose steps an older policy acted then. One
--- worker does what a2c does.
local actor_critic = require "perilune.actor_critic"

local a3c = {
  summary = "asynchronous advantage actor-critic: a2c by several workers that wait for nobody (train --workers)",
  actions = actor_critic.actions,
  recurrent = true,
  stale = "drop",
  asynchronous = true,
  options = actor_critic.options,
  metrics = {lag = {"Lag", "Versions of the shared parameters that others published while a worker made its gradient; with "
    .. "a correction, between a step and what is learned from it."}},
  optimizer = actor_critic.optimizer,
}
for kind, said in pairs(actor_critic.metrics) do a3c.metrics[kind] = said end

function a3c.build(learn, opt)
  local update, last = actor_critic.update(learn, opt)
  return {learn:collect(opt.rollout), learn:estimate {lambda = opt.lambda, correction = opt.correction}, update, last,
    learn:publish()}
end

function a3c.refusal(opt, recipe) return actor_critic.refusal(opt, recipe) end

return a3c
