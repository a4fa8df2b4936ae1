-- CartPole-v1 as CleanRL's ppo.py trains it with its defaults: 4 environments, 128 steps of each an update, 4 minibatches,
-- a step size that falls to 0. What each is called there, and both learning curves: recipes/FROM.md.
return {
  env = {"cartpole", n = 4},
  objective = {critics = {upright = {reward = function(r) return r.reward end, gamma = 0.99}}},
  policy = {hidden = {64, 64}, activation = "tanh"},
  algorithm = {"ppo", rollout = 128, minibatch = 128, epochs = 4, lr = linear {from = 2.5e-4, to = 0},
    critic_lr = linear {from = 2.5e-4, to = 0}, lambda = 0.95, clip = 0.2, entropy = 0.01, max_norm = 0.5,
    clip_value = 0.01}, -- 0.2 of reward there, and here of the returns' deviation, of about 20; 0.2 learns faster
  train = {steps = 5e5, seed = 1},
  eval = {every = 1e5, episodes = 100, seed = 900001, action = "mean"},
}
