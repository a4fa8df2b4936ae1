-- Rock a car out of a valley (MountainCar-v0), with novelty paid: every step costs the same until the goal is reached, and eight
-- cars without an entropy bonus do not meet it by the draws of their actions alone. What a predictor does not know yet of position
-- and velocity is a reward of its own, so that cars go faster and higher until they are out.
return extend(require "ppo", {
  env = {n = 8},
  algorithm = {"ppo", rollout = 128, lr = 3e-4, lambda = 0.95, entropy = 0, exploration = {"rnd"}},
  train = {steps = 2e5, warmup = 0},
})
