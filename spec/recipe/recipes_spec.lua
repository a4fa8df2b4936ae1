--- Every recipe of recipes/ loads, and its resolved form is a recipe with the same hash. Those of kuairand need a world
--- that `perilune fit` makes from logs, and one that clones needs a run: here made-up ones stand in.

local prl = require "perilune"
local kuairand_world = require "support.kuairand_world"
local recipes = require "support.recipes"
local script = require "perilune.script"
local support = require "support.files"
local experiment = require "perilune.trainer.experiment"
local sweep = require "perilune.trainer.sweep"

-- Scripts are programs, not recipes: hot_swap_spec.lua runs theirs.
local function files()
  local list = {}
  for _, path in ipairs(support.lines "find recipes -name '*.lua' | sort") do
    if not script.is(path) then list[#list + 1] = path end
  end
  return list
end

local function needs_world(recipe)
  local env = recipe.env
  return type(env) == "table" and env.world ~= nil
end

local function needs_run(recipe) return type(recipe.algorithm) == "table" and recipe.algorithm.from ~= nil end

describe("recipes/", function()
  local folder, world
  local function run_for(recipe)
    local fresh = ([[return {env = {%q}, policy = {hidden = {8}}, algorithm = {"a2c"}}]]):format(recipe.env[1])
    local path = folder .. "run.safetensors"
    assert(prl.agent(prl.recipe.plan(assert(recipes.load(folder, fresh)))):save(path))
    return ("algorithm.from=%q"):format(path)
  end
  setup(function()
    folder = recipes.folder()
    world = kuairand_world.write(folder .. "world.safetensors")
  end)

  -- Every arm in each world that the file has; the fitted world stands in for the one that logs make.
  local function check_worlds(path)
    local said = prl.recipe.load(path).experiment
    for _, worlds in ipairs {said.worlds, said.more_worlds} do
      for _, one in ipairs(worlds) do
        local set = one.set["env.world"] and {("env.world=%q"):format(world)} or {}
        assert.equal(#said.arms, #experiment.plan(path, {worlds = {one.name}, set = set}).arms)
      end
    end
  end

  for _, path in ipairs(files()) do
    local evaluated = prl.recipe_eval(path)
    local recipe = evaluated.recipe
    if (evaluated.sweep or {}).experiment then
      it("has " .. path .. ", whose arms load in all of its worlds", function() check_worlds(path) end)
    end
    if recipe.env then -- the others are for `perilune fit`
      it("has " .. path .. ", which loads", function()
        local set = needs_world(recipe) and {"env.world=" .. world} or needs_run(recipe) and {run_for(recipe)} or nil
        local code = recipe.env.lua -- beside the recipe
        if code then recipes.write(folder, code, assert(prl.io.read(path:match "^.*/" .. code))) end
        local loaded = assert(prl.recipe.load(path, {set = set, trust = code ~= nil}))
        local again = assert(recipes.load(folder, prl.recipe.text(loaded.recipe), {trust = code ~= nil}))
        assert.equal(loaded.hash, again.hash)
        if loaded.sweep then assert.is_true(#sweep.plan(path, {}).points > 1) end
      end)
    end
    if recipe.env and needs_world(recipe) then
      it("has " .. path .. ", which says how its world is made where there is none", function()
        local loaded, message = prl.recipe.load(path, {set = {"env.world=" .. folder .. "nowhere.safetensors"}})
        assert.is_nil(loaded)
        assert.truthy(message:find("env.world: there is no world to read: cannot open", 1, true), message)
        assert.truthy(message:find("`perilune fit recipes/kuairand/world.lua --data FOLDER` makes one", 1, true), message)
      end)
    end
  end
end)
