-- CartPole-v1 as `PPO("MlpPolicy", "CartPole-v1").learn(100_000)` of Stable-Baselines3 trains it, with every default of
-- its PPO said in the words of here. What each is called there, and both learning curves: recipes/FROM.md.
return {
  env = {"cartpole", n = 1},
  objective = {critics = {upright = {reward = function(r) return r.reward end, gamma = 0.99}}},
  policy = {hidden = {64, 64}, activation = "tanh"},
  algorithm = {"ppo", rollout = 2048, minibatch = 64, epochs = 10, lr = 3e-4, critic_lr = 3e-4, lambda = 0.95,
    clip = 0.2, entropy = 0, max_norm = 0.5},
  train = {steps = 1e5, seed = 1},
  eval = {every = 2e4, episodes = 100, seed = 900001, action = "mean"},
}
