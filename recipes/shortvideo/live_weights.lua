-- Half way what interactions count for is doubled: how soon is a policy with one critic, and one with a critic for each response, at the
-- new optimum? The second stage goes on with all that the first had learned; of one critic, whose reward is another one then, what it
-- expects is wrong at first.
--   perilune experiment recipes/shortvideo/live_weights.lua [--fast]
local steady = {train = {steps = 1.25e6, warmup = remove}, algorithm = {lr = 3e-4, critic_lr = 3e-4}, eval = {every = 1.25e5, curve = 2048}}

local function one(factor)
  return extend(extend(require "a3c_adam", steady), {objective = {critics = {reward = {scale = 30, reward = function(r)
    return r.watch_time + 0.5 * r.video_views + factor * (20 * r.like + 100 * r.follow + 100 * r.share + 50 * r.comment)
  end}}}})
end

local function critic(name, weight, gamma)
  return {reward = function(r) return r[name] end, weight = weight, gamma = gamma, scale = 30 }
end

local function multi(factor)
  return extend(extend(require "a3c_adam", steady), {objective = {critics = {
    reward = remove,
    watch_time = critic("watch_time", 1, 0.95), video_views = critic("video_views", 0.5, 0.95),
    like = critic("like", 20 * factor, 0.95), follow = critic("follow", 100 * factor, 0.95),
    share = critic("share", 100 * factor, 0.95), comment = critic("comment", 50 * factor, 0.95),
  }}})
end

return experiment {
  name = "live_weights",
  question = "When the weights of interactions double, are several critics sooner at the new optimum than one?",
  control = "one",
  arms = {
    {name = "one", stages = {one(1), one(2)}, into = "start-from", fast = {["train.steps"] = 1e5}},
    {name = "multi", stages = {multi(1), multi(2)}, into = "start-from", fast = {["train.steps"] = 1e5}},
  },
  responses = {"watch_time", "like", "follow", "share", "comment"},
  metrics = {"entropy", "explained_variance/reward", "explained_variance/like"},
  worlds = {"strong"},
  more_worlds = require "worlds",
  seeds = 3, users = 4096, days = 3,
  fast = {seeds = 2, users = 512, days = 1, set = {["eval.every"] = 2.5e4, ["eval.curve"] = 256}},
}
