--- Where a key stands.

local locate = require "perilune.recipe.locate"

local BASE = [==[
-- a comment with { train = { steps = 1 } }
local text = "algorithm = {" .. [[ policy = { hidden = ]]
local function helper(x) if x then return {train = 5} end end
local watch = {
  gamma = 0.9,
  reward = function(r) local t = {gamma = 1} return r.x end,
  weight = 1,
}
return {
  objective = {critics = {watch = watch,
    like = {
      ["gamma"] = 0.5, reward = helper(1),
      weight = linear {from = 1,
        to = 2},
    }}},
  train = {steps = 1e5,
    seed = 1};
  tags = {"a",
    "b"},
}
]==]

local TOP = [==[
local base = extend(require "base", {
  train = {seed = 3},
})
base.train.steps = 7
return base
]==]

describe("locate.key", function()
  local files = {{path = "top.lua", text = TOP}, {path = "base.lua", text = BASE}}

  local function at(path) return ("%s:%d"):format(locate.key(files, path)) end

  it("finds keys through nesting, local names, calls, comments and functions", function()
    assert.equal("base.lua:5", at "objective.critics.watch.gamma")
    assert.equal("base.lua:7", at "objective.critics.watch.weight")
    assert.equal("base.lua:12", at "objective.critics.like.gamma")
    assert.equal("base.lua:13", at "objective.critics.like.weight.from")
    assert.equal("base.lua:14", at "objective.critics.like.weight.to")
    assert.equal("base.lua:19", at "tags.2")
  end)

  it("prefers the recipe to what it requires, and finds assignments", function()
    assert.equal("top.lua:2", at "train.seed")
    assert.equal("top.lua:4", at "train.steps")
  end)

  it("falls back to the table around a key, and to the recipe's return", function()
    assert.equal("base.lua:11", at "objective.critics.like.nothing")
    assert.equal("top.lua:5", at "nothing.at.all")
  end)

  it("finds a key with dots, and keys of a table that has another one", function()
    local two = {{path = "mine.lua", text = 'local arm = {name = 1}\nreturn experiment {\narms = {}, fast = {\nset = {\n["a.b"] = 1}}}'},
      {path = "worlds.lua", text = "return {{\nname = 1}, {name = 2,\nquestion = 3}}"}}
    assert.same({"mine.lua", 5}, {locate.key(two, "fast.set.a.b", "arms")})
    assert.same({"mine.lua", 2}, {locate.key(two, "name", "arms")})
    assert.same({"mine.lua", 2}, {locate.key(two, "question", "arms")})
    assert.same({"mine.lua", 1}, {locate.key(two, "name")})
  end)

  it("ends on text that is no Lua", function()
    for _, text in ipairs {"{", "return {a = ", "{{{}", "return { = }", "[[", "'", "a.b.", "{[", "{,,,}",
      "function {"} do
      assert.has_no.errors(function() locate.key({{path = "x", text = text}}, "a.b") end)
    end
  end)
end)
