-- Swing a two-link pendulum above the bar (Acrobot-v1), by the synchronous actor-critic.
return extend(require "ppo", {
  algorithm = {"a2c", rollout = 16, lr = 1e-3, critic_lr = 1e-3, entropy = 0.01},
})
