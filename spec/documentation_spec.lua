--- Documentation that runs: the code in READMEs and in the opening comments of public headers, the command lines that they
--- show, and the files that they name.

local posix = require "posix"
local prl = require "perilune"

local files = require "support.files"
local perilune = require "support.command"

local read, lines_of = files.read, files.lines

-- What the C examples take as declared.
local prologue = [[
#include "perilune/actor.h"
#include "perilune/agent.h"
#include "perilune/ranker.h"
#include "perilune/tensor.h"
void example(prl_runtime *runtime, prl_plan *plan, prl_agent *agent, prl_progress progress, prl_error error,
             const uint64_t *streams, const float *observation, int64_t n, float *action, uint64_t *decisions,
             const float *response, prl_ranker *ranker, int32_t *ids, int row, int c, int C, const float *numbers,
             const int32_t *sequences, float *scores, prl_snapshot *snapshot, prl_actor *actor, prl_decisions made);
void example(prl_runtime *runtime, prl_plan *plan, prl_agent *agent, prl_progress progress, prl_error error,
             const uint64_t *streams, const float *observation, int64_t n, float *action, uint64_t *decisions,
             const float *response, prl_ranker *ranker, int32_t *ids, int row, int c, int C, const float *numbers,
             const int32_t *sequences, float *scores, prl_snapshot *snapshot, prl_actor *actor, prl_decisions made) {
%s}
]]

-- Everything that is written for readers; the calibration of shortvideo is written by a program.
local pages = lines_of [[find . -name '*.md' -not -path './build*' -not -path './runs/*' -not -name CALIBRATION.md | sort]]
local headers = lines_of "ls runtime/include/perilune/*.h"

