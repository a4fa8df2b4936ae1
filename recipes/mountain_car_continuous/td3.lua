-- The same car by the twin delayed deterministic policy gradient. Its noise is an Ornstein–Uhlenbeck process, which pushes one way
-- for some 33 steps, about as long as the car swings one way; white noise rocks it nowhere.
return {
  env = {"mountain_car_continuous", n = 1},
  objective = {critics = {goal = {reward = function(r) return r.reward end, gamma = 0.99}}},
  policy = {hidden = {64, 64}, activation = "relu"},
  algorithm = {"td3", exploration = {"ou", theta = 0.15, dt = 0.2}, noise = 0.5, start = 1000, memory = 3e5, minibatch = 100,
    lr = 1e-3, critic_lr = 1e-3},
  train = {steps = 3e5, seed = 1},
  eval = {every = 3e4, episodes = 500, seed = 900001, action = "mean"},
}
