--- Tensors and scopes in Lua: construction, views, operators, gradients, and the messages for shapes that do not fit.

local prl = require "perilune"

describe("a tensor", function()
  it("is made of nested tables, and gives them back", function()
    local t = prl.tensor {{1, 2, 3}, {4, 5, 6}}
    assert.are.same({2, 3}, t:shape())
    assert.are.same({{1, 2, 3}, {4, 5, 6}}, t:totable())
    assert.are.equal("float32", t:dtype())
    assert.are.equal(6, t:get(2, 3))
    assert.are.equal(7, prl.tensor(7):item())
  end)

  it("refuses a ragged table and a value that is no number", function()
    assert.has_error(function() prl.tensor {{1, 2}, {3}} end,
      "the table is ragged: 2 items were expected in dimension 2, as in its first row")
    assert.has_error(function() prl.tensor {1, "x"} end, "value 2 of the table is a string; numbers are needed")
  end)

  it("has the usual constructors", function()
    assert.are.same({{0, 0}}, prl.zeros(1, 2):totable())
    assert.are.same({1, 1}, prl.ones(2):totable())
    assert.are.same({{3, 3}}, prl.full({1, 2}, 3):totable())
    assert.are.same({1, 2, 3}, prl.arange(3):totable())
    assert.are.same({2, 1, 0}, prl.arange(2, 0, -1):totable())
    assert.are.same({5, 7, 9}, prl.arange(5, 9, 2, "int64"):totable())
    prl.seed(3)
    local a = prl.randn(100)
    prl.seed(3)
    assert.is_true(a == prl.randn(100))
    assert.is_false(a == prl.randn(100))
  end)

  it("shares storage with its views, from 1 and inclusive", function()
    local t = prl.arange(12):view(3, 4)
    t:narrow(2, 2, 3):fill_(0)
    assert.are.same({{1, 0, 0, 4}, {5, 0, 0, 8}, {9, 0, 0, 12}}, t:totable())
    assert.are.same({{4, 8, 12}}, t:t():narrow(1, 4, -1):totable())
    t[2] = 7
    assert.are.same({7, 7, 7, 7}, t[2]:totable())
    assert.are.equal(4, t[1][4])
    assert.are.equal(3, #t)
    assert.has_error(function() return t[4] end, "position 4 is outside of a tensor of shape (3, 4)")
  end)

  it("broadcasts in arithmetic and says both shapes when it cannot", function()
    local t = prl.tensor {{1, 2}, {3, 4}}
    assert.are.same({{2, 4}, {4, 6}}, (t + prl.tensor {1, 2}):totable())
    assert.are.same({{-1, -2}, {-3, -4}}, (-t):totable())
    assert.are.same({{1, .5}, {1 / 4, .125}}, (1 / prl.tensor {{1, 2}, {4, 8}}):totable())
    assert.are.same({{1, 4}, {9, 16}}, (t ^ 2):totable())
    assert.has_error(function() return t + prl.zeros(3) end, "add: shapes (2, 2) and (3) do not broadcast together")
  end)

  it("changes in place, outside of scopes", function()
    local t = prl.tensor {1, 2}
    assert.are.same({3, 4}, t:add_(2):totable())
    assert.are.same({6, 8}, t:mul_(prl.tensor {2, 2}):totable())
    assert.has_error(function() prl.ones(2):add_(prl.ones(3, 2)) end,
      "add_: a tensor of shape (2) cannot become one of shape (3, 2)")
  end)

  it("becomes bytes and comes back", function()
    local t = prl.tensor({{1, -2}, {3, 4}}, "int64")
    assert.is_true(t == prl.from_bytes(t:bytes(), {2, 2}, "int64"))
    assert.are.same({{1, 3}, {-2, 4}}, prl.from_bytes(t:t():bytes(), {2, 2}, "int64"):totable())
    assert.has_error(function() prl.from_bytes("abc", {1}) end, "the shape and dtype need 4 bytes, the string has 3")
  end)

  it("prints values and shape", function()
    assert.are.equal("{1, 2}\ntensor (2) float32", tostring(prl.tensor {1, 2}))
    assert.matches("%.%.%.", tostring(prl.arange(1000)))
    assert.are.equal("{nan, nan}\ntensor (2) float32", tostring(prl.tensor {0, 0} / prl.tensor {0, -1} * prl.tensor {1, 1 / 0})) -- no sign
  end)

  it("keeps ids 0-based", function()
    assert.are.equal(1, prl.tensor {3, 9, 2}:argmax():item())
    assert.are.same({{30, 10}}, prl.tensor {{10, 20, 30}}:index_select(2, prl.tensor({2, 0}, "int32")):totable())
  end)
end)

describe("a scope", function()
  it("gives gradients of parameters", function()
    local w = prl.parameter(prl.tensor {{2}, {3}}, "w")
    prl.scope(function() prl.matmul(prl.tensor {{5, 7}}, w):sum():backward() end)
    assert.are.same({{5}, {7}}, w:grad():totable())
  end)

  it("adds the gradients of a value that is used several times", function()
    local w = prl.parameter(prl.tensor {3}, "w")
    prl.scope(function() (w * w + w):sum():backward() end)
    assert.are.same({7}, w:grad():totable())
  end)

  it("returns owned tensors, and refuses what is left of an ended one", function()
    local w = prl.parameter(prl.tensor {3}, "w")
    local left
    local kept = prl.scope(function()
      left = w * 2
      return left + 1
    end)
    assert.are.equal(7, kept:item())
    assert.has_error(function() return left + 1 end,
      "this tensor was made in a scope that has ended; keep its values with :detach() inside the scope")
  end)

  it("ends when its function raises", function()
    assert.has_error(function() prl.scope(function() error("oh", 0) end) end, "oh")
    assert.is_false(prl.in_scope())
  end)
end)

describe("take_", function()
  it("copies rows by their number, from 0", function()
    local from, to = prl.arange(0, 11):view(4, 3), prl.zeros(3, 3)
    assert.equal(to, to:take_(from, prl.tensor({3, 0, 3}, "int32")))
    assert.same({{9, 10, 11}, {0, 1, 2}, {9, 10, 11}}, to:totable())
    to:take_(from, prl.tensor({1, 1, 2}, "int64"))
    assert.same({{3, 4, 5}, {3, 4, 5}, {6, 7, 8}}, to:totable())
  end)

  it("refuses rows that there are not, and tensors that do not fit", function()
    local from, to = prl.zeros(4, 3), prl.ones(2, 3)
    assert.error_matches(function() to:take_(from, prl.tensor({0, 4}, "int32")) end, "index 4 is not one of 0 to 3")
    assert.error_matches(function() to:take_(from, prl.tensor({-1, 0}, "int32")) end, "index %-1")
    assert.has_error(function() to:take_(from, prl.tensor({0}, "int32")) end)
    assert.has_error(function() to:take_(from, prl.tensor({0, 1})) end)
    assert.has_error(function() to:take_(prl.zeros(4, 2), prl.tensor({0, 1}, "int32")) end)
    assert.same({{1, 1, 1}, {1, 1, 1}}, to:totable())
  end)
end)
