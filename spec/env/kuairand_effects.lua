--- What one constant offset for everybody does in kuairand, as the table of runtime/env/kuairand/README.md. By hand:
---
---     build/perilune lua spec/env/kuairand_effects.lua runs/kuairand/world.safetensors [strong | weak]
local prl = require "perilune"

local world, preset = arg[1], arg[2] or "strong"
local users, days = 2048, 2
local about = assert(prl.env_spec("kuairand", {world = world}))

local place = {}
for i, response in ipairs(about.responses) do place[response.name] = i end

local function options()
  local result = {world = world}
  for _, one in ipairs(about.presets) do
    if one.name == preset then
      for name, value in pairs(one.settings) do result[name] = value end
    end
  end
  return result
end

--- A mean day of each user, by name, when everybody has this offset.
local function panel(name, value)
  local constant = {}
  for i, dimension in ipairs(about.action.names) do constant[i] = dimension == name and value or 0 end
  local sums = assert(prl.panel("kuairand", options(),
    {users = users, days = days, seed = 11, threads = 2, constant = constant})):totable()
  local result = {returns = {}}
  for response in pairs(place) do result[response] = {} end
  for user, rows in ipairs(sums) do
    local function mean(column)
      local sum = 0
      for day = 1, days do sum = sum + rows[day][column] end
      return sum / days
    end
    for response, i in pairs(place) do result[response][user] = mean(i) end
    result.returns[user] = mean(#about.responses + place.return_time) -- how often it came
  end
  return result
end

local function mean_of(list)
  local sum = 0
  for _, x in ipairs(list) do sum = sum + x end
  return sum / #list
end

--- The ratio of means, in percent, and half its 95 % interval by the delta method.
local function lift(of, over)
  local ratio, squares = mean_of(of) / mean_of(over), 0
  for user, x in ipairs(of) do squares = squares + (x - ratio * over[user]) ^ 2 end
  return 100 * (ratio - 1), 196 * math.sqrt(squares / #of / (#of - 1)) / mean_of(over)
end

local columns = {"watch_time", "app_time", "video_views", "long_view", "like", "follow", "share", "comment", "hate", "returns"}
local zero, day = panel(), {}
for i, name in ipairs(columns) do day[i] = ("%s %.4g"):format(name:gsub("_", " "), mean_of(zero[name])) end
print(("`%s`. A user and day of the zero action: %s.\n"):format(preset, table.concat(day, ", ")))
print("| offset | " .. table.concat(columns, " | "):gsub("_", " ") .. " |\n|---" .. ("|---"):rep(#columns) .. "|")
for _, offset in ipairs {{"watch", -0.5}, {"watch", 1}, {"long_view", 1}, {"like", -0.3}, {"like", 1}, {"follow", 1},
  {"share", 1}, {"comment", 1}, {"diversity", 2}, {"diversity", -0.3}, {"freshness", 1}, {"duration", 0.3},
  {"duration", -0.3}} do
  local moved, cells = panel(offset[1], offset[2]), {}
  for i, name in ipairs(columns) do cells[i] = ("%+.1f ± %.1f"):format(lift(moved[name], zero[name])) end
  print(("| %s %+g | %s |"):format(offset[1], offset[2], table.concat(cells, " | ")))
end
