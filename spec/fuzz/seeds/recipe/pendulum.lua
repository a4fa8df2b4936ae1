return extend({env = {"pendulum", n = 2}, algorithm = {"ppo", epochs = 2, lr = linear {from = 1e-3, to = 0}}}, {
  objective = {critics = {
    swing = {reward = function(r) return where(gt(r.reward, -1), r.reward, 2 * r.reward - 1) end, gamma = 0.9},
    still = {reward = function(r) local x = clip(r.reward, -2, 0) return -abs(x) ^ 2 + log1p(exp(x)) end, weight = 0.5},
  }},
  policy = {hidden = {8, 8}, activation = "relu", action = {torque = {-1, 1}}, log_std = {kind = "free", init = 0}},
  train = {steps = 3e5, seed = 1}, eval = remove, tags = {"a", "b"},
})
