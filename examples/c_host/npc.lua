-- A hundred creatures that learn to keep near a wandering player. The host (main.c) moves the world; this file says
-- what a creature sees, does and is rewarded for. Change the reward, also while it runs: nothing is recompiled.
return {
  env = {
    "host",
    observation = {"dx", "dy", "vx", "vy"}, -- to the player and own velocity, in units of the field's half
    action = {"continuous", push_x = {-1, 1}, push_y = {-1, 1}},
    responses = {
      distance = {unit = "m", missing = 1, combine = "last"},
      effort = {unit = "", missing = 0, combine = "sum"},
    },
  },
  objective = {
    critics = {
      chase = {reward = function(r) return -r.distance - 0.02 * r.effort end, gamma = 0.95},
    },
  },
  policy = {hidden = {32, 32}},
  algorithm = {"ppo", rollout = 20, minibatch = 250, epochs = 4, lr = 1e-3, critic_lr = 1e-3},
  agent = {streams = 100},
  train = {steps = 1e6, seed = 1},
}
