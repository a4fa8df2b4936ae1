--- The directions in which the rooms of the house may depend on each other (runtime/README.md).

local support = require "support.files"

local lines, text_of = support.lines, support.read

-- The rooms of runtime/, each above those that it may include: what stands on a line may be included by all that come
-- after it, but for the rooms that are named as strangers to it. A folder inside of a room is a room of its own, and the
-- header beside it of the same name is its door (tensor/kernels.h).
local order = {
  "core", "search", "tensor/kernels", "tensor", "io", "optim", "autograd", "nn", "env", "objective", "rl", "agent/plan",
  "agent/policy", "agent/control", "agent/learner", "agent/verbs", "agent", "ranker", "recipe", "bind",
}
local strangers = {
  optim = {"io"}, autograd = {"io"}, nn = {"io"},
  env = {"tensor", "autograd", "nn", "optim"}, objective = {"tensor/kernels", "tensor", "io", "autograd", "nn", "optim", "env"},
  rl = {"io"},
  ranker = {"rl", "objective", "env", "agent/plan", "agent/policy", "agent/control", "agent/learner", "agent/verbs",
    "agent"},
}
-- Headers that hold the fields of a part: the folders that may include them.
local private = {
  ["autograd/program_internal.h"] = {"autograd"},
  ["autograd/tape_internal.h"] = {"autograd"},
  ["env/vecenv/parts.h"] = {"env/vecenv"},
  ["rl/parts.h"] = {"rl"},
  ["agent/policy/parts.h"] = {"agent/policy"},
  ["agent/control/parts.h"] = {"agent/control"},
  ["agent/learner/parts.h"] = {"agent/learner", "agent/verbs"},
  ["agent/verbs/verb.h"] = {"agent/verbs"},
}
-- The rooms that may meet Lua.
local lua_rooms = {recipe = true, bind = true}
-- The rooms of lua/perilune/, each above those that it may require, but for those beside it.
local lua_order = {"algorithms", "stats", "recipe", "records", "trainer", "report", "fit", "cli"}
local beside = {stats = {"algorithms"}, records = {"algorithms"}, report = {"trainer", "algorithms", "recipe"},
  trainer = {"algorithms"}}

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
    local inside = path:sub(1, #room + 1) == room .. "/" or path:match("^(.*)%.[ch]$") == room
    if inside and #room > #(found or "") then found = room end
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
    local wrong = {}
    for _, path in ipairs(lines("find runtime -name '*.[ch]'")) do
      local room = room_of(path:match("^runtime/(.*)$"))
      local strange = set(strangers[room] or {})
      for header in includes_of(path) do
        local other = room_of(header)
        if room and other and other ~= room and (place_of(other) > place_of(room) or strange[other]) then
          wrong[#wrong + 1] = path .. " includes " .. header
        end
      end
    end
    assert.same({}, wrong)
  end)

  it("lets the fields of a part be touched by its own files alone", function()
    local wrong = {}
    for _, path in ipairs(lines("find runtime -name '*.[ch]'")) do
      for header in includes_of(path) do
        local allowed = not private[header]
        for _, folder in ipairs(private[header] or {}) do
          allowed = allowed or path:match("^runtime/(.*)/") == folder
        end
        if not allowed then wrong[#wrong + 1] = path .. " includes " .. header end
      end
    end
    assert.same({}, wrong)
  end)

  it("lets bind/ know an agent by its public header, and of its rooms the plan and its verbs, and two others", function()
    local wrong, known = {}, set {"agent/plan/plan.h", "agent/verbs/schedule.h", "agent/needs.h", "agent/acting.h"}
    for _, path in ipairs(lines("find runtime/bind -name '*.[ch]'")) do
      for header in includes_of(path) do
        if header:find("^agent/") and not known[header] then wrong[#wrong + 1] = path .. " includes " .. header end
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

  it("opens every C file with a sentence that says what it is for", function()
    local wrong = {}
    for _, path in ipairs(lines("find runtime -name '*.[ch]'")) do
      local text = text_of(path)
      local sentence = text:match("^/%*%s+(%u.-)%*/") or text:match("^/%*%s+(.-)%*/") or ""
      if #sentence < 15 or not sentence:find("[.:]") then wrong[#wrong + 1] = path end
    end
    assert.same({}, wrong)
  end)

  describe("names in comments and READMEs", function()
    -- Files that a reader has, not we: a recipe, a run's folder, an environment of one's own.
    local examples = set {"recipe.lua", "npc.lua", "base.lua", "tank.lua", "mine.lua"}
    local tops = set {"runtime", "lua", "spec", "examples", "recipes", "cmake"}
    local files = {}
    for _, path in ipairs(lines("find runtime lua spec examples recipes cmake")) do files[path] = true end

    -- Beside the file that names it or in a folder above that, or seen from one of the roots of includes and requires.
    local function there(name, from)
      local folder = from:match("^(.*)/[^/]*$")
      while folder do
        if files[folder .. "/" .. name] then return true end
        folder = folder:match("^(.*)/[^/]*$")
      end
      for _, root in ipairs {"", "runtime/", "runtime/include/", "lua/", "lua/perilune/"} do
        if files[root .. name] then return true end
      end
      return false
    end

    local function comments_of(path)
      local text, found = text_of(path), {}
      local patterns = path:find("%.md$") and {"`([^`\n]+)`"} or path:find("%.lua$") and {"%-%-([^\n]*)"}
        or {"/%*(.-)%*/", "//([^\n]*)"}
      for _, pattern in ipairs(patterns) do
        for comment in text:gmatch(pattern) do found[#found + 1] = comment end
      end
      return found
    end

    -- word → the path that it names; nil: none. `bare`: a file's name counts without a folder, too.
    local function path_named(word, bare)
      local name = word:gsub("[./]+$", "")
      if name:find("^[./]") or examples[name:match("[^/]*$")] then return nil end
      if name:find("NAME", 1, true) or name:find("_$") then return nil end -- NAME.lua, ops_*.c: a kind of file
      if tops[name:match("^(%w+)/")] then return name end
      local is_file = name:find("[%w_]%.[ch]$") or name:find("[%w_]%.lua$")
      return is_file and (bare or name:find("/")) and name or nil
    end

    local function missing(find, bare)
      local wrong = {}
      for _, path in ipairs(lines(find)) do
        for _, comment in ipairs(comments_of(path)) do
          for word in (" " .. comment):gmatch("[^%w_%-./*…<]([%w_%-./]+)") do
            local name = path_named(word, bare)
            if name and not there(name, path) then wrong[#wrong + 1] = path .. " names " .. name end
          end
        end
      end
      return wrong
    end

    it("are files that there are, in C", function()
      assert.same({}, missing("find runtime examples spec -name '*.[ch]'", true))
    end)

    it("are files that there are, in Lua", function()
      assert.same({}, missing("find lua -name '*.lua'", true))
      assert.same({}, missing("find examples recipes spec -name '*.lua'"))
    end)

    it("are files that there are, in READMEs", function()
      assert.same({}, missing("find runtime lua spec examples recipes README.md CONTRIBUTING.md -name '*.md'"))
    end)
  end)

  it("gives back what a function makes by the name that its suffix promises (runtime/GLOSSARY.md)", function()
    local ends = {new = {"free", "release"}, new_from = {"free", "release"}, open = {"close"}, init = {"deinit"}}
    -- A descriptor; a file that is committed or aborted; a part of a document, which goes with it.
    local others = {prl_file_open = true, prl_file_out_open = true, prl_put_new = true}
    local declared, wrong = {}, {}
    for _, path in ipairs(lines("find runtime -name '*.h' -not -path 'runtime/bind/*'")) do
      for name in text_of(path):gmatch("(prl_[%w_]+)%(") do declared[name] = true end
    end
    for name in pairs(declared) do
      for suffix, known in pairs(ends) do
        local object, found = name:match("^(.*)_" .. suffix .. "$"), others[name]
        for _, last in ipairs(known) do found = found or declared[("%s_%s"):format(object, last)] end
        if object and not found then wrong[#wrong + 1] = name end
      end
    end
    table.sort(wrong)
    assert.same({}, wrong)
  end)

  it("multiplies where it squares: x ^ 2 of LuaJIT's interpreter and of its compiler differ in the last digit", function()
    assert.same({}, lines("grep -rnE '\\^ *2([^0-9.]|$)' lua --include='*.lua' | grep -vE -- '-- .*\\^ *2' || true"))
  end)

  it("uses no ffi in the product", function()
    assert.same({}, lines("grep -rnE 'require *\\(?[\"'\"'\"']ffi' lua || true"))
  end)
end)
