--- The lift table: ratios of sums against a baseline, and whether its intervals cover the truth.

local lift = require "perilune.stats.lift"
local split = require "perilune.stats.split"
local stats = require "perilune.stats"

local random, log, sqrt, cos = math.random, math.log, math.sqrt, math.cos
local exp = math.exp -- locals: specs' globals are slow

local function normal() return sqrt(-2 * log(1 - random())) * cos(6.283185307179586 * random()) end

-- values[seed][user] = mean + seed + user + rest, each normal with the given deviation.
local function crossed(mean, seeds, users, by_seed, by_user, rest)
  local values, user = {}, {}
  for u = 1, users do user[u] = mean + by_user * normal() end
  for s = 1, seeds do
    local row, own = {}, by_seed * normal()
    for u = 1, users do row[u] = user[u] + own + rest * normal() end
    values[s] = row
  end
  return values
end

local experiments = 2000

describe("the interval over users crossed with seeds", function()
  local regimes = {
    users = {0, 1, 1}, few = {0.1, 1, 1}, both = {0.2, 1, 1}, more = {0.4, 1, 1}, seeds = {1, 1, 1},
    seeds_alone = {1, 0, 1}, rest = {0, 0, 1}, rest_and_seeds = {0.2, 0.3, 1},
  }
  for _, seeds in ipairs {3, 10} do
    it(("#figure covers the truth in 95 ± 2 %% of simulated experiments at %d seeds"):format(seeds), function()
      for name, regime in pairs(regimes) do
        math.randomseed(seeds)
        local covered = 0
        for _ = 1, experiments do
          local found = stats.crossed(crossed(0.7, seeds, 60, regime[1], regime[2], regime[3]))
          if found.low <= 0.7 and 0.7 <= found.high then covered = covered + 1 end
        end
        local share = 100 * covered / experiments
        assert.is_true(share >= 93 and share <= 97, ("%s: %.2f %%"):format(name, share))
      end
    end)

    it(("calls %d seeds of one recipe different from as many others in 5 ± 2 %%"):format(seeds), function()
      math.randomseed(seeds + 100)
      local different = 0
      for _ = 1, experiments do
        local both = crossed(0, 2 * seeds, 60, 0.5, 1, 1)
        local difference = {}
        for s = 1, seeds do
          difference[s] = {}
          for u = 1, 60 do difference[s][u] = both[s][u] - both[seeds + s][u] end
        end
        local found = stats.crossed(difference)
        if found.low > 0 or found.high < 0 then different = different + 1 end
      end
      local share = 100 * different / experiments
      assert.is_true(share >= 3 and share <= 7, ("%.2f %%"):format(share))
    end)
  end

  it("is Student's t over users where there is one seed", function()
    local values = {1, 4, 2, 8, 5}
    local expected, found = stats.interval(values), stats.crossed {values}
    assert.is_true(math.abs(expected.half - found.half) < 1e-12)
    assert.equal(expected.mean, found.mean)
    assert.is_nil(found.seeds_part)
  end)

  it("names the part of the seeds, and what would halve it", function()
    local by_seed = stats.crossed {{1, 1.1, 0.9}, {2, 2.1, 1.9}, {3, 3.1, 2.9}}
    assert.is_true(by_seed.seeds_part > 0.95 * by_seed.variance)
    assert.is_nil(stats.to_halve(by_seed))
    local by_user = stats.crossed {{1, 2, 3, 4}, {1, 2, 3, 4}}
    assert.equal(0, by_user.seeds_part)
    assert.is_true(math.abs(stats.to_halve(by_user) - 4) < 1e-9)
  end)
end)

