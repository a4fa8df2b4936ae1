--- A multi-task ranker for short videos, learned from the logs of KuaiRand-Pure:
---
---     perilune fit recipes/kuairand/ltr.lua --data ../shared/data/kuairand_pure
---
--- Inputs are what is known when a video is shown: who, what, where, when, and the answers to earlier impressions.

local person = {"user_active_degree", "is_live_streamer", "is_video_author", "follow_user_num_range", "fans_user_num_range",
  "friend_user_num_range", "register_days_range"}
for i = 0, 17 do person[#person + 1] = "onehot_feat" .. i end

local fields = {
  user = "user_id", video = "video_id", tab = "tab", day = "date",
  hour = {"hourmin", divide = 100},
  duration = {"duration_ms", divide = 1000, log_bins = 4},
  author = "video.author_id", tag = "video.tag", music = "video.music_id", music_type = "video.music_type",
  upload = "video.upload_type", uploaded = "video.upload_dt", kind = "video.video_type",
}
local categories = {"video", "tab", "hour", "duration", "author", "tag", "music", "music_type", "upload", "uploaded", "kind"}
for _, name in ipairs(person) do
  fields[name] = "person." .. name
  categories[#categories + 1] = name
end

-- Prior impressions at the mean rate, before the first one that is counted.
local few, many, most = {click = 3, long_view = 3}, {click = 10, long_view = 10}, {click = 20, long_view = 20}
local function with_rare(rates, strength)
  local all = {}
  for head, value in pairs(rates) do all[head] = value end
  for _, head in ipairs {"like", "comment", "follow", "share"} do all[head] = strength end
  return all
end

return {
  kind = "fit",
  log = {file = "log_standard_4_25_to_5_08_pure.csv", time = "time_ms", day = "date", user = "user", item = "video", group = "tab"},
  tables = {
    video = {file = "video_features_basic_pure.csv", key = "video_id"},
    person = {file = "user_features_pure.csv", key = "user_id"},
    history = {file = "user_history_to_4_24.csv", key = "user_id"},
  },
  -- Known only after the impression: never inputs, and their past counts only for the heads below.
  outcomes = {"is_click", "is_like", "is_follow", "is_comment", "is_forward", "is_hate", "long_view", "play_time_ms",
    "profile_stay_time", "comment_stay_time", "is_profile_enter"},
  splits = {train = {20220425, 20220501}, valid = {20220502, 20220503}, test = {20220504, 20220508}},
  heads = {
    click = {"is_click"}, long_view = {"long_view"}, like = {"is_like", weight = 5}, comment = {"is_comment", weight = 20},
    follow = {"is_follow", weight = 20}, share = {"is_forward", weight = 20},
    play_time = {"play_time_ms", loss = "squared", divide = 1000, log1p = true, weight = 0.3},
  },
  fields = fields,
  categories = categories,
  numbers = {
    duration = {"duration_ms", divide = 1000, log1p = true},
    width = {"video.server_width", log1p = true}, height = {"video.server_height", log1p = true},
    follows = {"person.follow_user_num", log1p = true}, fans = {"person.fans_user_num", log1p = true},
    friends = {"person.friend_user_num", log1p = true}, days = {"person.register_days", log1p = true},
    watched = {"history.watch_seq", words = true, log1p = true}, liked = {"history.like_seq", words = true, log1p = true},
    share_liked = {"history.like_seq", words = true, over = "history.watch_seq"},
    share_long = {"history.long_watch_seq", words = true, over = "history.watch_seq"},
  },
  rates = {
    user = {by = {"user"}, of = with_rare(few, 20)}, video = {by = {"video"}, of = with_rare(many, 50)},
    author = {by = {"author"}, of = with_rare(many, 50)}, tag = {by = {"tag"}, of = with_rare(most, 100)},
    music = {by = {"music"}, of = many}, tab = {by = {"tab"}, of = with_rare({click = 100, long_view = 100}, 100)},
    user_tab = {by = {"user", "tab"}, of = few}, user_tag = {by = {"user", "tag"}, of = few},
    user_author = {by = {"user", "author"}, of = few}, user_duration = {by = {"user", "duration"}, of = few},
    user_day = {by = {"user", "day"}, of = {click = 3}}, video_tab = {by = {"video", "tab"}, of = many},
  },
  recent = {user = {by = "user", keep = 0.7, of = {"click", "long_view", "like"}}},
  gaps = {user = {by = "user", start = "history.last_time_ms"}},
  sequences = {
    watched = {of = "video", by = "user", length = 10, start = "history.watch_seq"},
    long_viewed = {of = "video", by = "user", length = 10, where = "long_view", start = "history.long_watch_seq"},
  },
  model = {width = 8, hidden = {128, 64}, dropout = 0.2, min_count = 2},
  train = {batch = 256, epochs = 2, lr = 2e-3, seed = 1},
}
