-- What finds the goal of MountainCar-v0 where nothing leads there: ppo whose reward is 0 in each step (-1 + 1), alone and with
-- each kind of exploration. Every point is trained on the same seeds, and judged by the env's own reward, -200 where no
-- episode reaches the goal.
--   perilune sweep recipes/mountain_car/exploration.lua
return sweep {
  base = extend(require "ppo_rnd", {
    objective = {critics = {goal = {reward = function(r) return r.reward + 1 end}}},
    train = {steps = 1e5},
  }),
  grid = {["algorithm.exploration"] = {false, {"entropy", weight = 0.05}, {"parameter_noise"}, {"state_noise"}, {"lasting_noise"},
    {"rnd"}}},
  seeds = 20,
  metric = "reward",
}
