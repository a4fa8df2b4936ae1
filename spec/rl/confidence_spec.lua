--- Confidence sequences: the equations in float64, and how often they are passed at any time.
local prl = require "perilune"

local function moments(values)
  local sum, squares = 0, 0
  for _, value in ipairs(values) do sum = sum + value end
  local mean = sum / #values
  for _, value in ipairs(values) do squares = squares + (value - mean) ^ 2 end
  return #values, mean, squares / (#values - 1)
end

-- {lift, low, high} of two lists, as rl/confidence.h says.
local function expected(policy, baseline, about)
  local n1, m1, s1 = moments(policy)
  local n0, m0, s0 = moments(baseline)
  local c = 1 + about.bound * (m0 > 0 and 1 or -1)
  local v = s1 / n1 + c ^ 2 * s0 / n0
  local log = -2 * math.log(2 * about.level)
  local rho = (log + math.log(1 + log)) / about.users
  local x = rho * n1 * n0 / (n1 + n0)
  local radius = math.sqrt(2 * v * (x + 1) / x * math.log(1 + math.sqrt(x + 1) / (2 * about.level)))
  local theta, unit = m1 - c * m0, math.abs(m0)
  return {lift = theta / unit + about.bound, low = (theta - radius) / unit + about.bound, high = (theta + radius) / unit + about.bound}
end

describe("a confidence sequence", function()
  it("has the interval of its equations, for numbers and vectors, and means below 0", function()
    prl.seed(1)
    for _, sign in ipairs {1, -1} do
      local about = {bound = -0.05, level = 0.01, users = 300}
      local sequence = prl.confidence_sequence(about)
      local policy, baseline = (prl.randn(250) + 4 * sign):totable(), (prl.randn(120) * 2 + 5 * sign):totable()
      for _, value in ipairs(policy) do sequence:add(value) end
      sequence:add(nil, prl.tensor(baseline))
      local found, want = sequence:interval(), expected(policy, baseline, about)
      for _, key in ipairs {"lift", "low", "high"} do assert.near(want[key], found[key], 1e-12) end
      assert.same({250, 120}, {sequence:users()})
    end
  end)

  it("is tightest, for its data, at the users that it is made for", function()
    local function width(users)
      local sequence = prl.confidence_sequence {level = 0.025, users = users}
      prl.seed(2)
      sequence:add(prl.randn(2000) + 3, prl.randn(2000) + 3)
      local found = sequence:interval()
      return found.high - found.low
    end
    assert.is_true(width(1000) < width(500) and width(1000) < width(2000)) -- 1/(1/2000 + 1/2000)
    assert.is_true(width(10000) < 1.3 * width(1000) and width(100) < 1.1 * width(1000))
  end)

  it("says nothing too early, and of users who are all alike", function()
    local sequence = prl.confidence_sequence {}
    sequence:add(prl.rand(99), prl.rand(500))
    assert.is_nil(sequence:interval())
    sequence:add(0.5)
    assert.is_table(sequence:interval())
    local alike = prl.confidence_sequence {}
    alike:add(prl.ones(200), prl.ones(200))
    assert.is_nil(alike:interval())
  end)

  -- Of so many streams with a true lift that is the bound, looked at every ten users: how many each side was passed in.
  local function passed(streams, shift, draw)
    local low, high = 0, 0
    for stream = 1, streams do
      prl.seed(stream)
      local sequence = prl.confidence_sequence {bound = -0.1, level = 0.05, users = 500}
      local below, above = false, false
      for _ = 1, 200 do
        sequence:add(draw(10) * (0.9 + shift), draw(20))
        local now = sequence:interval()
        below, above = below or (now and now.high < -0.1), above or (now and now.low > -0.1)
      end
      low, high = low + (below and 1 or 0), high + (above and 1 or 0)
    end
    return low / streams, high / streams
  end

  it("is passed at any time as often as its level says, at most, of skewed values too", function()
    local function normal(n) return prl.randn(n) + 2 end
    local function skewed(n) return prl.exp(prl.randn(n)) end -- e^normal: its greatest of 2,000 is some 30 times the median
    for _, draw in ipairs {normal, skewed} do
      local low, high = passed(400, 0, draw)
      assert.is_true(low <= 0.05 + 2 * 0.011 and high <= 0.05 + 2 * 0.011, low .. " " .. high) -- two deviations of 400 streams
    end
  end)

  it("finds what is there", function()
    local low = passed(50, -0.4, function(n) return prl.randn(n) + 2 end)
    local _, high = passed(50, 0.4, function(n) return prl.randn(n) + 2 end)
    assert.same({1, 1}, {low, high})
  end)

  it("refuses what it cannot be", function()
    local function refused(message, options)
      local ok, text = pcall(prl.confidence_sequence, options)
      assert.is_false(ok)
      assert.truthy(text:find(message, 1, true), text)
    end
    refused("level: expected a number above 0 and at most 0.25, got 0.5", {level = 0.5})
    refused("users: expected a number of 1 or more, got 0", {users = 0})
    refused('has no option "boundd"; the nearest is "bound"', {boundd = 0.5})
    assert.has_error(function() prl.confidence_sequence {}:add(prl.ones(2, 2)) end)
    assert.has_error(function() prl.confidence_sequence {}:add "1" end)
  end)
end)
