--- What a program does in one pass where eager ops take two (runtime/autograd/program_fuse.c): the same bytes.
local prl = require "perilune"

-- A few steps of a network made by `build`, which gives a function and its parameters.
local function steps(build, inputs, run)
  prl.seed(1)
  local f, parameters = build()
  local opt = prl.optim.adam(parameters, {lr = .01})
  local x = prl.randn(11, inputs)
  local function step(a) return opt:minimise((f(a) * f(a)):mean()) end
  local text = run(step, x)
  local bytes = {}
  for i, p in ipairs(parameters) do bytes[i] = p:clone():bytes() end
  return table.concat(bytes), text
end

local function eager(step, x)
  for _ = 1, 4 do prl.scope(step, x) end
end

local function program(step, x)
  local p = prl.program(step, x)
  for _ = 1, 4 do p(x) end
  return tostring(p)
end

-- Two linear layers of these widths with something between them.
local function pair(widths, between)
  return function()
    local w1 = prl.parameter(prl.randn(widths[1], widths[2]) * .5, "w1")
    local b1 = prl.parameter(prl.randn(widths[2]), "b1")
    local w2 = prl.parameter(prl.randn(widths[2], widths[3]) * .5, "w2")
    return function(x) return between(x, w1, b1, w2) end, {w1, b1, w2}
  end
end

local widths = {{3, 33, 5}, {4, 64, 64}, {5, 7, 3}, {8, 3, 40}, {17, 128, 1}}

describe("a program's gradients of activations", function()
  for _, act in ipairs {"relu", "tanh", "sigmoid", "softplus", "elu", "leaky_relu", "gelu", "silu"} do
    it("go with the product that makes them: " .. act, function()
      for _, w in ipairs(widths) do
        local net = function()
          local mlp = prl.nn.mlp {w[1], w[2], w[3], activation = act}
          return function(x) return mlp(x) end, select(2, mlp:parameters())
        end
        local by_ops = steps(net, w[1], eager)
        local by_program, text = steps(net, w[1], program)
        assert.is_true(by_ops == by_program, act)
        local fused = act ~= "gelu" and act ~= "silu" -- whose slope needs the value before the activation
        assert.equal(fused, text:find("slope of " .. act, 1, true) ~= nil, text)
      end
    end)
  end

  it("stand alone where another op gives the last part, the value is seen otherwise, or an output of another op", function()
    local ways = {
      function(x, w1, b1, w2)
        local h = prl.linear(x, w1, b1, "relu")
        local sum = h:sum(2, true) -- made before, so that its gradient comes after
        return prl.linear(h, w2) + sum
      end,
      function(x, w1, b1, w2)
        local h = prl.linear(x, w1, b1, "relu")
        return prl.linear(prl.linear(h, h), w2) -- eleven rows are the weights, too
      end,
      function(x, w1, b1, w2)
        local h = prl.linear(x, w1, b1, "relu")
        return prl.linear(h:reshape(1, 11, w1:size(2)), w2)
      end,
      function(x, w1, b1, w2) return prl.linear(prl.linear(x, w1, b1):relu(), w2) end,
    }
    for i, between in ipairs(ways) do
      local by_ops = steps(pair({3, 11, 5}, between), 3, eager)
      local by_program, text = steps(pair({3, 11, 5}, between), 3, program)
      assert.is_true(by_ops == by_program, tostring(i))
      assert.is_nil(text:find("slope of", 1, true), text)
    end
  end)
end)

