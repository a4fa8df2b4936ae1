--- Modules, their parameters and state, and the schedules of step sizes.

local prl = require "perilune"
local nn = prl.nn

describe("a module", function()
  it("is composed of others in plain Lua, its parameters named by path", function()
    local net = nn.module {
      body = nn.mlp {4, 8, 8, activation = "relu"}, head = nn.linear(8, 2),
      forward = function(self, x) return self.head(self.body(x)) end,
    }
    assert.are.same({"body.1.bias", "body.1.weight", "body.2.bias", "body.2.weight", "head.bias", "head.weight"},
      (net:parameters()))
    assert.are.same({3, 2}, net(prl.zeros(3, 4)):shape())
  end)

  it("gives and takes its state", function()
    local a, b = nn.mlp {3, 5, 1}, nn.mlp {3, 5, 1}
    local x = prl.randn(2, 3)
    assert.is_false(a(x) == b(x))
    b:load(a:state())
    assert.is_true(a(x) == b(x))
    local state = a:state()
    state.more = prl.zeros(1)
    assert.has_error(function() b:load(state) end, 'load: the module has no parameter "more"; there are ' ..
      "1.bias, 1.weight, 2.bias, 2.weight")
    state.more, state["1.bias"] = nil, prl.zeros(2)
    assert.has_error(function() b:load(state) end, "load: 1.bias has shape (5), the value has (2)")
  end)

  it("orthogonal weights are orthogonal", function()
    for _, shape in ipairs {{6, 6}, {9, 4}, {4, 9}} do
      local w = nn.init.orthogonal(prl.zeros(shape), 2)
      local small = shape[1] < shape[2] and w:matmul(w:transpose(1, 2)) or w:transpose(1, 2):matmul(w)
      local n = math.min(shape[1], shape[2])
      for i = 1, n do
        for k = 1, n do assert.is_true(math.abs(small:get(i, k) - (i == k and 4 or 0)) < 1e-5) end
      end
    end
  end)

  it("rough weights have the size of orthogonal ones, within their call alone", function()
    local function size(w) return (w * w):mean():item() end
    local function made() return prl.with_seed(3, function() return nn.linear(64, 64, {gain = 2}).weight end) end
    local orthogonal = made()
    local rough, more = prl.rough_weights(function(...) return made(), ... end, "more")
    assert.equal("more", more)
    assert.is_false(rough == orthogonal)
    assert.is_true(math.abs(size(rough) / size(orthogonal) - 1) < 0.1)
    assert.has_error(function() prl.rough_weights(error, "as it is") end, "as it is")
    assert.is_true(made() == orthogonal)
  end)

  it("steps only the rows of an embedding that were looked up", function()
    local table_ = nn.embedding(10, 4)
    local before = table_.weight:clone()
    local opt = prl.optim.adam(table_, {lr = .1})
    prl.scope(function() opt:minimise(table_(prl.tensor({3, 3, 7}, "int32")):sum()) end)
    for row = 1, 10 do
      local same = table_.weight[row] == before[row]
      assert.are.equal(row ~= 4 and row ~= 8, same)
    end
  end)

  it("a parameter belongs to one optimizer", function()
    local net = nn.linear(2, 2)
    local first = prl.optim.sgd(net, {lr = 1})
    assert.error_matches(function() prl.optim.sgd(net, {lr = 1}) end, "belongs to set group 1 already")
    assert.is_truthy(first)
  end)
end)

describe("schedules", function()
  it("follow their equations", function()
    local o = prl.optim
    assert.are.equal(.5, o.linear {from = 1, to = 0, over = 10}(5))
    assert.is_true(math.abs(o.cosine {from = 1, to = 0, over = 10}(5) - .5) < 1e-12)
    assert.are.equal(.2, o.warmup {to = 1, over = 10}(1))
    assert.are.equal(1.5, o.piecewise {{0, 1}, {10, 2}}(5))
  end)
end)
