--- lua/API.md names every public function and none that is not there. (Its examples run in spec/documentation_spec.lua.)

local files = require "support.files"
local prl = require "perilune"

-- How the reference calls the objects of each C type.
local objects = {agent = "agent", env = "env", plan = "plan", program = "program", ranker = "ranker", csv = "reader",
  csv_writer = "writer", events = "events", graph = "graph", params = "set", optimizer = "group", gaussian_process = "gp",
  improvement = "improvement", confidence_sequence = "sequence"}

describe("the reference of the module", function()
  local text = files.read "lua/API.md"

  local function missing_of(found, names, form)
    for name, value in pairs(names) do
      local wanted = form:format(name)
      local public = type(value) == "function" and name:sub(1, 2) ~= "__"
      if public and not text:find(wanted, 1, true) then found[#found + 1] = wanted end
    end
    table.sort(found)
    return found
  end

  local function names_op(name) return text:find("`" .. name .. "(", 1, true) end

  it("names every function of the module and of its parts", function()
    local functions = {}
    for name, value in pairs(prl) do
      if not (prl.methods[name] and names_op(name)) then functions[name] = value end
    end
    for _, name in ipairs {"catch_interrupt", "release_interrupt", "interrupted"} do
      functions[name] = nil -- of the executable, or put there by a spec
    end
    local found = missing_of({}, functions, "prl.%s(")
    for _, part in ipairs {"nn", "optim", "distribution", "recipe", "io"} do
      for name, value in pairs(prl[part]) do
        if type(value) == "function" and not text:find(("prl.%s.%s"):format(part, name), 1, true) then
          found[#found + 1] = ("prl.%s.%s"):format(part, name)
        end
      end
    end
    assert.same({}, found)
  end)

  it("names every method of tensors and of objects", function()
    local found = {}
    for name in pairs(prl.methods) do
      if not (names_op(name) or text:find("`[tx]:" .. name .. "%(")) then found[#found + 1] = "t:" .. name end
    end
    for key, meta in pairs(debug.getregistry()) do
      local kind = type(key) == "string" and key:match("^perilune%.([%w_]+)$")
      if kind and type(meta) == "table" then
        for name, value in pairs(meta) do
          local method = type(value) == "function" and type(name) == "string" and name:sub(1, 2) ~= "__"
          local wanted = ("%s:%s"):format(objects[kind] or "?" .. kind, name)
          if method and not text:find(wanted .. "[%( {]") then found[#found + 1] = wanted end
        end
      end
    end
    missing_of(found, getmetatable(prl.nn.linear(1, 1)).__index, "module:%s(")
    missing_of(found, getmetatable(prl.optim.sgd(prl.nn.linear(1, 1))).__index, "optimizer:%s(")
    assert.same({}, found)
  end)

  it("shows each op as the list of ops has it", function()
    local shown, rows = {}, text:match("\n## Ops\n(.-)\n## ")
    for row in rows:gmatch("\n(| `[^|]+)|") do
      for name, arguments in row:gmatch("`([%a_][%w_]*)(%b())`") do shown[name] = arguments end
    end
    local listed = {}
    for name, arguments in pairs(prl.op_arguments()) do listed[name] = "(" .. arguments .. ")" end
    assert.same(listed, shown)
  end)

  it("names nothing that is not there", function()
    local gone = {}
    for path in text:gmatch("prl%.([%a_][%w_.]*)") do
      local value = prl
      for name in path:gmatch("[^.]+") do
        local ok, field = pcall(function() return value[name] end) -- one that is not there raises
        value = ok and field or nil
      end
      if value == nil and not path:find "interrupt" then gone[#gone + 1] = path end
    end
    for row in text:match("\n## Ops\n(.-)\n## "):gmatch("\n(| `[^|]+)|") do
      for name in row:gmatch("`([%a_][%w_]*)%(") do
        if not (rawget(prl, name) and prl.methods[name]) then gone[#gone + 1] = name end
      end
    end
    for name in text:gmatch("agent:([%a_]+)") do
      if not debug.getregistry()["perilune.agent"][name] then gone[#gone + 1] = "agent:" .. name end
    end
    assert.same({}, gone)
  end)
end)
