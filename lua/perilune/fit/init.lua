--- Learns a ranker from a log: reads it, makes features, trains, judges on days that were not trained on, saves.
---
---     local fit = require "perilune.fit"
---     local recipe, message = fit.load("recipes/kuairand/ltr.lua", {set = {"train.epochs=1"}})
---     local result, message = fit.run(recipe, {data = folder, seeds = {1, 2, 3}, on = "test"})
local prl = require "perilune"
local evaluate = require "perilune.fit.evaluate"
local features = require "perilune.fit.features"
local invocation = require "perilune.invocation"
local log_reader = require "perilune.fit.log"
local mistakes = require "perilune.recipe.mistakes"
local ranker = require "perilune.fit.ranker"
local schema = require "perilune.fit.schema"
local train = require "perilune.fit.train"

local fit = {}

local RESAMPLES = 200
local BOOTSTRAP_SEED = 20220425

--- The resolved recipe of kind "fit" or "world" (perilune.fit.world runs that), {recipe, hash, name, path}; or nil, one sentence, code.
function fit.load(path, options)
  options = options or {}
  local evaluated, message, code = prl.recipe_eval(path, options.set)
  if not evaluated then return nil, message, code end
  if evaluated.defects then return nil, mistakes.text(evaluated, mistakes.joined(evaluated.defects, {})), "EFORMAT" end
  if not schema.knows(evaluated.recipe.kind) then
    return nil, ('%s: a recipe of kind "fit" or "world" is needed; this one is for `%s`'):format(path, invocation.line "train"),
      "EFORMAT"
  end
  local name = evaluated.recipe.name or path:match("([^/]+)$"):gsub("%.lua$", "")
  local recipe, refusal = schema.check(evaluated.recipe)
  if not recipe then
    return nil, mistakes.text(evaluated, {refusal}), "EFORMAT"
  end
  local hashed = {}
  for key, value in pairs(recipe) do hashed[key] = value end
  hashed.name, hashed.tags = nil, nil
  return {recipe = recipe, hash = prl.hash(hashed), name = name, path = path}
end

--- The rows of some days. Days are the log's own: around midnight they need not follow the clock.
local function rows_of(days, range, what)
  local rows = {}
  for i, day in ipairs(days) do if day >= range[1] and day <= range[2] then rows[#rows + 1] = i end end
  if #rows == 0 then log_reader.refuse(("splits.%s: the log has no row from %d to %d"):format(what, range[1], range[2])) end
  return rows
end

--- "valid": trained on train, judged on valid, for choosing. "test": trained on both, judged on test.
local function split(recipe, log, on)
  local days, splits = log.columns[recipe.log.day], recipe.splits
  local trained = on == "test" and {splits.train[1], splits.valid[2]} or splits.train
  if splits[on][1] <= trained[2] then log_reader.refuse(("splits.%s begins before the training days end"):format(on)) end
  return rows_of(days, trained, on == "test" and "valid" or "train"), rows_of(days, splits[on], on)
end

local function run(loaded, options)
  local recipe, progress = loaded.recipe, options.progress or function() end
  local log = log_reader.read(options.data, recipe, {skip_bad = options.skip_bad}, progress)
  local training, judged = split(recipe, log, options.on)
  local made = features.make(log, recipe, training, progress)
  local runs, kept = {}, nil
  for k, seed in ipairs(options.seeds) do
    local net = train.run(recipe, made, training, seed, function(share, epoch, loss)
      progress("training", k - 1 + share, #options.seeds, ("seed %d, epoch %d, loss %.4f"):format(seed, epoch, loss))
    end)
    runs[k] = train.score(net, made, judged)
    kept = kept or net
  end
  prl.seed(BOOTSTRAP_SEED)
  local heads = evaluate.heads(recipe, made, training, judged, runs, {
    resamples = options.resamples or RESAMPLES, progress = progress,
    draws = function(n) return prl.rand(n):totable() end,
  })
  return {
    name = loaded.name, hash = loaded.hash, on = options.on, days = recipe.splits[options.on], seeds = options.seeds,
    rows = {log = log.rows, training = #training, judged = #judged, skipped = log.skipped},
    first_skipped = log.skipped > 0 and log.first_skipped or nil, inputs = #made.number_names,
    table_rows = made.table_rows, heads = heads, order = made.heads,
  }, made, kept
end

--- options: data (folder), seeds (list), on ("test" or "valid"), skip_bad, resamples, progress(what, done, of all, detail).
--- Returns what evaluate.heads gives with the counts, and the features and the network of the first seed for fit.save; or nil,
--- message. Writes nothing.
function fit.run(loaded, options)
  local ok, result, made, net = pcall(run, loaded, options)
  if ok then return result, made, net end
  if getmetatable(result) == log_reader.Refusal then return nil, result.message end
  error(result, 0)
end

--- Writes the ranker that fit.run learned: true; or nil, message.
function fit.save(path, loaded, made, net)
  return ranker.save(path, net, loaded.recipe, made, loaded.hash, loaded.name)
end

return fit
