--- `perilune eval` by user and simulated day.
local posix = require "posix"
local cjson = require "cjson"
local command = require "support.command"

describe("perilune eval", function()
  local root

  setup(function()
    root = assert(posix.mkdtemp("/tmp/perilune-eval-XXXXXX"))
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
  teardown(function() os.execute("rm -rf '" .. root .. "'") end)

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
end)
