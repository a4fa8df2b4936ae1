--- The tensors and texts of a world's file, from what perilune.fit.world fitted.
local prl = require "perilune"
local log_reader = require "perilune.fit.log"
local towers = require "perilune.fit.towers"

local tables = {}

local FORMAT = "perilune kuairand world 1"
local HEADS = {"watch", "long_view", "like", "follow", "share", "comment", "hate"} -- in the file's order
local HOURS = 24

tables.heads = HEADS

--- A column of each kept head, in the file's order, times its slope: (rows, heads) → (rows, HEADS).
local function in_order(model, tensor)
  local at, order, slopes = {}, {}, {}
  for k, head in ipairs(model.made.heads) do at[head] = k end
  for k, head in ipairs(HEADS) do order[k], slopes[k] = at[head] - 1, model.slope[head] end
  local dims = tensor:shape()
  slopes = prl.tensor(slopes):view(#dims == 3 and {1, #HEADS, 1} or {1, #HEADS})
  return (tensor:index_select(2, prl.tensor(order, "int32")) * slopes):clone()
end

--- What interactions add to one side's biases: (members, HEADS).
local function own_biases(added, side, count)
  local rows = {}
  for m = 1, count do
    local row = {}
    for k, head in ipairs(HEADS) do row[k] = added[head][side] and added[head][side].values[m] or 0 end
    rows[m] = row
  end
  return prl.tensor(rows)
end

--- The model's tables of all users and items; added: what `interactions` gave, which the biases take up.
local function model_tables(context, model, added)
  local recipe, made, net = context.recipe, model.made, model.net
  local users, items, first = context.users.count, context.items.count, context.log.rows
  local function side(from, count)
    local function part(tensor) return tensor:narrow(1, from, from + count - 1):clone() end
    return net.sides(part(made.ids), part(made.sequences), part(made.numbers))
  end
  local p, b = side(first + 1, users)
  local _, _, q, c = side(first + users + 1, items)
  local constant = net.base:clone():view(1, #made.heads)
  for name, value in pairs(recipe.context.held) do
    constant = constant + prl.tensor({towers.context_bias(net, made, name, value)})
  end
  local hours = {}
  for hour = 0, HOURS - 1 do
    hours[hour + 1] = towers.context_bias(net, made, recipe.context.clock, ("%d"):format(hour))
  end
  local shifts = {}
  for k, head in ipairs(HEADS) do
    shifts[k] = (1 - model.slope[head]) * model.centre[head] + model.shift[head] + (added and added[head].shift or 0)
  end
  local user_bias, item_bias = in_order(model, b), in_order(model, c + constant) + prl.tensor(shifts):view(1, #HEADS)
  if added then
    user_bias, item_bias = user_bias + own_biases(added, "users", users), item_bias + own_biases(added, "items", items)
  end
  return {
    user = in_order(model, p:view(users, #made.heads, recipe.model.factors)), user_bias = user_bias:clone(),
    item = q:clone(), item_bias = item_bias:clone(), hour = in_order(model, prl.tensor(hours)),
  }
end

--- The numbers of one side in units of their deviation over its members, and their names.
local function standardised(made, side, first, count)
  local from = side == "user" and 1 or made.side_numbers.user + 1
  local to = from + made.side_numbers[side] - 1
  local values, names = made.numbers:narrow(1, first, first + count - 1):narrow(2, from, to):clone(), {}
  for k = from, to do names[#names + 1] = made.number_names[k] end
  local mean, scale = values:mean(1, true), 1 / (values:var(1, true):sqrt() + 1e-6)
  return ((values - mean) * scale):clone(), names
end

--- Ranks in 0 … 1 of how active users are; who is alike shares the middle.
local function activity(recipe, values, names)
  local chosen, sums, order = {}, {}, {}
  for _, name in ipairs(recipe.activity) do chosen[name] = true end
  for u, row in ipairs(values:totable()) do
    sums[u], order[u] = 0, u
    for k, name in ipairs(names) do if chosen[name] then sums[u] = sums[u] + row[k] end end
  end
  table.sort(order, function(a, b)
    if sums[a] ~= sums[b] then return sums[a] < sums[b] end
    return a < b
  end)
  local ranks, first = {}, 1
  while first <= #order do
    local last = first
    while last < #order and sums[order[last + 1]] == sums[order[first]] do last = last + 1 end
    for k = first, last do ranks[order[k]] = ((first + last) / 2 - 0.5) / #order end
    first = last + 1
  end
  return prl.tensor(ranks)
end

--- Unit vectors along the items' factors, from their mean.
local function directions(item)
  local values = item - item:mean(1, true)
  return (values / (values:square():sum(2):view(-1, 1):sqrt() + 1e-9)):clone()
end

--- Days from 1 March of year 0 to YYYY-MM-DD or YYYYMMDD (the proleptic Gregorian calendar); nil where it is no date.
local function day_number(text)
  local y, m, d = tostring(text):match "^(%d%d%d%d)%-?(%d%d)%-?(%d%d)$"
  if not y then return nil end
  y, m, d = tonumber(y), tonumber(m), tonumber(d)
  if m < 3 then y, m = y - 1, m + 12 end
  return 365 * y + math.floor(y / 4) - math.floor(y / 100) + math.floor(y / 400) + math.floor((153 * (m - 3) + 2) / 5) + d
end

--- Duration (s) and age (days, when the world's first day begins) of each item; an age that is not known is the mean.
local function item_facts(context)
  local recipe, log, durations, ages, known, sum = context.recipe, context.log, {}, {}, 0, 0
  local name, column = log_reader.split(recipe.uploaded)
  local from = name and log.tables[name] or log
  local today = day_number(("%d"):format(recipe.splits.response[1]))
  for k, i in ipairs(context.items.rows) do
    durations[k] = context.duration(i)
    local row = i
    if name then row = from.row_of[log.columns[from.key][i]] end
    local day = row and today and day_number(from.texts[column][from.columns[column][row] + 1])
    ages[k] = day and today - day or false
    if day then known, sum = known + 1, sum + ages[k] end
  end
  for k = 1, #ages do ages[k] = ages[k] or (known > 0 and sum / known or 0) end
  return prl.tensor(durations), prl.tensor(ages)
end

--- The items shown on each day of the world with how often; and the share of each hour.
local function pools(context)
  local recipe, log, field = context.recipe, context.log, context.fields[context.recipe.log.item]
  local days, counts, hours, total = {}, {}, {}, 0
  local clock = context.fields[recipe.context.clock]
  for h = 1, HOURS do hours[h] = 0 end
  for _, i in ipairs(context.rows.response) do
    local day, item = log.columns[recipe.log.day][i], context.items.index[field.id(i)]
    if not counts[day] then counts[day], days[#days + 1] = {}, day end
    counts[day][item] = (counts[day][item] or 0) + 1
    local hour = tonumber(clock.texts[clock.id(i) + 1])
    if not (hour and hours[hour + 1]) then
      log_reader.refuse(('context.clock: "%s" is not an hour from 0 to 23'):format(clock.texts[clock.id(i) + 1]))
    end
    hours[hour + 1], total = hours[hour + 1] + 1, total + 1
  end
  table.sort(days)
  local offset, video, weight = {0}, {}, {}
  for k, day in ipairs(days) do
    for item = 1, context.items.count do
      if counts[day][item] then video[#video + 1], weight[#weight + 1] = item - 1, counts[day][item] end
    end
    offset[k + 1] = #video
  end
  for h = 1, HOURS do hours[h] = hours[h] / total end
  return prl.tensor(offset, "int64"), prl.tensor(video, "int32"), prl.tensor(weight), prl.tensor(hours), #days
end

--- Hash over the bytes of the CSVs that were read.
function tables.hash_logs(folder, recipe)
  local files, hashes = {recipe.log.file}, {}
  for _, entry in pairs(recipe.tables) do files[#files + 1] = entry.file end
  table.sort(files)
  for k, name in ipairs(files) do
    hashes[k] = {name, prl.hash_bytes(log_reader.refuse_unless(prl.io.read(folder .. "/" .. name)))}
  end
  return prl.hash(hashes)
end

--- {{name, tensor}, …}, and the names of the users' and of the items' features.
function tables.entries(context, models, added, played)
  local ranker, response = model_tables(context, models.ranker), model_tables(context, models.response, added)
  local known, first = models.ranker.made, context.log.rows + 1 -- no number of these saw the world's days
  local users, user_names = standardised(known, "user", first, context.users.count)
  local items, item_names = standardised(known, "item", first + context.users.count, context.items.count)
  local durations, ages = item_facts(context)
  local offset, video, weight, hours = pools(context)
  local slope = {}
  for k, head in ipairs(HEADS) do slope[k] = added[head].slope end
  local entries = {}
  local function add(name, tensor) entries[#entries + 1] = {name, tensor} end
  for name, set in pairs {ranker = ranker, response = response} do
    for _, key in ipairs {"user", "user_bias", "item", "item_bias", "hour"} do add(name .. "/" .. key, set[key]) end
  end
  table.sort(entries, function(a, b) return a[1] < b[1] end)
  add("response/time_slope", prl.tensor(slope))
  add("play/mean", prl.tensor(played.means))
  add("play/duration", prl.tensor(played.durations))
  add("play/quantiles", prl.tensor(played.quantiles))
  add("users/features", users)
  add("users/activity", activity(context.recipe, users, user_names))
  add("users/id", prl.tensor(context.users.numbers, "int64"))
  add("videos/features", items)
  add("videos/duration", durations)
  add("videos/age", ages)
  add("videos/vector", directions(ranker.item)) -- production ranks by it, and cannot know what draws the responses
  add("videos/id", prl.tensor(context.items.numbers, "int64"))
  add("pool/offset", offset)
  add("pool/video", video)
  add("pool/weight", weight)
  add("clock/hour", hours)
  return entries, user_names, item_names
end

--- Texts beside the tensors; the digest is over these and every tensor's bytes.
function tables.metadata(recipe, entries, user_names, item_names, logs)
  local metadata = {
    format = FORMAT, heads = prl.to_json(HEADS), user_features = prl.to_json(user_names),
    video_features = prl.to_json(item_names), response_days = prl.to_json(recipe.splits.response),
    ranker_days = prl.to_json(recipe.splits.ranker), days = prl.to_json(recipe.splits.response),
    recipe = prl.to_json(recipe), logs = logs, seed = ("%d"):format(recipe.train.seed), tab = recipe.context.held.tab,
  }
  local parts = {}
  for k, entry in ipairs(entries) do parts[k] = {entry[1], prl.hash_bytes(entry[2]:bytes())} end
  metadata.digest = prl.hash {metadata, parts}
  return metadata
end

return tables
