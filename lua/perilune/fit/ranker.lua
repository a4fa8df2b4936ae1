--- The ranker in one file, which C loads and serves (perilune/ranker.h): safetensors with the plan as JSON beside.
local prl = require "perilune"
local model = require "perilune.fit.model"
local keys = require "perilune.keys"

local ranker = {}

local TRACE_ROWS = {3, 5} -- traced for two numbers of rows, so that none creeps into the program

local function trace(net, made)
  local graphs = {}
  for k, rows in ipairs(TRACE_ROWS) do
    local function input(name, tensor) return prl.trace_input(name, tensor:narrow(1, 1, rows):clone(), true) end
    graphs[k] = prl.trace(function()
      local scores = model.scores(net, input("ids", made.ids), input("sequences", made.sequences), input("numbers", made.numbers))
      prl.trace_output("scores", scores)
    end)
  end
  assert(not graphs[1]:difference(graphs[2]), "the ranker's program depends on the number of rows")
  return graphs[1]
end

local function describe(recipe, made, hash, name)
  local heads, categories, sequences = {}, {}, {}
  for k, head in ipairs(made.heads) do
    local entry = recipe.heads[head]
    heads[k] = {name = head, loss = entry.loss, divide = entry.divide, log1p = entry.log1p}
  end
  for k, category in ipairs(recipe.categories) do
    local vocabulary = made.vocabulary[category]
    categories[k] = {name = category, base = vocabulary.base, texts = vocabulary.texts}
  end
  for k, sequence in ipairs(keys(recipe.sequences)) do
    sequences[k] = {name = sequence, of = recipe.sequences[sequence].of, length = recipe.sequences[sequence].length}
  end
  return {format = 1, kind = "ranker", name = name, hash = hash, recipe = recipe, heads = heads, categories = categories,
    numbers = made.number_names, sequences = sequences, table_rows = made.table_rows}
end

--- Writes the file, whole or not at all: true, or nil, message, code.
function ranker.save(path, net, recipe, made, hash, name)
  local document, tensors, entries = describe(recipe, made, hash, name), {}, {}
  local names, parameters = net:parameters()
  local params = {}
  for k, parameter in ipairs(names) do
    local value = parameters[k]:clone()
    params[k] = {name = parameter, shape = value:shape(), row_sparse = parameter == "table.weight"}
    tensors["net:" .. parameter] = value
    entries[k] = {"net:" .. parameter, value}
  end
  document.sets = {{name = "net", params = params}}
  local plan = prl.new_plan(document, {score = trace(net, made)}, tensors)
  return prl.io.safetensors_write(path, entries, {plan = prl.to_json(plan:document())})
end

return ranker
