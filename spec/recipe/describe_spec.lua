--- `perilune describe` and `perilune check` speak from the schema.

local describe_recipe = require "perilune.recipe.describe"
local schema = require "perilune.recipe.schema"

describe("describe.text", function()
  it("lists the fields of experiments", function()
    local text = assert(describe_recipe.text "experiment")
    for _, name in ipairs {"user_seed", "first_seed", "horizon", "\ntune:", "\nab.fast:", "\nfast:"} do
      assert.truthy(text:find(name, 1, true), name)
    end
  end)

  it("knows every topic that it lists", function()
    for _, topic in ipairs(describe_recipe.topics) do
      assert.is_string(describe_recipe.text(topic))
    end
  end)

  it("shows type, default, unit, live or structural, and meaning of every option", function()
    local text = describe_recipe.text "critic"
    for _, option in ipairs(schema.critic) do assert.truthy(text:find("\n" .. option.name .. " ", 1, true)) end
    assert.matches("gamma +number 0 … 1 +0%.99 +live +discount factor", text)
    assert.matches("hidden +sizes +units +structural", text)
  end)

  it("says that what is live may be a schedule, of weights as of step sizes", function()
    local said = "\nWhat is live may be a schedule (describe schedule), and may change while it runs (agent:set).\n"
    for _, words in ipairs {{"critic"}, {"algorithm", "ppo"}} do
      assert.truthy(describe_recipe.text(unpack(words)):find(said, 1, true), words[1])
    end
    assert.matches("weight +number +1 +live", (describe_recipe.text "critic"))
    assert.falsy(describe_recipe.text "agent":find(said, 1, true)) -- nothing of it is live
  end)

  it("shows the options of an algorithm, and what an environment is made of", function()
    assert.matches("epochs +whole number ≥ 1 +4 +structural", (describe_recipe.text("algorithm", "ppo")))
    local text = describe_recipe.text("env", "pendulum")
    assert.matches("torque +%-2 … 2 +N m", text)
    assert.matches("reward +0 +sum +0 s", text)
  end)

  it("shows the options inside an option, and those that hold with another one alone", function()
    local text = describe_recipe.text("algorithm", "a2c"):gsub("%s+", " ")
    assert.matches('correction {"vtrace", …} | false false structural corrects steps that an older policy acted', text, 1, true)
    assert.matches("correction%.rho number ≥ 0 1 live greatest ratio of densities", text)
    assert.matches("stretch whole number 1 … 1048576 16 steps structural [^()]+%(with memory alone%)", text)
  end)

  it("shows noise that lasts", function()
    local sac = describe_recipe.text("algorithm", "sac"):gsub("%s+", " ")
    assert.matches('exploration {"gsde", …} | false false structural noise that lasts', sac, 1, true)
    assert.matches("exploration%.steps whole number 0 … 268435456 0 steps structural steps of an episode", sac)
    local td3 = describe_recipe.text("algorithm", "td3"):gsub("%s+", " ")
    assert.matches('exploration {"ou", …} | false false structural noise that goes on from step to step', td3, 1, true)
    assert.matches("exploration%.theta number > 0 0%.15 structural pull of the process", td3)
  end)

  it("reads the file of an algorithm or an environment of one's own, where it is trusted", function()
    local text = assert(describe_recipe.text("algorithm", "examples/own_algorithm/guided.lua", true))
    assert.matches('^algorithm = {lua = "examples/own_algorithm/guided.lua", …}: a2c with a forward model', text)
    assert.matches("target_entropy +number ≥ 0 +0%.3 +nats +live +what the temperature keeps", text)
    assert.matches('^env = {lua = "examples/lua_env/tank.lua", …}: ',
      (describe_recipe.text("env", "examples/lua_env/tank.lua", true)))
    assert.matches("This is a search, not a learner", (describe_recipe.text("algorithm", "examples/own_search/climb.lua", true)))
    assert.same({nil, "x.lua is code: it is read only with --trust"}, {describe_recipe.text("algorithm", "x.lua")})
    assert.same({nil, "cannot open x.lua: No such file or directory"}, {describe_recipe.text("algorithm", "x.lua", true)})
    assert.same({nil, "spec/helper.lua returns no algorithm: a table with options and a function build or search"},
      {describe_recipe.text("algorithm", "spec/helper.lua", true)})
  end)

  it("says of an algorithm that takes fresh steps alone what long waits do to it", function()
    assert.matches("closes before the next update is published", (describe_recipe.text("algorithm", "a2c")))
    assert.falsy(describe_recipe.text("algorithm", "ppo"):find("is published", 1, true))
    assert.truthy(describe_recipe.text("algorithm", "ppo"):find("agent.streams", 1, true))
  end)

  it("gives the nearest name for one that it does not know", function()
    assert.same({nil, 'there is no topic "polcy"; the nearest is "policy"'}, {describe_recipe.text "polcy"})
    assert.same({nil, 'there is no algorithm "pp"; the nearest is "ppo"'}, {describe_recipe.text("algorithm", "pp")})
    local _, message = describe_recipe.text("env", "cartpol")
    assert.matches('the nearest is "cartpole"', message)
  end)
end)
