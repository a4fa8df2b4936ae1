--- Numbers as reports print them.

local format = require "perilune.format"

describe("format", function()
  it("writes numbers in four digits", function()
    assert.equal("0", format.number(0))
    assert.equal("0.01235", format.number(0.012345))
    assert.equal("−151.2", format.number(-151.23))
    assert.equal("307,200", format.number(307200))
    assert.equal("1.2e-07", format.number(1.2e-7))
    assert.equal("not a number", format.number(0 / 0))
    assert.equal("−∞", format.number(-math.huge))
  end)

  it("groups thousands", function()
    assert.equal("1", format.grouped(1))
    assert.equal("999", format.grouped(999))
    assert.equal("1,000", format.grouped(1000))
    assert.equal("−1,234,567", format.grouped(-1234567))
  end)

  it("shortens counts", function()
    assert.equal("9,999", format.count(9999))
    assert.equal("10 k", format.count(10000))
    assert.equal("307 k", format.count(307200))
    assert.equal("1 M", format.count(1e6))
    assert.equal("10 M", format.count(1e7))
  end)

  it("writes durations", function()
    assert.equal("4.2 s", format.duration(4.2))
    assert.equal("59 s", format.duration(59.2))
    assert.equal("1 min 00 s", format.duration(59.9))
    assert.equal("1 min 05 s", format.duration(65))
    assert.equal("2 h 10 min", format.duration(7800))
  end)

  it("aligns columns, and goes on below with those that are too wide", function()
    assert.equal("  a       bb\n  ccc   −1.5\n", format.columns {{"a", "bb"}, {"ccc", "−1.5"}})
    assert.equal("  a\n", format.columns {{"a"}})
    local header, row = {"name"}, {"x"}
    for i = 2, 5 do header[i], row[i] = ("c"):rep(60) .. i, tostring(i) end
    local lines = {}
    for line in format.columns({header, row}):gmatch "[^\n]+" do lines[#lines + 1] = line end
    assert.equal(4, #lines) -- two columns of 61 fit beside the first
    assert.equal("  name   " .. header[2] .. "   " .. header[3], lines[1])
    assert.equal("  name   " .. header[4] .. "   " .. header[5], lines[3])
    assert.truthy(lines[4]:find "^  x +4 +5$")
    header[2], row[2] = ("c"):rep(200), "2" -- wider than a line by itself
    assert.truthy(format.columns({header, row}):find("^  name   " .. header[2] .. "\n"))
  end)

  it("gives an error two digits and the mean as many places", function()
    assert.equal("−151.2 ± 4.1", format.with_error(-151.234, 4.12))
    assert.equal("500", format.with_error(500, 0))
    assert.equal("0.01234 ± 0.00012", format.with_error(0.012341, 0.000123))
  end)
end)
