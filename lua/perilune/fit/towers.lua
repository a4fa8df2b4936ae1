--- Two towers that meet in a product, so that what they learn can be kept as a table of users and a table of items:
---
---     z_u = [embeddings of the user's categories, means of the sequences' embeddings, the user's scaled numbers]
---     (p_u, b_u) = head(relu(… z_u …)) + (0, z_u W)          the item's q_i, c_i alike from its own inputs
---     output_k(u, i, moment) = base_k + b_u,k + c_i,k + Σ_d p_u,k,d q_i,d + Σ_m bias_m,k        m: the moment's categories
---
--- (Yi et al. 2019, "Sampling-bias-corrected neural modeling", has the towers.) An item has one vector of factors, a user one
--- for each head. The loss has a penalty · ½ mean over rows of Σ_k (Σ_d p_u,k,d² + b_u,k² + c_i,k²) + Σ_d q_i,d², the same
--- for each head: a head with few positives says little about its outputs, so that the penalty holds it to its mean.
local prl = require "perilune"
local model = require "perilune.fit.model"
local sides = require "perilune.fit.sides"

local towers = {}

local EMBEDDING_DEVIATION = 0.05
local HEAD_GAIN = 0.3

local nn = prl.nn

--- One tower: rows of inputs → (rows, factors), (rows, heads). site: of its dropout's draws.
local function tower(inputs, recipe, heads, factors, site)
  local layers, drop = {activation = "relu", output = "relu", init = "kaiming_uniform", gain = 1, last_gain = 1}, nil
  layers[1] = inputs
  for _, size in ipairs(recipe.model.hidden) do layers[#layers + 1] = size end
  local last = layers[#layers]
  if recipe.model.dropout > 0 then drop = nn.dropout(recipe.model.dropout, site) end
  return nn.module {
    body = #layers > 1 and nn.mlp(layers) or nil, drop = drop,
    factors = nn.linear(last, factors, {init = "kaiming_uniform", gain = HEAD_GAIN}),
    bias = nn.linear(last, heads, {init = "zero", bias = false}),
    wide = nn.linear(inputs, heads, {init = "zero", bias = false}),
    forward = function(self, z)
      local h = self.body and self.body(z) or z
      if self.drop then h = self.drop(h) end
      return self.factors(h), self.bias(h) + self.wide(z)
    end,
  }
end

--- Which of features.make's columns each side reads; the numbers are the user's first, then the item's.
function towers.arrange(recipe, made)
  local split, order, names, count = sides.split(recipe), {}, {}, {user = 0, item = 0}
  for _, side in ipairs {"user", "item"} do
    for k, name in ipairs(made.number_names) do
      if split.numbers[name] == side then
        order[#order + 1], names[#names + 1], count[side] = k - 1, name, count[side] + 1
      end
    end
  end
  made.numbers = made.numbers:index_select(2, prl.tensor(order, "int32"))
  made.number_names, made.side_numbers = names, count
  made.side_categories = {}
  for side, list in pairs(split.categories) do made.side_categories[side] = #list end
  return made
end

--- The inputs of the two towers and the moment's ids, from rows as features.make gives them.
local function inputs(net, made, width, ids, sequences, numbers)
  local n, numbers_of = made.side_categories, made.side_numbers
  local scaled = net.scaled(numbers)
  local function part(first, count, number_first, number_count, more)
    local parts = {net.table(prl.slice(ids, 2, first, first + count - 1)):reshape(-1, count * width)}
    for _, mean in ipairs(more) do parts[#parts + 1] = mean end
    if number_count > 0 then parts[#parts + 1] = prl.slice(scaled, 2, number_first, number_first + number_count - 1) end
    return prl.concat(parts, 2)
  end
  return part(1, n.user, 1, numbers_of.user, model.sequence_means(net.table, sequences, made.sequence_lengths)),
    part(n.user + 1, n.item, numbers_of.user + 1, numbers_of.item, {}),
    prl.slice(ids, 2, n.user + n.item + 1, n.user + n.item + n.context)
end

--- The network for what towers.arrange gave; prl.seed decides the starting values. training: a tensor of rows, from 0.
function towers.new(recipe, made, training)
  local width, heads, factors = recipe.model.width, #made.heads, recipe.model.factors
  local n = made.side_categories
  local net = nn.module {
    table = nn.embedding(made.table_rows, width, {deviation = EMBEDDING_DEVIATION}),
    user = tower((n.user + #made.sequence_lengths) * width + made.side_numbers.user, recipe, heads, heads * factors, 1),
    item = tower(n.item * width + made.side_numbers.item, recipe, heads, factors, 2),
    context = nn.embedding(made.table_rows, heads, {deviation = 0}),
    base = nn.parameter(prl.tensor(model.base_outputs(recipe, made)), "base"),
    forward = function(self, ids, sequences, numbers)
      local user, item, moment = inputs(self, made, width, ids, sequences, numbers)
      local p, b = self.user(user)
      local q, c = self.item(item)
      local product = (p:reshape(-1, heads, factors) * q:reshape(-1, 1, factors)):sum(3)
      local out = product + b + c + self.context(moment):sum(2) + self.base
      local function size(x) return x:square():mean(1):sum() end
      return out, 0.5 * (size(p) + size(q) + size(b) + size(c))
    end,
  }
  net.scaled = model.scaling(made.numbers, training)
  net.heads, net.logistic = made.heads, model.logistic(recipe, made.heads)
  function net.sides(ids, sequences, numbers)
    local user, item = inputs(net, made, width, ids, sequences, numbers)
    local p, b = net.user(user)
    local q, c = net.item(item)
    return p, b, q, c
  end
  return net
end

function towers.loss(net, recipe, out, labels, penalty)
  return model.loss(net, recipe, out, labels) + recipe.model.penalty * penalty
end

--- Outputs as they are: logits of logistic heads.
function towers.scores(net, ids, sequences, numbers) return (net(ids, sequences, numbers)) end

--- Bias of the moment's category `name` at one of its values, a number for each head; zeros for a value that training never met.
function towers.context_bias(net, made, name, text)
  local vocabulary, row = made.vocabulary[name], nil
  for k, known in ipairs(vocabulary.texts) do if known == text then row = vocabulary.base + k end end
  return row and net.context(prl.tensor({row}, "int32")):totable()[1] or prl.zeros(#made.heads):totable()
end

return towers
