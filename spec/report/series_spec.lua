--- Series of a run: metrics.csv as it is read, and thinned for a chart.

local series = require "perilune.report.series"

describe("series", function()
  it("thins to the limit and keeps every extreme", function()
    local xs, ys = {}, {}
    for i = 1, 100000 do xs[i], ys[i] = i, math.sin(i / 500) end
    ys[33333], ys[77777] = 40, -40
    local buckets = series.thin(xs, ys, 500)
    assert.equal(500, #buckets)
    assert.equal(100000, buckets[500].x)
    local low, high = math.huge, -math.huge
    for _, bucket in ipairs(buckets) do
      low, high = math.min(low, bucket.low), math.max(high, bucket.high)
      assert.is_true(bucket.low <= bucket.mean and bucket.mean <= bucket.high)
    end
    assert.equal(-40, low)
    assert.equal(40, high)
  end)

  it("keeps a short series as it is and leaves NaN out", function()
    local buckets = series.thin({1, 2, 3}, {5, 0 / 0, 7}, 100)
    assert.same({{x = 1, mean = 5, low = 5, high = 5}, {x = 3, mean = 7, low = 7, high = 7}}, buckets)
    assert.same({}, series.thin({}, {}, 10))
  end)

  it("sums up a series", function()
    local ys = {}
    for i = 1, 20 do ys[i] = i end
    assert.same({first = 1, last = 20, low = 1, high = 20, late = 19.5, n = 20}, series.summary(ys))
    assert.is_nil(series.summary {0 / 0})
  end)

  it("takes means over runs step by step, whatever stands across", function()
    local function run(steps, days, values)
      return {evaluations = {rows = #steps, columns = {step = steps, user_days = days, y = values}}}
    end
    local runs = {run({10, 20, 30}, {1, 2.5, 4}, {5, 6, 7}), run({10, 20}, {2, 3.5}, {7, 10})}
    assert.same({{x = 10, mean = 6, low = 5, high = 7}, {x = 20, mean = 8, low = 6, high = 10}}, series.mean_curve(runs, "y"))
    assert.same({{x = 1.5, mean = 6, low = 5, high = 7}, {x = 3, mean = 8, low = 6, high = 10}},
      series.mean_curve(runs, "y", "user_days"))
    assert.same({}, series.mean_curve(runs, "other"))
    assert.same({}, series.mean_curve(runs, "y", "other"))
  end)
end)
