-- Rock a car out of a valley (MountainCar-v0), by deep Q-learning. Nothing but the goal ends an episode early: random actions
-- reach it seldom, and values that begin at 0, above all that is ever paid, send the car where it has not been.
return {
  env = {"mountain_car", n = 1},
  objective = {critics = {goal = {reward = function(r) return r.reward end, gamma = 0.99}}},
  policy = {hidden = {128, 128}, activation = "relu"},
  algorithm = {"dqn", rollout = 16, minibatch = 128, updates = 1, steps = 3, target = 250, start = 1000, memory = 5e4,
    lr = linear {from = 1e-3, to = 0}, epsilon = linear {from = 1, to = 0.04, over = 24000}},
  train = {steps = 1.2e5, seed = 1},
  eval = {every = 1.2e5, episodes = 500, seed = 900001, action = "mean"},
}
