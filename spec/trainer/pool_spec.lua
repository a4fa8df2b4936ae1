--- Child processes: several command lines at once.

local posix = require "posix"
local files = require "support.files"
local pool = require "perilune.trainer.pool"
local prl = require "perilune"

describe("the pool", function()
  local root

  before_each(function() root = files.folder() end)
  after_each(function() prl.interrupted = nil end)

  local function job(name, script) return {name = name, words = {"-c", script}, log = root .. "/" .. name .. ".log"} end

  local function run(jobs, limit, done)
    local ended = {}
    local stopped = pool.run(jobs, limit, function(one, ok, code)
      ended[#ended + 1] = one.name
      ended[one.name] = {ok, code}
      return done and done(one, ok)
    end, "sh")
    return ended, stopped
  end

  it("runs every job and says how each ended, with what it wrote in its log", function()
    local ended, stopped = run({job("a", "echo one; echo two >&2"), job("b", "exit 3"), job("c", "kill -9 $$")}, 2)
    assert.same({{true, 0}, {false, 3}, {false, 9}}, {ended.a, ended.b, ended.c})
    assert.equal("one\ntwo\n", assert(prl.io.read(root .. "/a.log")))
    assert.is_false(stopped)
  end)

  it("has at most so many at once", function()
    -- each takes a place while it runs, and fails where there is none
    local jobs, script = {}, [[
cd '%s'; for place in $1 1 2; do mkdir $place 2>/dev/null && { sleep 0.02; rmdir $place; exit 0; }; done; exit 1]]
    for i = 1, 8 do jobs[i] = job("j" .. i, script:format(root)) end
    local ended = run(jobs, 2)
    for i = 1, 8 do assert.same({true, 0}, ended["j" .. i]) end
  end)

  it("begins no further one where it is told to stop, and waits for those that run", function()
    local ended = run({job("a", "exit 1"), job("b", "sleep 0.1"), job("c", "exit 0"), job("d", "exit 0")}, 2,
      function(_, ok) return ok end)
    assert.same({"a", "b"}, {ended[1], ended[2]})
    assert.equal(2, #ended)
  end)

  it("hands Ctrl-C on to its children, once, and says so", function()
    local one, other = root .. "/one", root .. "/other"
    local jobs = {job("a", ("trap 'echo told; exit 5' INT; : >%s; while :; do sleep 0.01; done"):format(one)),
      job("b", (": >%s; exec sleep 30"):format(other)), job("c", ":")}
    prl.interrupted = function() return posix.stat(one) ~= nil and posix.stat(other) ~= nil end
    local ended, stopped = run(jobs, 2)
    assert.is_true(stopped)
    assert.same({{false, 5}, {false, 130}}, {ended.a, ended.b})
    assert.is_nil(ended.c)
    assert.equal("told\n", assert(prl.io.read(root .. "/a.log")))
  end)

  it("fails a job whose log cannot be written", function()
    local bad = job("a", ":")
    bad.log = root .. "/nowhere/a.log"
    assert.same({false, 127}, run({bad}, 1).a)
  end)
end)
