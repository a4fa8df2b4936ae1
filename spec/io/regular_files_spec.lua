--- Whatever opens a file of data or of code takes regular files alone: a device may never end, and a pipe may never begin.
--- /dev/null stands for them, since it harms no one who reads it.

local prl = require "perilune"
local recipes = require "support.recipes"

local NULL = "/dev/null"

describe("a file that is not regular is refused by", function()
  local folder
  setup(function()
    folder = recipes.folder()
    assert(os.execute(("ln -s %s '%snull.lua'"):format(NULL, folder)))
  end)

  local function recipe(text) return recipes.load(folder, text, {trust = true}) end

  local readers = {
    {"io.read", function() return prl.io.read(NULL) end},
    {"io.safetensors_read", function() return prl.io.safetensors_read(NULL) end},
    {"io.csv", function() return prl.io.csv(NULL, {{"a", "f64"}}) end},
    {"load_agent", function() return prl.load_agent(NULL) end},
    {"ranker", function() return prl.ranker(NULL, 1) end},
    {"recipe.load", function() return prl.recipe.load(NULL) end},
    {"recipe.load of a file that is required", function() return recipe "return require 'null'" end, "recipe's folder"},
    {"env.world", function()
      return recipe("return {env = {'kuairand', world = '/dev/null'}, algorithm = 'a2c'}")
    end},
    {"env.lua", function() return recipe("return {env = {lua = './null.lua'}, algorithm = 'a2c'}") end},
    {"env.c", function() return recipe("return {env = {c = './null.lua'}, algorithm = 'a2c'}") end},
    {"algorithm.lua", function() return recipe("return {env = 'cartpole', algorithm = {lua = './null.lua'}}") end},
    {"fit", function() return prl.recipe_eval(NULL) end},
  }

  for _, reader in ipairs(readers) do
    it(reader[1], function()
      local ok, result, message = pcall(reader[2])
      assert.is_true(ok, tostring(result))
      assert.is_nil(result)
      assert.matches(reader[3] or "not a regular file", message, 1, true)
    end)
  end
end)
