--- A small log for specs of the fit of a world, the same each time: users, items and moments whose chances are known, so
--- that what is fitted can stand beside them.
local prl = require "perilune"
local draws = require "support.draws"

local small = {}

small.recipe = [[
return {
  kind = "world",
  log = {file = "log.csv", time = "time", day = "day", user = "user", item = "item", duration = {"length", divide = 1000},
    of_item = {"length"}, rows = 6000},
  tables = {item = {file = "items.csv", key = "item"}, person = {file = "people.csv", key = "user"}},
  outcomes = {"ms", "long", "like", "follow", "share", "comment", "hate"},
  splits = {ranker = {20220429, 20220501}, response = {20220502, 20220504}},
  heads = {
    watch = {"ms", loss = "squared", divide = 1000, log1p = true}, long_view = {"long"}, like = {"like"}, follow = {"follow"},
    share = {"share"}, comment = {"comment"}, hate = {"hate"},
  },
  fields = {user = "user", item = "item", place = "place", hour = {"clock", divide = 100}, maker = "item.maker", band = "person.band"},
  categories = {"place", "item", "hour", "band", "maker", "user"},
  numbers = {warmth = "person.warmth", seen = {"person.seen", words = true}, appeal = "item.appeal",
    length = {"length", divide = 1000, log1p = true}},
  rates = {user = {by = {"user"}, of = {like = 5}}, maker = {by = {"maker"}, of = {like = 5}}},
  sequences = {seen = {of = "item", by = "user", length = 3, start = "person.seen"}},
  context = {clock = "hour", held = {place = "home"}},
  activity = {"seen", "count/user"},
  uploaded = "item.uploaded",
  model = {width = 4, hidden = {16}, factors = 3, dropout = 0.1},
  train = {batch = 64, epochs = 6, lr = 5e-3, seed = 1, folds = 2},
  play = {means = 6, durations = 5, quantiles = 20, rows = 200},
  out = "small.safetensors",
}
]]

local USERS, ITEMS, ROWS = 120, 60, 6000

--- The logit of a like on `home`, before what the time watched adds: what the fit should find again.
function small.logit(warmth, appeal) return -1.2 + warmth + appeal end
small.time_slope, small.feed = 0.5, -0.7 -- of min(ln(1 + s), 4) − 2.5; of the place "feed"

--- {users = {[id] = warmth}, items = {[id] = {appeal, length (s)}}}: ids from 100 and 500.
function small.truth()
  local draw, truth = draws(11), {users = {}, items = {}}
  for u = 1, USERS do truth.users[99 + u] = draw() * 2 - 1 end
  for v = 1, ITEMS do truth.items[499 + v] = {appeal = draw() * 2 - 1, length = v % 20 == 0 and 0 or math.floor(5 + draw() * 60)} end
  return truth
end

local DAYS = {20220429, 20220430, 20220501, 20220502, 20220503, 20220504}

local function make_log(truth)
  local draw, lines = draws(7), {"user,item,place,day,clock,time,length,ms,long,like,follow,share,comment,hate"}
  local function chance(logit) return draw() < 1 / (1 + math.exp(-logit)) and 1 or 0 end
  for i = 1, ROWS do
    local day = math.floor((i - 1) * 6 / ROWS) + 1
    -- The last user comes in the last days only, the one before him in the first days only; so do the last items.
    local user = 100 + math.floor(draw() * (USERS - 1)) + (day > 3 and 1 or 0)
    local item = 500 + math.floor(draw() * (ITEMS - 1)) + (day > 3 and 1 or 0)
    user, item = math.min(user, 99 + USERS), math.min(item, 499 + ITEMS)
    local warmth, about, place = truth.users[user], truth.items[item], draw() < 0.7 and "home" or "feed"
    local x = math.max(1.4 + 0.5 * warmth + 0.4 * about.appeal + 1.2 * (draw() + draw() + draw() - 1.5), 0)
    local seconds = math.exp(x) - 1
    if about.length > 0 and draw() < 0.15 then seconds = about.length end
    local timed = small.time_slope * (math.min(math.log(1 + seconds), 4) - 2.5)
    local logit = small.logit(warmth, about.appeal) + (place == "feed" and small.feed or 0) + timed
    lines[#lines + 1] = ("%d,%d,%s,%d,%d,%d,%d,%d,%d,%d,%d,%d,%d,%d"):format(user, item, place, DAYS[day],
      (i * 7 % 24) * 100 + 30, i * 10, about.length * 1000, math.floor(seconds * 1000),
      about.length > 0 and seconds >= math.min(about.length, 18) and 1 or 0, chance(logit), chance(logit - 1.5), chance(-3),
      chance(-2 + warmth), chance(-3.5 - warmth))
  end
  return table.concat(lines, "\n") .. "\n"
end

--- Writes recipe.lua and its CSVs into the folder.
function small.write(folder)
  local truth = small.truth()
  local function write(name, text) assert(prl.io.write(folder .. "/" .. name, text)) end
  write("log.csv", make_log(truth))
  local items, people = {"item,maker,appeal,uploaded"}, {"user,band,warmth,seen"}
  for v = 500, 499 + ITEMS do
    items[#items + 1] = ("%d,m%d,%.4f,%s"):format(v, v % 7, truth.items[v].appeal, v % 9 == 0 and "" or "2022-04-1" .. v % 10)
  end
  for u = 100, 98 + USERS do -- nothing is known about the last
    people[#people + 1] = ("%d,b%d,%.4f,%s"):format(u, u % 3, truth.users[u], ("%d "):format(500 + u % ITEMS):rep(u % 4))
  end
  write("items.csv", table.concat(items, "\n") .. "\n")
  write("people.csv", table.concat(people, "\n") .. "\n")
  write("recipe.lua", small.recipe)
end

return small
