--- `perilune eval` by user and simulated day.
local posix = require "posix"
local cjson = require "cjson"
local command = require "support.command"
local files = require "support.files"

describe("perilune eval", function()
  local root

  setup(function()
    root = files.folder()
    local file = assert(io.open(root .. "/feed.lua", "w"))
    file:write([[
return {
  env = {"shortvideo", n = 8},
  objective = {critics = {watch_time = {scale = 100}}},
  policy = {hidden = {8}, bounded = true},
  algorithm = {"a2c", rollout = 4},
  train = {steps = 320},
  eval = {users = 4, days = 1, beside = {half = {watch = 0.5}}},
}
]])
    file:close()
  end)

  local function run(words) return command.run(root, words) end

  it("judges a run beside what its recipe names, or beside other runs", function()
    local _, err, code = run "train feed.lua -q"
    assert.equal(0, code, err)
    local folder
    for name in posix.files(root .. "/runs") do folder = name:find("^feed") and "runs/" .. name or folder end
    local out = run("eval " .. folder)
    assert.truthy(out:find("Beside half, on the same users:", 1, true))
    out, err, code = run(("eval %s --beside %s --json"):format(folder, folder .. "/"))
    assert.equal(0, code, err)
    local beside = cjson.decode(out).lift.beside
    assert.equal(1, #beside)
    assert.equal(folder:match("[^/]+$"), beside[1].name)
    for _, row in ipairs(beside[1].against.rows) do assert.equal(0, type(row.lift) == "table" and row.lift.mean or 0) end
    out = run(("eval %s --beside %s"):format(folder, folder))
    assert.truthy(out:find("policy over it, 95 %", 1, true)) -- the name is long
    out, err, code = run("eval " .. folder .. " --beside nowhere")
    assert.equal("", out)
    assert.equal(2, code)
    assert.truthy(err:find("there is no run nowhere", 1, true))
  end)

  it("divides users into groups, and draws a front, as the recipe or the command line says", function()
    local function done(words)
      local out, err, code = run(words)
      assert.equal(0, code, err)
      return out
    end
    done "train feed.lua -q --runs plain"
    done([[train feed.lua -q --runs asked --set 'eval.groups={"activity"}' ]] ..
      [[--set 'eval.front={x="watch_time", y={"like"}, vectors={{watch=0.5}}}']])
    local plain, asked = done("eval plain/$(ls plain) --groups activity --front watch_time,like --vectors plain --json"),
      done("eval asked/$(ls asked) --json")
    plain, asked = cjson.decode(plain), cjson.decode(asked)
    assert.same(plain.groups, asked.groups)
    assert.equal("activity", asked.groups.by[1].name)
    assert.same({"watch_time", {"like"}, 4}, {plain.front.x, plain.front.y, #plain.front.points}) -- ltr, the run, half, the policy
    assert.equal("vector 1", asked.front.points[2].name)
    local text = done "eval asked/$(ls asked) --groups log_request"
    assert.truthy(text:find("By thirds of log_request (", 1, true))
    assert.truthy(text:find("The front over ltr, on 4 users:", 1, true))
    assert.is_nil(text:find("By thirds of activity", 1, true))
    for words, message in pairs {
      ["--groups activty"] = 'eval.groups.1: the env has no observation "activty"; the nearest is "activity"',
      ["--front watch_time,like"] = "--front goes with --vectors: the recipe names no vectors",
      ["--vectors plain"] = "--vectors goes with --front: the recipe has no eval.front",
      ["--front watch_time --vectors plain"] = "eval.front.y",
      ["--front watch,like --vectors plain"] = 'eval.front.x: the env has no response "watch" that is summed',
      ["--front watch_time,like --vectors nowhere"] = "there is no folder nowhere",
    } do
      local out, err, code = run("eval plain/$(ls plain) " .. words)
      assert.same({"", 2}, {out, code}, err)
      assert.truthy(err:find(message, 1, true), err)
    end
  end)
end)
