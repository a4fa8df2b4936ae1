-- Two-stage constrained actor-critic: first a policy for shares, then one for watch time that stays near it. `pull` says how near;
-- form = "exact" is that of the paper, form = "kl" a penalty with the weight of the critic "share".
return extend(require "a2c", {
  env = {n = 256},
  objective = {critics = {
    reward = remove,
    watch_time = {gamma = 0.95, scale = "baseline"},
    share = {reward = function(r) return where(gt(r.share, 0), 1, 0) end, gamma = 0.5, weight = 1, scale = "baseline"},
  }},
  algorithm = {"two_stage", main = "watch_time", first = 1e6, pull = 0.01, rollout = 8, lambda = 0.9, entropy = 0, lr = 6e-4,
    critic_lr = 6e-4},
  train = {steps = 3e6},
  eval = {every = 0},
})
