--- Fits the world of prl.env("kuairand"): two models of one form on days that they do not share, the play times and the
--- candidates of the later days, in one file. README.md beside says what in it is data, model and assumption.
---
---     local result, message = world.run(fit.load("recipes/kuairand/world.lua"), {data = folder, out = file})
local prl = require "perilune"
local calibrate = require "perilune.fit.calibrate"
local checks = require "perilune.fit.world_checks"
local features = require "perilune.fit.features"
local log_reader = require "perilune.fit.log"
local play = require "perilune.fit.play"
local propensity = require "perilune.fit.propensity"
local towers = require "perilune.fit.towers"
local train = require "perilune.fit.train"

local world = {}

local FORMAT = "perilune kuairand world 1"
local HEADS = {"watch", "long_view", "like", "follow", "share", "comment", "hate"} -- in the file's order
local TIMED = {like = true, follow = true, share = true, comment = true, hate = true} -- grow with the time watched
local TIME_CAP, TIME_CENTRE = 4, 2.5 -- of ln(1 + s): min(·, cap) − centre
local MIN_SLOPE, MAX_SLOPE = 0.1, 2 -- of the tempering
local CONTEXT_HOURS = 24
local SIDES = {"ranker", "response"}

world.heads = HEADS

-- ---- What is in the log ----

