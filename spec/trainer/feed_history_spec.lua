--- The ids of the videos watched last, of which a feed's policy has a table that is learned.

local files = require "support.files"
local kuairand_world = require "support.kuairand_world"
local off_policy = require "support.off_policy"
local prl = require "perilune"
local recipes = require "support.recipes"
local trainer = require "perilune.trainer"

local RECIPE = [[
return {
  name = "feed",
  env = {"shortvideo", n = 16, lifetime = 1},
  objective = {critics = {watch = {reward = function(r) return r.watch_time end, scale = "baseline", gamma = 0.9}}},
  policy = {hidden = {8}, bounded = true, last_gain = 0, normalise = 5},
  algorithm = {"ppo", rollout = 8, minibatch = 64, epochs = 2},
  train = {steps = 1536, seed = 3, warmup = 128, checkpoint = 640},
  eval = {every = 0, users = 12, days = 1, curve = 6},
}
]]
local IDS = {"env.history=5", "policy.embed={video = {vocabulary = 4096, width = 3}}"}

describe("the videos watched last", function()
  local root

  before_each(function()
    root = files.folder() .. "/"
    assert(prl.io.write(root .. "feed.lua", RECIPE))
  end)

  local function load(...) return prl.recipe.load(root .. "feed.lua", {set = {...}}) end
  local function start(folder) return trainer.start(assert(load(unpack(IDS))), {root = root .. folder, quiet = true}) end

  it("are none where a recipe says nothing, or says so", function()
    local unsaid, said, some = assert(load()), assert(load "env.history=0"), assert(load "env.history=4")
    assert.is_nil(said.recipe.env.history)
    assert.equal(unsaid.hash, said.hash)
    assert.equal(prl.recipe.text(unsaid.recipe), prl.recipe.text(said.recipe))
    assert.equal(4, some.recipe.env.history)
    assert.are_not.equal(unsaid.hash, some.hash)
    assert.equal(some.hash, assert(recipes.load(root, prl.recipe.text(some.recipe))).hash)
  end)

  it("are observations with bounds, which actions influence", function()
    local world = kuairand_world.write(root .. "world.safetensors")
    for _, given in ipairs {{"shortvideo"}, {"kuairand", world = world}} do
      local plain = prl.env(given[1], {n = 2, world = given.world}):spec().observation
      local seen = prl.env(given[1], {n = 2, world = given.world, history = 3}):spec().observation
      assert.equal(#plain.names + 3, #seen.names)
      for i, name in ipairs(plain.names) do assert.equal(name, seen.names[i]) end
      for k = 1, 3 do
        local place = #plain.names + k
        assert.equal("video_" .. k, seen.names[place])
        assert.equal("video_" .. k, seen.influenced[#plain.influenced + k])
        assert.equal(-1, seen.low[place])
        assert.is_true(seen.high[place] % 1 == 0 and seen.high[place] < 4096)
      end
    end
  end)

  it("have a table that is learned, and go on byte for byte after a stop", function()
    local whole, updates = start "whole", 0
    local before = off_policy.contents(whole.agent)["params.embed/video"]
    assert.equal("finished", whole:train())
    local after, moved = off_policy.contents(whole.agent)["params.embed/video"], 0
    for row = 0, 4096 do moved = moved + (after[3 * row + 1] ~= before[3 * row + 1] and 1 or 0) end
    assert.is_true(moved > 1000 and moved < 4097) -- about 1,500 requests with 6 videos each
    assert.are_not.equal(before[3 * 4096 + 1], after[3 * 4096 + 1]) -- none yet
    prl.interrupted = function() -- luacheck: ignore
      updates = updates + 1
      return updates == 8
    end
    local part = start "part"
    assert.equal("interrupted", part:train())
    prl.interrupted = nil -- luacheck: ignore
    local rest = trainer.resume(part.folder.path, {quiet = true})
    assert.equal("finished", rest:train())
    assert.equal(assert(prl.io.read((whole.folder:last_checkpoint()))), assert(prl.io.read((rest.folder:last_checkpoint()))))
  end)

  it("need a row for each video that there is", function()
    local world = kuairand_world.write(root .. "world.safetensors")
    local videos = prl.env("kuairand", {n = 1, world = world, history = 1}):spec().observation.high
    videos = videos[#videos] + 1
    local function refused(env, vocabulary, message)
      local embed = ("policy = {embed = {video = {vocabulary = %d, width = 2}}, "):format(vocabulary)
      local text = RECIPE:gsub("env = %b{}", "env = " .. env):gsub("policy = {", embed)
      local loaded, said = recipes.load(root, text)
      assert.is_nil(loaded)
      assert.truthy(said:find(message, 1, true), said)
      assert(recipes.load(root, (text:gsub("vocabulary = %d+", "vocabulary = 4096"))))
    end
    refused('{"shortvideo", history = 2}', 4095,
      'policy.embed.video.vocabulary: observation "video_1" has ids up to 4095, so that at least 4096 are needed, got 4095')
    refused(('{"kuairand", world = %q, history = 2}'):format(world), videos - 1,
      ('policy.embed.video.vocabulary: observation "video_1" has ids up to %d, so that at least %d are needed, got %d'):format(
        videos - 1, videos, videos - 1))
    local loaded, said = load "env.history=17"
    assert.is_nil(loaded)
    assert.truthy(said:find("env.history: expected a number from 0 to 16", 1, true), said)
    loaded, said = load("env.history=2", "env.action_item=1", "policy.bounded=false")
    assert.is_nil(loaded)
    assert.truthy(said:find("history is 2, but with action_item = 1", 1, true), said)
  end)
end)
