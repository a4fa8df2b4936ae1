-- Rock a car out of a valley with a force that costs its square (MountainCarContinuous-v0); 90 counts as solved. Doing
-- nothing costs nothing, which is where a policy that never met the goal ends.
return {
  env = {"mountain_car_continuous", n = 16},
  objective = {critics = {goal = {reward = function(r) return r.reward end, gamma = 0.9999, scale = 10}}},
  policy = {hidden = {64, 64}, activation = "tanh", log_std = {init = 0.5}, normalise = 5},
  algorithm = {"ppo", rollout = 512, minibatch = 512, epochs = 4, lr = 5e-4, critic_lr = 5e-4, lambda = 0.9,
    entropy = 0.004},
  train = {steps = 5e5, seed = 1, warmup = 8192},
  eval = {every = 1e5, episodes = 100, seed = 900001, action = "mean"},
}
