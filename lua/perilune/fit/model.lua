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

--- Mean and 1/deviation of each number over the training rows.
local function scaling(numbers, training)
  local rows = numbers:index_select(1, training)
  local mean = rows:mean(1, true)
  local deviation = rows:var(1, true):sqrt()
  return mean, 1 / (deviation + 1e-6)
end

--- The network for what features.make gave; prl.seed decides the starting values. training: a tensor of rows, from 0.
function model.new(recipe, made, training)
  local width, heads = recipe.model.width, made.heads
  local inputs = #recipe.categories * width + #made.sequence_lengths * width + #made.number_names
  local sizes = {inputs}
  for _, size in ipairs(recipe.model.hidden) do sizes[#sizes + 1] = size end
  local last, logistic = sizes[#sizes], 0
  for _, name in ipairs(heads) do if recipe.heads[name].loss == "logistic" then logistic = logistic + 1 end end
  local mean, scale = scaling(made.numbers, training)
  local layers = {activation = "relu", output = "relu", init = "kaiming_uniform", gain = 1, last_gain = 1}
  for i, size in ipairs(sizes) do layers[i] = size end
  local net = nn.module {
    table = nn.embedding(made.table_rows, width, {deviation = EMBEDDING_DEVIATION}),
    body = #sizes > 1 and nn.mlp(layers) or nil,
    head = #sizes > 1 and nn.linear(last, #heads, {init = "kaiming_uniform", gain = HEAD_GAIN}) or nil,
    wide = nn.linear(inputs, #heads, {init = "zero"}),
    drop = recipe.model.dropout > 0 and nn.dropout(recipe.model.dropout) or nil,
    forward = function(self, ids, sequences, numbers)
      local parts = {self.table(ids):reshape(-1, #recipe.categories * width)}
      local first = 1
      for _, length in ipairs(made.sequence_lengths) do
        local items = prl.slice(sequences, 2, first, first + length - 1)
        parts[#parts + 1] = self.table(items):mean(2)
        first = first + length
      end
      parts[#parts + 1] = ((numbers - mean) * scale):clamp(-SCALED_BOUND, SCALED_BOUND)
      local z = prl.concat(parts, 2)
      local out = self.wide(z)
      if self.body then
        local h = self.body(z)
        out = out + self.head(self.drop and self.drop(h) or h)
      end
      return out
    end,
  }
  for k, name in ipairs(heads) do
    local prior = made.priors[name]
    net.wide.bias:set(k, recipe.heads[name].loss == "logistic" and logit(prior) or prior)
  end
  net.logistic, net.heads = logistic, heads
  return net
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
