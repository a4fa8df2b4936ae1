--- What commands print holds no control character of a recipe, a log or a run's folder.
local cjson = require "cjson"

local command = require "support.command"
local files = require "support.files"
local terminal = require "perilune.terminal"

describe("a terminal", function()
  it("is shown control characters instead of obeying them", function()
    for text, shown in pairs {
      ["plain, é → 漢 😀\n\tline"] = "plain, é → 漢 😀\n\tline",
      ["\27[2J\7\8\r\127\0\11"] = "\\027[2J\\007\\008\\013\\127\\000\\011",
      ["\194\155[31m"] = "\\194\\155[31m", -- CSI as one character
      ["\155[31m"] = "\\155[31m", -- and as one byte
      ["é\155\226\130x\194"] = "é\\155\\226\\130x\\194",
      ["\194\160"] = "\194\160", [""] = "",
      ["a\226\128\174b\226\128\168c\226\129\166d\216\156"] = "a\\226\\128\\174b\\226\\128\\168c\\226\\129\\166d\\216\\156", -- U+202E …
      ["\226\128\147\226\128\140"] = "\226\128\147\226\128\140", -- a dash, and what joins nothing
    } do
      assert.equal(shown, terminal.escape(text))
      assert.equal(shown, terminal.escape(shown))
    end
  end)

  it("is written to by one file alone", function()
    local pipe = assert(io.popen("grep -rnE '(^|[^.[:alnum:]_])(io\\.write|print)\\(|io\\.std(out|err):write' lua --include=*.lua"))
    local wrong = {}
    for line in pipe:lines() do
      local path, code = line:match("^([^:]+):%d+:(.*)$")
      local own = path == "lua/perilune/terminal.lua" or path == "lua/perilune/cli/lua.lua" -- whose user says what it prints
      if not own and not code:find("^%s*%-%-") then wrong[#wrong + 1] = line end
    end
    pipe:close()
    assert.same({}, wrong)
  end)
end)

describe("a hostile recipe", function()
  local root
  local evil = "x\27[2J\194\155]0;\7\r\127"

  local function write(name, text)
    local file = assert(io.open(root .. "/" .. name, "w"))
    file:write(text)
    file:close()
  end

  setup(function() root = files.folder() end)

  -- Runs it, and returns what it printed, which has no control character.
  local function clean(words, expected)
    local out, err, code = command.run(root, words)
    assert.equal(expected, code, words .. "\n" .. err)
    for _, text in ipairs {out, err} do
      assert.is_nil(text:find("[%z\1-\8\11-\31\127]"), words)
      assert.is_nil(text:find("\194[\128-\159]"), words)
    end
    return out .. err
  end

  it("has its names and messages shown", function()
    local refusals = {
      ("error(%q)"):format(evil), ("return {env = %q}"):format(evil), ("return {[%q] = 1}"):format(evil),
      ("return {env = 'cartpole', algorithm = %q}"):format(evil), ("return require(%q)"):format(evil),
      ("return {env = 'cartpole', objective = {critics = {[%q] = {}}}}"):format(evil),
      ("return {env = 'cartpole', objective = {critics = {a = {reward = function(r) return r[%q] end}}}}"):format(evil),
      ("local t = {} return t[%q].x"):format(evil), "return {\27", "return '\7' .. {}",
      ("return {kind = 'fit', log = {file = %q}}"):format(evil),
    }
    for i, text in ipairs(refusals) do
      write(i .. ".lua", text)
      local printed = clean(("check %d.lua"):format(i), 2)
      assert.truthy(i > 8 or printed:find("\\0?27"), printed)
    end
    write("good.lua", ("return {env = {'cartpole', n = 2}, algorithm = 'a2c', name = %q, tags = {%q}, train = {steps = 16}, " ..
      "eval = {every = 0, episodes = 2}}"):format(evil, evil))
    clean("check good.lua", 0)
    assert.truthy(clean("train good.lua -q", 0):find("Trained x\\027", 1, true))
    clean("eval runs/*", 0)
    clean("compare runs/* runs/* --out compared", 0)
    clean("sweep good.lua --set algorithm.lr=1e-3,1e-4 --seeds 1 -q --out swept", 0)
    clean("check 'no\27such.lua'", 2)
    clean("chec\27k", 2)
    clean("train good.lua --set 'train.st\27eps=1'", 2)
  end)

  it("has the names of its environment shown, and JSON that is JSON", function()
    write("env.lua", ([[return {observation = {{"a", unit = %q}}, action = {"continuous", b = {-1, 1}}, name = %q,
      responses = {reward = {unit = %q}}, max_steps = 3, reset = function() return {0} end,
      step = function() return {0}, {reward = 1} end}]]):format(evil, evil, evil))
    write("own.lua", "return {env = {lua = 'env.lua', n = 2}, algorithm = 'a2c', name = 'own', train = {steps = 16}, " ..
      "eval = {every = 0, episodes = 2}}")
    clean("train own.lua -q --trust --runs owned", 0)
    clean("describe env env.lua --trust", 0)
    clean("eval owned/* --trust", 0)
    local out = clean("eval owned/* --trust --json", 0)
    assert.equal(2, cjson.decode(out).episodes)
    write("bad.lua", ("error(%q)"):format(evil))
    write("own.lua", "return {env = {lua = 'bad.lua'}, algorithm = 'a2c'}")
    assert.truthy(clean("check own.lua --trust", 2):find("\\027", 1, true))
  end)
end)
