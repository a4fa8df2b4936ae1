--- Recipes with words exchanged, dropped and doubled: each loads, or fails with a sentence for each mistake; none raises.

local prl = require "perilune"
local recipes = require "support.recipes"

local SEEDS = {
  [[
return extend({env = {"pendulum", n = 2}, algorithm = {"ppo", epochs = 2, lr = linear {from = 1e-3, to = 0}}}, {
  objective = {critics = {
    swing = {reward = function(r) return where(gt(r.reward, -1), r.reward, 2 * r.reward - 1) end, gamma = 0.9},
    still = {reward = function(r) local x = clip(r.reward, -2, 0) return -abs(x) ^ 2 + log1p(exp(x)) end, weight = 0.5},
  }},
  policy = {hidden = {64, 64}, activation = "relu", action = {torque = {-1, 1}}, log_std = {kind = "free", init = 0}},
  train = {steps = 3e5, seed = 1}, eval = remove, tags = {"a", "b"},
})]],
  [[
local names = {"a", "b"}
local critics = {}
for i, name in ipairs(names) do
  critics[name] = {reward = function(r) return i * r.hit - max(r.miss, 1) end, gamma = 1 / i}
end
return {
  env = {"host", observation = {"x", "y"}, action = {"continuous", aim = {-1, 1}, fire = {0, 1}},
         responses = {hit = {unit = "count", combine = "sum"}, miss = {missing = 1, wait = "30 s"}}},
  objective = {critics = critics}, algorithm = {"a2c", optimizer = {"adam", beta1 = 0.8}},
  agent = {streams = 10, rows = 100, idle = "5 min"},
}]],
}

local function words_of(text)
  local words, at = {}, 1
  while at <= #text do
    local word = text:match("^%s*[%w_]+", at) or text:match("^%s*%p", at) or text:match("^%s+", at)
    words[#words + 1] = word
    at = at + #word
  end
  return words
end

--- A small generator of its own, so that each run tries the same recipes.
local state = 1
local function random(n)
  state = (state * 1103515245 + 12345) % 2147483648
  return math.floor(state / 65536) % n + 1
end

local function mutated(text)
  local words = words_of(text)
  for _ = 1, random(4) do
    local i, j, what = random(#words), random(#words), random(4)
    if what == 1 then words[i] = words[j]
    elseif what == 2 then table.remove(words, i)
    elseif what == 3 then table.insert(words, i, words[j])
    else words[i], words[j] = words[j], words[i] end
  end
  return table.concat(words)
end

describe("a recipe whose words are mixed up", function()
  local folder
  setup(function() folder = recipes.folder() end)

  it("loads, or is refused in a sentence for each mistake", function()
    local loaded_count = 0
    for i = 1, tonumber(os.getenv "PERILUNE_FUZZ") or 400 do
      local text = mutated(SEEDS[i % 2 + 1])
      local ok, loaded, message = pcall(recipes.load, folder, text)
      assert.is_true(ok, tostring(loaded) .. "\n" .. text)
      if loaded then
        loaded_count = loaded_count + 1
        local again, why = recipes.load(folder, prl.recipe.text(loaded.recipe))
        assert.is_truthy(again, tostring(why) .. "\n" .. text)
        assert.equal(loaded.hash, again.hash)
      else
        local lines, heading = 0, message:match "^x%.lua: (%d+) mistakes"
        for line in message:gmatch "[^\n]+" do
          assert.matches("^x%.lua:%d*:? ", line)
          lines = lines + 1
        end
        assert.equal(heading and math.min(tonumber(heading), 10) + 1 or 1, lines)
        assert.is_nil(message:find("prelude", 1, true), message .. "\n" .. text)
      end
    end
    assert.is_true(loaded_count > 0)
  end)
end)
