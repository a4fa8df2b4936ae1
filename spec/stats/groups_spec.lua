--- Actions by user group, and the intervals of such means and ratios.

local groups = require "perilune.stats.groups"
local html = require "perilune.report.html"
local section = require("perilune.report.groups").section
local stats = require "perilune.stats"

local function near(expected, found) assert.is_true(math.abs(expected - found) < 1e-9, found) end

describe("thirds of users", function()
  local function users(values)
    local lists = {}
    for g, group in ipairs(groups.thirds(values)) do lists[g] = group.users end
    return lists
  end

  it("are as equal in size as the number allows", function()
    assert.same({{3, 1}, {5, 2}, {6, 4}}, users {2, 4, 1, 9, 3, 5})
    assert.same({{1, 2}, {3}, {4, 5}}, users {1, 2, 3, 4, 5})
    assert.same({{1}, {2}}, users {1, 2}) -- two users make two groups
  end)

  it("never part users of one value", function()
    assert.same({{1, 2, 3, 4}, {5, 6}}, users {0, 0, 0, 0, 1, 2})
    assert.same({{1, 2, 3}}, users {7, 7, 7})
    assert.same({}, users {})
  end)

  it("say from where to where they reach", function()
    local found = groups.thirds {2, 4, 1, 9, 3, 5}
    assert.same({1, 2}, {found[1].low, found[1].high})
    assert.same({5, 9}, {found[3].low, found[3].high})
  end)
end)

describe("actions by group", function()
  -- Six users; activity .1 … .6 at every request; the action of a request is .1 of the light and .5 of the heavy.
  local requests = {1, 2, 1, 4, 2, 3}
  local function panel(action, watch)
    local columns = {requests = requests, ["action/watch"] = {}, ["action/like"] = {}, ["observed/activity"] = {},
      watch = watch}
    for u = 1, 6 do
      columns["action/watch"][u] = action[u] * requests[u]
      columns["action/like"][u] = 0.25 * requests[u]
      columns["observed/activity"][u] = u / 10 * requests[u]
    end
    return {users = 6, days = 1, columns = columns}
  end
  local policy = panel({0.1, 0.2, 0.3, 0.4, 0.5, 0.7}, {2, 4, 6, 8, 12, 14})
  local baseline = panel({0, 0, 0, 0, 0, 0}, {1, 2, 3, 4, 8, 7})
  local found = groups.of(policy, baseline, {"watch", "like"}, {"activity"}, {{name = "watch", of = "watch"}})

  it("are means over requests, with intervals over users", function()
    near((0.1 + 2 * 0.2 + 0.3 + 4 * 0.4 + 2 * 0.5 + 3 * 0.7) / 13, found.all[1].mean)
    local low, high = found.by[1].groups[1].actions[1], found.by[1].groups[3].actions[1]
    near((0.1 + 2 * 0.2) / 3, low.mean)
    near((2 * 0.5 + 3 * 0.7) / 5, high.mean)
    -- by hand: e = (A − R n) / mean n, of the users 1 and 2
    local e = {(0.1 - 0.5 / 3) / 1.5, (0.4 - 0.5 / 3 * 2) / 1.5}
    near(stats.interval(e).half, low.half)
    local same = found.by[1].groups[2].actions[2]
    near(0.25, same.mean)
    near(0, same.half) -- the same for everybody
    near(high.mean - low.mean, found.by[1].differences[1].mean)
    near(0, found.by[1].differences[2].half)
  end)

  it("stand beside the lift of each group", function()
    near(1, found.by[1].groups[1].lift[1].mean)
    near(0, found.by[1].groups[1].lift[1].half)
    near(26 / 15 - 1, found.by[1].groups[3].lift[1].mean)
  end)

  it("are grouped by the baseline, so that a policy cannot move users", function()
    local moved = panel({0.1, 0.2, 0.3, 0.4, 0.5, 0.7}, {2, 4, 6, 8, 12, 14})
    moved.columns["observed/activity"] = {9, 8, 7, 6, 5, 4}
    assert.same(found, groups.of(moved, baseline, {"watch", "like"}, {"activity"}, {{name = "watch", of = "watch"}}))
  end)

  it("are a section of the report", function()
    local text = tostring(html.tag("div", nil, section(found)))
    for _, part in ipairs {"By activity", "<svg", "high − low", "0.25", "low (0.1 … 0.2)"} do
      assert.truthy(text:find(part, 1, true), part)
    end
    assert.is_nil(section(nil))
    assert.is_nil(section(groups.of(baseline, baseline, {"watch", "like"}, {"activity"}, {}))) -- the same for all
    assert.is_nil(groups.of(policy, baseline, {"watch"}, {}, {}))
  end)
end)

describe("the difference of two independent means", function()
  it("is Welch's", function()
    local a, b = stats.interval {1, 2, 3, 4}, stats.interval {2, 6, 10, 14}
    local found = stats.difference(a, b)
    near(5.5, found.mean)
    local va, vb = (5 / 3) / 4, (80 / 3) / 4
    local df = (va + vb) ^ 2 / (va ^ 2 / 3 + vb ^ 2 / 3)
    near(stats.t_quantile(0.975, df) * math.sqrt(va + vb), found.half)
  end)
end)

describe("the interval of a ratio", function()
  it("moves with the units alone", function()
    local found = stats.ratio_interval({2, 4, 6}, {1, 2, 3})
    near(2, found.mean)
    near(0, found.half)
    local one = stats.ratio_interval({1, 2, 6}, 1)
    local plain = stats.interval {1, 2, 6}
    near(plain.mean, one.mean)
    near(plain.half, one.half)
    assert.is_nil(stats.ratio_interval({1, 2}, {0, 0}))
  end)
end)
