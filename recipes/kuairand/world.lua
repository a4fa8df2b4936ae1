--- The world of prl.env("kuairand"), fitted on the logs of KuaiRand-Pure:
---
---     perilune fit recipes/kuairand/world.lua --data ../shared/data/kuairand_pure
---
--- Two models of one form on different days: `response`, which draws what people do, and `ranker`, whose scores are what
--- production would have. lua/perilune/fit/README.md says what in the file is data, what is model and what is assumed.
local ltr = require "ltr"

local function pick(from, names)
  local part = {}
  for _, name in ipairs(names) do part[name] = from[name] end
  return part
end

-- Counts and rates that belong to the user alone or to the video alone: two towers cannot hold pairs.
local rates = pick(ltr.rates, {"user", "video", "author", "tag", "music"})

local categories = {}
for _, name in ipairs(ltr.categories) do categories[#categories + 1] = name end
categories[#categories + 1] = "user"

return {
  kind = "world",
  log = {file = ltr.log.file, time = "time_ms", day = "date", user = "user", item = "video",
    duration = {"duration_ms", divide = 1000}, of_item = {"duration_ms"}, rows = 228329},
  tables = {
    video = {file = ltr.tables.video.file, key = "video_id", rows = 7583},
    person = {file = ltr.tables.person.file, key = "user_id", rows = 27285},
    history = {file = ltr.tables.history.file, key = "user_id", rows = 26469},
  },
  outcomes = ltr.outcomes,
  splits = {ranker = {20220425, 20220501}, response = {20220502, 20220508}},
  heads = {
    watch = {"play_time_ms", loss = "squared", divide = 1000, log1p = true},
    long_view = {"long_view"}, like = {"is_like"}, follow = {"is_follow"}, share = {"is_forward"}, comment = {"is_comment"},
    hate = {"is_hate"}, click = {"is_click"},
  },
  fields = ltr.fields,
  categories = categories,
  numbers = ltr.numbers,
  rates = rates,
  sequences = ltr.sequences,
  context = {clock = "hour", held = {tab = "1"}},
  activity = {"watched", "count/user"},
  uploaded = "video.upload_dt",
  model = {width = 8, hidden = {64}, factors = 16, dropout = 0.2, min_count = 5, penalty = 3e-4},
  play = {means = 16, durations = 12, quantiles = 128, rows = 1000},
  train = {batch = 256, epochs = 2, lr = 2e-3, seed = 1},
  out = "runs/kuairand/world.safetensors",
}
