-- Tables of experiments on synthetic panels with fixed seeds, through the functions that the tables use.

local contrasts = require "perilune.stats.contrasts"
local split = require "perilune.stats.split"
local stats = require "perilune.stats"

-- Park and Miller's generator and Box and Muller's normals, the same on every machine.
local function normals(seed)
  local state = seed
  local function uniform()
    state = (state * 16807) % 2147483647
    return state / 2147483647
  end
  return function() return math.sqrt(-2 * math.log(uniform())) * math.cos(2 * math.pi * uniform()) end
end

local metrics = {{name = "x", unit = "", of = "x"}, {name = "y", unit = "", of = "y", per = "n"}}

-- Arms that give 10 · (1 + effect) a user and day, where users differ, and trainings, and what a training does to a user.
local function synthetic(normal, arms, seeds, users, effect, sizes)
  local by_user, list = {}, {}
  for u = 1, users do by_user[u] = {x = 2 * normal(), y = 2 * normal()} end
  for a = 1, arms do
    local panels = {}
    for s = 1, seeds do
      local of_seed, columns = {x = sizes.seed * normal(), y = sizes.seed * normal()}, {x = {}, y = {}, n = {}}
      for u = 1, users do
        columns.n[u] = 1 + (u % 3)
        for _, name in ipairs {"x", "y"} do
          local base = 10 + by_user[u][name] + sizes.rest * normal()
          columns[name][u] = (base + of_seed[name]) * (a > 1 and 1 + effect or 1) * (name == "y" and columns.n[u] or 1)
        end
      end
      panels[s] = {users = users, days = 1, columns = columns}
    end
    list[a] = {name = "arm " .. a, panels = panels}
  end
  return list
end

describe("the table of an experiment", function()
  it("#figure has a false mark in at most 5 ± 1.5 % of 1,000 tables of 5 arms that do not differ", function()
    local normal, wrong = normals(20261129), 0
    for _ = 1, 1000 do
      local arms, any = synthetic(normal, 5, 4, 30, 0, {seed = 0.3, rest = 1}), false
      local found = contrasts.of(arms, arms[1], metrics)
      assert.equal(20, found.count)
      for _, row in ipairs(found.rows) do
        for _, one in ipairs(row.arms) do any = any or one.told end
        for _, one in ipairs(row.pairs) do any = any or one.told end
      end
      if any then wrong = wrong + 1 end
    end
    assert.is_true(wrong / 1000 <= 0.065, wrong)
  end)

  it("#figure has intervals that hold the truth in 95 ± 1.5 % of 2,000 experiments", function()
    local normal, held = normals(7), 0
    for _ = 1, 2000 do
      local arms = synthetic(normal, 2, 4, 60, 0.05, {seed = 0.3, rest = 1})
      local value = contrasts.of(arms, arms[1], {metrics[1]}).rows[1].arms[1].lift
      if value.low <= 0.05 and value.high >= 0.05 then held = held + 1 end
    end
    assert.near(0.95, held / 2000, 0.015)
  end)
end)

describe("an A/B split", function()
  it("#figure calls an A/A test different in 5 ± 1.5 % of 1,000 splits, and no split uneven more often than its p says", function()
    local arm = synthetic(normals(11), 1, 1, 2000, 0, {seed = 0, rest = 1})[1]
    local told, uneven = 0, 0
    for i = 1, 1000 do
      local found = split.of({arm}, arm, {metrics[1]}, "split " .. i)
      if found.rows[1].arms[1].told then told = told + 1 end
      if found.sample_ratio.p < 0.05 then uneven = uneven + 1 end
    end
    assert.near(0.05, told / 1000, 0.015)
    assert.near(0.05, uneven / 1000, 0.02)
  end)

  it("puts every user into one share, and sees a split that is at fault", function()
    local shares, seen = split.users(3000, 3, "salt"), {}
    for _, share in ipairs(shares) do
      for _, user in ipairs(share) do
        assert.is_nil(seen[user])
        seen[user] = true
      end
    end
    assert.equal(3000, #seen)
    assert.is_true(split.sample_ratio({#shares[1], #shares[2], #shares[3]}).p > 0.001)
    assert.is_true(split.sample_ratio({1000, 1200}).p < 0.001)
  end)
end)

describe("what marks are made of", function()
  it("steps down as Holm does", function()
    local tests = {{p = 0.04}, {p = 0.011}, {p = 0.001}, {}}
    stats.holm(tests)
    assert.same({false, true, true, false}, {tests[1].told, tests[2].told, tests[3].told, tests[4].told})
  end)

  it("has a p at which the interval touches 0", function()
    local values = {{1, 2, 3, 1.5}, {1.5, 2, 2.5, 2}, {1.2, 2.2, 2.9, 1.4}}
    local p = stats.crossed_p(values)
    assert.near(0, stats.crossed(values, 1 - p).low, 1e-6)
    assert.is_nil(stats.crossed_p {{1, -1, 0.5, -0.4}, {-1, 1, 0.2, 0.1}})
  end)

  it("has the tail of χ² (tables: 3.841 for 1, 9.488 for 4 degrees of freedom)", function()
    assert.near(0.05, stats.chi_square_p(3.841459, 1), 1e-6)
    assert.near(0.05, stats.chi_square_p(9.487729, 4), 1e-6)
    assert.equal(1, stats.chi_square_p(0, 3))
  end)
end)
