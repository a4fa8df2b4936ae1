--- The directions in which the rooms of the house may depend on each other (runtime/README.md).

-- What each room of runtime/ may include beside itself and the public headers.
local rooms = {
  core = {},
  tensor = {"core"},
  autograd = {"tensor", "core"},
  nn = {"autograd", "tensor", "core"},
  optim = {"nn", "autograd", "tensor", "core"},
  env = {"core"},
  objective = {"core"},
  rl = {"objective", "env", "optim", "nn", "autograd", "tensor", "core"},
  io = {"tensor", "core"},
  agent = {"io", "rl", "objective", "env", "optim", "nn", "autograd", "tensor", "core"},
  recipe = {"agent", "io", "rl", "objective", "env", "optim", "nn", "autograd", "tensor", "core"},
  bind = {"recipe", "agent", "io", "rl", "objective", "env", "optim", "nn", "autograd", "tensor", "core"},
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
  -- The sandbox reads its Lua files from the library and hands plain data over as every binding does.
  ["recipe -> bind/embedded.h"] = true,
  ["recipe -> bind/value.h"] = true,
}

-- In Lua: cli → report, trainer → the module; recipe → algorithms. What each folder may not require.
local forbidden = {
  ["lua/perilune/trainer"] = {"perilune%.cli"},
  ["lua/perilune/report"] = {"perilune%.cli", "perilune%.trainer"},
  ["lua/perilune/records"] = {"perilune%.cli", "perilune%.trainer", "perilune%.report"},
  ["lua/perilune/recipe"] = {"perilune%.cli", "perilune%.trainer", "perilune%.report"},
  ["lua/perilune/algorithms"] = {"perilune%.cli", "perilune%.trainer", "perilune%.report"},
}

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

describe("the house", function()
  it("has only rooms that this spec knows", function()
    local unknown = {}
    for _, path in ipairs(lines("find runtime -mindepth 1 -maxdepth 1 -type d")) do
      local room = path:match("([^/]+)$")
      if not rooms[room] and room ~= "include" then unknown[#unknown + 1] = path end
    end
    assert.same({}, unknown)
  end)

  for room, others in pairs(rooms) do
    it("lets " .. room .. "/ include only the rooms below it", function()
      local allowed = set(others)
      allowed[room] = true
      local wrong = {}
      for _, path in ipairs(lines("find runtime/" .. room .. " -name '*.[ch]' 2>/dev/null")) do
        for header in text_of(path):gmatch('\n%s*#%s*include%s+"([^"]+)"') do
          local other = header:match("^([^/]+)/")
          local excepted = exceptions[room .. " -> " .. header]
          if other and rooms[other] and not allowed[other] and not excepted then
            wrong[#wrong + 1] = path .. " includes " .. header
          end
        end
      end
      assert.same({}, wrong)
    end)
  end

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

  for folder, patterns in pairs(forbidden) do
    it("lets " .. folder .. " require only what is below it", function()
      local wrong = {}
      for _, path in ipairs(lines("find " .. folder .. " -name '*.lua' 2>/dev/null")) do
        local text = text_of(path)
        for _, pattern in ipairs(patterns) do
          if text:find("require%s*%(?%s*[\"']" .. pattern) then wrong[#wrong + 1] = path .. " requires " .. pattern end
        end
      end
      assert.same({}, wrong)
    end)
  end

  it("uses no ffi in the product", function()
    assert.same({}, lines("grep -rnE 'require *\\(?[\"'\"'\"']ffi' lua || true"))
  end)
end)
