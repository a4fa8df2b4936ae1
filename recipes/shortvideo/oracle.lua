-- The yardstick of what can be had: twins that also see what the world knows of the user and production does not (`latent`), with a
-- network to make something of it. A policy of that cannot be served. On the preset `weak` a step size from 1e-3 on is better.
local all = extend(require "twins", {policy = {observes = remove}})

return extend(all, {
  env = {n = 128, latent = 1},
  policy = {hidden = {32}, observes = {hide = {"mean_action_*"}}},
  algorithm = {rollout = 16, lr = linear {from = 2e-3, to = 0}},
})
