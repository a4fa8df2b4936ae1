--- examples/bandit: the news are served, and clicks are learned from.
local posix = require "posix"
local command = require "support.command"
local files = require "support.files"

describe("the example of a contextual bandit", function()
  it("#figure learns what each reader likes at each time", function()
    local folder = files.folder()
    local root = posix.getcwd() .. "/examples/bandit/"
    local out, err, code = command.run(folder, ("lua %snews.lua 3 2000 %srecipe.lua"):format(root, root))
    assert.equal(0, code, err)
    local shares = {}
    for share in out:gmatch("%d+ +([%d.]+) %%") do shares[#shares + 1] = tonumber(share) end
    assert.equal(10, #shares)
    assert.is_true(shares[1] < 40 and shares[10] > 95, out)
  end)
end)
