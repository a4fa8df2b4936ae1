--- The metrics of a fit: areas under the curve, log-loss, calibration, and the bootstrap over users.

local metrics = require "perilune.fit.metrics"

--- The definition: over all pairs of a positive and a negative row.
local function brute(scores, labels, weights, user)
  local sum, total = 0, 0
  for i = 1, #scores do
    for j = 1, #scores do
      if labels[i] == 1 and labels[j] == 0 then
        local w = weights and weights[user[i]] * weights[user[j]] or 1
        total = total + w
        sum = sum + w * (scores[i] > scores[j] and 1 or scores[i] == scores[j] and 0.5 or 0)
      end
    end
  end
  return total > 0 and sum / total or nil
end

local function sample(n, seed)
  local state, scores, labels, user, group = seed, {}, {}, {}, {}
  local function draw()
    state = state * 16807 % 2147483647
    return state / 2147483647
  end
  for i = 1, n do
    scores[i] = math.floor(draw() * 12) / 12 -- ties
    labels[i] = draw() < 0.2 + 0.5 * scores[i] and 1 or 0
    user[i], group[i] = math.floor(draw() * 8), math.floor(draw() * 3)
  end
  return scores, labels, user, group, draw
end

describe("the figures of a ranker", function()
  it("give the area under the curve as its definition does, with ties and weights", function()
    for seed = 1, 20 do
      local scores, labels, user = sample(60, seed)
      local order = metrics.order(scores)
      assert.near(brute(scores, labels), metrics.auc(order, scores, labels), 1e-12)
      local weights = {}
      for u = 0, 7 do weights[u] = (u * seed) % 4 + (u % 2) end
      assert.near(brute(scores, labels, weights, user), metrics.auc(order, scores, labels, weights, user), 1e-12)
    end
    assert.is_nil(metrics.auc({1, 2}, {0.1, 0.2}, {1, 1}))
    assert.is_nil(metrics.auc({}, {}, {}))
  end)

  it("average areas within groups by their rows, without groups of one class", function()
    local scores, labels, _, group = sample(80, 5)
    for i = 1, 80 do if group[i] == 2 then labels[i] = 1 end end
    local sum, total = 0, 0
    for g = 0, 1 do
      local s, l = {}, {}
      for i = 1, 80 do if group[i] == g then s[#s + 1], l[#l + 1] = scores[i], labels[i] end end
      sum, total = sum + brute(s, l) * #s, total + #s
    end
    local groups = metrics.by_group(metrics.order(scores), group)
    assert.near(sum / total, metrics.grouped_auc(groups, scores, labels), 1e-12)
  end)

  it("bound the log-loss of what was held impossible", function()
    local losses = metrics.log_losses({0.5, 0, 1}, {1, 1, 1})
    assert.near(math.log(2), losses[1], 1e-12)
    assert.near(-math.log(1e-7), losses[2], 1e-9)
    assert.near(1e-7, losses[3], 1e-9)
  end)

  it("calibrate in parts of equal size", function()
    local scores, labels = {}, {}
    for i = 1, 1000 do scores[i], labels[i] = i / 1000, i % 2 end
    local bins, gap = metrics.calibration(metrics.order(scores), scores, labels, 10)
    assert.equal(10, #bins)
    assert.near(0.0505, bins[1].predicted, 1e-9)
    assert.equal(0.5, bins[1].observed)
    assert.is_true(bins[1].low < 0.5 and bins[1].high > 0.5 and bins[1].rows == 100)
    assert.near(0.25, gap, 1e-3)
    bins = metrics.calibration({1, 2}, {0, 1}, {0, 1}, 10)
    assert.equal(2, #bins)
  end)

  it("draw whole users, and give an interval that holds the mean of many", function()
    local user, values, _, draw = {}, {}, nil, select(5, sample(1, 9))
    for i = 1, 2000 do user[i], values[i] = i % 100, (i % 100 < 50) and 1 or 0 end
    local intervals = metrics.bootstrap(100, 400, function(n)
      local list = {}
      for i = 1, n do list[i] = draw() end
      return list
    end, function(weights) return {mean = metrics.mean(values, weights, user)} end)
    -- 100 users of one value each: the deviation of the mean is 0.05, whatever the number of their rows.
    assert.near(0.5 - 1.96 * 0.05, intervals.mean[1], 0.02)
    assert.near(0.5 + 1.96 * 0.05, intervals.mean[2], 0.02)
  end)
end)
