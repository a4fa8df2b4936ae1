--- The ranker: one table of embeddings that all categories and sequences share, a linear part and a small network over
--- the same inputs (Cheng et al. 2016, "Wide & deep learning"), and one output for each head.
---
---     z = [embeddings of the categories, means of the sequences' embeddings, scaled numbers]
---     output = head(relu(… relu(z W₁ + b₁) …)) + z W + b
local prl = require "perilune"

local model = {}

local SCALED_BOUND = 6 -- numbers lie within ± this after scaling, whatever a new day brings
local EMBEDDING_DEVIATION = 0.05
local HEAD_GAIN = 0.3 -- small first outputs: the biases begin at each head's base rate

local nn = prl.nn

local function logit(p)
  p = math.min(math.max(p, 1e-6), 1 - 1e-6)
  return math.log(p / (1 - p))
end

--- Numbers in units of their deviation over the training rows (ids from 0, a tensor): a function of rows.
function model.scaling(numbers, training)
  local rows = numbers:index_select(1, training)
  local mean = rows:mean(1, true)
  local scale = 1 / (rows:var(1, true):sqrt() + 1e-6)
  return function(x) return ((x - mean) * scale):clamp(-SCALED_BOUND, SCALED_BOUND) end
end

--- What each sequence's embeddings are on average: a list of (rows, width).
function model.sequence_means(embed, sequences, lengths)
  local parts, first = {}, 1
  for k, length in ipairs(lengths) do
    parts[k] = embed(prl.slice(sequences, 2, first, first + length - 1)):mean(2)
    first = first + length
  end
  return parts
end

--- Each head's value where nothing is known: the training mean, as a logit where the head is logistic.
function model.base_outputs(recipe, made)
  local values = {}
  for k, name in ipairs(made.heads) do
    values[k] = recipe.heads[name].loss == "logistic" and logit(made.priors[name]) or made.priors[name]
  end
  return values
end

--- The network for what features.make gave; prl.seed decides the starting values. training: a tensor of rows, from 0.
function model.new(recipe, made, training)
  local width, heads = recipe.model.width, made.heads
  local inputs = #recipe.categories * width + #made.sequence_lengths * width + #made.number_names
  local sizes = {inputs}
  for _, size in ipairs(recipe.model.hidden) do sizes[#sizes + 1] = size end
  local last, scaled = sizes[#sizes], model.scaling(made.numbers, training)
  local layers = {activation = "relu", output = "relu", init = "kaiming_uniform", gain = 1, last_gain = 1}
  for i, size in ipairs(sizes) do layers[i] = size end
  local net = nn.module {
    table = nn.embedding(made.table_rows, width, {deviation = EMBEDDING_DEVIATION}),
    body = #sizes > 1 and nn.mlp(layers) or nil,
    head = #sizes > 1 and nn.linear(last, #heads, {init = "kaiming_uniform", gain = HEAD_GAIN}) or nil,
    wide = nn.linear(inputs, #heads, {init = "zero"}),
    drop = recipe.model.dropout > 0 and nn.dropout(recipe.model.dropout, 1) or nil,
    forward = function(self, ids, sequences, numbers)
      local parts = {self.table(ids):reshape(-1, #recipe.categories * width)}
      for _, part in ipairs(model.sequence_means(self.table, sequences, made.sequence_lengths)) do parts[#parts + 1] = part end
      parts[#parts + 1] = scaled(numbers)
      local z = prl.concat(parts, 2)
      local out = self.wide(z)
      if self.body then
        local h = self.body(z)
        out = out + self.head(self.drop and self.drop(h) or h)
      end
      return out
    end,
  }
  for k, value in ipairs(model.base_outputs(recipe, made)) do net.wide.bias:set(k, value) end
  net.heads, net.logistic = heads, model.logistic(recipe, heads)
  return net
end

--- How many heads are logistic; they come first.
function model.logistic(recipe, heads)
  local count = 0
  for _, name in ipairs(heads) do if recipe.heads[name].loss == "logistic" then count = count + 1 end end
  return count
end

local function columns(x, first, last) return prl.slice(x, 2, first, last) end

--- The weighted sum of each head's mean loss.
function model.loss(net, recipe, out, labels)
  local weights, total = {}, nil
  for k, name in ipairs(net.heads) do weights[k] = recipe.heads[name].weight end
  local n, all = net.logistic, #net.heads
  if n > 0 then
    local losses = prl.bce_with_logits(columns(out, 1, n), columns(labels, 1, n), "none"):mean(1)
    total = (losses * prl.tensor({unpack(weights, 1, n)})):sum()
  end
  if all > n then
    local losses = (columns(out, n + 1, all) - columns(labels, n + 1, all)):square():mean(1)
    local squared = (losses * prl.tensor({unpack(weights, n + 1, all)})):sum()
    total = total and total + squared or squared
  end
  return total
end

--- What is reported and served: probabilities of logistic heads, the others as they are.
function model.scores(net, ids, sequences, numbers)
  local out = net(ids, sequences, numbers)
  local n, all = net.logistic, #net.heads
  if n == all then return out:sigmoid() end
  if n == 0 then return out end
  return prl.concat({columns(out, 1, n):sigmoid(), columns(out, n + 1, all)}, 2)
end

return model
