--- The statistics of a sweep, on simulated measurements: no training.
local points = require "perilune.stats.points"

local random, log, sqrt, cos = math.random, math.log, math.sqrt, math.cos -- locals: specs' globals are slow

local function normal() return sqrt(-2 * log(1 - random())) * cos(6.283185307179586 * random()) end

local metric = {name = "watch", unit = "s", of = "watch"}

local function list(values)
  local result = {}
  for i, value in ipairs(values) do result[i] = {seed = i, value = value} end
  return result
end

-- A list with panels: values[seed][user], over one day, beside one baseline.
local function judged(values, baseline)
  local result = {}
  for s, row in ipairs(values) do
    local sum = 0
    for _, value in ipairs(row) do sum = sum + value end
    result[s] = {seed = s, value = sum / #row, panel = {users = #row, days = 1, columns = {watch = row}},
      baseline = {users = #row, days = 1, columns = {watch = baseline}}}
  end
  return result
end

describe("the points of a sweep", function()
  it("are means over every seed, and the best mean wins in the asked direction", function()
    local measured = {list {1, 2, 9}, list {3, 3, 3}, list {0, 1, 2}}
    local most, least = points.judge(measured, metric, false), points.judge(measured, metric, true)
    assert.equal(4, most.estimates[1].mean)
    assert.same({1, 2}, {most.winner, most.second})
    assert.same({3, 2}, {least.winner, least.second})
    assert.is_nil(most.differences[1])
    assert.equal(-1, most.differences[2].mean)
  end)

  it("are compared pair by pair: what seeds share falls out", function()
    local measured = {list {10, 20, 30, 40}, list {11, 21, 31.1, 40.9}}
    local found = points.judge(measured, metric, false)
    assert.equal(2, found.winner)
    assert.is_true(found.estimates[2].half > 15)
    assert.is_true(found.differences[1].half < 0.2)
    assert.is_true(points.told(found.differences[1]))
  end)

  it("cannot be told apart by one seed, nor where the paired interval holds 0", function()
    local one = points.judge({list {1}, list {2}}, metric, false)
    assert.is_false(points.told(one.differences[1]))
    local noisy = points.judge({list {1, 5, 3}, list {2, 1, 7}}, metric, false)
    assert.is_false(points.told(noisy.differences[noisy.second]))
  end)

  it("leave out a point that failed, and have no winner where all did", function()
    local measured = {[2] = list {1, 2}, [5] = list {3, 4}}
    local found = points.judge(measured, metric, false, 2)
    assert.same({5, 2}, {found.winner, found.second})
    assert.equal(2, found.to_base[5].mean)
    assert.is_nil(points.judge({}, metric, false))
  end)

  it("have a lift by users and seeds where runs were judged by user and day", function()
    local baseline = {10, 20, 30}
    local measured = {judged({{10, 20, 30}, {10, 20, 30}}, baseline), judged({{11, 22, 33}, {12, 24, 36}}, baseline)}
    local found = points.judge(measured, metric, false)
    assert.equal(2, found.winner)
    assert.equal(0, found.estimates[1].lift.mean)
    assert.equal(0, found.estimates[1].lift.half)
    assert.is_true(math.abs(found.estimates[2].lift.mean - 0.15) < 1e-12)
    assert.is_true(found.differences[1].relative)
    assert.is_true(math.abs(found.differences[1].mean - (1 / 1.1 + 1 / 1.2 - 2) / 2) < 1e-12)
  end)

  -- Ten points that are all the same, and noise that seeds share in part.
  it("make an optimistic choice and an unbiased fresh figure, where a metric is nothing but noise", function()
    math.randomseed(11)
    local experiments, seeds, count = 2000, 5, 10
    local chosen, fresh, squares, covered, second, others = 0, 0, 0, 0, 0, 0
    for _ = 1, experiments do
      local shared, measured = {}, {}
      for s = 1, seeds do shared[s] = normal() end
      for p = 1, count do
        local values = {}
        for s = 1, seeds do values[s] = shared[s] + normal() end
        measured[p] = list(values)
      end
      local found = points.judge(measured, metric, false)
      local again = {}
      for s = 1, seeds do again[s] = normal() + normal() end
      local estimate = points.estimate(list(again), metric)
      if points.told(found.differences[found.second]) then second = second + 1 end
      for _, difference in pairs(found.differences) do others = others + (points.told(difference) and 1 or 0) end
      chosen, fresh = chosen + found.estimates[found.winner].mean, fresh + estimate.mean
      squares = squares + estimate.mean ^ 2
      if estimate.low <= 0 and estimate.high >= 0 then covered = covered + 1 end
    end
    local error_of_mean = sqrt(squares) / experiments
    assert.is_true(chosen / experiments > 0.5)
    assert.is_true(math.abs(fresh / experiments) < 3 * error_of_mean)
    assert.is_true(covered / experiments > 0.93 and covered / experiments < 0.97, covered / experiments)
    assert.is_true(second / experiments < 0.05, second / experiments)
    local share = others / experiments / (count - 1) -- what the page says of ten points: one in 9
    assert.is_true(share > 0.09 and share < 0.14, share)
  end)
end)
