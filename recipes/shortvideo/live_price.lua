-- What shares cost in watch time: by the world, or by the algorithm? Twins, which see pairs of users who meet the same chances and so lose
-- little to noise, for whom a share counts as so many seconds of watching; beside them the two stages of live_constrained, by how near
-- the second stays to the first.
-- Eight arms: about five minutes a world on two cores.
--   perilune experiment recipes/shortvideo/live_price.lua [--fast]
local function twins(seconds)
  return extend(require "twins", {objective = {critics = {
    reward = remove,
    watch_time = {gamma = 1},
    share = {gamma = 1, weight = seconds},
  }}})
end

local worlds, arms = require "worlds", {}
for i, seconds in ipairs {0, 1000, 3000, 10000, 30000} do arms[i] = {name = ("twins %d s"):format(seconds), recipe = twins(seconds)} end
for _, pull in ipairs {0.005, 0.01, 0.02} do
  arms[#arms + 1] = {name = ("two stages %g"):format(pull), recipe = extend(require "two_stage", {algorithm = {pull = pull}}),
    fast = {["algorithm.first"] = 6e4}}
end

return experiment {
  name = "live_price",
  question = "Is it the world that asks watch time for shares, or the algorithm?",
  control = "ltr",
  arms = arms,
  responses = {"watch_time", "video_views", "share", "comment"},
  front = {"watch_time", "share"},
  worlds = {"strong", "weak"},
  more_worlds = {worlds[3], worlds[4]}, -- kuairand has not all that twins observe
  seeds = 3, users = 4096, days = 3,
  fast = {seeds = 2, users = 512, days = 1, set = {["train.steps"] = 2e5, ["eval.every"] = 1e5, ["eval.curve"] = 256}},
}
