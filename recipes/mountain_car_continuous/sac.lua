-- The same car by soft actor-critic. What rocks it to the goal, before anything is known of it, is noise that lasts: a matrix over
-- the actor's features that is drawn every 32 steps, so that the car is pushed one way for a while. With γ .9999 what was learned is
-- lost again and again; with .99 it stays.
return {
  env = {"mountain_car_continuous", n = 1},
  objective = {critics = {goal = {reward = function(r) return r.reward end, gamma = 0.99}}},
  policy = {hidden = {64, 64}, activation = "relu"},
  algorithm = {"sac", exploration = {"gsde", steps = 32, log_std = -3.67}, rollout = 32, updates = 1, start = 0, memory = 5e4,
    minibatch = 512, tau = 0.01, lr = 3e-4, critic_lr = 3e-4, alpha = 0.1, alpha_lr = 0},
  train = {steps = 5e4, seed = 1},
  eval = {every = 5e3, episodes = 500, seed = 900001, action = "mean"},
}
