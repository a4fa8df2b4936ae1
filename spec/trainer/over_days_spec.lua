--- Lifts by the days that users have had with a policy.
local over_days = require "perilune.trainer.over_days"
local prl = require "perilune"
local panel = require "perilune.trainer.panel"

describe("lifts by the users' days", function()
  local names, metrics = {"watch_time"}, {{name = "watch_time", unit = "s", of = "watch_time"}}

  -- Three users, each of whom watches amount(user, day).
  local function watched(days, amount)
    local sums = prl.zeros({3, days, 1}, "float64")
    for user = 1, 3 do
      for day = 1, days do sums:set(user, day, 1, amount(user, day)) end
    end
    return panel.of_days({sums = sums, names = names}, 1, days)
  end
  local function base(user) return 10 * user end

  it("are those of each part by itself, arms in their order without the control", function()
    local control = {name = "before", panels = {watched(10, base)}}
    local late = {name = "late", panels = {watched(10, function(user, day) return base(user) * (day >= 8 and 2 or 1) end)}}
    local half = {name = "half", panels = {watched(10, function(user) return base(user) / 2 end)}}
    local found = over_days.of({late, control, half}, control, metrics)
    assert.same({{from = 1, to = 2}, {from = 3, to = 5}, {from = 6, to = 7}, {from = 8, to = 10}}, found.parts)
    local row = found.rows[1]
    assert.same({"watch_time", "late", "half"}, {row.name, row.arms[1].name, row.arms[2].name})
    for part, wanted in ipairs {0, 0, 0, 1} do
      assert.near(wanted, row.arms[1].lifts[part].mean, 1e-12)
      assert.near(-0.5, row.arms[2].lifts[part].mean, 1e-12)
    end
  end)

  it("have a part a day where there are few, and no lift where nothing came", function()
    local control = {name = "before", panels = {watched(2, function(_, day) return day - 1 end)}}
    local found = over_days.of({{name = "arm", panels = {watched(2, base)}}}, control, metrics)
    assert.same({{from = 1, to = 1}, {from = 2, to = 2}}, found.parts)
    assert.is_false(found.rows[1].arms[1].lifts[1])
    assert.near(19, found.rows[1].arms[1].lifts[2].mean, 1e-12)
  end)

  it("are not there for a single day, or where no response is asked for", function()
    local control, arm = {name = "before", panels = {watched(1, base)}}, {name = "arm", panels = {watched(1, base)}}
    assert.is_nil(over_days.of({arm}, control, metrics))
    control.panels[1] = watched(4, base)
    assert.is_nil(over_days.of({{name = "arm", panels = {watched(4, base)}}}, control, {}))
  end)
end)