describe("the lift table", function()
  local responses = {{name = "watch", unit = "s", combine = "sum"}, {name = "gap", unit = "h", combine = "last"}}

  local function panel(watch, gap, gaps)
    local ones = {}
    for u = 1, #watch do ones[u] = 1 end
    return {users = #watch, days = 2, columns = {watch = watch, ["count/watch"] = ones, gap = gap,
      ["count/gap"] = gaps, requests = ones, sessions = ones}}
  end

  it("finds no difference at all between a policy and itself", function()
    math.randomseed(1)
    local watch, gap, gaps = {}, {}, {}
    for u = 1, 200 do watch[u], gap[u], gaps[u] = exp(normal()), exp(normal()), u % 4 end
    local one, same = panel(watch, gap, gaps), panel(watch, gap, gaps)
    for _, row in ipairs(lift.table({one, one, one}, {same}, responses, "itself").rows) do
      assert.equal(0, row.lift.mean)
      assert.equal(0, row.lift.half)
    end
  end)

  it("gives ratios of sums, per user-day or per time that it came", function()
    local base = panel({10, 30}, {4, 8}, {1, 2})
    local better = panel({12, 36}, {6, 0}, {3, 0})
    local compared = lift.table({better}, {base}, responses, "ltr")
    local watch, gap = lift.find(compared, "watch"), lift.find(compared, "gap")
    assert.equal(12, watch.policy)
    assert.equal(10, watch.baseline)
    assert.is_true(math.abs(watch.lift.mean - 0.2) < 1e-12)
    assert.is_true(watch.lift.half < 1e-12) -- every user gained the same share
    assert.equal(2, gap.policy)
    assert.equal(4, gap.baseline)
    assert.is_true(math.abs(gap.lift.mean + 0.5) < 1e-12)
    assert.truthy(lift.text(compared):find("2 users × 2 days, the same for both, are 4 user-days", 1, true))
    assert.truthy(lift.text(compared):find("+20.00", 1, true))
  end)

  it("has no lift where the policy gave nothing, of which no interval could be told", function()
    local rare = panel({0, 0}, {4, 8}, {1, 2})
    local compared = lift.table({rare, panel({1, 2}, {4, 8}, {1, 2})}, {panel({10, 30}, {4, 8}, {1, 2})}, responses, "ltr")
    assert.is_nil(lift.find(compared, "watch").lift)
    assert.is_nil(split.lift(rare, panel({10, 30}, {4, 8}, {1, 2}), {name = "watch", of = "watch"}))
  end)

  it("has no lift where the baseline gave nothing", function()
    local compared = lift.table({panel({1, 2}, {0, 0}, {0, 0})}, {panel({0, 0}, {0, 0}, {0, 0})}, responses, "ltr")
    assert.is_nil(lift.find(compared, "watch").lift)
    assert.is_nil(lift.find(compared, "gap").lift)
    assert.truthy(lift.text(compared):find("–", 1, true))
  end)

  local ratio = {name = "rate", unit = "", of = "watch", per = "gap", formula = "watch / gap"}

  it("has ratios that a recipe names, and a word where one is undefined", function()
    local ones = {1, 1, 1}
    local policy, base = panel({3, 6, 9}, {10, 20, 30}, ones), panel({2, 5, 5}, {12, 20, 28}, ones)
    local row = lift.find(lift.table({policy}, {base}, {ratio}, "ltr"), "rate")
    -- R = 0.3 with e = 0; R_0 = 0.2, e_0 = (N − 0.2 D) / 20 = −0.02, 0.05, −0.03: z = −1.5 e_0 / 0.2.
    assert.is_true(math.abs(row.policy - 0.3) < 1e-12 and math.abs(row.baseline - 0.2) < 1e-12)
    assert.is_true(math.abs(row.lift.mean - 0.5) < 1e-12)
    local expected = stats.interval {0.15, -0.375, 0.225}
    assert.is_true(math.abs(row.lift.half - expected.half) < 1e-12)
    assert.equal("rate = watch / gap", lift.label(row))
    local compared = lift.table({panel({3, 6, 9}, {0, 0, 0}, ones)}, {base}, {ratio}, "ltr")
    row = lift.find(compared, "rate")
    assert.is_nil(row.policy)
    assert.is_nil(row.lift)
    assert.is_true(math.abs(row.baseline - 0.2) < 1e-12)
    assert.truthy(lift.text(compared):find("rate = watch / gap%s+undefined%s+0.2%s+–"), lift.text(compared))
    assert.is_nil(lift.find(lift.table({panel({3, 6, 9}, {0, 0, 0}, ones), policy}, {base}, {ratio}, "ltr"), "rate").lift)
  end)

  it("#figure covers the true lift of a ratio in 95 ± 2 % of simulated experiments", function()
    math.randomseed(23)
    local covered, nothing, users, truth = 0, {}, 120, 0.1
    for u = 1, users do nothing[u] = 0 end
    local function rate(views, level) return views * level * (1 + 0.3 * normal()) end
    for _ = 1, experiments do
      local clicks, views, clicks_0, views_0 = {}, {}, {}, {}
      for u = 1, users do
        local active = exp(0.7 * normal())
        views[u], views_0[u] = 100 * active * (1 + 0.2 * normal()), 90 * active * (1 + 0.2 * normal())
        clicks[u], clicks_0[u] = rate(views[u], 0.1 * (1 + truth)), rate(views_0[u], 0.1)
      end
      local found = lift.table({panel(clicks, views, nothing)}, {panel(clicks_0, views_0, nothing)}, {ratio}, "ltr").rows[1]
        .lift
      if found.low <= truth and truth <= found.high then covered = covered + 1 end
    end
    local share = 100 * covered / experiments
    assert.is_true(share >= 93 and share <= 97, ("%.2f %%"):format(share))
  end)

  for _, seeds in ipairs {3, 10} do
    it(("#figure covers the true lift in 95 ± 2 %% of simulated experiments at %d seeds"):format(seeds), function()
      math.randomseed(seeds + 7)
      local covered, nothing = 0, {}
      local users, truth = 120, 0.05
      for u = 1, users do nothing[u] = 0 end
      for _ = 1, experiments do
        local level, taste, base, policies = {}, {}, {}, {}
        for u = 1, users do
          level[u], taste[u] = 100 * exp(0.5 * normal()), 0.1 * normal()
          base[u] = level[u] * (1 + 0.2 * normal())
        end
        for s = 1, seeds do
          local watch, own = {}, 0.01 * normal()
          for u = 1, users do watch[u] = level[u] * (1 + truth + own + taste[u] + 0.2 * normal()) end
          policies[s] = panel(watch, nothing, nothing)
        end
        local found = lift.table(policies, {panel(base, nothing, nothing)}, {responses[1]}, "ltr").rows[1].lift
        if found.low <= truth and truth <= found.high then covered = covered + 1 end
      end
      local share = 100 * covered / experiments
      assert.is_true(share >= 93 and share <= 97, ("%.2f %%"):format(share))
    end)
  end
end)
