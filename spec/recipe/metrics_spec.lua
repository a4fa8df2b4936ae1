--- The ratios of `eval.metrics`: what a recipe may say, and what it is told otherwise.

local describe_text = require "perilune.recipe.describe"
local prl = require "perilune"
local recipes = require "support.recipes"

local base = [[
return {
  env = {"%s", n = 4},
  objective = {critics = {%s = {}}},
  algorithm = {"ppo", rollout = 64, minibatch = 64},
%s
}
]]

describe("the metrics of a recipe", function()
  local folder
  setup(function() folder = recipes.folder() end)

  local function pole(eval, options) return recipes.load(folder, base:format("cartpole", "reward", eval or ""), options) end
  local function feed(eval) return recipes.load(folder, base:format("shortvideo", "watch_time", eval)) end

  local function message_of(load, eval, options)
    local loaded, message = load(eval, options)
    assert.is_nil(loaded)
    return message
  end

  it("are ratios by name, which a resolved recipe says again with the same hash", function()
    local loaded = assert(pole 'eval = {metrics = {each = ratio("reward", "steps")}},')
    assert.same({each = {kind = "ratio", of = "reward", per = "steps"}}, loaded.recipe.eval.metrics)
    local text = prl.recipe.text(loaded.recipe)
    assert.truthy(text:find('metrics = {each = ratio("reward", "steps")}', 1, true))
    assert.equal(loaded.hash, assert(recipes.load(folder, text)).hash)
    assert.not_equal(loaded.hash, assert(pole 'eval = {metrics = {each = ratio("steps", "reward")}},').hash)
  end)

  it("change no hash where there are none", function()
    local hash = assert(pole()).hash
    assert.equal(hash, assert(pole "eval = {metrics = {}},").hash)
    assert.falsy(prl.recipe.text(assert(pole()).recipe):find("metrics", 1, true))
  end)

  it("are replaced by extend and set by an override, where names need no quotes", function()
    local words = {"eval.metrics.each=ratio(reward, length)"}
    local loaded = assert(pole('eval = {metrics = {each = ratio("reward", "steps")}},', {set = words}))
    assert.same({kind = "ratio", of = "reward", per = "length"}, loaded.recipe.eval.metrics.each)
    assert.truthy(pole(nil, {set = words}))
  end)

  it("read responses and steps; by user and day sessions and counts, too", function()
    assert.truthy(feed 'eval = {users = 4, metrics = {a = ratio("count/depth", "sessions"), b = ratio("like", "requests")}},')
    assert.equal('x.lua:5: eval.metrics.a: an evaluation by episodes has no sum of "rewrd"; the nearest is "reward"',
      message_of(pole, 'eval = {metrics = {a = ratio("rewrd", "steps")}},'))
    assert.equal('x.lua:5: eval.metrics.a: an evaluation by user and day has no sum of "lke"; the nearest is "like"',
      message_of(feed, 'eval = {users = 4, metrics = {a = ratio("lke", "steps")}},'))
    assert.equal('x.lua:5: eval.metrics.a: an evaluation by episodes has no sum of "sessions"; there are reward, steps, length',
      message_of(pole, 'eval = {metrics = {a = ratio("reward", "sessions")}},'))
  end)

  it("have names that nothing else has", function()
    local text = 'eval = {metrics = {%s = ratio("reward", "steps")}},'
    assert.equal("x.lua:5: eval.metrics.reward: this is the name of a response of the env: a metric needs another",
      message_of(pole, text:format "reward"))
    assert.equal("x.lua:5: eval.metrics.length: this is the name of what every evaluation counts: a metric needs another",
      message_of(pole, text:format "length"))
    assert.truthy(message_of(pole, text:format '["a,b"]'):find("a metric has a name of letters, digits and _", 1, true))
    local _, message = recipes.load(folder, (base:format("cartpole", "up = {reward = function(r) return r.reward end}, o",
      text:format "up"):gsub(", o = {}", "")))
    assert.equal("x.lua:5: eval.metrics.up: this is the name of a critic of the recipe: a metric needs another", message)
  end)

  it("are two names, and nothing else", function()
    local words = 'ratio takes two names, of the upper and the lower sum, as in ratio("click", "view")'
    for _, wrong in ipairs {'ratio("reward")', 'ratio("reward", 3)', 'ratio("reward", "steps", "steps")',
      'ratio({"reward"}, "steps")', "ratio()"} do
      assert.equal("x.lua:5: " .. words, message_of(pole, ("eval = {metrics = {a = %s}},"):format(wrong)))
    end
    assert.equal('x.lua:5: eval.metrics.a: expected a ratio of two sums, as in ratio("click", "view"), got 3',
      message_of(pole, "eval = {metrics = {a = 3}},"))
    assert.equal('x.lua:5: eval.metrics: expected ratios by name, as in {ctr = ratio("click", "view")}, got {{…}}',
      message_of(pole, 'eval = {metrics = {ratio("reward", "steps")}},'))
    assert.truthy(message_of(pole, 'eval = {metrics = ratio("reward", "steps")},'):find("expected ratios by name", 1, true))
    assert.truthy(message_of(pole, 'eval = {metrics = {a = {kind = "ratio", of = "reward", pre = "steps"}}},')
      :find("expected a ratio of two sums", 1, true))
    assert.truthy(message_of(pole, 'eval = {metrics = {a = rato("reward", "steps")}},'):find('the nearest is "ratio"', 1, true))
  end)

  it("stand in describe", function()
    local text = describe_text.text("eval"):gsub("%s+", " ")
    assert.truthy(text:find('{ctr = ratio("click", "view")}', 1, true))
    assert.truthy(text:find('"count/RESPONSE"', 1, true))
  end)
end)
