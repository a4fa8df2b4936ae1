--- Fits the world of prl.env("kuairand"): two models of one form on days that they do not share, the play times and the
--- candidates of the later days, in one file. README.md beside says what in it is data, model and assumption.
---
---     local result, message = world.run(fit.load("recipes/kuairand/world.lua"), {data = folder, out = file})
local prl = require "perilune"
local calibrate = require "perilune.fit.calibrate"
local checks = require "perilune.fit.world_checks"
local features = require "perilune.fit.features"
local log_reader = require "perilune.fit.log"
local metrics = require "perilune.fit.metrics"
local play = require "perilune.fit.play"
local propensity = require "perilune.fit.propensity"
local tables = require "perilune.fit.world_tables"
local towers = require "perilune.fit.towers"
local train = require "perilune.fit.train"

local world = {}

local pick = metrics.pick

local HEADS = tables.heads
local TIMED = {like = true, follow = true, share = true, comment = true, hate = true} -- grow with the time watched
local TIME_CAP, TIME_CENTRE = 4, 2.5 -- of ln(1 + s): min(·, cap) − centre
local MIN_SLOPE, MAX_SLOPE = 0.1, 2 -- of the tempering
local SIDES = {"ranker", "response"}

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
    local centre, tempered, at = metrics.mean(scores[head]), {}, {}
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
  local entries, user_names, item_names = tables.entries(context, models, added, played)
  local result = checks.run(context, models, added, drawn, entries, HEADS, progress)
  result.name, result.hash, result.seed = loaded.name, loaded.hash, recipe.train.seed
  local metadata = tables.metadata(recipe, entries, user_names, item_names, tables.hash_logs(options.data, recipe))
  result.logs = metadata.logs
  progress("writing", 1, 1)
  if options.prepare then options.prepare() end
  log_reader.refuse_unless(prl.io.safetensors_write(options.out, entries, metadata))
  local written, texts, digest = prl.io.safetensors_read(options.out)
  log_reader.refuse_unless(written, texts)
  result.digest = digest -- as the environment takes it
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
