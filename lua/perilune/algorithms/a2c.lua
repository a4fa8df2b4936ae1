--- Synchronous advantage actor-critic with one critic for each objective (Mnih et al. 2016, section 4; generalised
--- advantages, Schulman et al. 2016). The actor follows the weighted sum of the critics' advantages. Off policy it learns from
--- stretches of a replay memory, corrected by V-trace (Espeholt et al. 2018).
local actor_critic = require "perilune.actor_critic"
local replay = require "perilune.replay"

local a2c = {
  summary = "synchronous advantage actor-critic, one critic for each objective",
  actions = actor_critic.actions,
  recurrent = true,
  stale = "drop", -- a step acted under an older policy has no place in an on-policy gradient
  options = replay.optional({rollout = 5, minibatch = 256, updates = 0.0625, stretch = 16}, actor_critic.options),
  metrics = actor_critic.metrics,
  optimizer = actor_critic.optimizer,
}

function a2c.build(learn, opt)
  local update, last = actor_critic.update(learn, opt)
  local estimate = learn:estimate {lambda = opt.lambda, correction = opt.correction, drawn = opt.memory ~= nil}
  if not opt.memory then return {learn:collect(opt.rollout), estimate, update, last, learn:publish()} end
  return {
    learn:collect(opt.rollout), learn:remember(opt.memory),
    learn:updates {ratio = opt.updates, start = opt.start, body = {
      learn:sample {size = opt.minibatch, stretch = opt.stretch}, estimate, update}},
    learn:publish(),
  }
end

function a2c.refusal(opt, recipe)
  if opt.memory and not opt.correction then
    return "memory", 'older policies acted what it keeps: a correction is needed with it, as in correction = {"vtrace"}'
  end
  return actor_critic.refusal(opt, recipe, opt.memory)
end

return a2c
