--- Programs: the bytes of an eager scope, budgets, draws, and what tracing refuses.

local prl = require "perilune"

local function trained(run)
  prl.seed(1)
  local net = prl.nn.mlp {5, 33, 7, 3, activation = "gelu"}
  local norm = prl.nn.layer_norm(3)
  local opt = prl.optim.adam(prl.nn.module {net = net, norm = norm, forward = function() end},
    {lr = .01, max_norm = .5})
  local x, y = prl.randn(9, 5), prl.randn(9, 3)
  local function step(a, b)
    local out = norm(net(a)) + net(a) * .5
    return opt:minimise(prl.mse(out, b) + prl.huber(out, b))
  end
  run(step, x, y)
  local bytes = {}
  for _, p in ipairs(select(2, net:parameters())) do bytes[#bytes + 1] = p:clone():bytes() end
  return table.concat(bytes)
end

describe("a program", function()
  it("gives the same bytes as the same function run eagerly", function()
    local eager = trained(function(step, x, y) for _ = 1, 20 do prl.scope(step, x, y) end end)
    local program = trained(function(step, x, y)
      local p = prl.program(step, x, y)
      for _ = 1, 20 do p(x, y) end
    end)
    assert.is_true(eager == program)
  end)

  it("changes nothing while it is traced", function()
    local before = trained(function() end)
    local after = trained(function(step, x, y) prl.program(step, x, y) end)
    assert.is_true(before == after)
  end)

  it("takes any budget that is a number of µs", function()
    local program = prl.program(function(x) return x * 2 end, prl.ones(3))
    for _, budget in ipairs {1e15, 1e300, math.huge} do assert.is_true(program:run(budget)) end
    for _, budget in ipairs {-1, -math.huge, 0 / 0} do
      assert.error_matches(function() program:run(budget) end, "a budget of %-?%w+%.?%d* µs; a number ≥ 0 is needed")
    end
  end)

  it("stops between ops when its budget is spent, and goes on", function()
    local w = prl.parameter(prl.ones(1, 200), "w")
    local opt = prl.optim.sgd({w}, {lr = .1})
    local function step(x)
      local h = x
      for _ = 1, 20 do h = prl.matmul(h, prl.full({200, 200}, 1 / 200)) end
      return opt:minimise((h * w):mean())
    end
    local p = prl.program(step, prl.ones(500, 200))
    p:input(1):fill_(1)
    local calls = 0
    repeat
      calls = calls + 1
      local done = p:run(1)
    until done
    assert.is_true(calls > 5)
    assert.is_true(math.abs(p:output():item() - 1) < 1e-4)
  end)

  it("draws anew in each run", function()
    local drop = prl.nn.dropout(.5)
    local p = prl.program(function(x) return drop(x) end, prl.ones(100))
    local a, b = p(prl.ones(100)), p(prl.ones(100))
    assert.is_false(a == b)
    local values = {}
    for _, v in ipairs(a:totable()) do values[v] = true end
    assert.are.same({[0] = true, [2] = true}, values)
  end)

  it("refuses a value used as a condition", function()
    assert.error_matches(function()
      prl.program(function(x) return x[1] > 0 and x:exp() or x:log() end, prl.tensor {1, 2})
    end, "indexing: a program cannot look at values while it is traced; use where")
  end)

  it("refuses what differs between two traces, naming the line", function()
    local n = 0
    local line = debug.getinfo(1, "l").currentline + 4
    assert.error_matches(function()
      prl.program(function(x)
        n = n + 1
        return x * n
      end, prl.tensor {1, 2})
    end, "line " .. line .. ": the function does something else")
  end)

  it("refuses another shape than the traced one", function()
    local p = prl.program(function(x) return x * 2 end, prl.zeros(2, 3))
    assert.has_error(function() p(prl.zeros(3, 2)) end,
      "input 1 has shape (3, 2); the program was traced with (2, 3), and shapes cannot change")
  end)

  it("prints its ops, shapes and buffers", function()
    local p = prl.program(function(x) return x:tanh():sum() end, prl.zeros(2, 3))
    assert.matches("forward +tanh +%%1%(2, 3%) +<%- 1%(2, 3%)", tostring(p))
  end)

  it("steps nothing when the loss is not finite, and names the op", function()
    local w = prl.parameter(prl.tensor {0}, "w")
    local opt = prl.optim.sgd({w}, {lr = 1})
    local p = prl.program(function(x) return opt:minimise((w * x):log():sum()) end, prl.tensor {1})
    assert.error_matches(function() p(prl.tensor {1}) end, "the result of op log .* is not finite; nothing was stepped")
    assert.are.same({0}, w:totable())
  end)

  it("allocates nothing when it runs", function()
    local net = prl.nn.mlp {4, 16, 2}
    local opt = prl.optim.adam(net, {lr = .01})
    local p = prl.program(function(x, y) return opt:minimise(prl.mse(net(x), y)) end, prl.randn(8, 4), prl.randn(8, 2))
    p:run()
    collectgarbage() -- what other specs left may allocate while it is freed
    collectgarbage("stop")
    local before = prl.memory().allocations
    for _ = 1, 100 do p:run() end
    local after = prl.memory().allocations
    collectgarbage("restart")
    assert.are.equal(before, after)
  end)
end)

describe("a row's bytes", function()
  it("do not depend on its batch", function()
    prl.seed(2)
    for _, width in ipairs {7, 64, 300} do
      local net = prl.nn.mlp {width, 65, width, 3, activation = "silu"}
      local x = prl.randn(1024, width)
      local all = net(x):bytes()
      for _, n in ipairs {1, 7, 64} do
        local some = net(x:narrow(1, 1, n):clone()):bytes()
        assert.is_true(some == all:sub(1, #some), ("width %d, %d rows"):format(width, n))
      end
    end
  end)
end)
