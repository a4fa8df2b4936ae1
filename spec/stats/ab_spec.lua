--- A/B tests of learners: who is compared with whom, over which days, and how many user-days it would take.

local ab = require "perilune.stats.ab"
local split = require "perilune.stats.split"

local metric = {name = "x", unit = "", of = "x"}

-- A test of four users a share; what a user gives on a day is by share.
local function test(by_share, noise)
  local shares, x = {}, {}
  for s, share in ipairs(by_share) do
    local users = {}
    for i = 1, 4 do
      local user = 4 * (s - 1) + i
      users[i] = user
      for day = 1, 3 do x[(user - 1) * 3 + day] = day < 2 and 1000 or share.gives + noise * ((i * 7 + s * 3 + day) % 5 - 2) end
    end
    shares[s] = {name = share.name, of = share.of, users = users}
  end
  return {shares = shares, columns = {x = x}, days = 3, from = 2}
end

local function contrasts(mean) return {rows = {{arms = {{name = "a", lift = {mean = mean}}}}}} end

local shares = {{name = "a", of = "a", gives = 12}, {name = "ltr", of = "ltr", gives = 10}, {name = "A/A", of = "a", gives = 12}}

describe("an A/B test of learners", function()
  it("judges the days from its first on, over the control; A/A over the other share of its arm", function()
    local found = ab.of({test(shares, 0.1)}, "ltr", {metric}, contrasts(0.2))
    local a, aa = found.rows[1].arms[1], found.rows[1].arms[2]
    assert.same({4, 4, 4}, found.sizes)
    assert.near(0.2, a.lift.mean, 0.02)
    assert.is_true(a.told)
    assert.equal("A/A", aa.name)
    assert.near(0, aa.lift.mean, 0.02)
    assert.equal(2, #found.rows[1].arms)
    local expected = split.lift(ab.panel(test(shares, 0.1), test(shares, 0.1).shares[1], 2, 3),
      ab.panel(test(shares, 0.1), test(shares, 0.1).shares[2], 2, 3), metric)
    assert.same(expected, a.lift)
    assert.near(12 * 2 * (expected.half / 0.2) ^ 2, a.needed, 1e-9) -- 12 users for 2 days
    assert.is_nil(aa.needed)
    assert.is_nil(a.mean.half) -- one test says nothing of another
  end)

  it("counts over tests which of them tell it, and has their mean", function()
    local none = {{name = "a", of = "a", gives = 10}, shares[2], {name = "A/A", of = "a", gives = 10}}
    local found = ab.of({test(shares, 0.1), test(none, 0.1)}, "ltr", {metric}, contrasts(0.2))
    local a = found.rows[1].arms[1]
    assert.equal(1, a.count)
    assert.near(0.1, a.mean.mean, 0.02)
    assert.is_true(a.mean.half > 0.5)
  end)

  it("follows the lifts day by day", function()
    local curves = ab.curves({test(shares, 0)}, "ltr", metric)
    assert.same({"a", "A/A"}, {curves[1].name, curves[2].name})
    assert.near(0, curves[1].points[1].mean, 1e-9)
    assert.near(20, curves[1].points[3].mean, 1e-9)
    assert.near(0, curves[2].points[3].mean, 1e-9)
  end)
end)
