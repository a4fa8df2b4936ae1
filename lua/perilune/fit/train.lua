--- Training: shuffled minibatches through one program, a step size that falls to zero in a straight line.
local prl = require "perilune"
local model = require "perilune.fit.model"

local train = {}

local LEAST = 0.02 -- of the step size, at the end

--- The rows (counted from 0) in an order that prl.seed decides (Fisher–Yates), as a tensor.
local function shuffled(rows)
  local order, draws = {}, prl.rand(#rows):totable()
  for i, row in ipairs(rows) do order[i] = row - 1 end
  for i = #rows, 2, -1 do
    local k = math.floor(draws[i] * i) + 1
    order[i], order[k] = order[k], order[i]
  end
  return prl.tensor(order, "int32")
end

local function index_of(rows, first, last)
  local index = {}
  for k = first, last do index[k - first + 1] = rows[k] - 1 end
  return prl.tensor(index, "int32")
end

--- The program of one step: fn(ids, sequences, numbers, labels, lr) → loss, by `kind.loss`.
function train.program(net, recipe, made, kind)
  kind = kind or model
  local optimizer = prl.optim.adam(net, {lr = recipe.train.lr, name = "net"})
  local batch = recipe.train.batch
  local function step(ids, sequences, numbers, labels, lr)
    local out, penalty = net(ids, sequences, numbers)
    return optimizer:minimise(kind.loss(net, recipe, out, labels, penalty), lr)
  end
  local function example(tensor) return tensor:narrow(1, 1, batch):clone() end
  net.optimizer = optimizer -- its set of parameters must live as long as the network: it gives them their names
  net:train()
  return prl.program(step, example(made.ids), example(made.sequences), example(made.numbers), example(made.labels),
    prl.full({}, recipe.train.lr))
end

--- Trains a fresh network on these rows. report(share done, epoch, mean loss). kind: what has new and loss
--- (perilune.fit.model unless given). Returns the network.
function train.run(recipe, made, training, seed, report, kind)
  kind = kind or model
  local batch, epochs = recipe.train.batch, recipe.train.epochs
  if #training < batch then
    require("perilune.fit.log").refuse(("%d training rows are fewer than one minibatch of %d"):format(#training, batch))
  end
  prl.seed(seed)
  local net = kind.new(recipe, made, index_of(training, 1, #training))
  local program = train.program(net, recipe, made, kind)
  local steps = math.floor(#training / batch)
  local sum, made_steps, inputs = 0, 0, {}
  for k, name in ipairs {"ids", "sequences", "numbers", "labels"} do inputs[k] = {program:input(k), made[name]} end
  local lr, loss = program:input(5), program:output()
  for epoch = 1, epochs do
    local order = shuffled(training)
    sum = 0
    for step = 1, steps do
      local index = order:narrow(1, (step - 1) * batch + 1, step * batch)
      for _, input in ipairs(inputs) do input[1]:take_(input[2], index) end
      lr:fill_(recipe.train.lr * math.max(1 - made_steps / (steps * epochs), LEAST))
      program:run()
      sum, made_steps = sum + loss:item(), made_steps + 1
      if report and step % 10 == 0 then report(made_steps / (steps * epochs), epoch, sum / step) end
    end
  end
  net:train(false)
  return net, sum / steps
end

--- Scores of these rows: {head = {score, …}}. kind.scores makes them, perilune.fit.model's unless given.
function train.score(net, made, rows, kind)
  kind = kind or model
  local scores, tile = {}, 4096
  for _, name in ipairs(net.heads) do scores[name] = {} end
  for first = 1, #rows, tile do
    local index = index_of(rows, first, math.min(first + tile - 1, #rows))
    local flat = kind.scores(net, made.ids:index_select(1, index), made.sequences:index_select(1, index),
      made.numbers:index_select(1, index)):totable()
    for k, name in ipairs(net.heads) do
      local list = scores[name]
      for r, row in ipairs(flat) do list[first - 1 + r] = row[k] end
    end
  end
  return scores
end

return train
