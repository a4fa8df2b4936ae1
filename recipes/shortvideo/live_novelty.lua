-- Paying for what is new, beside other ways to explore that cost users about as much.
-- Five arms: about ten minutes on two cores.
--   perilune experiment recipes/shortvideo/live_novelty.lua [--fast]
local base = require "a3c_adam"

local function exploring(how, policy) return extend(base, {algorithm = {exploration = how}, policy = policy}) end

return experiment {
  name = "live_novelty",
  question = "Does a reward for what is new hold users better than none, or than noise that costs them as much?",
  control = "basic",
  arms = {
    {name = "basic", recipe = base},
    {name = "rnd", recipe = exploring {"rnd"}},
    {name = "entropy", recipe = exploring({"entropy", weight = 0.003}, {log_std = {kind = "free"}})},
    {name = "parameter noise", recipe = exploring {"parameter_noise"}},
    {name = "state noise", recipe = exploring({"state_noise", init = -1}, {log_std = {kind = "free"}})},
  },
  published = {watch_time = {rnd = 0.476}, follow = {rnd = -1.96}, video_views = {rnd = 0.07}},
  responses = {"watch_time", "video_views", "like", "follow", "share", "comment", "requests", "return_time"},
  served = true, metrics = {"predictor_loss", "entropy", "perturbation_kl"},
  worlds = {"strong", "weak"},
  more_worlds = require "worlds",
  seeds = 3, users = 4096, days = 3,
  fast = {seeds = 2, users = 512, days = 1, set = {["train.steps"] = 2e5, ["eval.every"] = 5e4, ["eval.curve"] = 256}},
}
