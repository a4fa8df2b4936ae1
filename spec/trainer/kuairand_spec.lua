--- An environment that is made from a file, from the recipe to a finished run.
local posix = require "posix"
local files = require "support.files"
local prl = require "perilune"
local describe_recipe = require "perilune.recipe.describe"
local kuairand_world = require "support.kuairand_world"
local panel = require "perilune.trainer.panel"
local recipes = require "support.recipes"
local trainer = require "perilune.trainer"

local executable = require("support.command").path

local text = [[
return {
  name = "people",
  env = {"kuairand", n = 8, world = "%s"},
  objective = {critics = {watch = {reward = function(r) return r.watch_time end, scale = "baseline"}}},
  policy = {hidden = {8}, bounded = true, last_gain = 0, normalise = 5},
  algorithm = {"a2c", rollout = 4},
  train = {steps = 320, seed = 3, warmup = 64},
  eval = {every = 320, users = 6, days = 1, curve = 4},
}
]]

describe("an environment made from a file", function()
  local root, world

  before_each(function()
    root = files.folder() .. "/"
    world = kuairand_world.write(root .. "world.safetensors")
  end)

  --- The sentence of what fails.
  local function sentence(f, ...)
    local ok, message = pcall(f, ...)
    assert.is_false(ok)
    return tostring(message)
  end

  local function has(message, words) assert.truthy(tostring(message):find(words, 1, true), tostring(message)) end

  local function load(path, options) return recipes.load(root, text:format(path or world), options) end

  --- Errors and exit code of `perilune WORDS`, run in another folder.
  local function run_elsewhere(words)
    local status = os.execute(("cd / && '%s' %s >'%sout' 2>'%serr'"):format(executable, words, root, root))
    return assert(prl.io.read(root .. "err")), status > 255 and status / 256 or status
  end

  it("steps in Lua, with the features of its users among the observations", function()
    local env = prl.env("kuairand", {n = 4, seed = 2, world = world, preset = "weak", candidates = 16})
    local about = env:spec()
    assert.equal(56, #about.observation.names)
    assert.equal("user_friends", about.observation.names[56])
    assert.equal(32, #about.digest)
    env:reset()
    local observation, response = env:step(prl.zeros(4, 9))
    assert.same({4, 56}, observation:shape())
    assert.same({4, 11}, response:shape())
  end)

  it("tells what it is without the file, and runs nothing", function()
    local about = prl.env_spec("kuairand")
    assert.equal(53, #about.observation.names)
    assert.is_nil(about.digest)
    has(sentence(prl.env, "kuairand", {n = 4}), "kuairand: this is missing: world, the fitted world, a file that")
    local topic = assert(describe_recipe.text("env", "kuairand"))
    has(topic, "world")
    has(topic, "Further observations, user_…, are the user features of the world")
  end)

  it("refuses what is no file of a world", function()
    has(sentence(prl.env, "kuairand", {world = 3}), "world: a text is needed, not a number")
    has(sentence(prl.env, "kuairand", {wrld = world}), 'kuairand has no option "wrld"; the nearest is "world"')
    has(sentence(prl.env, "cartpole", {world = world}), 'cartpole has no option "world"')
    has(sentence(prl.env, "kuairand", {world = root}), "there is no world to read: cannot read " .. root)
    local other = kuairand_world.write(root .. "other", {metadata = {format = "perilune ranker 1"}})
    has(sentence(prl.env, "kuairand", {world = other}), 'has the format "perilune ranker 1"')
    has(select(2, prl.env_spec("kuairand", {world = world, digest = "abc"})), "is another one: its digest is ")
  end)

  it("is read once while its file stands, and anew once that has changed", function()
    local function digest() return prl.env_spec("kuairand", {world = world}).digest end
    local first, env = digest(), prl.env("kuairand", {world = world})
    assert.equal(first, digest())
    kuairand_world.write(world, {seed = 9})
    assert.not_equal(first, digest())
    assert.equal(first, env:spec().digest) -- one that runs keeps what it has
    os.remove(world)
    has(select(2, prl.env_spec("kuairand", {world = world})), "there is no world to read")
    env:reset()
    env:step(prl.zeros(1, 9))
    kuairand_world.write(world)
    assert.equal(first, digest())
  end)

  it("is checked in a recipe", function()
    local _, message = load("nowhere.safetensors")
    has(message, "x.lua:3: env.world: there is no world to read: cannot open nowhere.safetensors: No such file")
    has(message, "`perilune fit recipes/kuairand/world.lua --data FOLDER` makes one")
    _, message = recipes.load(root, 'return {env = {"kuairand"}}')
    has(message, "env.world: this is missing: the fitted world, a file that")
    _, message = recipes.load(root, 'return {env = {"kuairand", world = 3}}')
    has(message, "env.world: expected a string, got 3")
    _, message = recipes.load(root, 'return {env = {"cartpole", world = "x"}}')
    has(message, "env.world: unknown key")
    _, message = load(nil, {set = {"env.digest=abc"}})
    has(message, "is another one: its digest is ")
  end)

  it("enters the hash by its content, not by its place", function()
    local loaded = assert(load())
    local copy = kuairand_world.write(root .. "copy.safetensors")
    local other = kuairand_world.write(root .. "other.safetensors", {seed = 2})
    assert.equal(loaded.hash, assert(load(copy)).hash)
    assert.not_equal(loaded.hash, assert(load(other)).hash)
    assert.equal(loaded.recipe.env.digest, assert(load(copy)).recipe.env.digest)
    local again = assert(recipes.load(root, prl.recipe.text(loaded.recipe)))
    assert.equal(loaded.hash, again.hash)
  end)

  it("is in a run with its path and content, so that the run is judged from any folder, and by that world alone", function()
    local run = trainer.start(assert(load()), {root = root .. "runs", quiet = true})
    assert.equal("finished", run:train())
    local folder = run.folder.path
    local info = assert(prl.from_json(assert(prl.io.read(folder .. "/run.json"))))
    assert.equal(posix.realpath(world), info.environment.options.world)
    assert.equal(run.info.environment.options.digest, info.environment.options.digest)
    local message, code = run_elsewhere("eval " .. folder)
    assert.equal(0, code, message)
    kuairand_world.write(world, {seed = 5})
    for _, words in ipairs {"eval " .. folder, "eval --episodes 2 " .. folder, "train --steps 640 --resume " .. folder} do
      message, code = run_elsewhere(words)
      assert.equal(1, code, words)
      has(message, "is another one: its digest is ")
      has(message, info.environment.options.digest)
      assert.equal(1, select(2, message:gsub("\n", "")))
    end
    os.remove(world)
    message, code = run_elsewhere("eval " .. folder)
    assert.equal(1, code)
    has(message, "there is no world to read")
  end)

  it("is one world wherever its file stands", function()
    local copy = kuairand_world.write(root .. "copy.safetensors")
    local function info(path)
      local loaded = assert(load(path))
      return {environment = {kind = "builtin", name = "kuairand", options = loaded.env.options}}
    end
    assert.is_true(panel.same_world(info(world), info(copy)))
    local other = kuairand_world.write(root .. "other.safetensors", {seed = 2})
    assert.is_false(panel.same_world(info(world), info(other)))
  end)
end)
