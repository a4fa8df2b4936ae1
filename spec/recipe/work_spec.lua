--- What a recipe may call, with numbers that mean a great deal of work: each call ends at once, or is refused for its
--- argument; none of them is ended by the sandbox's clock, its steps or its memory.

local formula = require "perilune.recipe.formula"
local keys = require "perilune.keys"
local prl = require "perilune"
local command = require "support.command"
local recipes = require "support.recipes"

--- Each function with arguments that it takes, and that are then replaced.
local CALLS = {
  assert = {"1", "'x'"}, error = {"'x'", "1"}, ipairs = {"{1}"}, next = {"{1, 2}", "1"}, pairs = {"{1}"},
  select = {"1", "2", "3"}, tonumber = {"'10'", "10"}, tostring = {"1"}, type = {"1"}, unpack = {"{1, 2}", "1", "2"},
  extend = {"{a = 1}", "{b = 2}"}, expression = {"function(s) return s end"}, sweep = {"{}"}, experiment = {"{}"}, require = {"'x'"},
  linear = {"{from = 1, to = 0}"}, cosine = {"{from = 1, to = 0}"}, warmup = {"{to = 1, over = 2}"}, piecewise = {"{{0, 1}}"},
  ratio = {"'click'", "'view'"}, relative = {"0.1"}, learned = {"{lr = 1}"},
  ["string.byte"] = {"'abc'", "1", "2"}, ["string.char"] = {"65", "66"}, ["string.format"] = {"'%d %g %s'", "1", "2", "3"},
  ["string.len"] = {"'abc'"}, ["string.lower"] = {"'abc'"}, ["string.upper"] = {"'abc'"}, ["string.reverse"] = {"'abc'"},
  ["string.sub"] = {"'abc'", "1", "2"}, ["string.rep"] = {"'ab'", "3"},
  ["table.insert"] = {"{1, 2}", "1", "7"}, ["table.remove"] = {"{1, 2}", "1"}, ["table.concat"] = {"{1, 2}", "','", "1", "2"},
  ["table.sort"] = {"{2, 1}", "function(a, b) return a < b end"}, ["table.unpack"] = {"{1, 2}", "1", "2"},
}
for _, op in ipairs(keys(formula.ops)) do
  local count = formula.ops[op] == true and 2 or formula.ops[op]
  if op ~= "add" and op ~= "sub" and op ~= "mul" and op ~= "div" and op ~= "neg" then CALLS[op] = {"2", "3", "4"} end
  if CALLS[op] then for i = 3, count + 1, -1 do CALLS[op][i] = nil end end
end
local MATH = "abs acos asin atan ceil cos cosh deg exp floor fmod frexp ldexp log max min modf pow rad sin sinh " ..
  "sqrt tan tanh"
for name in MATH:gmatch "%w+" do CALLS["math." .. name] = {"2", "3"} end

local NUMBERS = {"2^31 - 1", "-2^31", "0/0", "1/0", "-1/0", "1e300", "2^53", "-1"}
local OTHERS = {"('x'):rep(2^20)", "('9'):rep(2^20)", "''", "{}", "long"}

