-- Rock a car out of a valley with a force that costs its square, by the synchronous actor-critic.
return extend(require "ppo", {
  algorithm = {"a2c", rollout = 64, lr = 5e-4, critic_lr = 5e-4, lambda = 0.9, entropy = 0.004},
})
