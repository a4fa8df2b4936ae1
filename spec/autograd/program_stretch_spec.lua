--- Rows that pass through layers, losses and the way back in one stretch (runtime/autograd/program_stretch.c): the bytes of
--- whole ops.
local prl = require "perilune"

local rows = 4001

-- Three steps; `build` gives the loss as a function of x (rows, 12), y (rows, 4) and a number, and the parameters. by: how a
-- step runs. Returns the bytes of the parameters and of the last loss, and the program's text.
local function train(build, by)
  prl.seed(11)
  local loss, parameters = build()
  local opt = prl.optim.adam(parameters, {lr = .01})
  local x, y, number = prl.randn(rows, 12), prl.randn(rows, 4), prl.tensor(.7)
  local last, text = by(function(a, b, c)
    local l = loss(a, b, c)
    opt:minimise(l)
    return l
  end, x, y, number)
  local bytes = {last:clone():bytes()}
  for i, p in ipairs(parameters) do bytes[i + 1] = p:clone():bytes() end
  return table.concat(bytes), text
end

local function by_ops(step, ...)
  local last
  for _ = 1, 3 do last = prl.scope(function(...) return step(...):detach():clone() end, ...) end
  return last
end

local function by_program(step, ...)
  local program, last = prl.program(step, ...), nil
  for _ = 1, 3 do last = program(...) end
  return last, tostring(program)
end

local function network(outputs)
  local net = prl.nn.mlp {12, 40, 33, outputs, activation = "tanh"}
  return net, select(2, net:parameters())
end

-- Of one network with these outputs.
local function of(outputs, loss)
  return function()
    local net, parameters = network(outputs)
    return function(x, y, c) return loss(net(x), y, c) end, parameters
  end
end

-- What passes in one stretch there and back, and what does not.
local through = {
  ["mse"] = of(4, function(p, y) return prl.mse(p, y) end),
  ["mse, a sum"] = of(4, function(p, y) return prl.mse(p, y, "sum") end),
  ["huber"] = of(4, function(p, y) return prl.huber(p, y, "mean", .3) end),
  ["huber of each number"] = of(4, function(p, y) return prl.huber(p, y, "none"):mean() end),
  ["a chain of elements"] = of(4, function(p, y) return ((p - y):clamp(-1, 1):square() * .5):exp():mean() end),
  ["a number that all rows read"] = of(4, function(p, y, c) return ((p * c - y):abs() + c):sqrt():mean() end),
  ["a vector for each row"] = of(1, function(p)
    local value = p:reshape(-1)
    return prl.mse(value, value:detach() * .5)
  end),
  ["a mean of one number a row"] = of(1, function(p) return (p:reshape(-1) - 1):square():mean() end),
  ["numbers between sums and the way back"] = of(4, function(p, y, c) return -(prl.mse(p, y) * c + c) / 2 end),
  ["two networks"] = function()
    local one, of_one = network(4)
    local two, parameters = network(1)
    for _, p in ipairs(of_one) do parameters[#parameters + 1] = p end
    return function(x, y, c) return prl.mse(one(x), y) + c * (two(x) - 1):square():mean() end, parameters
  end,
}

local apart = {
  ["rows that wait for a sum over rows"] = of(4, function(p, y)
    local error = p - y
    return (error - error:mean()):square():mean()
  end),
  ["a way back that waits for one"] = of(4, function(p, y) return prl.mse(p, y):square() end),
  ["a loss that does not go by rows"] = of(4, function(p, y) return prl.bce_with_logits(p, y) end),
  ["a gradient that is summed over rows elsewhere"] = function()
    local net, parameters = network(4)
    local shift = prl.parameter(prl.zeros(4), "shift")
    parameters[#parameters + 1] = shift
    return function(x, y) return prl.mse(net(x) + shift, y) end, parameters
  end,
  ["a value that is used twice"] = of(4, function(p, y) return (p * p - y):mean() + prl.mse(p, y) end),
}

-- Whether one stretch holds the first layer's forward and its backward.
local function passes(text)
  local first, last = text:match "\n +(%d+)  forward +linear[^\n]* to (%d+) in tiles"
  local back
  for at in text:gmatch "\n +(%d+)  backward +linear" do back = tonumber(at) end
  return first ~= nil and back <= tonumber(last)
end

describe("rows in one stretch", function()
  for name, build in pairs(through) do
    it("have the bytes of whole ops there and back: " .. name, function()
      local bytes, text = train(build, by_program)
      assert.is_true(train(build, by_ops) == bytes, text)
      assert.is_true(passes(text), text)
    end)
  end

  for name, build in pairs(apart) do
    it("end before what is not theirs: " .. name, function()
      local bytes, text = train(build, by_program)
      assert.is_true(train(build, by_ops) == bytes, text)
      assert.is_false(passes(text), text)
    end)
  end

  it("name the first op that is not finite, in the last rows too", function()
    local loss = through["numbers between sums and the way back"]()
    local x, y, c = prl.zeros(rows, 12), prl.zeros(rows, 4), prl.tensor(1)
    local program = prl.program(function(...)
      local l = loss(...)
      l:backward()
      return l
    end, x, y, c)
    assert.is_true((pcall(program, x, y, c)))
    y:set(rows, 3, 3e38)
    local _, message = pcall(program, x, y, c)
    assert.matches("the result of op mse", message)
    y:set(rows, 3, 1e18)
    c:fill_(1e10)
    _, message = pcall(program, x, y, c)
    assert.matches("the result of op mul", message)
  end)
end)
