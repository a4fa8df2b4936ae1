-- Every family of ops as Lua sees it: dimensions and positions from 1, ranges inclusive, ids in tensors from 0.
local prl = require "perilune"

local function ids(values) return prl.tensor(values):cast "int32" end

describe("ops in Lua", function()
  local m = prl.tensor {{1, 5, 3}, {4, 2, 6}}

  it("reduce over dimensions from 1, or from the end", function()
    assert.are.equal(21, m:sum():item())
    assert.are.same({5, 7, 9}, m:sum(1):totable())
    assert.are.same({{9}, {12}}, m:sum(-1, true):totable())
    assert.are.same({3, 4}, m:mean(2):totable())
    assert.are.same({4, 5, 6}, m:max(1):totable())
    assert.are.equal(1, m:min():item())
    assert.are.same({4, 4}, m:var(2):totable())
    assert.are.same({{1, 6, 9}, {4, 6, 12}}, m:cumsum(2):totable())
    assert.has_error(function() m:sum(0) end, "bad argument #1 to 'sum' (dimensions count from 1)")
    assert.has_error(function() m:sum(3) end, "sum: dimension 3 does not exist in shape (2, 3)")
    for _, dim in ipairs {99, 100} do -- C's own word for "all"
      assert.error_matches(function() m:sum(dim) end, "a tensor has no such dimension", 1, true)
    end
  end)

  it("take what the list of ops says, and no more", function()
    assert.are.same({{1, 4}, {5, 2}, {3, 6}}, m:transpose():totable())
    assert.are.same({{1, 5, 3}, {4, 2, 6}, {1, 5, 3}, {4, 2, 6}}, prl.concat({m, m}):totable())
    assert.are.same({{1, 5, 3}}, m:slice(nil, 1, 1):totable())
    assert.are.same({1, 0}, m:argmax(2, nil, "float32"):sub(prl.tensor {0, 2}):totable())
    assert.has_error(function() m:sum(1, true, 3) end, "sum takes (x, dim = all, keepdim = false), not 4 arguments")
    assert.has_error(function() m:relu {inplace = true} end, "relu takes (x), not 2 arguments")
    assert.has_error(function() m:sum(1, {keepdim = false}) end, "keepdim is a table; true or false is needed")
    assert.has_error(function() prl.mse(m, m, {reduction = "sum"}) end, 'reduction is a table; a word such as "mean" is needed')
    assert.has_error(function() prl.mse(m, m, "sun") end, 'reduction has no choice "sun"; the nearest is "sum"')
    assert.are.same({{-1, -5, -3}, {-4, -2, -6}}, (-m):totable())
  end)

  it("give ids from 0", function()
    assert.are.same({1, 2}, m:argmax(2):totable())
    assert.are.equal("int32", m:argmax(2):dtype())
    assert.are.equal(0, m:argmin():item())
  end)

  it("pick by ids, and refuse no batch for an id out of range: NaN", function()
    assert.are.same({{5}, {6}}, m:gather(2, ids {{1}, {2}}):totable())
    assert.are.same({{4, 2, 6}, {4, 2, 6}}, m:index_select(1, ids {1, 1}):totable())
    assert.are.same({{4, 2, 6}, {1, 5, 3}}, prl.embedding(m, ids {1, 0}):totable())
    local wrong = prl.embedding(m, ids {2}):totable()[1][1]
    assert.is_true(wrong ~= wrong)
    assert.are.same({{5, 7, 9}, {0, 0, 0}}, prl.embedding_bag(m, ids {0, 1}, ids {0, 2, 2}):totable())
    assert.are.same({{2.5, 3.5, 4.5}}, prl.embedding_bag(m, ids {0, 1}, ids {{0, 2}}, "mean"):totable())
  end)

  it("slice inclusively, join and move", function()
    assert.are.same({{5, 3}, {2, 6}}, m:slice(2, 2, 3):totable())
    assert.are.same({{1, 3}, {4, 6}}, m:slice(2, 1, -1, 2):totable())
    assert.are.same({{1, 5, 3, 1}, {4, 2, 6, 2}}, prl.concat({m, prl.tensor {{1}, {2}}}, 2):totable())
    assert.are.same({2, 2, 3}, prl.stack({m, m}, 1):shape())
    assert.are.same({{1, 4}, {5, 2}, {3, 6}}, m:transpose(1, 2):totable())
    assert.are.same({3, 2}, m:reshape(3, -1):shape())
    assert.are.same({{7, 7}, {7, 7}}, prl.tensor {7}:broadcast_to(2, 2):totable())
    assert.are.same({{7, 7, 7}, {7, 7, 7}}, prl.tensor(7):broadcast_to(m):totable())
    assert.has_error(function() m:broadcast_to(2, 2) end,
      "broadcast_to: shapes (2, 3) and (2, 2) do not broadcast together")
  end)

  it("choose, clamp and mask", function()
    assert.are.same({{2, 4, 3}, {4, 2, 4}}, m:clamp(2, 4):totable())
    assert.are.same({{2, 5, 3}, {4, 2, 6}}, m:clamp(prl.tensor(2)):totable())
    assert.are.same({{0, 1, 0}, {1, 0, 1}}, prl.gt(m, 3):totable())
    assert.are.same({{0, 5, 0}, {4, 0, 6}}, prl.where(prl.gt(m, 3), m, 0):totable())
    assert.are.same({{1, -1, 3}, {-1, 2, -1}}, m:masked_fill(prl.gt(m, 3), -1):totable())
  end)

  it("compute losses with a reduction", function()
    local a, b = prl.tensor {1, 2}, prl.tensor {3, 2}
    assert.are.equal(2, prl.mse(a, b):item())
    assert.are.equal(4, prl.mse(a, b, "sum"):item())
    assert.are.same({1.5, 0}, prl.huber(a, b, "none"):totable())
    assert.are.same({.875, 0}, prl.huber(a, b, "none", .5):totable())
    assert.are.near(math.log(2), prl.bce_with_logits(prl.zeros(3), prl.ones(3)):item(), 1e-6)
    assert.are.near(math.log(3), prl.cross_entropy(prl.zeros(2, 3), ids {0, 2}):item(), 1e-6)
    assert.has_error(function() prl.mse(a, prl.zeros(2, 1)) end, "mse: shapes (2) and (2, 1) differ")
  end)

  it("fuse an activation into a layer", function()
    local x, w, b = prl.tensor {{1, 2}}, prl.tensor {{1, -1}, {1, -1}}, prl.tensor {.5, .5}
    assert.are.same({{3.5, 0}}, prl.linear(x, w, b, "relu"):totable())
    assert.are.same({{3, -3}}, prl.linear(x, w):totable())
    assert.are.same({{3, -3}}, prl.matmul(x, w):totable())
  end)
end)
