--- A/B tests of learners (trainer/ab.lua), judged as split.lua judges shares: lifts of other users over the control's, unpaired, with
--- Welch's interval over users, which says nothing of another learner; several tests, each with its own world, users and learners,
--- say that.
---
--- A test is {shares = [{name, of, users}], columns = {name = {each user's days, one after the other}}, days, from}: its table judges
--- the days from `from` on. The share "A/A" is compared with the other share of its arm.

local lift = require "perilune.stats.lift"
local split = require "perilune.stats.split"
local stats = require "perilune.stats"

local ab = {}

--- The panel of a share over these days.
function ab.panel(test, share, first, last)
  local panel = {users = #share.users, days = last - first + 1, columns = {}}
  for name, values in pairs(test.columns) do
    local column = {}
    for i, user in ipairs(share.users) do
      local sum, at = 0, (user - 1) * test.days
      for day = first, last do sum = sum + values[at + day] end
      column[i] = sum
    end
    panel.columns[name] = column
  end
  return panel
end

-- The panels of all shares, and of each whose it is compared with; the control itself has none.
local function panels(test, control, first, last)
  local list, by_name = {}, {}
  for i, share in ipairs(test.shares) do
    list[i] = {name = share.name, of = share.of, panel = ab.panel(test, share, first, last)}
    by_name[share.name] = list[i].panel
  end
  for _, one in ipairs(list) do
    if one.name == "A/A" then one.beside = by_name[one.of] elseif one.name ~= control then one.beside = by_name[control] end
  end
  return list
end

-- The lifts of the arms in one test: {[metric's name] = [{name, lift, told}]}, arms in the order of the shares.
local function judge(test, control, metrics)
  local result = {}
  local list = panels(test, control, test.from, test.days)
  for _, metric in ipairs(metrics) do
    local arms = {}
    for _, one in ipairs(list) do
      if one.beside then
        local value = split.lift(one.panel, one.beside, metric)
        arms[#arms + 1] = {name = one.name, of = one.of, lift = value,
          told = value ~= nil and value.half ~= nil and math.abs(value.mean) > value.half}
      end
    end
    result[metric.name] = arms
  end
  return result
end

-- User-days, of all shares together, at which the first test's interval would be as wide as the paired lift is large.
local function needed(first, paired, user_days)
  if not first.lift or not first.lift.half or not paired or math.abs(paired.mean) < 1e-9 then return nil end
  return user_days * stats.square(first.lift.half / paired.mean)
end

local function paired_of(contrasts, m, name)
  for _, one in ipairs(contrasts.rows[m].arms) do
    if one.name == name then return one.lift end
  end
end

--- tests: of one world; metrics, and contrasts (stats/contrasts.lua), the paired table of the same metrics. Returns {sizes,
--- sample_ratio (of the first test), from, days, tests (how many), rows = [{name, unit, per, formula, arms = [{name, of, lift and
--- told of the first test, mean (interval over tests), count (of tests that tell it), needed}]}]}.
function ab.of(tests, control, metrics, contrasts)
  local first, judged = tests[1], {}
  local result = {sizes = {}, from = first.from, days = first.days, tests = #tests, rows = {}}
  local users = 0
  for i, share in ipairs(first.shares) do
    result.sizes[i] = #share.users
    users = users + #share.users
  end
  result.sample_ratio = split.sample_ratio(result.sizes)
  for t, test in ipairs(tests) do judged[t] = judge(test, control, metrics) end
  for m, metric in ipairs(metrics) do
    local row = {name = metric.name, unit = metric.unit, per = metric.per, formula = metric.formula, arms = {}}
    for i, one in ipairs(judged[1][metric.name]) do
      local means, count = {}, 0
      for t = 1, #tests do
        local other = judged[t][metric.name][i]
        means[#means + 1] = other.lift and other.lift.mean
        count = count + (other.told and 1 or 0)
      end
      row.arms[i] = {name = one.name, of = one.of, lift = one.lift, told = one.told, count = count,
        mean = #means == #tests and stats.interval(means) or nil,
        needed = one.name ~= "A/A" and needed(one, paired_of(contrasts, m, one.name), users * (first.days - first.from + 1)) or nil}
    end
    result.rows[m] = row
  end
  return result
end

--- The lift of each arm day by day, mean, least and greatest of the tests: [{name, points = [{x = day, mean, low, high}]}], of
--- one metric, in percent.
function ab.curves(tests, control, metric)
  local result, by_name = {}, {}
  for day = 1, tests[1].days do
    for _, test in ipairs(tests) do
      for _, one in ipairs(panels(test, control, day, day)) do
        local r, r0 = one.beside and lift.ratio(one.panel, metric), one.beside and lift.ratio(one.beside, metric)
        if r and r0 and r0 ~= 0 then
          local curve = by_name[one.name]
          if not curve then
            curve = {name = one.name, points = {}}
            by_name[one.name], result[#result + 1] = curve, curve
          end
          local value, point = 100 * (r / r0 - 1), curve.points[#curve.points]
          if not point or point.x ~= day then
            point = {x = day, sum = 0, n = 0, low = math.huge, high = -math.huge}
            curve.points[#curve.points + 1] = point
          end
          point.sum, point.n = point.sum + value, point.n + 1
          point.mean, point.low, point.high = point.sum / point.n, math.min(point.low, value), math.max(point.high, value)
        end
      end
    end
  end
  return result
end

return ab
