-- a3c that learns as a2c.lua does. A recipe that changes only the algorithm's name, as a3c.lua, has that algorithm's own defaults;
-- here each option of a2c.lua's learner is given again, so that the two differ by workers alone. By one worker it does what a2c does.
return extend(require "a2c", {
  algorithm = {"a3c", rollout = 8, lr = linear {from = 6e-4, to = 0}, critic_lr = linear {from = 6e-4, to = 0}, lambda = 0.9,
    entropy = 0, optimizer = {"adam", epsilon = 1e-5}},
})
