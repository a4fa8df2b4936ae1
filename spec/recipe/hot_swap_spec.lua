--- recipes/shortvideo/hot_swap.lua: what a running policy keeps when its objective changes, beside a fresh start.
local posix = require "posix"
local command = require "support.command"
local files = require "support.files"

describe("hot_swap.lua", function()
  it("#figure loses less by swaps than by fresh starts", function()
    local root = files.folder()
    local out, err, code = command.run(root, posix.getcwd() .. "/recipes/shortvideo/hot_swap.lua -q --set steps=4e4 "
      .. "--set options.every=2e4 --set options.before=1e5 --set options.users=64 --set options.days=1")
    assert.equal(0, code, err)
    local rows, lost, lost_fresh = 0, 0, 0 -- of so few users a single row is luck
    for swapped, fresh in out:gmatch "\n%a+ +[+-][%d.]+ +%w+ +%w+ +(%d+) +(%d+)" do
      rows, lost, lost_fresh = rows + 1, lost + tonumber(swapped), lost_fresh + tonumber(fresh)
    end
    assert.equal(4, rows, out)
    assert.truthy(lost < lost_fresh, out)
  end)
end)
