--- Value estimates beside returns: the returns, the metrics and whether their intervals cover the truth.

local values = require "perilune.stats.values"

local random, log, sqrt, cos = math.random, math.log, math.sqrt, math.cos -- locals: specs' globals are slow

local function normal() return sqrt(-2 * log(1 - random())) * cos(6.283185307179586 * random()) end

-- Sums by seed and user of {{{estimate, return}, …} by user} by seed.
local function sums_of(seeds)
  local result = {}
  for s, users in ipairs(seeds) do
    result[s] = {}
    for u, rows in ipairs(users) do
      result[s][u] = values.sums()
      for _, row in ipairs(rows) do values.add(result[s][u], row[1], row[2]) end
    end
  end
  return result
end

-- The metrics of all rows of one seed, by their definitions.
local function plain(users)
  local n, abs, squares, errors, returns = 0, 0, 0, {}, {}
  for _, rows in ipairs(users) do
    for _, row in ipairs(rows) do
      n = n + 1
      errors[n], returns[n] = row[1] - row[2], row[2]
      abs, squares = abs + math.abs(errors[n]), squares + errors[n] ^ 2
    end
  end
  local function variance(list)
    local mean, sum = 0, 0
    for _, x in ipairs(list) do mean = mean + x / n end
    for _, x in ipairs(list) do sum = sum + (x - mean) ^ 2 end
    return sum / n
  end
  return {abs / n, squares / n, 1 - variance(errors) / variance(returns)}
end

-- Users of very different numbers of rows, whose rows hang together. skill: how much of a return the estimate knows.
local function users_of(count, skill, bias)
  local users = {}
  for u = 1, count do
    local level, rows = normal(), {}
    for i = 1, random(1, 12) do
      local known = level + normal()
      rows[i] = {skill * known + bias, known + normal()}
    end
    users[u] = rows
  end
  return users
end

describe("returns", function()
  it("are discounted sums to the end of an episode", function()
    assert.same({1 + 0.5 * (2 + 0.25 * 4), 2 + 0.25 * 4, 4, 8}, values.returns({1, 2, 4, 8}, {0.5, 0.25, 0.5, 0.9}, {0, 0, 1, 1}))
    assert.same({1}, values.returns({1}, {0.9}, {1}))
  end)

  it("are unknown where too much of them is still to come: before a truncation, and at the end of the rows", function()
    assert.same({1, false, false}, values.returns({1, 2, 4}, {0.9, 0.9, 0.9}, {1, 0, 0}))
    assert.same({1, false, false, 8}, values.returns({1, 2, 4, 8}, {0.9, 0.9, 0.9, 0.9}, {1, 0, 2, 1}))
    local known = values.returns({1, 1, 1, 1}, {0.01, 0.05, 0.5, 0.9}, {0, 0, 0, 0})
    assert.same({1 + 0.01 * (1 + 0.05 * (1 + 0.5)), false, false, false}, known) -- 0.01 × 0.05 × 0.5 × 0.9 of 1 is still to come
    assert.same({1, 1, 1}, values.returns({1, 1, 1}, {0, 0, 0}, {0, 0, 0})) -- nothing is: no return looks ahead
  end)

  it("go over a gap by its discount", function()
    local hour = 0.9 ^ 7 -- a gap of 7 h at 0.9 an hour
    assert.same({3 + hour * 5, 5}, values.returns({3, 5}, {hour, 1}, {0, 1}))
  end)
end)

describe("the errors of estimates", function()
  it("are those of all rows, whatever user they are of", function()
    math.randomseed(3)
    local seeds = {users_of(40, 0.6, 0.3), users_of(40, 0.9, 0)}
    local found, expected = values.compare(sums_of(seeds), nil, true), {0, 0, 0}
    for _, users in ipairs(seeds) do
      for i, value in ipairs(plain(users)) do expected[i] = expected[i] + value / 2 end
    end
    for i, row in ipairs(found) do
      assert.near(expected[i], row.a.mean, 1e-9)
      assert.is_nil(row.b)
      assert.is_nil(row.difference)
    end
    assert.same({"mean absolute error", "mean squared error", "explained variance"}, {found[1].name, found[2].name, found[3].name})
  end)

  it("do not differ between one side and itself", function()
    math.randomseed(4)
    local sums = sums_of {users_of(20, 0.6, 0.3), users_of(20, 0.6, 0.1)}
    for _, row in ipairs(values.compare(sums, sums, true)) do
      assert.equal(0, row.difference.mean)
      assert.equal(0, row.difference.half)
    end
  end)

  it("have a difference in their unit where both sides estimate the same return alone", function()
    math.randomseed(5)
    local a, b = sums_of {users_of(20, 0.6, 0)}, sums_of {users_of(20, 0.9, 0)}
    local found = values.compare(a, b, false)
    assert.is_nil(found[1].difference)
    assert.is_nil(found[2].difference)
    assert.is_true(found[3].difference.mean > 0)
  end)

  it("are undefined where returns do not vary, or nothing was counted", function()
    local found = values.compare(sums_of {{{{1, 2}, {3, 2}}, {{2, 2}}}}, sums_of {{{}, {}}}, true)
    assert.near(2 / 3, found[1].a.mean, 1e-12)
    assert.is_nil(found[3].a)
    assert.is_nil(found[1].b)
  end)

  it("#figure have intervals that cover the truth in 95 ± 3 % of simulated experiments", function()
    math.randomseed(6)
    local truth = plain(users_of(400000, 0.6, 0.3))
    local covered, experiments = {0, 0, 0}, 1000
    for _ = 1, experiments do
      for i, row in ipairs(values.compare(sums_of {users_of(150, 0.6, 0.3)}, nil, true)) do
        if row.a.low <= truth[i] and truth[i] <= row.a.high then covered[i] = covered[i] + 1 end
      end
    end
    for i, count in ipairs(covered) do
      local share = 100 * count / experiments
      assert.is_true(share >= 92 and share <= 98, ("%d: %.1f %%"):format(i, share))
    end
  end)
end)
