--- What a recipe of kind "fit" or "world" may say, for `perilune describe`: types and defaults from the schema that checks it.
--- Whoever requires it gives recipe/describe.lua these topics.

local describe_recipe = require "perilune.recipe.describe"
local schema = require "perilune.fit.schema"

local describe = {}

local head = [[
A recipe of kind "fit" trains a ranker on a log of impressions (perilune fit R.lua --data FOLDER). NAME is a name of
your choice. A table with only a first value may be written as that value: user = "user_id".
]]

local world_head = [[
A recipe of kind "world" makes the world of prl.env("kuairand") from such a log: two models of one form, trained on
different days. Beside these options it has tables, outcomes, heads, fields, categories, numbers, rates, recent and
sequences as `describe fit` says. The heads must include watch, long_view, like, follow, share, comment and hate.
]]

--- In the order in which somebody writes a recipe: {path, meaning}.
local meanings = {
  {"kind", 'always "fit"'},
  {"name", "name of the run; default: the file's; not part of the hash"},
  {"tags", "words to find the run by; not part of the hash"},
  {"log.file", "the CSV of impressions, in the data folder"},
  {"log.time", "its column of time, in ms"},
  {"log.day", "its column of days, whole numbers such as 20220425"},
  {"log.user", "the field over which the intervals resample"},
  {"log.item", "the field whose mean outcome is the baseline"},
  {"log.group", "a field for a further AUC, taken within its values; default: none"},
  {"log.rows", "the number of rows that it must have; default: any"},
  {"tables.NAME.file", "a CSV with one row for each value of `key`"},
  {"tables.NAME.key", "the log's column that refers to its rows"},
  {"tables.NAME.rows", "the number of rows that it must have; default: any"},
  {"outcomes", "columns of the log that are known only after the impression: never inputs"},
  {"splits.train", "days to train on"},
  {"splits.valid", "days to choose on (--choose); trained on when the test days are evaluated"},
  {"splits.test", "days to evaluate on"},
  {"heads.NAME[1]", "the outcome's column that it predicts"},
  {"heads.NAME.loss", "logistic for 0 or 1, squared for a number"},
  {"heads.NAME.weight", "weight of its loss in the sum"},
  {"heads.NAME.divide", "the column is divided by this"},
  {"heads.NAME.log1p", "log(1 + x) is taken after the division"},
  {"fields.NAME[1]", 'the column x of its ids: "column", or "table.column"'},
  {"fields.NAME.divide", "the id is x divided by this, rounded down"},
  {"fields.NAME.log_bins", "the id is ⌊log_bins · log(1 + x)⌋"},
  {"categories", "fields that get an embedding"},
  {"numbers.NAME[1]", "the column x of a number that is an input"},
  {"numbers.NAME.divide", "the column is divided by this"},
  {"numbers.NAME.log1p", "log(1 + x) is taken after the division"},
  {"numbers.NAME.words", "the number is the count of words in the column's text"},
  {"numbers.NAME.over", "the number becomes (x + 1) / (words of this column + 3)"},
  {"rates.NAME.by", "one or two fields: the input is the mean of past outcomes with the same values"},
  {"rates.NAME.of.NAME", "by head: the number of prior impressions at the mean rate"},
  {"recent.NAME.by", "the field: the input is a weighted mean of its past outcomes, the latest with most weight"},
  {"recent.NAME.keep", "factor of an outcome's weight at each later one"},
  {"recent.NAME.of", "the heads"},
  {"gaps.NAME.by", "the field: the input is the time since its previous impression"},
  {"gaps.NAME.start", "the table's column of the last time before the log"},
  {"sequences.NAME.of", "the category: the input is its last values"},
  {"sequences.NAME.by", "the field whose impressions they are"},
  {"sequences.NAME.length", "the number of values"},
  {"sequences.NAME.where", "only impressions for which this head's outcome was 1; default: all"},
  {"sequences.NAME.start", "the table's column of values before the log, separated by spaces"},
  {"model.width", "width of an embedding"},
  {"model.hidden", "widths of the hidden layers"},
  {"model.dropout", "probability that a hidden unit is dropped"},
  {"model.min_count", "values that are seen less often share one embedding"},
  {"train.batch", "rows of a minibatch"},
  {"train.epochs", "passes over the rows"},
  {"train.lr", "step size of Adam"},
  {"train.seed", "seed of all random numbers; with --seeds, the first one"},
}

--- What a world says besides, or with another meaning.
local world_meanings = {
  {"log.duration[1]", "the log's column of a video's length"},
  {"log.duration.divide", "divides the column to give seconds; 0 in the column: unknown"},
  {"log.of_item", "columns of the log that describe the item, as its length does"},
  {"splits.ranker", "days of the model whose scores production would have"},
  {"splits.response", "days of the model that draws responses: later days, which are also the world's"},
  {"context.clock", "the category of hours, 0 to 23: the file has a bias for each"},
  {"context.held.NAME", "a category of the moment, and the value that the world has for it"},
  {"uploaded", "the column of the day a video was uploaded, YYYY-MM-DD"},
  {"activity", "numbers of the user, by their names in the features; their sum is the user's activity"},
  {"model.hidden", "widths of the hidden layers of each tower"},
  {"model.factors", "number of factors of an item, and of a user for each head"},
  {"model.penalty", "penalty on the squares of factors and biases; keeps rare heads near their mean"},
  {"train.folds", "parts of the rows, each scored by a network trained without it"},
  {"play.head", "the head that predicts ln(1 + s)"},
  {"play.means", "bins of its predictions in the table of play times"},
  {"play.durations", "bins of the durations"},
  {"play.quantiles", "quantiles of ln(1 + s) in each pair of bins"},
  {"play.rows", "impressions in each pair of bins"},
  {"out", "the output file; --out overrides it"},
}

local function default_text(option)
  local value = option.default
  if option.required then return "required" end
  if type(value) == "table" then return "{" .. table.concat(value, ", ") .. "}" end
  return value == nil and "" or tostring(value)
end

local function rows_of(options, list)
  local rows = {}
  for i, item in ipairs(list) do
    local option = options[item[1]]
    rows[i] = {item[1], option.type, default_text(option), item[2]}
  end
  return rows
end

local function by_path(kind)
  local options = {}
  for _, option in ipairs(schema.options(kind)) do options[option.path] = option end
  return options
end

--- {path, type, default, meaning} of every option, as texts.
function describe.rows() return rows_of(by_path "fit", meanings) end

--- The same of what a recipe of kind "world" says besides.
function describe.world_rows() return rows_of(by_path "world", world_meanings) end

describe_recipe.add("fit", head, describe.rows)
describe_recipe.add("world", world_head, describe.world_rows)

return describe