-- The code blocks of a page that begin with ```language.
local function blocks_of(path, language)
  local blocks = {}
  for code in ("\n" .. read(path)):gmatch("\n```" .. language .. "\n(.-)\n```") do blocks[#blocks + 1] = code .. "\n" end
  return blocks
end

-- The lines of a header's opening comment that are set in by five blanks or more.
local function code_of(header)
  local code = {}
  for line in assert(read(header):match "^/%*.-%*/"):gmatch "[^\n]+" do
    code[#code + 1] = line:match "^ %*     +(.*)$"
  end
  return table.concat(code, "\n") .. "\n"
end

describe("documentation", function()
  local root

  before_each(function() root = files.folder() end)

  -- What a C compiler says of statements; "": nothing.
  local function compiled(code)
    assert(prl.io.write(root .. "/example.c", prologue:gsub("%%s", function() return code end)))
    return table.concat(lines_of(("cc -std=c11 -Wall -Wextra -Werror -Wno-unused-parameter -fsyntax-only -Iruntime/include '%s' 2>&1")
      :format(root .. "/example.c")), "\n")
  end

  it("has C that compiles, in headers and READMEs", function()
    local count = 0
    local function check(path, code)
      assert.equal("", compiled(code), path)
      count = count + 1
    end
    for _, header in ipairs(headers) do
      local code = code_of(header)
      if code:find "%S" then check(header, code) end
    end
    for _, page in ipairs(pages) do
      for _, code in ipairs(blocks_of(page, "c")) do check(page, code) end
    end
    assert.is_true(count >= 3, "only " .. count .. " examples")
    assert.not_equal("", compiled "prl_agent_learn(agent, &progress, &error);\n")
  end)

  it("lists the failures of every public function that has some, and how long what it lends is valid", function()
    local silent, count = {}, 0
    for _, header in ipairs(headers) do
      local comment = ""
      for said, declared in read(header):gmatch "(.-)\nPRL_API ([^;]+;)" do
        for last in said:gmatch "/%*.-%*/" do comment = last end -- one comment may stand above several functions
        local result, name = declared:match "^(.-)(prl_[%w_]+)%("
        local needed = result == "prl_status " and "Fails" or result:find "^const .*%*" and "[Bb]orrowed" or nil
        count = count + 1
        if needed and not (comment:find(needed) or comment:find "[Cc]onstant") then silent[#silent + 1] = name end
      end
    end
    assert.same({"prl_fail"}, silent)
    assert.is_true(count > 70)
  end)

  -- A recipe as a file beside those that it starts from: pendulum's where it asks for ppo, else the short-video feed's, which
  -- experiments are of.
  local function recipe_of(code)
    local folder = code:find 'require "ppo"' and not code:find "^%s*return experiment" and "pendulum" or "shortvideo"
    os.execute(("cp recipes/%s/*.lua '%s'"):format(folder, root))
    assert(prl.io.write(root .. "/mine.lua", code))
    return root .. "/mine.lua"
  end

  local experiments = 0

  local function check_recipe(page, code)
    local path = recipe_of(code) -- a change of the running recipe is one of the operator's page
    local loaded = assert(prl.recipe.load(path, {running = code:find("running", 1, true) and root .. "/guarded.lua" or nil}))
    for _, fast in ipairs(loaded.experiment and {true, false} or {}) do
      local plan = require("perilune.trainer.experiment").plan(path, {fast = fast})
      require("perilune.trainer.ab").check(plan)
      require("perilune.trainer.chain").check(plan)
      require("perilune.trainer.tuning").check(plan)
    end
    experiments = experiments + (loaded.experiment and 1 or 0)
    if code:find "sweep {" then assert(require("perilune.trainer.sweep").plan(root .. "/mine.lua", {}), page) end
  end

  local function check_env(page, code)
    for line in code:gmatch "[^\n]+" do
      local chunk, env = assert(loadstring(line, "=" .. page)), {}
      setfenv(chunk, env)()
      local options = {}
      for key, value in pairs(env.env) do
        if type(key) == "string" and key ~= "n" and key ~= "world" then options[key] = value end
      end
      assert(prl.env_spec(env.env[1], options))
    end
  end

  it("has Lua that runs: programs, recipes and environments", function()
    local tmpname = stub(os, "tmpname", files.path) -- what an example saves goes away
    finally(function() tmpname:revert() end)
    local kinds = {}
    for _, page in ipairs(pages) do
      for _, code in ipairs(blocks_of(page, "lua")) do
        local kind = code:gsub("^%-%-[^\n]*\n", ""):find "^%s*return " and "recipe" or code:find "^env = " and "env" or "program"
        kinds[kind] = (kinds[kind] or 0) + 1
        if kind == "recipe" then check_recipe(page, code)
        elseif kind == "env" then check_env(page, code)
        else assert(loadstring("local prl, print = ...\n" .. code, "=" .. page))(prl, tostring) end
      end
    end
    assert.is_true(kinds.program >= 6 and kinds.recipe >= 4 and kinds.env >= 2 and experiments >= 2)
  end)

  it("shows the sentence that a mistake in the first recipe gives", function()
    local page = read "README.md"
    local name, line, sentence = page:match "\n    recipes/shortvideo/(mine%.lua):(%d+): ([^\n]+)\n"
    local code = blocks_of("README.md", "lua")[1]
    local wrong = code:gsub("(watch = {.-)gamma", "%1gama")
    local loaded, message = prl.recipe.load(recipe_of(wrong))
    assert.is_nil(loaded)
    assert.equal(("%s/%s:%s: %s"):format(root, name, line, sentence), message)
  end)

  it("shows commands with words that they know, and recipes that are there", function()
    local help, wrong, count = {}, {}, 0
    local function help_of(command)
      help[command] = help[command] or perilune.run(root, command .. " --help")
      return help[command]
    end
    local function check(page, command, words)
      count = count + 1
      for option in (" " .. words):gmatch "%s(%-%-[%w-]+)" do
        if not help_of(command):find(option:gsub("%-", "%%-") .. "[^%w-]") then
          wrong[#wrong + 1] = ("%s: %s %s"):format(page, command, option)
        end
      end
      for path in words:gmatch "recipes/[%w_/]+%.lua" do
        if not posix.access(path) then wrong[#wrong + 1] = ("%s: %s"):format(page, path) end
      end
    end
    for _, page in ipairs(pages) do
      for line in read(page):gmatch "[^\n]+" do
        for part in (line:gsub("perilune ", "\n%0")):gmatch "[^\n]+" do
          local command, words = part:match "^perilune (%l+) ([^`#]*)"
          if command and help_of(command) ~= "" then check(page, command, words) end
        end
      end
    end
    assert.same({}, wrong)
    assert.is_true(count >= 20, "only " .. count .. " commands")
  end)

  it("links to files that are there", function()
    local gone = {}
    for _, page in ipairs(pages) do
      local folder = page:match "^(.*)/"
      for path in read(page):gmatch "%]%(([^)#]+)" do
        if not path:find "^%a+:" and not posix.access(folder .. "/" .. path) then
          gone[#gone + 1] = ("%s: %s"):format(page, path)
        end
      end
    end
    assert.same({}, gone)
  end)

  it("opens every Lua file with a line that says what it is for", function()
    local silent = {}
    for _, path in ipairs(lines_of "find lua spec recipes examples -name '*.lua' | sort") do
      if not read(path):gsub("^#![^\n]*\n", ""):find "^%-%-%-? %S+ %S+ [^\n]*\n" then silent[#silent + 1] = path end
    end
    assert.same({}, silent)
  end)
end)
