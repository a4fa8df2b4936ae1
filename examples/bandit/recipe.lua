-- A contextual bandit: which article to show to a reader at a time of the day. A discount of 0 says that what is shown now
-- changes nothing later, so that every decision is an episode of its own. news.lua serves it.
return {
  env = {
    "host",
    observation = {"tom", "anna", "morning", "afternoon"},
    action = {"discrete", article = {"politics", "sports", "music", "food", "finance", "health", "camping"}},
    responses = {click = {unit = "count"}},
  },
  objective = {critics = {click = {gamma = 0}}}, -- its reward is the response of its name
  policy = {hidden = {32}, activation = "tanh"},
  algorithm = {"ppo", rollout = 64, minibatch = 64, epochs = 8, lr = 1e-2, critic_lr = 1e-2, entropy = 0.005},
  agent = {streams = 1},
  train = {seed = 1},
}
