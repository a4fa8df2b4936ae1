--- Modules, their parameters and state, and the schedules of step sizes.

local files = require "support.files"
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

  describe("an optimizer's state", function()
    local x, y = prl.randn(8, 3), prl.randn(8, 1)
    local made = {
      sgd = function(net) return prl.optim.sgd(net, {lr = .1, momentum = .9}) end,
      rmsprop = function(net) return prl.optim.rmsprop(net, {lr = prl.optim.linear {from = .1, to = 0, over = 9}}) end,
      adam = function(net) return prl.optim.adam({{net[1], lr = .1}, {net[2]}}, {lr = .01}) end,
      adamw = function(net) return prl.optim.adamw(net, {lr = .1}) end,
    }
    local function train(net, opt, steps)
      for _ = 1, steps do prl.scope(function() opt:minimise(prl.mse(net(x), y)) end) end
    end

    it("lets training go on as if it had never stopped, through a file", function()
      for kind, new in pairs(made) do
        local straight, stopped, again, without = nn.mlp {3, 5, 1}, nn.mlp {3, 5, 1}, nn.mlp {3, 5, 1}, nn.mlp {3, 5, 1}
        stopped:load(straight:state())
        train(straight, new(straight), 8)
        local first, path, list = new(stopped), files.path(), {}
        train(stopped, first, 4)
        for name, tensor in pairs(first:state()) do list[#list + 1] = {name, tensor} end
        assert(prl.io.safetensors_write(path, list, {}))
        again:load(stopped:state())
        train(again, new(again):load(assert((prl.io.safetensors_read(path)))), 4)
        for name, value in pairs(straight:state()) do assert.is_true(value == again:state()[name], kind .. " " .. name) end
        without:load(stopped:state())
        train(without, new(without), 4)
        assert.is_false(straight:state()["1.weight"] == without:state()["1.weight"], kind)
      end
    end)

    it("is refused whole where a name, a shape or a type is another", function()
      local net = nn.mlp {3, 5, 1}
      local opt = made.adam(net)
      train(net, opt, 2)
      local kept = opt:state()
      assert.equal(2, kept["2.steps"][1])
      for _, case in ipairs {
        {"more", prl.zeros(1), 'load: the optimizer has no state "more"'},
        {"2.weight.moment2", nil, 'load: no value for 2.weight.moment2'},
        {"2.weight.moment2", prl.zeros(2), "load: 2.weight.moment2 has shape (5, 1), the value has (2)"},
        {"2.steps", prl.zeros(1), "load: 2.steps is int64, the value is float32"},
        {"2.steps", prl.tensor({-1}, "int64"), "load: 2.steps is -1; it counts steps"},
        {"2.steps", 3, "load: 2.steps is a number; a tensor is needed"},
      } do
        local state = {}
        for name, tensor in pairs(kept) do state[name] = prl.ones(tensor:shape(), tensor:dtype()) end
        state[case[1]] = case[2]
        assert.error_matches(function() opt:load(state) end, case[3], 1, true)
        for name, value in pairs(opt:state()) do assert.is_true(value == kept[name], name) end
      end
    end)
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
