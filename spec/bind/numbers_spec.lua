--- Numbers as people read and write them: ids in full, counts that no number overflows, and no host's locale.
local posix = require "posix"
local files = require "support.files"
local prl = require "perilune"

local function message_of(fn)
  local ok, message = pcall(fn)
  assert.is_false(ok)
  return message
end

describe("a number", function()
  it("of an integer tensor is printed in full", function()
    assert.truthy(tostring(prl.tensor({2 ^ 53, 4294967297, -1}, "int64")):find("{9007199254740992, 4294967297, -1}", 1, true))
    assert.truthy(tostring(prl.tensor({123456789}, "int32")):find("{123456789}", 1, true))
    assert.truthy(tostring(prl.tensor({1234567, 0.5})):find("{1.2346e+06, 0.5}", 1, true))
  end)

  it("beyond what counts exactly is refused as it is", function()
    local x = prl.zeros(4)
    for _, call in ipairs {
      function() return x:narrow(1, 1, 4, 1e300) end, function() return x:slice(1, 1, 4, 1e300) end,
      function() return prl.env("cartpole", {n = 1e300}) end, function() return prl.env("cartpole", {seed = 1e300}) end,
      function() return prl.panel("shortvideo", {}, {users = 1e300}) end,
      function() return prl.panel("shortvideo", {}, {days = 1e300}) end,
      function() return prl.panel("shortvideo", {}, {seed = -1e300}) end,
      function() return prl.io.csv("spec/README.md", {"a"}, {batch = 1e300}) end,
    } do
      local message = message_of(call)
      assert.truthy(message:find("a whole number is needed, not 1e+300", 1, true) or
        message:find("is %-?1e300; .* are accepted, in whole numbers$"), message)
    end
    for _, call in ipairs {function() return x[1e10] end, function() return x:get(1e10) end,
      function() return x:narrow(1, 1e10, 1e10) end} do
      assert.truthy(message_of(call):find(" 10000000000 ", 1, true))
    end
    assert.same({1, 1}, {x:narrow(1, 1, 4, 2 ^ 53):size(1), x:narrow(1, 4, 4, 2 ^ 53):size(1)}) -- a long step is none
  end)

  it("is no text that looks like one", function()
    local x, net = prl.zeros(4), prl.nn.linear(2, 2)
    local optim = prl.optim.sgd(net, {lr = 1})
    for what, call in pairs {
      zeros = function() prl.zeros {"3"} end, full = function() prl.full({3}, "2") end, arange = function() prl.arange("3") end,
      seed = function() prl.seed "3" end, memory = function() prl.memory "1000000000" end,
      env = function() prl.env("cartpole", {n = "2"}) end, preset = function() prl.env("pendulum", {g = "2"}) end,
      users = function() prl.panel("shortvideo", {}, {users = "2"}) end,
      constant = function() prl.panel("shortvideo", {}, {users = 2, constant = {"1", 1, 1, 1, 1, 1, 1, 1, 1, 1}}) end,
      fill = function() x:fill_("1") end, set = function() x:set(1, "1") end, get = function() x:get "1" end,
      index = function() x[1] = "1" end, narrow = function() x:narrow(1, "1", 2) end, size = function() x:size "1" end,
      reshape = function() x:reshape("2", 2) end, slice = function() x:slice(1, "1", 2) end, clamp = function() x:clamp("0", 1) end,
      add = function() return x + "1" end, step = function() optim:step "1" end,
      dropout = function() prl.dropout(x, true, "0.5") end,
    } do
      local ok, message = pcall(call)
      assert.is_false(ok, what)
      assert.truthy(message:find "number", what .. ": " .. message)
      assert.truthy(message:find "string", what .. ": " .. message)
    end
    local path = files.path()
    local writer = assert(prl.io.csv_writer(path, {"a"}))
    assert.error_matches(function() writer:row {"1"} end, "value 1 of the row is a string")
    writer:close()
  end)

  it("is the same where the host's decimal point is a comma", function()
    local folder = files.folder()
    os.execute(("localedef --no-archive -i de_DE -f ISO-8859-1 %s/de_DE 2>/dev/null"):format(folder))
    local path = posix.getenv "LOCPATH"
    posix.setenv("LOCPATH", folder)
    local there = os.setlocale("de_DE", "numeric")
    local function text_of()
      local recipe = folder .. "/x.lua"
      assert(prl.io.write(recipe, [[return {
        env = {"host", observation = {"x"}, action = {"continuous", aim = {-0.5, 0.5}}, responses = {hit = {wait = "1.5 s"}}},
        objective = {critics = {hit = {gamma = 0.75}}}, policy = {hidden = {4}}, algorithm = {"ppo", lr = 0.125},
      }]]))
      local loaded, refused = prl.recipe.load(recipe)
      assert(loaded, refused)
      local agent = prl.agent(prl.recipe.plan(loaded))
      return table.concat({
        tostring(prl.tensor {1.5, 0.25}), prl.to_json {0.5, 1e-9}, prl.to_json((prl.from_json "[1.25e-3, 123456789012345678901.5]")),
        loaded.hash, prl.recipe.text(loaded.recipe),
        message_of(function() agent:set("objective.critics.hit.gamma", 1.5) end),
        select(2, prl.recipe.load(recipe, {set = {"objective.critics.hit.gamma=1.5"}})),
        message_of(function() return prl.zeros(3):get(1.5) end),
      }, "\n")
    end
    local other = there and text_of()
    os.setlocale("C", "numeric")
    posix.setenv("LOCPATH", path)
    local plain = text_of()
    if not there then return pending "no locale could be made: the Debian package locales is not installed" end
    assert.equal(plain, other)
  end)
end)

describe("plain data as JSON", function()
  it("comes back with its maps and lists", function()
    for _, text in ipairs {'{}', '[]', '{"1":2}', '{"1":"a","2":[]}', '{"2":1}', '[{},[],{"a":{}}]', '{"a":{"b":{}},"c":[[]]}'} do
      assert.equal(text, prl.to_json((prl.from_json(text))))
    end
  end)

  it("writes tables of Lua as before, and a map that was filled by its keys", function()
    assert.equal('{"a":[],"b":[1,2]}', prl.to_json {a = {}, b = {1, 2}})
    local map = prl.from_json "{}"
    map.x = 1
    assert.equal('{"x":1}', prl.to_json(map))
    assert.is_nil(next((prl.from_json "{}")))
  end)
end)
