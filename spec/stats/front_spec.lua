--- The front of one response against others.

local front = require "perilune.stats.front"

describe("the front", function()
  it("holds the points that no other beats in both", function()
    assert.same({true, false, true, true, false}, front.nondominated {{1, 5}, {1, 4}, {2, 3}, {4, 1}, {3, 0.5}})
    assert.same({true, true}, front.nondominated {{1, 1}, {1, 1}}) -- equal points do not beat each other
    assert.same({}, front.nondominated {})
  end)

  local function panel(watch, like, share)
    return {users = #watch, days = 2, columns = {watch = watch, like = like, share = share}}
  end

  local base = panel({10, 30, 20}, {1, 1, 1}, {1, 0, 2})
  local options = {x = "watch", y = {"like", "share"}}
  local function entry(name, kind, watch, like, share)
    return {name = name, kind = kind, panel = panel(watch, like, share), action = kind == "vector" and {a = 0.5} or nil}
  end
  local entries = {
    entry("vector 1", "vector", {12, 36, 24}, {1, 1, 1}, {0, 0, 0}), -- + 20 %, 3 of 6
    entry("vector 2", "vector", {9, 27, 18}, {2, 2, 2}, {1, 0, 2}),  -- − 10 %, 9 of 6
    entry("vector 3", "vector", {8, 24, 16}, {2, 2, 2}, {1, 0, 2}),  -- beaten by the second
    entry("policy", "policy", {14, 42, 28}, {2, 2, 2}, {2, 0, 4}),
  }

  local function near(expected, found) assert.is_true(math.abs(expected - found) < 1e-12, found) end

  it("draws one response against the sum of others, in parts of the baseline", function()
    local found = front.of(options, entries, base, "ltr", true)
    local points = {}
    for _, point in ipairs(found.points) do points[point.name] = point end
    near(0, points.ltr.x.mean)
    near(0, points.ltr.y.half)
    near(0.2, points["vector 1"].x.mean)
    near(0, points["vector 1"].x.half) -- every user gained the same share
    near(-0.5, points["vector 1"].y.mean)
    near(0.5, points["vector 2"].y.mean)
    near(1, points.policy.y.mean)
    assert.is_nil(points.policy.on) -- it is no global vector
    local line = front.line(found)
    assert.same({"vector 2", "ltr", "vector 1"}, {line[1].name, line[2].name, line[3].name})
    assert.equal(3, #line)
  end)

  it("leaves a baseline that is no constant action off the line", function()
    local line = front.line(front.of(options, entries, base, "runs/x", false))
    assert.same({"vector 2", "vector 1"}, {line[1].name, line[2].name})
  end)

  it("gives each policy beside a colour of its own", function()
    local html, section = require "perilune.report.html", require("perilune.report.front").section
    local more = {unpack(entries)}
    more[#more + 1] = entry("one", "beside", {11, 33, 22}, {1, 2, 1}, {1, 0, 2})
    more[#more + 1] = entry("two", "beside", {10, 31, 20}, {1, 1, 2}, {1, 1, 2})
    local text = tostring(html.tag("div", nil, section(front.of(options, more, base, "ltr", true))))
    local seen = {}
    for _, name in ipairs {"ltr", "policy", "one", "two"} do
      local color = text:match('class="name (c%d)"[^>]*>' .. name .. "<")
      assert.is_string(color, name)
      assert.is_nil(seen[color], name .. " has the colour of " .. tostring(seen[color]))
      seen[color] = name
      assert.truthy(text:find('<g class="' .. color .. '"><title>' .. name .. ": ", 1, true), name) -- the mark's is the name's
    end
  end)

  it("is one drawing with its numbers", function()
    local html, section = require "perilune.report.html", require("perilune.report.front").section
    local text = tostring(html.tag("div", nil, section(front.of(options, entries, base, "<ltr>", true))))
    for _, part in ipairs {"<svg", 'class="front-line"', "like + share", "&lt;ltr&gt;", "3 vectors for everybody",
      "policy: watch +40.00 ± 0.00 %", "{a = 0.5}", "3 users × 2 days"} do
      assert.truthy(text:find(part, 1, true), part)
    end
    assert.falsy(text:find("nan", 1, true))
    assert.falsy(text:find("%%", 1, true))
    assert.is_nil(section(nil))
  end)

  it("puts an experiment's arms, with the panels of all seeds, beside their control", function()
    local function of(x, y, z) return {users = 3, days = 1, columns = {x = x, y = y, z = z}} end
    local control = {name = "control", panels = {of({10, 20, 30}, {1, 1, 2}, {1, 0, 1}), of({12, 20, 28}, {1, 2, 1}, {0, 1, 1})}}
    local arm = {name = "arm", panels = {of({11, 22, 33}, {1, 1, 1}, {0, 0, 1}), of({13, 22, 31}, {1, 1, 1}, {0, 1, 1})}}
    local found = front.of_arms({"x", "y", "z"}, {control, arm}, control)
    assert.equal(2, #found.points)
    assert.same({"control", "arm"}, {found.points[1].name, found.points[2].name})
    assert.near((0.1 + 0.1) / 2, found.points[2].x.mean, 1e-12)
    assert.near(((4 / 6 - 1) + (5 / 6 - 1)) / 2, found.points[2].y.mean, 1e-12)
    assert.is_true(found.points[2].x.half ~= nil)
    assert.is_nil(front.of_arms({}, {control, arm}, control))
  end)
end)
