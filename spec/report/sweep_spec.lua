--- The table and the pictures of a sweep.

local axis = require "perilune.report.axis"
local points = require "perilune.stats.points"
local sweep = require "perilune.report.sweep"

local function values(...)
  local list = {}
  for i, value in ipairs {...} do
    list[i] = {text = tostring(value), label = tostring(value), number = tonumber(value)}
  end
  return list
end

--- A sweep over these axes ({name, values}) whose point number p gives of(p) = {of each seed}, or nil where it failed.
local function made(axes, of, more)
  local swept = {name = "made", path = "made.lua", axes = {}, names = {}, points = {}, seeds = {1, 2, 3},
    fresh_seeds = {4, 5, 6}, metric = {name = "watch", unit = "s", of = "watch"}, measured = {}, failed = {}, undefined = {},
    command = "perilune sweep made.lua", root = "runs/made", recipe = "return {}\n"}
  for key, value in pairs(more or {}) do swept[key] = value end
  local count = 1
  for a, one in ipairs(axes) do
    swept.names[a], swept.axes[a] = one[1], {path = "algorithm." .. one[1], values = one[2]}
    count = count * #one[2]
  end
  for number = 1, count do
    local point, rest, labels = {index = {}, values = {}, set = {}, hash = "h" .. number}, number - 1, {}
    for a = #axes, 1, -1 do
      local list = axes[a][2]
      point.index[a] = rest % #list + 1
      point.values[a], rest = list[point.index[a]], math.floor(rest / #list)
    end
    for a, one in ipairs(axes) do labels[a] = one[1] .. "=" .. point.values[a].label end
    point.label, point.base = table.concat(labels, " "), number == swept.base
    swept.points[number] = point
    local list = of(number)
    swept.failed[number] = not list and "the run with seed 1 ended with: no <luck>" or nil
    if list then
      swept.measured[number] = {}
      for i, value in ipairs(list) do
        swept.measured[number][i] = {seed = swept.seeds[i], value = value, folder = "runs/made/f", means = {watch = value},
          responses = {{name = "watch", unit = "s"}}, evaluation = {}}
      end
    end
  end
  swept.judged = points.judge(swept.measured, swept.metric, swept.minimise, swept.base)
  if swept.judged and not swept.fresh_failed then
    swept.fresh_runs = {{seed = 4, value = 7, folder = "runs/made/4"}, {seed = 5, value = 8, folder = "runs/made/5"},
      {seed = 6, value = 9, folder = "runs/made/6"}}
    swept.fresh = points.estimate(swept.fresh_runs, swept.metric)
  end
  return swept
end

describe("the axis of a sweep", function()
  it("is logarithmic where values span decades, even where they are no numbers or 0 stands among them", function()
    assert.equal("linear", axis.scale(values(0, 0.5, 0.9, 0.95, 0.99)))
    assert.equal("linear", axis.scale(values(1, 2, 20)))
    assert.equal("log", axis.scale(values(1e-4, 1e-2, 1e-3)))
    assert.equal("even", axis.scale(values(0, 1e-4, 1e-2)))
    assert.equal("even", axis.scale(values("relu", "tanh")))
    assert.equal("linear", axis.scale(values(3)))
    assert.equal("linear", axis.scale(values(0)))
    assert.equal("linear", axis.scale(values(-1, 1)))
  end)

  it("is logarithmic for what differs by factors, however near the values are", function()
    assert.equal("log", axis.scale(values(1e-3, 3e-4), true))
    assert.equal("linear", axis.scale(values(1e-3, 3e-4)))
    assert.equal("even", axis.scale(values(0, 3e-4, 1e-3), true))
    assert.equal("linear", axis.scale(values(1e-3), true))
    local swept = made({{"lr", values(1e-4, 2e-4, 4e-4)}}, function(p) return {p, p + 1, p} end)
    local function middle() -- the distances from the middle dot to the others
      local at = {}
      for x in sweep.render(swept):gmatch('<circle[^>]*cx="([%d.]+)"') do at[#at + 1] = tonumber(x) end
      return at[2] - at[1], at[3] - at[2]
    end
    local before, behind = middle()
    assert.is_true(behind > 1.9 * before)
    assert.falsy(sweep.render(swept):find("; logarithmic", 1, true))
    swept.axes[1].by_factors = true
    before, behind = middle()
    assert.is_true(math.abs(before - behind) < 0.2, before .. " " .. behind)
    assert.truthy(sweep.render(swept):find("; logarithmic", 1, true))
  end)

  it("draws every point with its interval, and joins numbers alone", function()
    local function figure(list)
      return tostring(axis.figure {title = "t", values = list, lines = {{label = "a", color = 1,
        points = {{mean = 1, low = 0, high = 2}, {mean = 2, low = 2, high = 2, mark = true}}}}})
    end
    local numbers, words = figure(values(1, 2)), figure(values("a", "b"))
    assert.equal(2, select(2, numbers:gsub("<circle", "")))
    assert.equal(1, select(2, numbers:gsub('class="bars', "")))
    assert.truthy(numbers:find("<path", 1, true))
    assert.falsy(words:find("<path", 1, true))
  end)
end)

describe("the table of a sweep", function()
  it("stands in the grid's order, with the best, the base and what they differ by", function()
    local swept = made({{"lr", values(0.1, 0.2, 0.3)}}, function(p) return {p, p + 1, p + (p == 2 and 9 or 2)} end, {base = 1})
    local text = sweep.text(swept)
    assert.truthy(text:find("made: watch (s) of an episode, more is better; each point on the same 3 seeds (1 to 3)", 1, true))
    assert.truthy(text:find("\n  lr +watch %(s%), 95 %% +− best, 95 %% +− base, 95 %%\n"), text)
    assert.truthy(text:find("\n  0.1 +2.0 ± 2.5 +[^\n]+ +base\n  0.2 [^\n]+best[^\n]+\n  0.3 "), text)
    assert.truthy(text:find("The best is lr=0.2. On 3 fresh seeds (4 to 6) that took no part in the choice it gives 8.0 ± 2.5; "
      .. "it was chosen by ", 1, true), text)
    assert.truthy(text:find("It cannot be told from the second, lr=0.3 (nor from 1 more): their paired difference, ", 1, true), text)
  end)

  it("calls what chose the best optimistic only where fresh seeds gave less, or more where less is better", function()
    local function said(minimise)
      local swept = made({{"lr", values(0.1, 0.2)}}, function(p) return {p, p + 1, p + 2} end, {minimise = minimise})
      return sweep.text(swept), sweep.render(swept)
    end
    for minimise, optimistic in pairs {[false] = false, [true] = true} do -- fresh seeds give 8
      local text, page = said(minimise)
      assert.equal(optimistic, text:find("that it was chosen by is optimistic.", 1, true) ~= nil, text)
      assert.equal(not optimistic, text:find("; it was chosen by ", 1, true) ~= nil, text)
      assert.equal(optimistic, page:find("the same on the seeds that chose it: optimistic", 1, true) ~= nil)
    end
  end)

  it("says when the second can be told from the best, and which way is better", function()
    local swept = made({{"lr", values(0.1, 0.2)}}, function(p) return {p, p + 0.9, p + 2.1} end, {minimise = true})
    local text = sweep.text(swept)
    assert.truthy(text:find("less is better", 1, true))
    assert.truthy(text:find("The best is lr=0.1.", 1, true))
    swept = made({{"lr", values(0.1, 0.2)}}, function(p) return {p, 9 + p, 4 + 1.01 * p} end)
    assert.truthy(sweep.text(swept):find("the two can be told apart", 1, true))
  end)

  it("says that one seed tells nothing", function()
    local swept = made({{"lr", values(0.1, 0.2)}}, function(p) return {p} end, {seeds = {1}, fresh_seeds = {2}})
    local text = sweep.text(swept)
    assert.truthy(text:find("each point on the same seed 1;", 1, true), text)
    assert.truthy(text:find("One seed cannot tell it from the second, lr=0.1: another training may differ by more.", 1, true), text)
  end)

  it("shows a point that failed, with why, and none as the best where all did", function()
    local swept = made({{"lr", values(0.1, 0.2)}}, function(p) return p == 1 and {1, 2, 3} or nil end)
    local text = sweep.text(swept)
    assert.truthy(text:find("\n  0.2 +failed +–\n"), text)
    assert.truthy(text:find("\n  lr=0.2: the run with seed 1 ended with: no <luck>\n", 1, true), text)
    assert.truthy(sweep.render(swept):find("no &lt;luck&gt;", 1, true))
    swept = made({{"lr", values(0.1, 0.2)}}, function() return nil end)
    assert.truthy(sweep.text(swept):find("No point was measured on all of its seeds.", 1, true))
    assert.truthy(sweep.render(swept):find("No point was measured on all of its seeds.", 1, true))
  end)

  it("says that the best figure is optimistic where the fresh runs failed", function()
    local swept = made({{"lr", values(0.1, 0.2)}}, function(p) return {p, p, p} end, {fresh_failed = "a full disk"})
    assert.truthy(sweep.text(swept):find("It was not measured on fresh seeds (a full disk): 2 is what it was chosen by, and optimistic.",
      1, true))
    assert.is_nil(sweep.data(swept).fresh)
  end)
end)

describe("the page of a sweep", function()
  it("has a picture for each axis, with a line for each combination of the others, and says where there are more", function()
    local swept = made({{"lr", values(1e-4, 1e-3, 1e-2)}, {"kind", values("a", "b")}}, function(p) return {p, p + 2, p + 1} end)
    local page = sweep.render(swept)
    assert.equal(2, select(2, page:gsub("<svg", "")))
    assert.truthy(page:find("logarithmic", 1, true))
    assert.equal(2 + 3, select(2, page:gsub('class="key c', "")))
    assert.falsy(page:find("combinations of the other axes", 1, true))
    assert.truthy(page:find("perilune sweep made.lua", 1, true))
    swept = made({{"lr", values(1, 2)}, {"n", values(1, 2, 3, 4, 5, 6, 7)}}, function(p) return {p, p, p + 1} end)
    page = sweep.render(swept)
    assert.truthy(page:find("6 of 7 combinations of the other axes: those nearest to the best point", 1, true))
    assert.truthy(page:find("n=7", 1, true)) -- the best point's own is among them
  end)

  it("goes into JSON with every seed", function()
    local swept = made({{"lr", values(1, 2)}}, function(p) return {p, p, p + 1} end)
    local data = sweep.data(swept)
    assert.same({2, 1}, {data.best, data.second})
    assert.same({1, 2, 3}, {data.points[1].seeds[1].seed, data.points[1].seeds[2].seed, data.points[1].seeds[3].seed})
    assert.equal(8, data.fresh.value.mean)
  end)
end)