describe("the gradient of a layer that several read", function()
  -- A body with three heads, of `rows` rows; parts of its gradient come from each.
  local function heads(act, rows, by)
    prl.seed(2)
    local body = prl.nn.mlp {6, 40, 64, activation = act, output = act}
    local parameters, weights = {}, {}
    for i, p in ipairs(select(2, body:parameters())) do parameters[i] = p end
    for i, width in ipairs {3, 33, 1} do
      weights[i] = prl.parameter(prl.randn(64, width) * .3, "head" .. i)
      parameters[#parameters + 1] = weights[i]
    end
    local opt, x = prl.optim.adam(parameters, {lr = .01}), prl.randn(rows, 6)
    local function step(a)
      local h, loss = body(a), 0
      for _, head in ipairs(weights) do
        local y = prl.linear(h, head, nil, "tanh")
        loss = loss + (y * y):mean()
      end
      return opt:minimise(loss)
    end
    local text, bytes = by(step, x), {}
    for i, p in ipairs(parameters) do bytes[i] = p:clone():bytes() end
    return table.concat(bytes), text
  end

  for _, act in ipairs {"relu", "tanh", "sigmoid", "gelu"} do
    it("is added up, and gets its slope, with the products that make it: " .. act, function()
      for _, rows in ipairs {11, 4001} do
        local by_ops = heads(act, rows, eager)
        local by_program, text = heads(act, rows, program)
        assert.is_true(by_ops == by_program, act .. rows)
        assert.equal(act == "gelu" and 0 or 2, select(2, text:gsub("slope of " .. act, "")), text)
      end
    end)
  end
end)

describe("a layer's gradients of more rows than the cache holds", function()
  for _, outputs in ipairs {3, 33, 64} do
    it("have the bytes of one product: " .. outputs .. " outputs", function()
      prl.seed(3)
      local x, g = prl.randn(5000, 32), prl.randn(5000, outputs)
      local w = prl.parameter(prl.randn(32, outputs), "w")
      local b = prl.parameter(prl.zeros(outputs), "b")
      local want = prl.matmul(g:transpose(1, 2), x) -- a chain over the rows as well; (outputs, 32)
      prl.scope(function() (prl.linear(x, w, b) * g):sum():backward() end)
      assert.is_true(w:grad():transpose(1, 2):clone():bytes() == want:clone():bytes())
    end)
  end
end)

describe("a stretch of layers over more rows than the cache holds", function()
  local function network(sizes, act)
    prl.seed(5)
    local net = prl.nn.mlp {sizes[1], sizes[2], sizes[3], sizes[4], activation = act}
    local opt = prl.optim.adam(net, {lr = .01})
    local x, y = prl.randn(4001, sizes[1]), prl.randn(4001, sizes[4])
    local function step(a, b) return opt:minimise(prl.mse(net(a), b)) end
    local function bytes()
      local list = {}
      for i, p in ipairs(select(2, net:parameters())) do list[i] = p:clone():bytes() end
      return table.concat(list)
    end
    return step, x, y, bytes
  end

  for _, act in ipairs {"tanh", "relu", "gelu"} do
    it("runs in tiles with the bytes of whole ops: " .. act, function()
      for _, sizes in ipairs {{32, 64, 64, 8}, {5, 33, 70, 1}, {3, 7, 128, 20}} do
        local step, x, y, bytes = network(sizes, act)
        for _ = 1, 3 do prl.scope(step, x, y) end
        local by_ops = bytes()
        step, x, y, bytes = network(sizes, act)
        local p = prl.program(step, x, y)
        assert.equal(1, select(2, tostring(p):gsub("in tiles of %d+ rows", "")), tostring(p)) -- there and back in one
        for _ = 1, 3 do p(x, y) end
        assert.is_true(by_ops == bytes(), act)
      end
    end)
  end

  it("stops between tiles, and goes on", function()
    local step, x, y, bytes = network({32, 64, 64, 8}, "tanh")
    local p = prl.program(step, x, y)
    p(x, y)
    local whole = bytes()
    step, x, y, bytes = network({32, 64, 64, 8}, "tanh")
    p = prl.program(step, x, y)
    p:input(1):copy_(x)
    p:input(2):copy_(y)
    local calls = 0
    repeat calls = calls + 1 until p:run(1)
    assert.is_true(calls > 10)
    assert.is_true(whole == bytes())
  end)

  it("keeps a tile of what does not leave it", function()
    local step, x, y, bytes = network({32, 64, 64, 8}, "tanh")
    local p = prl.program(step, x, y)
    local inputs, tile = 32 + 8, 2 * (64 + 64 + 8) + 64 -- floats of a row: of the batch; values, gradients and a scratch
    assert.is_true(p:bytes() < 4 * (4001 * inputs + 640 * tile), p:bytes())
    p:input(1):copy_(x)
    p:input(2):copy_(y)
    p:run_timed()
    local timed = bytes()
    step, x, y, bytes = network({32, 64, 64, 8}, "tanh")
    prl.program(step, x, y)(x, y)
    assert.is_true(timed == bytes())
    assert.equal(10, select(2, tostring(p):gsub("%d us", "")), tostring(p))
  end)

  it("has the bytes of whole ops where a layer's rows are seen otherwise", function()
    local function run(by)
      prl.seed(7)
      local w1, w2 = prl.parameter(prl.randn(8, 40), "w1"), prl.parameter(prl.randn(40, 33), "w2")
      local w3 = prl.parameter(prl.randn(33, 9), "w3")
      local opt = prl.optim.adam({w1, w2, w3}, {lr = .01})
      local x = prl.randn(3000, 8)
      local function step(a)
        local h = prl.linear(prl.linear(a, w1, nil, "tanh"):reshape(3, 1000, 40), w2, nil, "relu")
        local y = prl.linear(h, w3)
        return opt:minimise((y * y):mean())
      end
      local text = by(step, x)
      return w1:clone():bytes() .. w2:clone():bytes() .. w3:clone():bytes(), text
    end
    local by_ops = run(eager)
    local by_program, text = run(program)
    assert.is_truthy(text:find("in tiles of", 1, true))
    assert.is_true(by_ops == by_program)
  end)

  it("names the op whose tile is not finite", function()
    local function failure(at, value, target)
      local w1, w2 = prl.parameter(prl.ones(8, 64), "w1"), prl.parameter(prl.ones(64, 64) * 1e5, "w2")
      local w3 = prl.parameter(prl.ones(64, 8) * 1e5, "w3")
      local opt = prl.optim.adam({w1, w2, w3}, {lr = .01})
      local x, g = prl.zeros(4001, 8), prl.ones(4001, 8)
      if at then x:set(at, 1, value) end
      if target then g:set(target, 1, 3e38) end
      local function step(a, b)
        local h = prl.linear(prl.linear(a, w1), w2)
        return opt:minimise((prl.linear(h, w3) * b):sum())
      end
      local p = prl.program(step, prl.zeros(4001, 8), prl.zeros(4001, 8))
      assert.is_truthy(tostring(p):find("in tiles of", 1, true))
      local ok, message = pcall(p, x, g)
      return ok or message
    end
    assert.matches("the result of op linear %(op 2.*is not finite", failure(3900, 1e37))
    assert.matches("the gradient of op linear %(op 3.*is not finite", failure(nil, nil, 3900))
    assert.is_true(failure())
  end)

  it("is whole for a batch that fits", function()
    local net = prl.nn.mlp {32, 64, 64, 8}
    local p = prl.program(function(a) return net(a) end, prl.randn(256, 32))
    assert.is_nil(tostring(p):find("in tiles", 1, true))
  end)
end)
