--- The directions in which the rooms of the house may depend on each other (runtime/README.md).

-- The rooms of runtime/, each above those that it may include: what stands on a line may be included by all that come
-- after it, but for the rooms that are named as strangers to it. A folder inside of a room is a room of its own.
local order = {
  "core", "tensor", "autograd", "nn", "optim", "env", "objective", "io", "rl", "agent/plan", "agent/policy",
  "agent/learner", "agent/verbs", "agent", "ranker", "recipe", "bind",
}
local strangers = {
  env = {"tensor", "autograd", "nn", "optim"}, objective = {"tensor", "autograd", "nn", "optim", "env"},
  io = {"autograd", "nn", "optim", "env", "objective"}, rl = {"io"},
  ranker = {"rl", "objective", "env", "agent/plan", "agent/policy", "agent/learner", "agent/verbs", "agent"},
}
-- Headers that hold the fields of a part: the rooms that may include them.
local private = {
  ["agent/policy/parts.h"] = {"agent/policy"},
  ["agent/learner/parts.h"] = {"agent/learner", "agent/verbs"},
  ["agent/verbs/verb.h"] = {"agent/verbs"},
}
-- The rooms that may meet Lua.
local lua_rooms = {recipe = true, bind = true}
-- Each with its reason.
local exceptions = {
  -- The runtime chooses its kernel table once, and knows the table's type alone.
  ["core -> tensor/kernels.h"] = true,
  -- A simulator with arithmetic of its own is compiled for each kernel table, as the kernels are.
  ["env -> tensor/kernels.h"] = true,
  -- An environment may be made from a fitted file. io is above core alone, so that nothing goes round.
  ["env -> io/file.h"] = true,
  ["env -> io/safetensors.h"] = true,
  -- A program holds its optimizer step, so that reduce, clip and step are one commit.
  ["autograd -> optim/optim.h"] = true,
}

-- The rooms of lua/perilune/, each above those that it may require, but for those beside it.
local lua_order = {"algorithms", "stats", "recipe", "records", "trainer", "report", "fit", "cli"}
local beside = {stats = {"algorithms"}, records = {"algorithms"}, report = {"trainer", "algorithms", "recipe"},
  trainer = {"algorithms"}}

