--- examples/rooms: plain ppo finds nothing there, and novelty the way.

local command = require "support.command"
local posix = require "posix"
local recipes = require "support.recipes"

describe("the twenty rooms", function()
  local folder
  setup(function() folder = recipes.folder() end)

  --- The share of episodes that found the corner, after so many steps.
  local function found(exploration)
    local out, err, code = command.run(folder, ("train '%s/examples/rooms/recipe.lua' --trust -q --runs . --set train.steps=500000 "
      .. "--set eval.every=0 --set 'algorithm.exploration=%s'"):format(posix.getcwd(), exploration))
    assert.equal(0, code, err)
    return tonumber((assert(out:match "found %(count%)%s+(%S+)", out)))
  end

  it("#figure are crossed by ppo with rnd, and not without", function()
    assert.equal(0, found "false")
    assert.is_true(found '{"rnd"}' > 0.5)
  end)
end)
