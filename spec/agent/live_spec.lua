--- Every live option, changed on a built agent, gives the bytes of a fresh build with that value.
local files = require "support.files"
local prl = require "perilune"

local recipes = {
  ppo = [[return {
    env = {"pendulum", n = 4},
    objective = {critics = {
      swing = {reward = function(r) return r.reward end, gamma = 0.9, weight = 1},
      calm = {reward = function(r) return -log1p(abs(r.reward)) end, gamma = 0.8, weight = 0.5},
    }},
    policy = {hidden = {16}, activation = "tanh"},
    algorithm = {"ppo", rollout = 32, minibatch = 32, epochs = 2, clip_value = 0.2, target_kl = 10, entropy = 0.01},
    train = {steps = 1000, seed = 3},
  }]],
  a2c = [[return {
    env = {"cartpole", n = 4},
    objective = {critics = {
      long = {reward = function(r) return r.reward end, gamma = 0.99, weight = 1},
      short = {reward = function(r) return r.reward * 2 end, gamma = 0.5, weight = 0.5},
    }},
    policy = {hidden = {16}, activation = "relu"},
    algorithm = {"a2c", rollout = 8, entropy = 0.01},
    train = {steps = 1000, seed = 3},
  }]],
  vtrace = [[return {
    env = {"cartpole", n = 4},
    objective = {critics = {
      long = {reward = function(r) return r.reward end, gamma = 0.99, weight = 1},
      short = {reward = function(r) return r.reward * 2 end, gamma = 0.5, weight = 0.5},
    }},
    policy = {hidden = {16}, activation = "relu"},
    algorithm = {"a2c", rollout = 8, entropy = 0.01, correction = {"vtrace"}, memory = 200, start = 50, minibatch = 32, stretch = 4},
    train = {steps = 1000, seed = 3},
  }]],
}

-- Values that change what is learned in the few steps of this spec.
local others = {
  ["algorithm.clip"] = 0.001, ["algorithm.clip_value"] = 0.0001, ["algorithm.target_kl"] = 1e-9,
  ["algorithm.max_norm"] = 0.001,
}

--- What an agent of the recipe shows after some updates; set: overrides at the build; change: calls of agent:set.
local function life(path, set, change)
  local loaded = assert(prl.recipe.load(path, {set = set}))
  local agent = prl.agent(prl.recipe.plan(loaded))
  for option, value in pairs(change or {}) do agent:set(option, value) end
  local env = prl.env(loaded.env.name, {n = loaded.env.n, seed = 3})
  agent:drive(env, 600)
  local seen, metrics = {}, agent:metrics()
  for name, value in pairs(metrics) do seen[#seen + 1] = ("%s = %.17g"):format(name, value) end
  table.sort(seen)
  return table.concat(seen, "\n"), loaded
end

describe("a live option", function()
  for name, text in pairs(recipes) do
    it("of " .. name .. " is in force as in a fresh build", function()
      local path = files.write(text)
      local base, loaded = life(path)
      assert.truthy(base:find("updates = [1-9]"))
      local count = 0
      for option, declared in pairs(loaded.live) do
        local value = type(declared) == "table" and declared.value or declared
        local other = others[option] or value * 0.5 + 0.001
        local built = life(path, {("%s=%.17g"):format(option, other)})
        local changed = life(path, nil, {[option] = other})
        assert.are.equal(built, changed, option)
        assert.are_not.equal(base, changed, option .. " changes nothing")
        count = count + 1
      end
      assert.truthy(count >= 7)
    end)
  end
end)
