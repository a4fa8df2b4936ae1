--- Folders that commands write into.

local posix = require "posix"
local files = require "support.files"
local prl = require "perilune"
local paths = require "perilune.paths"
local message_of = require "support.refusal"

describe("folders", function()
  local root

  before_each(function() root = files.folder() end)

  it("are made with those above them", function()
    paths.make(root .. "/a/b/c")
    paths.make(root .. "/a/b/c/")
    assert.equal("directory", posix.stat(root .. "/a/b/c").type)
  end)

  it("get a number where their name is taken", function()
    assert.equal(root .. "/runs/x", paths.fresh(root .. "/runs/x"))
    assert.equal(root .. "/runs/x-2", paths.fresh(root .. "/runs/x"))
  end)

  it("are not made over a file", function()
    assert(prl.io.write(root .. "/file", "x"))
    assert.truthy(message_of(function() paths.make(root .. "/file/a") end):find("cannot make the folder " .. root .. "/file", 1, true))
    assert.truthy(message_of(function() paths.fresh(root .. "/file/a") end):find("cannot make the folder " .. root .. "/file", 1, true))
  end)

  it("are found in a folder by name, without files and hidden ones", function()
    for _, name in ipairs {"b", "a/inner", ".hidden"} do paths.make(root .. "/" .. name) end
    assert(prl.io.write(root .. "/file", "x"))
    assert.same({root .. "/a", root .. "/b"}, paths.folders(root))
    assert.same({}, paths.folders(root .. "/nowhere"))
    assert.same({}, paths.folders(root .. "/file"))
  end)

  it("are what a path names before its file", function()
    assert.equal("a/b", paths.parent "a/b/c.lua")
    assert.equal(".", paths.parent "c.lua")
  end)
end)
