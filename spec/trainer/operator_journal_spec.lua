--- A run that is changed while its journal, an answer or a request cannot be written or taken away.
local posix = require "posix"
local prl = require "perilune"
local requests = require "perilune.trainer.requests"
local operated = require "support.operated"
local trained = require "support.trained"

local ask, asks, calm, entries_of, guarded = operated.ask, operated.asks, operated.calm, operated.entries_of, operated.guarded
local pole, start, write = operated.pole, operated.start, operated.write
local at, info, read, silently = trained.at, trained.info, trained.read, trained.silently

describe("a run that is changed while it trains", function()
  before_each(operated.begin)
  after_each(operated.finish)

  -- fn, while no line can be added to a run's journal: it is no file.
  local function without_journal(run, fn)
    local path = run.folder:file "journal.jsonl"
    os.rename(path, path .. ".aside")
    assert(posix.mkdir(path))
    fn()
    assert(posix.rmdir(path))
    os.rename(path .. ".aside", path)
  end

  it("goes on where its journal cannot be written, and changes nothing that is asked for then", function()
    local run = start()
    local first, answer = run.info.hash, nil
    local function asks_unwritten(n, fields)
      at(run, n, function()
        ask(run, fields)
        without_journal(run, function() run.operator:look() end)
        answer = assert(prl.from_json(read(run, requests.answer)))
        os.remove(run.folder:file(requests.answer))
      end)
    end
    asks_unwritten(3)
    asks_unwritten(5, {mode = "ramp"})
    at(run, 7, function() assert.equal(first, run.agent:hash()) end)
    asks(run, 8)
    asks_unwritten(10, {kind = "rollback", recipe = nil})
    asks_unwritten(12, {kind = "check"})
    local said = silently(run.train, run)
    local unwritten = "refused: the journal cannot be written: cannot open " .. run.folder:file "journal.jsonl" .. ": Is a directory"
    assert.truthy(said:find("swap by ada at step 128: " .. unwritten .. "\n", 1, true), said)
    assert.same({request = "1.2.3", outcome = unwritten}, answer)
    local entries = entries_of(run)
    assert.same({1, "swap", "in force", "finished"}, {#entries, entries[1].kind, entries[1].outcome, info(run).status})
    assert.equal(entries[1].after, run.agent:hash())
  end)

  it("answers by an empty file where the disk has no room for a reason", function()
    local run = start()
    stub(prl.io, "write", nil, "cannot write it: No space left on device", "EIO")
    local ok, message = pcall(requests.reply, run.folder, {request = "1.2.3", outcome = "refused: it was full"})
    prl.io.write:revert()
    assert.is_true(ok, message)
    assert.equal("", read(run, requests.answer))
    run:train()
  end)

  it("says what happens by itself while its journal cannot be written, and writes it when it can", function()
    write("pole.lua", guarded "")
    write("two.lua", guarded(calm))
    local run = start()
    local first, append, full = run.info.hash, prl.io.append, false
    stub(prl.io, "append", function(path, text)
      if full then return nil, ("cannot write %s: No space left on device"):format(path), "EIO" end
      return append(path, text)
    end)
    finally(function() prl.io.append:revert() end)
    asks(run, 6)
    at(run, 7, function() full = true end) -- and the guard fires at the end of this update
    at(run, 9, function()
      assert.equal(first, run.agent:hash())
      ask(run, {id = "1.2.4"})
    end)
    at(run, 11, function()
      full = false
      ask(run, {kind = "check", id = "1.2.5"})
    end)
    local said = silently(run.train, run)
    assert.truthy(said:find("rollback by perilune at step 448: in force\n", 1, true), said)
    assert.truthy(said:find("No space left on device; the training goes on, and 2 lines wait to be written\n", 1, true), said)
    assert.truthy(said:find("swap by ada at step 576: refused: the journal cannot be written: cannot write ", 1, true), said)
    assert.truthy(said:find("the journal can be written again, and has the lines that waited\n", 1, true), said)
    local lines = {}
    for i, entry in ipairs(entries_of(run)) do lines[i] = ("%s %g %s"):format(entry.kind, entry.step, entry.outcome) end
    assert.same({"swap 384 in force", "guard 448 fired: kl", "rollback 448 in force", "check 704 can be carried out"}, lines)
    local back = entries_of(run)[3]
    assert.same({first, first}, {back.after, info(run).hash})
    assert.is_true(back.before ~= first)
  end)

  it("says at its end which lines its journal never had", function()
    local run = start()
    local append, full = prl.io.append, false
    stub(prl.io, "append", function(...) -- luacheck: ignore
      if full then return nil, "cannot write it: No space left on device", "EIO" end
      return append(...)
    end)
    finally(function() prl.io.append:revert() end)
    write("two.lua", (pole:gsub("gamma = 0.98", "gamma = 0.9"):gsub("train = ",
      "agent = {refit = {explained_variance = 0.999, updates = 4}},\n  train = "):format "")) -- has a line of its own at its end
    asks(run, 6)
    at(run, 8, function() full = true end)
    local said = silently(run.train, run)
    assert.truthy(said:find("the journal has no line of: refit by perilune at step 640: the actor goes on after 4 updates", 1, true), said)
    assert.equal("finished", info(run).status)
  end)

  it("carries out no request that it cannot take away", function()
    local run = start()
    local rename = os.rename
    at(run, 4, function()
      ask(run)
      os.rename = function(path, to) -- luacheck: ignore
        if path:find(requests.name, 1, true) then return nil, path .. ": Operation not permitted" end
        return rename(path, to)
      end
    end)
    at(run, 8, function() os.rename = rename end) -- luacheck: ignore
    finally(function() os.rename = rename end) -- luacheck: ignore
    local said = silently(run.train, run)
    local _, times = said:gsub("a request is not carried out, since it cannot be taken away: [^\n]*: Operation not permitted\n", "")
    assert.equal(1, times, said)
    assert.equal(1, #entries_of(run)) -- when it could be
  end)
end)
