--- Order and chance: pairs and next go in one fixed order wherever a result may depend on it.
local posix = require "posix"
local prl = require "perilune"
local recipes = require "support.recipes"
local support = require "support.files"

local function files(pattern) return support.lines("find lua -name '" .. pattern .. "' | sort") end

-- What the library's own files have for globals.
local own = getfenv(require "perilune.keys")

describe("the fixed order", function()
  local function keys(t)
    local list = {}
    for key in own.pairs(t) do list[#list + 1] = key end
    return list
  end

  it("is numbers, then names by their bytes, then booleans, then one key of another kind", function()
    local other = {}
    local t = {10, 20, [-1.5] = 1, [1e9] = 1, b = 1, a = 1, B = 1, ab = 1, [""] = 1, ["a\0"] = 1, ["é"] = 1, [true] = 1,
      [false] = 1, [other] = 1}
    local order = {-1.5, 1, 2, 1e9, "", "B", "a", "a\0", "ab", "b", "é", false, true, other}
    assert.same(order, keys(t))
    local met, key = {}, nil
    repeat
      key = own.next(t, key)
      met[#met + 1] = key
    until key == nil
    assert.same(order, met)
    assert.same({nil, nil}, {own.next {}})
    assert.same({1, 10}, {own.next(t, -1.5)})
  end)

  it("is that of a sort, for every size", function()
    math.randomseed(5)
    for size = 0, 70 do
      local t, sorted = {}, {}
      for i = 1, size do
        local key = ("%x"):format(math.random(1e6))
        if not t[key] then sorted[#sorted + 1] = key end
        t[key] = i
      end
      table.sort(sorted)
      assert.same(sorted, keys(t))
    end
  end)

  it("lets values change and go on the way", function()
    local t, met = {a = 1, b = 2, c = 3, d = 4}, {}
    for key, value in own.pairs(t) do
      met[#met + 1] = key .. value
      t[key], t.c, t.d, t.z = nil, nil, 5, 6
    end
    assert.same({"a1", "b2", "d5"}, met)
    local iterate, of, first = own.pairs {x = 7, y = 8}
    assert.same({"x", 7}, {iterate(of, first)})
    assert.same({"x", 7}, {iterate(of, nil)}) -- it begins anew
  end)

  it("refuses two keys that have none", function()
    for _, walk in ipairs {own.pairs, own.next} do
      local ok, message = pcall(walk, {[{}] = 1, [print] = 2})
      assert.is_false(ok)
      assert.matches("two keys of this table are neither names nor numbers", message)
      assert.is_false(pcall(walk, nil))
    end
  end)

  it("is that of every Lua file of the library, and not of the host", function()
    assert.is_not.equal(pairs, own.pairs)
    assert.is_not.equal(next, own.next)
    assert.equal(math, own.math)
    local count = 0
    for _, name in ipairs(prl.modules "perilune") do
      local chunk = package.loaders[2](name)
      assert.equal("function", type(chunk), name)
      assert.equal(own, getfenv(chunk), name)
      count = count + 1
    end
    assert.equal(#files "*.lua" + 1, count) -- lua-argparse is built in beside them
  end)

  -- The console runs what its user types; an algorithm's file takes the library's globals (recipe/code_file.lua).
  local loads_code = {["lua/perilune/cli/lua.lua"] = true, ["lua/perilune/recipe/code_file.lua"] = true,
    ["lua/perilune/recipe/prelude.lua"] = true} -- which names what it withholds

  it("is not gone around: no file takes Lua's own loops, or loads code that has them", function()
    local wrong = {}
    for _, path in ipairs(files "*.lua") do
      local text = support.read(path):gsub("%-%-[^\n]*", "")
      for _, way in ipairs {"_G%s*%.%s*pairs", "_G%s*%.%s*next", "rawget%s*%(%s*_G", "table%.foreach", "getfenv%s*%(%s*0",
"cjson%.encode"} do
        if text:find(way) then wrong[#wrong + 1] = path .. ": " .. way end
      end
      for _, way in ipairs {"loadfile", "loadstring", "dofile"} do
        if not loads_code[path] and text:find(way) then wrong[#wrong + 1] = path .. ": " .. way end
      end
    end
    assert.same({}, wrong)
  end)
end)

describe("a recipe", function()
  local folder

  before_each(function() folder = recipes.folder() end)

  it("that goes through 20,000 names ends within its limits", function()
    local loaded = assert(recipes.load(folder, [[
      local t, sum = {}, 0
      for i = 1, 20000 do t["n" .. i] = 1 / i end
      for _, x in pairs(t) do sum = sum + x end
      return {env = "cartpole", algorithm = "ppo", tags = {"" .. sum}}]]))
    local names, sum = {}, 0
    for i = 1, 20000 do names[i] = "n" .. i end
    table.sort(names)
    for _, name in ipairs(names) do sum = sum + 1 / name:sub(2) end
    assert.equal("" .. sum, loaded.recipe.tags[1])
  end)

  it("cannot keep the processor by going through a large table again and again", function()
    local loaded, message = recipes.load(folder, [[
      local t = {}
      for i = 1, 60000 do t["n" .. i % 50021 * 7] = i end
      for i = 1, 1e5 do
        for k in pairs(t) do break end
        local k = next(t)
      end
      return {}]])
    assert.is_nil(loaded)
    assert.matches("did not end within 300 ms", message)
  end)
end)

describe("modules", function()
  local here, folder

  before_each(function()
    here, folder = posix.getcwd(), recipes.folder()
    posix.chdir(folder)
  end)
  after_each(function()
    posix.chdir(here)
  end)

  it("of a Lua environment come from the system's places, not from the current folder", function()
    recipes.write("./", "beside.lua", "return {}")
    recipes.write("./", "env.lua", [[local beside = require "beside"
      return {observation = {"x"}, action = {"continuous", a = {-1, 1}}, responses = {reward = {}}, beside = beside}]])
    local ok, made, message = pcall(prl.env, {lua = folder .. "env.lua"})
    assert.matches("module 'beside' not found", ok and message or made)
    assert.matches("%./", package.path) -- the host keeps its own
  end)
end)
