--- Ratios of sums: their values by hand, and whether their intervals cover the truth.

local ratios = require "perilune.stats.ratios"
local stats = require "perilune.stats"

local random, floor = math.random, math.floor -- locals: specs' globals are slow

local function near(expected, found) assert.is_true(math.abs(expected - found) < 1e-12, tostring(found)) end

describe("a ratio of sums", function()
  local responses = {{name = "click", unit = "count"}, {name = "view", unit = "count"}, {name = "watch", unit = "s"},
    {name = "paid", unit = "€"}}

  it("is what a calculation by hand gives, with the interval of the delta method", function()
    -- R = 6 / 20 = 0.3, mean of views 5, e = (click − 0.3 view) / 5 = −0.04, 0.1, −0.02, −0.04; Σ e² = 0.0136.
    local values = ratios.values({of = "click", per = "view"}, {click = {1, 2, 2, 1}, view = {4, 5, 7, 4}})
    local found = stats.interval(values)
    near(0.3, found.mean)
    near(0.26, values[1])
    near(math.sqrt(0.0136 / 3), found.sd)
    near(3.182446305284263 * math.sqrt(0.0136 / 3 / 4), found.half) -- t of 3 degrees of freedom
    local own = stats.ratio_interval({1, 2, 2, 1}, {4, 5, 7, 4})
    near(own.low, found.low)
    near(own.high, found.high)
  end)

  it("differs from another, pair by pair, by R_b − R_a with the interval of e_b − e_a", function()
    local a = {click = {1, 2, 2, 1}, view = {4, 5, 7, 4}}
    local b = {click = {2, 2, 3, 1}, view = {4, 6, 6, 4}} -- R = 0.4, e = (click − 0.4 view) / 5 = 0.08, −0.08, 0.12, −0.12
    local one = ratios.both({{name = "ctr", of = "click", per = "view"}}, a, b)[1]
    local found = stats.paired(one.a, one.b)
    near(0.1, found.mean)
    local squares = 0.12 ^ 2 + 0.18 ^ 2 + 0.14 ^ 2 + 0.08 ^ 2
    near(3.182446305284263 * math.sqrt(squares / 3 / 4), found.half)
  end)

  it("is undefined, with a word, where its lower sum is 0 or is not counted", function()
    local metric = {of = "click", per = "view"}
    local values, why = ratios.values(metric, {click = {1, 2}, view = {0, 0}})
    assert.is_nil(values)
    assert.equal("undefined: the sum of view is 0", why)
    values, why = ratios.values(metric, {click = {1, 2}})
    assert.is_nil(values)
    assert.equal("undefined: view is not counted here", why)
    local one = ratios.both({{of = "click", per = "view"}}, {click = {1}, view = {2}}, {click = {1}, view = {0}})[1]
    assert.equal("undefined: the sum of view is 0", one.undefined)
  end)

  it("has the unit of its sums, and reads steps where the judge counts them", function()
    local list = ratios.list({ctr = {of = "click", per = "view"}, pace = {of = "watch", per = "steps"},
      share = {of = "view", per = "watch"}, price = {of = "paid", per = "watch"}, same = {of = "watch", per = "watch"}},
      responses, "length")
    local units = {}
    for i, one in ipairs(list) do units[i] = one.name .. ": " .. one.unit end
    assert.same({"ctr: ", "pace: s", "price: €/s", "same: ", "share: 1/s"}, units)
    assert.equal("length", list[2].per)
    assert.equal("pace = watch / steps", ratios.label(list[2]))
    assert.equal("steps", ratios.list({x = {of = "steps", per = "watch"}}, {{name = "steps"}}, "length")[1].of)
    assert.same({}, ratios.list(nil, responses, "length"))
  end)

  it("is shared by two recipes that say the same, and named where one alone has it or says another", function()
    local shared, apart = ratios.shared(ratios.list({ctr = {of = "click", per = "view"}, x = {of = "watch", per = "view"}},
      responses, "steps"), ratios.list({ctr = {of = "click", per = "view"}, x = {of = "paid", per = "view"}, y = {of =
      "paid", per = "steps"}}, responses, "steps"))
    assert.equal(1, #shared)
    assert.equal("ctr", shared[1].name)
    assert.same({"x", "y"}, apart)
  end)

  -- Episodes of 1 to 12 steps, of which a policy gets clicks by its rate and by a taste that the episodes' two sides share:
  -- long episodes have the greater rate, so that the mean of the episodes' ratios is another number.
  local function episode(rates)
    local steps, clicks = 1 + floor(12 * random()), {}
    local taste = (steps - 1) / 11 - 1 / 2 + random() - 1 / 2
    for side, rate in ipairs(rates) do
      local count = 0
      for _ = 1, steps do
        if random() < rate * (1 + 0.5 * taste) then count = count + 1 end
      end
      clicks[side] = count
    end
    return steps, clicks
  end

  -- E[steps (steps − 1) / 11 − steps / 2] / E[steps], by which the rate is greater than its own number.
  local function truth(rate)
    local over, under = 0, 0
    for steps = 1, 12 do
      over, under = over + steps * (1 + 0.5 * ((steps - 1) / 11 - 1 / 2)), under + steps
    end
    return rate * over / under
  end

  it("#figure and its difference from another cover the truth in 95 ± 2 % of simulated evaluations", function()
    math.randomseed(11)
    local experiments, n, covered, between = 2000, 100, 0, 0
    local a, b = truth(0.2), truth(0.26)
    for _ = 1, experiments do
      local steps, left, right = {}, {}, {}
      for u = 1, n do
        local clicks
        steps[u], clicks = episode {0.2, 0.26}
        left[u], right[u] = clicks[1], clicks[2]
      end
      local one = ratios.both({{of = "click", per = "length"}}, {click = left, length = steps},
        {click = right, length = steps})[1]
      local own, difference = stats.interval(one.a), stats.paired(one.a, one.b)
      if own.low <= a and a <= own.high then covered = covered + 1 end
      if difference.low <= b - a and b - a <= difference.high then between = between + 1 end
    end
    for _, count in ipairs {covered, between} do
      local share = 100 * count / experiments
      assert.is_true(share >= 93 and share <= 97, ("%.2f %%"):format(share))
    end
  end)
end)
