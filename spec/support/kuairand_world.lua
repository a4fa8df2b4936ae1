--- A small world file for kuairand, of made-up numbers, for the specs.

local prl = require "perilune"

local world = {}

local heads = {"watch", "long_view", "like", "follow", "share", "comment", "hate"}
local usual = {1.8, -0.8, -4.6, -7, -7.3, -6.2, -8}

-- n numbers of deviation about 1, the same ones every time.
local function numbers(n, shift)
  local list = {}
  for i = 1, n do list[i] = math.sin(i * 12.9898 + shift * 78.233) * 1.4 end
  return list
end

local function scaled(n, shift, scale, offset)
  local list = numbers(n, shift)
  for i = 1, n do list[i] = list[i] * scale + (offset and offset(i) or 0) end
  return prl.tensor(list)
end

local function by_head(i) return usual[(i - 1) % 7 + 1] end

local function model(add, name, users, videos, factors, shift)
  add(name .. "/user", scaled(users * 7 * factors, shift, 0.2):view(users, 7, factors))
  add(name .. "/user_bias", scaled(users * 7, shift + 1, 0.4):view(users, 7))
  add(name .. "/item", scaled(videos * factors, shift + 2, 0.3):view(videos, factors))
  add(name .. "/item_bias", scaled(videos * 7, shift + 3, 0.3, by_head):view(videos, 7))
  add(name .. "/hour", scaled(24 * 7, shift + 4, 0.05):view(24, 7))
end

local function play(add)
  local means, durations, quantiles, table_of = {}, {}, 16, {}
  for b = 1, 6 do means[b] = 0.4 * b end
  for g = 1, 4 do durations[g] = 2 + g end
  for b = 1, 6 do
    for g = 1, 4 do
      for q = 1, quantiles do
        local share = (q - 0.5) / quantiles
        table_of[#table_of + 1] = math.min(math.max(means[b] + math.log(share / (1 - share)), 0.1), durations[g] + 1)
      end
    end
  end
  add("play/mean", prl.tensor(means))
  add("play/duration", prl.tensor(durations))
  add("play/quantiles", prl.tensor(table_of):view(6, 4, quantiles))
end

local function pools(add, videos, days)
  local offset, video, weight = {0}, {}, {}
  for day = 1, days do
    for j = 0, 199 do
      video[#video + 1] = (j + 7 * day) % videos
      weight[#weight + 1] = 1 + j % 11
    end
    offset[day + 1] = 200 * day
  end
  add("pool/offset", prl.tensor(offset, "int64"))
  add("pool/video", prl.tensor(video, "int32"))
  add("pool/weight", prl.tensor(weight))
end

--- Writes the file. given: seed (another one gives another world), days, metadata (keys to change).
function world.write(path, given)
  given = given or {}
  local users, videos, factors, features, days = 40, 210, 5, 3, given.days or 3
  local shift, list = 10 * (given.seed or 0), {}
  local function add(name, tensor) list[#list + 1] = {name, tensor} end
  model(add, "response", users, videos, factors, shift + 1)
  model(add, "ranker", users, videos, factors, shift + 2)
  add("response/time_slope", prl.tensor {0, 0, 0.6, 0.4, 0.9, 1.5, -0.2})
  play(add)
  add("users/features", scaled(users * features, 3, 1):view(users, features))
  add("users/activity", scaled(users, 4, 0.3, function() return 0.5 end))
  local vectors = numbers(videos * factors, 5)
  for i = 0, videos - 1 do
    local norm = 0
    for d = 1, factors do norm = norm + vectors[i * factors + d] ^ 2 end
    for d = 1, factors do vectors[i * factors + d] = vectors[i * factors + d] / math.sqrt(norm) end
  end
  add("videos/vector", prl.tensor(vectors):view(videos, factors))
  add("videos/duration", scaled(videos, 6, 20, function() return 60 end))
  add("videos/age", scaled(videos, 7, 3, function() return 20 end))
  pools(add, videos, days)
  local hour = {}
  for h = 1, 24 do hour[h] = 1 / 24 end
  add("clock/hour", prl.tensor(hour))
  local metadata = {format = "perilune kuairand world 1", heads = prl.to_json(heads),
    user_features = '["age", "fans", "friends"]', days = ("[20220504, %d]"):format(20220504 + days - 1)}
  for key, value in pairs(given.metadata or {}) do metadata[key] = value end
  assert(prl.io.safetensors_write(path, list, metadata))
  return path
end

return world
