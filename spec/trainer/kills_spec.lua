--- The trial of kills in its short form; spec/trainer/kills.lua is the long one.
local command = require "support.command"
local files = require "support.files"
local kills = require "support.kills"

describe("a training that is killed at random moments", function()
  it("goes on from its last whole checkpoint, by the bytes of one that was never stopped", function()
    local root = files.folder()
    local _, step = kills.trial {perilune = command.path, root = root, kills = 3, seed = 7, longest = 0.7}
    assert.is_true(step > 0)
  end)
end)
