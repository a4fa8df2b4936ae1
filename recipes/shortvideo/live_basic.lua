-- A search for one vector for everybody beside a personal policy: what the field reported first of a live feed. cem scores a vector by
-- whole days, and so sees what lies beyond a request; the field's did not, as cem by request. a3c, by two workers, has the learner of its
-- synchronous form, a2c.
-- Each arm is tuned by the same budget, the searches by how they begin. Five arms: about five minutes a world on two cores.
--   perilune experiment recipes/shortvideo/live_basic.lua [--fast]
local function rate(from) return linear {from = from, to = 0} end

return experiment {
  name = "live_basic",
  question = "Does a policy that knows the user and looks ahead (γ .95) beat the best vector that is the same for everybody?",
  control = "cem",
  arms = {
    {name = "cem", recipe = require "cem", grid = {["algorithm.init_std"] = {0.25, 0.5, 1}},
      fast = {["algorithm.generations"] = 4, ["algorithm.users"] = 64}},
    {name = "cem by request", recipe = extend(require "cem", {algorithm = {per = "request"}}),
      grid = {["algorithm.init_std"] = {0.25, 0.5, 1}}, fast = {["algorithm.generations"] = 4, ["algorithm.users"] = 64}},
    {name = "bayes", recipe = require "bayes", grid = {["algorithm.design"] = {12, 24, 48}}, fast = {["algorithm.rounds"] = 12}},
    {name = "a3c", recipe = require "a3c_adam", workers = 2},
    {name = "a2c", recipe = require "a2c"},
  },
  published = {watch_time = {a3c = 0.33}, follow = {a3c = -1.08}, video_views = {a3c = -0.49}},
  responses = {"watch_time", "video_views", "like", "follow", "share", "comment", "requests", "return_time"},
  tune = {grid = {["algorithm.lr"] = {rate(3e-4), rate(6e-4), rate(1.2e-3)}}, metric = "watch_time", seeds = 2, users = 1024},
  worlds = {"strong", "weak"},
  more_worlds = require "worlds",
  seeds = 5, users = 4096, days = 3,
  groups = {"activity"},
  fast = {seeds = 3, users = 512, days = 1, set = {["train.steps"] = 2e5, ["eval.every"] = 5e4, ["eval.curve"] = 256}},
}
