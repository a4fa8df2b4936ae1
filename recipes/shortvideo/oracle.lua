-- The yardstick of what can be had: twins that also see what the world knows of the user and production does not (`latent`), with a
-- network to make something of it. A policy of that cannot be served. On the preset `weak` a step size from 1e-3 on is better.
return extend(require "twins", {
  env = {latent = 1},
  policy = {hidden = {32}},
  algorithm = {lr = linear {from = 2e-3, to = 0}},
})