local function lines(command)
  local pipe = assert(io.popen(command))
  local found = {}
  for line in pipe:lines() do found[#found + 1] = line end
  pipe:close()
  return found
end

local function text_of(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

local function set(list)
  local result = {}
  for _, item in ipairs(list) do result[item] = true end
  return result
end

-- What each of these folders may not require.
local function forbidden_of(room)
  local found, above = set(beside[room] or {}), false
  for _, other in ipairs(lua_order) do
    if above then found[other] = true end
    above = above or other == room
  end
  return found
end

-- The innermost room of a path below runtime/; nil: none.
local function room_of(path)
  local found
  for _, room in ipairs(order) do
    if path:sub(1, #room + 1) == room .. "/" and #room > #(found or "") then found = room end
  end
  return found
end

local function place_of(room)
  for place, name in ipairs(order) do
    if name == room then return place end
  end
end

local function includes_of(path)
  return ("\n" .. text_of(path)):gmatch('\n%s*#%s*include%s+"([^"]+)"')
end

describe("the house", function()
  it("has only rooms that this spec knows", function()
    local unknown = {}
    for _, path in ipairs(lines("find runtime -name '*.[ch]' -not -path 'runtime/include/*' -not -path runtime/main.c")) do
      if not room_of(path:match("^runtime/(.*)$")) then unknown[#unknown + 1] = path end
    end
    assert.same({}, unknown)
  end)

  it("lets each room include only the rooms below it", function()
    local wrong, used = {}, {}
    for _, path in ipairs(lines("find runtime -name '*.[ch]'")) do
      local room = room_of(path:match("^runtime/(.*)$"))
      local strange = set(strangers[room] or {})
      for header in includes_of(path) do
        local other = room_of(header)
        if room and other and other ~= room and (place_of(other) > place_of(room) or strange[other]) then
          local exception = room .. " -> " .. header
          used[exception] = true
          if not exceptions[exception] then wrong[#wrong + 1] = path .. " includes " .. header end
        end
      end
    end
    assert.same({}, wrong)
    for exception in pairs(exceptions) do
      assert(used[exception], "an exception that nothing needs: " .. exception)
    end
  end)

  it("lets the fields of a part be touched by its own files alone", function()
    local wrong = {}
    for _, path in ipairs(lines("find runtime -name '*.[ch]'")) do
      for header in includes_of(path) do
        if private[header] and not set(private[header])[room_of(path:match("^runtime/(.*)$"))] then
          wrong[#wrong + 1] = path .. " includes " .. header
        end
      end
    end
    assert.same({}, wrong)
  end)

  it("keeps Lua out of every room but recipe/ and bind/", function()
    local wrong = {}
    for _, path in ipairs(lines("find runtime -name '*.[ch]'")) do
      local room = path:match("^runtime/([^/]+)/")
      if room and not lua_rooms[room] and text_of(path):find("#%s*include%s*[<\"]l[ua][ua][%w]*%.h") then
        wrong[#wrong + 1] = path
      end
    end
    assert.same({}, wrong)
  end)

  it("keeps inner headers out of the public ones", function()
    local wrong = {}
    for _, path in ipairs(lines("find runtime/include -name '*.h'")) do
      for header in text_of(path):gmatch('#%s*include%s+"([^"]+)"') do
        if not header:find("^perilune/") then wrong[#wrong + 1] = path .. " includes " .. header end
      end
    end
    assert.same({}, wrong)
  end)

  it("has only rooms of Lua that this spec knows", function()
    local known, unknown = set(lua_order), {}
    for _, path in ipairs(lines("find lua/perilune -mindepth 1 -maxdepth 1 -type d")) do
      if not known[path:match("[^/]+$")] then unknown[#unknown + 1] = path end
    end
    assert.same({}, unknown)
  end)

  for _, room in ipairs(lua_order) do
    it("lets lua/perilune/" .. room .. " require only what is below it", function()
      local wrong, strange = {}, forbidden_of(room)
      for _, path in ipairs(lines("find lua/perilune/" .. room .. " -name '*.lua'")) do
        for name in text_of(path):gmatch("require%s*%(?%s*[\"']perilune%.([%w_]+)") do
          if strange[name] then wrong[#wrong + 1] = path .. " requires perilune." .. name end
        end
      end
      assert.same({}, wrong)
    end)
  end

  it("reads and writes fractions by core/number.h alone, since a host's locale may write them with a comma", function()
    local wrong = {}
    for _, path in ipairs(lines("find runtime -name '*.[ch]' ! -path 'runtime/core/number.c'")) do
      local text = text_of(path)
      for name in text:gmatch("[^%w_](strto[fdl]%w*)%s*%(") do
        if name == "strtod" or name == "strtof" or name == "strtold" then wrong[#wrong + 1] = path .. ": " .. name end
      end
      for call in text:gmatch("[^%w_](v?s?n?printf%s*%b())") do
        if call:find("^v") or call:find("%%[-+ #0-9.*]*[aAeEfFgG]") then wrong[#wrong + 1] = path .. ": " .. call end
      end
      for call in text:gmatch("[^%w_]f?s?(scanf%s*%b())") do
        if call:find("%%[0-9]*l?[aefg]") then wrong[#wrong + 1] = path .. ": " .. call end
      end
      if text:find("[^%w_]atof%s*%(") then wrong[#wrong + 1] = path .. ": atof" end
    end
    assert.same({}, wrong)
  end)

  it("uses no ffi in the product", function()
    assert.same({}, lines("grep -rnE 'require *\\(?[\"'\"'\"']ffi' lua || true"))
  end)
end)
