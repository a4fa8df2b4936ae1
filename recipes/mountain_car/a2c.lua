-- Rock a car out of a valley (MountainCar-v0), by the synchronous actor-critic; see ppo.lua for what is hard here.
return extend(require "ppo", {
  algorithm = {"a2c", rollout = 32, lr = 1e-3, critic_lr = 1e-3, lambda = 0.98, entropy = 0.01},
})
