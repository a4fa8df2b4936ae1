-- What trainings show of themselves, on written-out columns.

local training = require "perilune.stats.training"

local nan = 0 / 0

local function run(columns, metrics)
  return {evaluations = {columns = columns, rows = #columns.user_days}, metrics = {columns = metrics or {}}}
end

describe("what trainings show of themselves", function()
  it("takes the mean of the last tenth of a metric and of its first, without what is missing", function()
    local ys = {}
    for i = 1, 40 do ys[2 * i - 1], ys[2 * i] = i, nan end
    local last, first = training.ends(ys)
    assert.equal((37 + 38 + 39 + 40) / 4, last)
    assert.equal((1 + 2 + 3 + 4) / 4, first)
    assert.is_nil(training.ends {nan, nan})
  end)

  it("has intervals of these over seeds, and none where a run has no such metric", function()
    local runs = {run({user_days = {}}, {loss = {4, 2}}), run({user_days = {}}, {loss = {6, 4}})}
    local last, first = training.late(runs, "loss")
    assert.equal(3, last.mean)
    assert.equal(5, first.mean)
    assert.near(12.706 * 1, last.half, 1e-2) -- t of one degree of freedom × √2 / √2
    assert.is_nil(training.late({runs[1], run {user_days = {}}}, "loss"))
  end)

  it("finds the first evaluation within 5 % of the final lift", function()
    local one = run {user_days = {0, 10, 20, 30}, ["lift/x"] = {0, 5, 9.6, 10}}
    local two = run {user_days = {0, 12, 24, 36}, ["lift/x"] = {0, 11, 9, 10}}
    assert.equal(16, training.user_days({one, two}, "x").mean)
    assert.equal(20, training.user_days({one}, "x").mean)
  end)

  it("finds none where the final lift is not above 0, or where only the end was judged", function()
    assert.is_nil(training.user_days({run {user_days = {0, 10, 20}, ["lift/x"] = {0, 1, -1}}}, "x"))
    assert.is_nil(training.user_days({run {user_days = {0, 10}, ["lift/x"] = {0, 1}}}, "x"))
    assert.is_nil(training.user_days({run {user_days = {0, 10, 20}, ["lift/y"] = {0, 1, 2}}}, "x"))
  end)
end)
