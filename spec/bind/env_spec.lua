--- prl.env and prl.env_spec: vector environments in Lua.

local files = require "support.files"
local prl = require "perilune"

local tank = {lua = "examples/lua_env/tank.lua"}

local function actions(env, t)
  local spec, n = env:spec(), env:count()
  local rows = {}
  for i = 1, n do
    rows[i] = {}
    for a, choices in ipairs(spec.action.choices or {}) do rows[i][a] = (t + i) % choices end
    for a, low in ipairs(spec.action.low or {}) do
      rows[i][a] = low + (spec.action.high[a] - low) * ((t * 7 + i * 3) % 10) / 10
    end
  end
  return prl.tensor(rows)
end

describe("prl.env", function()
  it("steps into buffers of its own", function()
    local env = prl.env("cartpole", {n = 4, seed = 7})
    local observation = env:reset()
    assert.same({4, 4}, observation:shape())
    for t = 1, 30 do
      local again, response, flags, final, elapsed = env:step(actions(env, t))
      assert.equal(observation, again)
      assert.same({4, 1}, response:shape())
      assert.same({2, 4}, flags:shape())
      assert.same({4, 4}, final:shape())
      assert.same({4}, elapsed:shape())
    end
  end)

  it("gives the same world for the same seed and stream, whatever the batch", function()
    local many, one = prl.env("pendulum", {n = 5, seed = 3}), prl.env("pendulum", {n = 1, seed = 3, stream = 2})
    assert.same(many:reset():totable()[3], one:reset():totable()[1])
    assert.not_same(many:reset():totable()[3], prl.env("pendulum", {n = 1, seed = 4, stream = 2}):reset():totable()[1])
  end)

  it("goes on from saved bytes", function()
    for _, reference in ipairs {"acrobot", tank} do
      local a, b = prl.env(reference, {n = 3, seed = 1}), prl.env(reference, {n = 3, seed = 9})
      a:reset()
      for t = 1, 20 do a:step(actions(a, t)) end
      b:load(a:save())
      for t = 21, 60 do
        local after = a:step(actions(a, t)):totable()
        assert.same(after, b:step(actions(b, t)):totable())
      end
    end
  end)

  it("says what it is made of, with the options in force", function()
    local spec = prl.env("pendulum", {g = 9.81, max_steps = 50}):spec()
    assert.equal("pendulum", spec.name)
    assert.same({"torque"}, spec.action.names)
    assert.same({-2}, spec.action.low)
    assert.equal(50, spec.max_steps)
    local values = {}
    for _, option in ipairs(spec.options) do values[option.name] = option.value end
    assert.same({g = 9.81, max_steps = 50}, values)
  end)

  it("runs an environment of a Lua file", function()
    local env = prl.env(tank, {n = 2, leak = 0.5})
    env:reset()
    local observation, response, _, _, elapsed = env:step(actions(env, 1))
    assert.same({2, 2}, observation:shape())
    assert.same({2, 2}, response:shape())
    assert.near(100000, elapsed:totable()[1], 0)
    assert.equal("tank", env:spec().name)
  end)

  it("keeps a file's environment alive as long as it is used", function()
    local env = prl.env(tank, {n = 1})
    for _ = 1, 3 do collectgarbage() end
    env:reset()
    env:free()
    assert.error_matches(function() env:reset() end, "this environment was freed")
    for _ = 1, 3 do collectgarbage() end
  end)

  it("refuses what it cannot use, with a sentence", function()
    local cases = {
      {"the nearest is \"cartpole\"", "cartpol"},
      {"the nearest is \"max_steps\"", "cartpole", {max_step = 3}},
      {"n is 0; 1 to", "cartpole", {n = 0}},
      {"n is nan", "cartpole", {n = 0 / 0}},
      {"seed is %-1", "cartpole", {seed = -1}},
      {"stream is 0.5", "cartpole", {stream = 0.5}},
      {"option g of the environment 'pendulum' is 1e%+09", "pendulum", {g = 1e9}},
      {"cannot open nowhere.lua", {lua = "nowhere.lua"}},
      {"cannot load the environment: ./nowhere.so", {c = "nowhere.so"}},
      {"an environment is its name", {}},
    }
    for _, case in ipairs(cases) do
      local ok, message = pcall(prl.env, case[2], case[3])
      assert.is_false(ok)
      assert.matches(case[1], message)
    end
  end)

  it("refuses actions and moves nothing", function()
    local env = prl.env("cartpole", {n = 2})
    env:reset()
    local before = env:save()
    assert.error_matches(function() env:step(prl.tensor {{0}, {2}}) end, "'push' of instance 1 is 2")
    assert.error_matches(function() env:step(prl.tensor {{0}}) end, "action: .*%(2, 1%)")
    assert.equal(before, env:save())
  end)

  it("stops with file and line where a Lua environment raises", function()
    local name = files.write [[
      return {observation = {"x"}, action = {"continuous", a = {-1, 1}}, responses = {reward = {}},
        reset = function() return {0} end,
        step = function(self) return self.missing.x end}
    ]]
    local env = prl.env({lua = name}, {n = 1})
    env:reset()
    assert.error_matches(function() env:step(prl.tensor {{0}}) end, name .. ":3: attempt to index")
    assert.error_matches(function() env:step(prl.tensor {{0}}) end, "reset it before the next step")
  end)
end)

describe("prl.env_spec", function()
  it("describes every built-in environment", function()
    for _, name in ipairs(prl.env_names()) do
      local spec = assert(prl.env_spec {name = name})
      assert.equal(name, spec.name)
      assert.equal(#spec.observation.names, #spec.observation.low)
      assert.is_true(#spec.responses >= 1)
    end
  end)

  it("describes files, and gives nil and a sentence where it cannot", function()
    assert.same({"level", "inflow"}, prl.env_spec(tank).observation.names)
    local spec, message, code = prl.env_spec {lua = "nowhere.lua"}
    assert.same({nil, "cannot open nowhere.lua: No such file or directory", "EIO"}, {spec, message, code})
  end)
end)

describe("a recipe beside an environment of its own", function()
  local load = require "perilune.recipe.load"

  it("loads with trust alone", function()
    local loaded = assert(load.load("examples/lua_env/recipe.lua", {trust = true}))
    assert.same({"deviation", "spilled"}, {loaded.spec.responses[1].name, loaded.spec.responses[2].name})
    assert.equal("lua", loaded.env.kind)
    local _, message = load.load("examples/lua_env/recipe.lua", {})
    assert.matches("only with %-%-trust", message)
  end)

  it("can be described with trust alone", function()
    local describe_recipe = require "perilune.recipe.describe"
    assert.matches("valve +%-1 … 1 +1/s", (describe_recipe.text("env", "examples/lua_env/tank.lua", true)))
    local _, message = describe_recipe.text("env", "examples/lua_env/tank.lua")
    assert.matches("only with %-%-trust", message)
  end)
end)
