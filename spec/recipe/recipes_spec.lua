--- Every recipe of recipes/ loads, and its resolved form is a recipe with the same hash.

local prl = require "perilune"
local recipes = require "support.recipes"

local function files()
  local pipe, found = assert(io.popen("find recipes -name '*.lua' | sort")), {}
  for path in pipe:lines() do found[#found + 1] = path end
  pipe:close()
  return found
end

describe("recipes/", function()
  local folder
  setup(function() folder = recipes.folder() end)
  teardown(function() recipes.remove(folder) end)

  for _, path in ipairs(files()) do
    if prl.recipe_eval(path).recipe.env then -- the others are for `perilune fit`
      it("has " .. path .. ", which loads", function()
        local loaded = assert(prl.recipe.load(path))
        local again = assert(recipes.load(folder, prl.recipe.text(loaded.recipe)))
        assert.equal(loaded.hash, again.hash)
      end)
    end
  end
end)
