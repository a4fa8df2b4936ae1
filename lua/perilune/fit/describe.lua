--- What a recipe of kind "fit" or "world" may say, for `perilune describe`: types and defaults from the schema that checks it.
--- Whoever requires it gives recipe/describe.lua these topics.

local describe_recipe = require "perilune.recipe.describe"
local schema = require "perilune.fit.schema"

local describe = {}

local head = [[
A recipe of kind "fit" learns a ranker from a log of impressions (perilune fit R.lua --data FOLDER). NAME is a name of
one's own; a table whose only value is the first may be written as that value: user = "user_id".
]]

local world_head = [[
A recipe of kind "world" makes the world of prl.env("kuairand") from such a log: two models of one form on days that they
do not share. Beside these options it has tables, outcomes, heads, fields, categories, numbers, rates, recent and
sequences as `describe fit` says. The heads must include watch, long_view, like, follow, share, comment and hate.
]]

--- In the order in which somebody writes a recipe: {path, meaning}.
local meanings = {
  {"kind", 'always "fit"'},
  {"name", "of the run; default: that of the file; outside the hash"},
  {"tags", "words to find the run by; outside the hash"},
  {"log.file", "the CSV of impressions, in the folder of the data"},
  {"log.time", "its column of time, in ms"},
  {"log.day", "its column of days, whole numbers such as 20220425"},
  {"log.user", "the field over which the intervals resample"},
  {"log.item", "the field whose mean answer is the baseline"},
  {"log.group", "the field within whose values an AUC is also taken; default: none"},
  {"log.rows", "how many rows it must have; default: any number"},
  {"tables.NAME.file", "a CSV with one row for each value of `key`"},
  {"tables.NAME.key", "the log's column that its rows belong to"},
  {"tables.NAME.rows", "how many rows it must have; default: any number"},
  {"outcomes", "columns of the log that are known only after the impression: never inputs"},
  {"splits.train", "days to learn from"},
  {"splits.valid", "days to choose on (--choose); learned from when the test days are judged"},
  {"splits.test", "days to judge on"},
  {"heads.NAME[1]", "the outcome's column that it predicts"},
  {"heads.NAME.loss", "logistic for 0 or 1, squared for a number"},
  {"heads.NAME.weight", "of its loss in the sum"},
  {"heads.NAME.divide", "the column is divided by this"},
  {"heads.NAME.log1p", "then log(1 + x) is taken"},
  {"fields.NAME[1]", 'the column x of its ids: "column", or "table.column"'},
  {"fields.NAME.divide", "the id is x divided by this, rounded down"},
  {"fields.NAME.log_bins", "the id is ⌊log_bins · log(1 + x)⌋"},
  {"categories", "fields that get an embedding"},
  {"numbers.NAME[1]", "the column x of a number that is an input"},
  {"numbers.NAME.divide", "the column is divided by this"},
  {"numbers.NAME.log1p", "then log(1 + x) is taken"},
  {"numbers.NAME.words", "the number is how many words the column's text has"},
  {"numbers.NAME.over", "the number becomes (x + 1) / (words of this column + 3)"},
  {"rates.NAME.by", "one or two fields: the mean of past answers with the same values"},
  {"rates.NAME.of.NAME", "by head: how many impressions at the mean rate stand before the first one that counts"},
  {"recent.NAME.by", "the field whose past answers are weighted, the latest most"},
  {"recent.NAME.keep", "the weight that an answer keeps at the next one"},
  {"recent.NAME.of", "heads"},
  {"gaps.NAME.by", "the field: the time since its impression before"},
  {"gaps.NAME.start", "the table's column of the last time before the log"},
  {"sequences.NAME.of", "the category whose last values are an input"},
  {"sequences.NAME.by", "the field whose impressions they are"},
  {"sequences.NAME.length", "how many of them"},
  {"sequences.NAME.where", "the head whose answer was 1; default: every impression"},
  {"sequences.NAME.start", "the table's column of values before the log, separated by spaces"},
  {"model.width", "of an embedding"},
  {"model.hidden", "widths of the hidden layers"},
  {"model.dropout", "share of hidden units that are left out in a step"},
  {"model.min_count", "a value that is seen less often shares one embedding with all such"},
  {"train.batch", "rows of a step"},
  {"train.epochs", "passes over the rows"},
  {"train.lr", "step size of Adam"},
  {"train.seed", "of everything random; with --seeds: of the first"},
}

--- What a world says besides, or with another meaning.
local world_meanings = {
  {"log.duration[1]", "the log's column of a video's length"},
  {"log.duration.divide", "the column is divided by this and then in seconds; 0: not known"},
  {"log.of_item", "columns of the log that belong to the item, as its length does"},
  {"splits.ranker", "days of the model whose scores production would have"},
  {"splits.response", "days of the model that draws what people do; later ones, and the world's own"},
  {"context.clock", "the category of hours, 0 to 23: the file has a bias for each"},
  {"context.held.NAME", "a category of the moment, and the value for which the world stands"},
  {"uploaded", "the column of the day a video came up, YYYY-MM-DD"},
  {"activity", "numbers of the user, by their names in the features; their sum says how active one is"},
  {"model.hidden", "widths of the hidden layers of each tower"},
  {"model.factors", "of an item, and of a user for each head"},
  {"model.penalty", "of the squares of factors and biases; holds rare heads to their mean"},
  {"train.folds", "parts of the rows, each scored by a network that was trained without it"},
  {"play.head", "the head ln(1 + s)"},
  {"play.means", "parts of its predictions in the table of play times"},
  {"play.durations", "parts of the durations"},
  {"play.quantiles", "of ln(1 + s) at each pair"},
  {"play.rows", "how many impressions stand at each pair"},
  {"out", "the file that is written; --out stands over it"},
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
