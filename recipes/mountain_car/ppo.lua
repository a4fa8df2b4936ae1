-- Rock a car out of a valley (MountainCar-v0). Every step costs the same until the goal is reached, so that learning
-- begins only when exploration first meets it: sixteen cars with a high entropy bonus do within a few updates. Judged on
-- sampled actions: the most probable one is the same for long stretches of the valley.
return {
  env = {"mountain_car", n = 16},
  objective = {critics = {goal = {reward = function(r) return r.reward end, gamma = 0.99}}},
  policy = {hidden = {64, 64}, activation = "tanh", normalise = 5},
  algorithm = {"ppo", rollout = 256, minibatch = 256, epochs = 4, lr = 1e-3, critic_lr = 1e-3, lambda = 0.98,
    entropy = 0.01},
  train = {steps = 1e6, seed = 1, warmup = 4096},
  eval = {every = 1e5, episodes = 100, seed = 900001, action = "sample"},
}
