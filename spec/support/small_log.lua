--- A small log for specs of perilune fit, the same each time: 3,000 impressions over six days.
local prl = require "perilune"
local draws = require "support.draws"

local small = {}

small.recipe = [[
return {
  kind = "fit",
  log = {file = "log.csv", time = "time", day = "day", user = "user", item = "item", group = "place"},
  tables = {item = {file = "items.csv", key = "item"}, past = {file = "past.csv", key = "user"}},
  outcomes = {"click", "seconds"},
  splits = {train = {1, 4}, valid = {5, 5}, test = {6, 6}},
  heads = {click = {"click"}, seconds = {"seconds", loss = "squared", log1p = true, weight = 0.3}},
  fields = {user = "user", item = "item", place = "place", maker = "item.maker", hour = {"time", divide = 10}},
  categories = {"item", "place", "maker", "user"},
  numbers = {size = {"item.size", log1p = true}, seen = {"past.items", words = true}},
  rates = {user = {by = {"user"}, of = {click = 3}}, pair = {by = {"user", "maker"}, of = {click = 3}}},
  recent = {user = {by = "user", keep = 0.5, of = {"click"}}},
  gaps = {user = {by = "user"}},
  sequences = {clicked = {of = "item", by = "user", length = 3, where = "click", start = "past.items"}},
  model = {width = 4, hidden = {16}},
  train = {batch = 32, epochs = 6, lr = 5e-3, seed = 1},
}
]]

--- Clicks follow the item's quality and the user's mood; rows are in no order, some share their time.
local function make_log(rows)
  local draw, lines, quality, mood = draws(7), {"user,item,place,day,time,click,seconds"}, {}, {}
  for k = 1, 60 do quality[k] = draw() * 4 - 2 end
  for k = 1, 80 do mood[k] = draw() * 3 - 1.5 end
  local body = {}
  for i = 1, rows do
    local time = math.floor(i / 2)
    local user, item = math.floor(draw() * 80) + 1, math.floor(draw() * 60) + 1
    local click = draw() < 1 / (1 + math.exp(-quality[item] - mood[user])) and 1 or 0
    body[i] = ("u%d,i%d,%s,%d,%d,%d,%.1f"):format(user, item, draw() < 0.5 and "home" or "feed", math.floor((i - 1) * 6 / rows) + 1,
      time, click, click * draw() * 30)
  end
  for i = 1, rows, 2 do body[i], body[rows - i + 1] = body[rows - i + 1], body[i] end
  return table.concat(lines, "\n") .. "\n" .. table.concat(body, "\n") .. "\n"
end

local function make_items()
  local lines = {"item,maker,size"}
  for k = 1, 55 do lines[#lines + 1] = ("i%d,m%d,%s"):format(k, k % 7, k % 9 == 0 and "" or k) end -- five are missing
  return table.concat(lines, "\n") .. "\n"
end

--- Writes recipe.lua and its CSVs into the folder.
function small.write(folder)
  local function write(name, text) assert(prl.io.write(folder .. "/" .. name, text)) end
  write("log.csv", make_log(3000))
  write("items.csv", make_items())
  write("past.csv", "user,items\nu1,i1 i2 i3 i4\nu2,\n")
  write("recipe.lua", small.recipe)
end

return small