--- The calls of one function: each argument replaced by each, and each two by each two numbers.
local function variants(arguments)
  local list = {}
  local function put(changes)
    local own = {}
    for i = 1, #arguments do own[i] = changes[i] or arguments[i] end
    list[#list + 1] = table.concat(own, ", ")
  end
  for i = 1, #arguments do
    for _, value in ipairs(NUMBERS) do put {[i] = value} end
    for _, value in ipairs(OTHERS) do put {[i] = value} end
    for j = i + 1, #arguments do
      for _, a in ipairs {"2^31 - 1", "-2^31", "0/0"} do
        for _, b in ipairs {"2^31 - 1", "-2^31", "1e300"} do put {[i] = a, [j] = b} end
      end
    end
  end
  return list
end

describe("the work of a recipe", function()
  local folder
  setup(function() folder = recipes.folder() end)

  local function evaluate(text) return prl.recipe_eval(recipes.write(folder, "x.lua", text)) end

  it("is looked for in everything that it may call", function()
    local known = {}
    for name in pairs(CALLS) do
      known[#known + 1] = name
      assert.is_truthy(evaluate(("local f = %s return {type(f)}"):format(name)), name)
    end
    table.sort(known)
    -- The libraries say themselves what they have; the others stand in the prelude's list.
    local listed = assert(evaluate [[
      local names = {}
      for library, t in next, {string = string, table = table, math = math} do
        for name, f in next, t do if type(f) == "function" then names[#names + 1] = library .. "." .. name end end
      end
      return {tags = names}]]).recipe.tags
    local prelude = assert(prl.io.read "lua/perilune/recipe/prelude.lua")
    for name in prelude:match("local shared = {(.-)\n}"):gmatch("([%w_]+) =") do
      if name ~= "string" and name ~= "table" and name ~= "math" and name ~= "remove" then listed[#listed + 1] = name end
    end
    for name in prelude:gmatch("\nfunction shared%.([%w_]+)") do
      if not CALLS[name] then listed[#listed + 1] = name end
    end
    for name in pairs(formula.ops) do
      if CALLS[name] then listed[#listed + 1] = name end
    end
    local all = {}
    for _, name in ipairs(listed) do all[name] = true end
    all.require = true
    assert.same(known, keys(all))
  end)

  for _, name in ipairs(keys(CALLS)) do
    it("is bounded in " .. name, function()
      for _, arguments in ipairs(variants(CALLS[name])) do
        local text = ("local long = {} for i = 1, 2000 do long[i] = i end local x = %s(%s) return {}"):format(name, arguments)
        local ok, message = evaluate(text)
        if not ok then
          assert.is_nil(message:find("did not end", 1, true) or message:find("too much memory", 1, true),
            name .. "(" .. arguments .. "): " .. message)
        end
      end
    end)
  end

  it("of a list's functions is counted in steps", function()
    local function steps(body)
      local _, message = evaluate("local t = {} for i = 1, 20000 do t[i] = i end while true do " .. body .. " end")
      assert.matches("did not end within 5000000 steps", message, 1, true)
    end
    steps "table.insert(t, 1, 0) t[#t] = nil"
    steps "table.remove(t, 1) t[#t + 1] = 0"
    steps "table.sort(t)"
  end)

  it("inserts and removes as Lua does", function()
    local t = assert(evaluate [[
      local t = {"b", "d"}
      table.insert(t, "e") table.insert(t, 1, "a") table.insert(t, 3, "c") table.insert(t, 6, "f")
      local gone = {table.remove(t), table.remove(t, 2), table.remove(t, 1), tostring(table.remove(t, 9)), tostring(table.remove({}))}
      return {tags = t, gone = gone}]]).recipe
    assert.same({"c", "d", "e"}, t.tags)
    assert.same({"f", "b", "a", "nil", "nil"}, t.gone)
    local _, message = evaluate "\ntable.insert({1, 2}, 5, 1)"
    assert.matches("x.lua:2: table.insert: expected a position from 1 to 3, got 5", message, 1, true)
    _, message = evaluate "table.insert({1, 2})"
    assert.matches("takes a list, a position where one is meant, and a value", message, 1, true)
    _, message = evaluate "table.remove(remove)"
    assert.matches("table.remove takes a list, not a table", message, 1, true)
  end)

  --- A bound on processor time that only work of another order reaches: what is linear takes a hundredth of it.
  local function checked(text)
    recipes.write(folder, "x.lua", text)
    local _, message, status = command.run(folder, "check x.lua", nil, "ulimit -t 20;")
    assert.equal(2, status, message)
    return message
  end

  it("to find a mistake's line grows with the text, not with its square", function()
    local head = "return {env = 'cartpole', algorithm = 'a2c',\n"
    assert.matches("x.lua:2: train.steps: the number is not finite", checked(head .. "train = {steps = " ..
      ("1"):rep(250000) .. "}}"), 1, true)
    assert.matches("x.lua:3: train.stepz: unknown key", checked(head .. "--[" .. ("="):rep(100000) .. "\n" ..
      "train = {stepz = 0x" .. ("0"):rep(50000) .. "1, " .. ("steps = 1.5e3, "):rep(5000) .. "}}"), 1, true)
  end)
end)

describe("a long formula", function()
  local folder
  setup(function() folder = recipes.folder() end)

  --- A reward over n responses, grown by `step`, with `s`, `w` and `x` in it.
  local function text_of(n, step)
    return ([[
      local N, responses = %d, {}
      for i = 1, N do responses["x" .. i] = {} end
      return {env = {"host", observation = {"o"}, responses = responses, action = {"continuous", aim = {-1, 1}}},
        algorithm = "a2c", objective = {critics = {a = {reward = function(r)
          local s = 0
          for i = 1, N do local w, x = i / 8, r["x" .. i] s = %s end
          return s
        end}}}}]]):format(n, step)
  end

  local STEPS = {"s + w * x", "w * x + s", "s - w * x", "s + (x - 3)", "max(s, x)", "(s + x) * w", "either(s, x)"}

  it("of 4,000 terms loads, is printed and gives itself again", function()
    for _, step in ipairs {"s + w * x", "w * x + s", "s - w * x"} do
      local loaded = assert(recipes.load(folder, text_of(4000, step)))
      local tree = loaded.recipe.objective.critics.a.reward
      assert.equal("add", tree[1])
      assert.equal(4002, #tree)
      assert.is_truthy(prl.recipe.plan(loaded))
    end
    local _, message = recipes.load(folder, text_of(4001, "s + w * x"))
    assert.matches("the formula has more than 4000 terms", message, 1, true)
    for _, step in ipairs(STEPS) do
      for _, n in ipairs {3, 27, 28, 29, 30, 31, 100} do
        local loaded = recipes.load(folder, text_of(n, step))
        if step ~= "(s + x) * w" or n < 20 then assert.is_truthy(loaded, step .. n) end
        if loaded then
          local again = assert(recipes.load(folder, prl.recipe.text(loaded.recipe)))
          assert.same(loaded.recipe.objective, again.recipe.objective)
          assert.equal(loaded.hash, again.hash)
        end
      end
    end
  end)

  it("keeps the hash that it had while it was stored as written", function()
    local golden = {
      ["s + w * x"] = "a4082173c3527d837148b24055a95d0b",
      ["w * x + s"] = "5568f2de4e3547e9ceea24d7ac690c97",
      ["s - w * x"] = "00fd4dad449d29236b32fd8c2ee4c78a",
      ["max(s, x)"] = "6275c25a719d5bfd8c937bf36973bb4d",
    }
    for step, hash in pairs(golden) do assert.equal(hash, recipes.load(folder, text_of(26, step)).hash, step) end
  end)

  it("may be a schedule's", function()
    local function schedule(n)
      return recipes.load(folder, ("return {env = 'cartpole', algorithm = {'a2c', lr = expression(function(step) local s = 0 " ..
        "for i = 1, %d do s = s + i * step end return exp(-s) end)}}"):format(n))
    end
    for _, n in ipairs {3, 20, 24, 28, 100} do
      local loaded = assert(schedule(n))
      assert.equal(loaded.hash, assert(recipes.load(folder, prl.recipe.text(loaded.recipe))).hash)
    end
  end)

  it("is refused by name where its operations stand in one another", function()
    local _, message = recipes.load(folder, text_of(100, "abs(s - x)"))
    assert.matches("objective.critics.a.reward: the formula has more than 40 operations in one another", message, 1, true)
  end)
end)
