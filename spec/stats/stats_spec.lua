--- Means, deviations and Student's t intervals, against known values.

local stats = require "perilune.stats"

local function near(expected, found, tolerance)
  assert.is_true(math.abs(expected - found) <= (tolerance or 1e-9) * math.max(1, math.abs(expected)),
    ("expected %.12g, found %.12g"):format(expected, found))
end

describe("stats", function()
  it("gives the mean and the sample deviation", function()
    local mean, sd = stats.mean_sd {2, 4, 4, 4, 5, 5, 7, 9}
    near(5, mean)
    near(math.sqrt(32 / 7), sd)
  end)

  it("agrees with the table of Student's t", function()
    near(12.706204736, stats.t_quantile(0.975, 1), 1e-8)
    near(4.3026527297, stats.t_quantile(0.975, 2), 1e-8)
    near(2.2621571628, stats.t_quantile(0.975, 9), 1e-8)
    near(2.0452296421, stats.t_quantile(0.975, 29), 1e-8)
    near(1.6602343261, stats.t_quantile(0.95, 100), 1e-8)
  end)

  it("has the Cauchy distribution at one degree of freedom", function()
    for _, t in ipairs {-3, -0.5, 0, 0.25, 1, 10} do near(0.5 + math.atan(t) / math.pi, stats.t_cdf(t, 1)) end
  end)

  it("gives the paired interval of a known example", function()
    local result = stats.paired({1, 2, 3, 4}, {2, 4, 3, 7})
    near(1.5, result.mean)
    assert.same({1, 2, 0, 3}, result.values)
    near(3.182446305 * math.sqrt(5 / 3) / 2, result.half, 1e-8)
    near(1.5 - result.half, result.low)
  end)

  it("has no interval for one value", function()
    local result = stats.interval {3}
    assert.equal(3, result.mean)
    assert.is_nil(result.low)
  end)
end)