--- Rows of some days, in order of time.
local function rows_within(log, recipe, range, what)
  local days, rows, first, last = log.columns[recipe.log.day], {}, false, false
  for i = 1, log.rows do
    local day = days[i]
    if day >= range[1] and day <= range[2] then
      rows[#rows + 1] = i
      first, last = first or day == range[1], last or day == range[2]
    end
  end
  for k, there in ipairs {first, last} do
    if not there then
      log_reader.refuse(("%s: splits.%s: the log has no row of day %d; it is cut, or of another release"):format(
        recipe.log.file, what, range[k]))
    end
  end
  return rows
end

local function read(recipe, options, progress)
  local log = log_reader.read(options.data, recipe, {}, progress)
  for _, name in ipairs(HEADS) do
    if not recipe.heads[name] then log_reader.refuse(('heads: a world needs a head "%s"'):format(name)) end
  end
  return log
end

--- Ids of a field over some rows: {count, rows = {first row of each}, index = {[id] = place from 1}}, by number of the id's text.
local function entities(field, rows, what)
  local first, list = {}, {}
  for _, i in ipairs(rows) do
    local id = field.id(i)
    if not first[id] then
      first[id] = i
      local number = tonumber(field.texts[id + 1])
      if not number then
        log_reader.refuse(('the %s "%s" is not a whole number, as the world\'s file needs'):format(what, field.texts[id + 1]))
      end
      list[#list + 1] = {id = id, number = number, row = i}
    end
  end
  table.sort(list, function(a, b) return a.number < b.number end)
  local result = {count = #list, rows = {}, numbers = {}, index = {}}
  for k, entry in ipairs(list) do result.rows[k], result.numbers[k], result.index[entry.id] = entry.row, entry.number, k end
  return result
end

--- A function of the row: whether it is of the moment for which the world stands.
local function new_held(recipe, fields)
  return function(i)
    for name, value in pairs(recipe.context.held) do
      local field = fields[name]
      if field.texts[field.id(i) + 1] ~= value then return false end
    end
    return true
  end
end

local function filter(rows, keep)
  local kept = {}
  for _, i in ipairs(rows) do if keep(i) then kept[#kept + 1] = i end end
  return kept
end

-- ---- One model ----

local function pick(values, rows)
  local list = {}
  for k, i in ipairs(rows) do list[k] = values[i] end
  return list
end

--- Scores of each row from a network that was trained without it: the rows fall into `folds` parts at random.
local function cross_fit(recipe, made, rows, seed, report)
  local folds = recipe.train.folds
  prl.seed(seed)
  local draws, parts, scores = prl.rand(#rows):totable(), {}, {}
  for f = 1, folds do parts[f] = {apart = {}, rest = {}} end
  for k, i in ipairs(rows) do
    local own = math.min(math.floor(draws[k] * folds) + 1, folds)
    for f = 1, folds do table.insert(f == own and parts[f].apart or parts[f].rest, i) end
  end
  for _, head in ipairs(made.heads) do scores[head] = {} end
  for f, part in ipairs(parts) do
    local net = train.run(recipe, made, part.rest, seed + f, function(share) report((f - 1 + share) / (folds + 1)) end, towers)
    for head, values in pairs(train.score(net, made, part.apart, towers)) do
      for k, i in ipairs(part.apart) do scores[head][i] = values[k] end
    end
  end
  return scores
end

--- Trains a model, and tempers it: each head's outputs are stretched about their mean by the slope that fits rows which
--- were not trained on, then shifted until the sum of what it predicts on the world's moment is what was observed.
--- Returns {made, net, rows, slope, centre, shift by head, apart = {head = {[row] = tempered score of a network without it}}}.
local function fit_model(context, which, progress)
  local recipe, log = context.recipe, context.log
  local rows = context.rows[which]
  local made = towers.arrange(recipe, features.make(log, recipe, rows,
    function(_, done, total) progress(which .. ": features", done, total) end,
    {day = recipe.splits.response[1], probes = context.probes}))
  local seed = recipe.train.seed * 1000 + (which == "ranker" and 0 or 500)
  local function report(share) progress(which .. ": training", share, 1) end
  local apart = cross_fit(recipe, made, rows, seed + 1, report)
  local net = train.run(recipe, made, rows, seed, function(share) report((recipe.train.folds + share) / (recipe.train.folds + 1)) end,
    towers)
  local model = {made = made, net = net, rows = rows, slope = {}, centre = {}, shift = {}, apart = apart}
  local scores, held = train.score(net, made, rows, towers), context.moment[which]
  for _, head in ipairs(made.heads) do
    local logistic = recipe.heads[head].loss == "logistic"
    local slope = calibrate.slope(pick(apart[head], rows), pick(made.values[head], rows), logistic)
    slope = math.max(math.min(slope, MAX_SLOPE), MIN_SLOPE)
    local centre, tempered, at = calibrate.mean(scores[head]), {}, {}
    for k, i in ipairs(rows) do at[i] = centre + slope * (scores[head][k] - centre) end
    for k, i in ipairs(held) do tempered[k] = at[i] end
    local shift = calibrate.shift(tempered, pick(made.values[head], held), logistic)
    model.slope[head], model.centre[head], model.shift[head] = slope, centre, shift
    for _, i in ipairs(rows) do apart[head][i] = centre + slope * (apart[head][i] - centre) + shift end
  end
  return model
end

--- Tempered scores of rows, by head: {[row] = score}.
local function score(model, rows)
  local scores = {}
  for head, values in pairs(train.score(model.net, model.made, rows, towers)) do
    local slope, centre, shift = model.slope[head], model.centre[head], model.shift[head]
    scores[head] = {}
    for k, i in ipairs(rows) do scores[head][i] = centre + slope * (values[k] - centre) + shift end
  end
  return scores
end

--- What one side's members have of their own in a head: {sigma, values = {for each member}}. expected: by row.
local function own_propensity(members, id_of, rows, expected, labels)
  local counts, sums = {}, {}
  for k = 1, members.count do counts[k], sums[k] = 0, 0 end
  for k, i in ipairs(rows) do
    local member = members.index[id_of(i)]
    counts[member], sums[member] = counts[member] + labels[k], sums[member] + expected[k]
  end
  local sigma = propensity.fit(counts, sums)
  return {sigma = sigma, values = propensity.draw(counts, sums, sigma, prl.rand(members.count):totable())}
end

--- What an interaction's logit has beside the model's, by head: ψ of the time watched with its standard error, what is each
--- user's and each item's own, and a shift. ψ is fitted on the times that people watched; the shift makes up for all of it
--- on times as the world draws them (`drawn`, for each row), so that the world's rates are the log's.
local function interactions(context, model, drawn)
  local rows, result, times = context.moment.response, {}, pick(model.made.values[context.recipe.play.head], context.moment.response)
  local function regressor(time) return math.min(time, TIME_CAP) - TIME_CENTRE end
  for k = 1, #times do times[k] = regressor(times[k]) end
  prl.seed(context.recipe.train.seed + 1)
  for _, head in ipairs(HEADS) do
    local entry = {slope = 0, error = 0, shift = 0}
    if TIMED[head] then
      local labels, expected, offset = pick(model.made.values[head], rows), pick(model.apart[head], rows), pick(model.scores[head], rows)
      local w, errors = calibrate.logistic(expected, {1, times}, labels)
      entry.slope, entry.error = w[2], errors[2]
      for k = 1, #rows do expected[k] = calibrate.sigmoid(expected[k] + w[1] + w[2] * times[k]) end
      entry.users = own_propensity(context.users, context.user_of, rows, expected, labels)
      entry.items = own_propensity(context.items, context.item_of, rows, expected, labels)
      for k, i in ipairs(rows) do
        offset[k] = offset[k] + entry.slope * regressor(drawn[k]) + entry.users.values[context.users.index[context.user_of(i)]]
          + entry.items.values[context.items.index[context.item_of(i)]]
      end
      entry.shift = calibrate.shift(offset, labels, true)
      entry.rate = 0
      for k = 1, #rows do entry.rate = entry.rate + calibrate.sigmoid(offset[k] + entry.shift) / #rows end
    end
    result[head] = entry
  end
  return result
end

-- ---- Tables ----

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
local function tables(context, model, added)
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
  for hour = 0, CONTEXT_HOURS - 1 do
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
  for h = 1, CONTEXT_HOURS do hours[h] = 0 end
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
  for h = 1, CONTEXT_HOURS do hours[h] = hours[h] / total end
  return prl.tensor(offset, "int64"), prl.tensor(video, "int32"), prl.tensor(weight), prl.tensor(hours), #days
end

--- Hash over the bytes of the CSVs that were read.
local function hash_logs(folder, recipe)
  local files, hashes = {recipe.log.file}, {}
  for _, entry in pairs(recipe.tables) do files[#files + 1] = entry.file end
  table.sort(files)
  for k, name in ipairs(files) do
    hashes[k] = {name, prl.hash_bytes(log_reader.refuse_unless(prl.io.read(folder .. "/" .. name)))}
  end
  return prl.hash(hashes)
end

-- ---- The whole ----

local function new_context(recipe, log)
  local context = {recipe = recipe, log = log, rows = {}}
  for _, which in ipairs(SIDES) do context.rows[which] = rows_within(log, recipe, recipe.splits[which], which) end
  local all = {}
  for i = 1, log.rows do all[i] = i end
  context.fields = features.fields(log, recipe)
  context.users = entities(context.fields[recipe.log.user], all, "user")
  context.items = entities(context.fields[recipe.log.item], context.rows.response, "item")
  context.held = new_held(recipe, context.fields)
  context.probes = {}
  for _, side in ipairs {context.users, context.items} do
    for _, i in ipairs(side.rows) do context.probes[#context.probes + 1] = i end
  end
  context.moment = {}
  for _, which in ipairs(SIDES) do
    context.moment[which] = filter(context.rows[which], context.held)
    if #context.moment[which] == 0 then
      log_reader.refuse(("context.held: no impression of splits.%s has these values"):format(which))
    end
    for _, head in ipairs(HEADS) do
      local column, any = log.columns[recipe.heads[head][1]], false
      for _, i in ipairs(context.rows[which]) do any = any or column[i] ~= 0 end
      if not any then
        log_reader.refuse(("heads.%s: no impression of splits.%s has one: there is nothing to learn"):format(head, which))
      end
    end
  end
  context.user_of, context.item_of = context.fields[recipe.log.user].id, context.fields[recipe.log.item].id
  local duration = log.columns[recipe.log.duration[1]]
  function context.duration(i) return duration[i] / recipe.log.duration.divide end
  return context
end

--- The table of play times, and a time drawn from it for each row of the world's moment. Both by predictions of networks that
--- were trained without the row, as the environment's are for almost every user and video that it brings together.
local function play_times(context, model)
  local rows, log_durations, head = context.moment.response, {}, context.recipe.play.head
  for k, i in ipairs(rows) do log_durations[k] = play.log_duration(context.duration(i)) end
  local predicted = pick(model.apart[head], rows)
  local played = play.table(predicted, log_durations, pick(model.made.values[head], rows), context.recipe.play)
  prl.seed(context.recipe.train.seed)
  local drawn = prl.rand(#rows):totable()
  for k = 1, #rows do drawn[k] = play.read(played, predicted[k], log_durations[k], drawn[k]) end
  return played, drawn
end

local function entries_of(context, models, added, played)
  local ranker, response = tables(context, models.ranker), tables(context, models.response, added)
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

--- Texts that stand beside the tensors; the digest is over these and every tensor's bytes.
local function metadata_of(recipe, entries, user_names, item_names, logs)
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

local function run(loaded, options)
  local recipe, progress = loaded.recipe, options.progress or function() end
  local log = read(recipe, options, progress)
  local context, models = new_context(recipe, log), {}
  for _, which in ipairs(SIDES) do
    models[which] = fit_model(context, which, progress)
    models[which].scores = score(models[which], models[which].rows)
    models[which].abroad = score(models[which], context.rows[which == "ranker" and "response" or "ranker"])
  end
  local played, drawn = play_times(context, models.response)
  local added = interactions(context, models.response, drawn)
  local entries, user_names, item_names = entries_of(context, models, added, played)
  local result = checks.run(context, models, added, drawn, entries, HEADS, progress)
  result.name, result.hash, result.seed = loaded.name, loaded.hash, recipe.train.seed
  local metadata = metadata_of(recipe, entries, user_names, item_names, hash_logs(options.data, recipe))
  result.digest, result.logs = metadata.digest, metadata.logs
  progress("writing", 1, 1)
  if options.prepare then options.prepare() end
  log_reader.refuse_unless(prl.io.safetensors_write(options.out, entries, metadata))
  return result
end

--- options: data (folder), out (the file), prepare (called before it is written), progress(what, done, of all, detail).
--- Returns what world_checks.run gives with the names and digests; or nil, message, and nothing is written.
function world.run(loaded, options)
  local ok, result = pcall(run, loaded, options)
  if ok then return result end
  if getmetatable(result) == log_reader.Refusal then return nil, result.message end
  error(result, 0)
end

return world
