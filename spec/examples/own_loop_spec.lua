--- examples/own_loop: a script whose loop is a run.
local posix = require "posix"
local command = require "support.command"
local files = require "support.files"

describe("the example of a loop of one's own", function()
  it("climbs, stops, and goes on where it was", function()
    local root = files.folder()
    local script = posix.getcwd() .. "/examples/own_loop/climb.lua"
    local out, err, code = command.run(root, script .. " -q --set steps=30000")
    assert.equal(0, code, err)
    local folder = out:match("Report: (.-)/report.html")
    local before = tonumber(files.read(("%s/%s/evaluations.csv"):format(root, folder)):match("\n%d+,32,([%d.]+)[^\n]*\n$"))
    assert.truthy(before > 30, before) -- a pole that nobody balances falls after 10 steps
    out, err, code = command.run(root, ("%s -q --resume %s --steps 60000"):format(script, folder))
    assert.equal(0, code, err)
    assert.equal(folder, out:match("Report: (.-)/report.html"))
    local after = tonumber(files.read(("%s/%s/evaluations.csv"):format(root, folder)):match("\n%d+,32,([%d.]+)[^\n]*\n$"))
    assert.truthy(after >= before)
  end)
end)
