-- Discounts by critic: watch time looks ahead, interactions do so as far as each arm says.
--   perilune experiment recipes/shortvideo/live_discounts.lua [--fast]
local function interactions(gamma)
  return extend(require "a2c_multi_critic", {algorithm = require("a3c_adam").algorithm, objective = {critics = {
    like = {gamma = gamma}, follow = {gamma = gamma}, share = {gamma = gamma}, comment = {gamma = gamma},
  }}})
end

return experiment {
  name = "live_discounts",
  question = "How far ahead should critics of sparse responses look, beside one of watch time at γ .95?",
  control = "gamma .95",
  arms = {
    {name = "gamma .95", recipe = interactions(0.95)},
    {name = "gamma .5", recipe = interactions(0.5)},
    {name = "gamma 0", recipe = interactions(0)},
  },
  responses = {"watch_time", "video_views", "like", "follow", "share", "comment", "requests", "return_time"},
  worlds = {"strong", "weak"},
  more_worlds = require "worlds",
  seeds = 5, users = 4096, days = 3,
  fast = {seeds = 3, users = 512, days = 1, set = {["train.steps"] = 2e5, ["eval.every"] = 5e4, ["eval.curve"] = 256}},
}
