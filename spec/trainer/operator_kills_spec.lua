--- What a kill leaves of a run that is changed while it trains, and how it goes on.
local posix = require "posix"
local prl = require "perilune"
local journal = require "perilune.records.journal"
local requests = require "perilune.trainer.requests"
local operated = require "support.operated"
local trained = require "support.trained"

local ask, asks, asks_rollback, calm, entries_of = operated.ask, operated.asks, operated.asks_rollback, operated.calm, operated.entries_of
local feed, killed, path, pole, remembers = operated.feed, operated.killed, operated.path, operated.pole, operated.remembers
local resume, start, write = operated.resume, operated.start, operated.write
local at, info, read, silently = trained.at, trained.info, trained.read, trained.silently

describe("a run that is changed while it trains", function()
  before_each(operated.begin)
  after_each(operated.finish)

  it("goes on with what was swapped in, wherever it was killed after the swap", function()
    local whole = start()
    asks(whole, 6)
    silently(whole.train, whole)
    local run = start()
    asks(run, 6)
    killed(run, function(kill) at(run, 9, kill) end)
    local said, again = silently(resume, run)
    assert.equal("", said)
    again:train()
    assert.equal(read(whole, "metrics.csv"), read(run, "metrics.csv"))
    assert.equal(1, #entries_of(run))
    assert.equal(info(whole).hash, info(run).hash)
  end)

  it("is set right where the newest checkpoint is of another recipe than the journal says", function()
    local run = start()
    local first = run.info.hash
    asks(run, 7)
    killed(run, function(kill) at(run, 8, kill) end)
    local newest = run.folder:last_checkpoint()
    assert.truthy(newest:find("step-000000000448", 1, true), newest)
    os.remove(newest)
    assert(prl.io.append(run.folder:file "journal.jsonl", '{"number":')) -- and it was writing a line
    local said, again = silently(resume, run)
    assert.truthy(said:find("the recipe %x+ of the journal had no checkpoint yet: " .. first:sub(1, 8) .. " is in force again"), said)
    local entries = entries_of(run)
    assert.same({2, "resume", first, 320}, {#entries, entries[2].kind, entries[2].after, entries[2].step})
    assert.same({first, pole:format ""}, {info(run).hash, read(run, "recipe.lua")})
    again:train()
    local whole = start()
    whole:train()
    assert.equal(read(whole, "metrics.csv"), read(run, "metrics.csv"))
  end)

  it("counts a swap whose checkpoint is there, and tidies up, where it was killed before run.json said so", function()
    local run = start()
    asks(run, 7)
    killed(run, function(kill) require("perilune.trainer.recipes").put = kill end)
    assert.is_nil(info(run).swaps)
    local half = run.folder:file(("recipes/%s/about.json.4194303.0.tmp"):format(run.info.hash))
    assert(prl.io.write(half, "{"))
    assert.equal("", (silently(resume, run)))
    assert.same({1, entries_of(run)[1].after, pole:format(calm)}, {info(run).swaps, info(run).hash, read(run, "recipe.lua")})
    assert.is_nil(posix.stat(half))
  end)

  it("undoes a swap that had no checkpoint yet, also one to the recipe in force", function()
    local run = start()
    at(run, 7, function()
      run.agent:set("algorithm.lr", 1e-3)
      ask(run, {recipe = path "pole.lua"})
    end)
    killed(run, function(kill)
      local save = run.save
      function run.save(...)
        if run.info.journal then kill() end
        return save(...)
      end
    end)
    local said = silently(resume, run)
    assert.truthy(said:find("had no checkpoint yet", 1, true), said)
    local entries = entries_of(run)
    assert.same({"swap", "resume", 320}, {entries[1].kind, entries[2].kind, entries[2].step})
    assert.same({}, journal.swaps(entries))
    assert.is_nil(info(run).swaps)
  end)

  it("goes back after a kill, wherever it was killed", function()
    local whole = start()
    asks(whole, 6)
    asks_rollback(whole, 12)
    silently(whole.train, whole)
    local run = start()
    asks(run, 6)
    killed(run, function(kill) at(run, 9, kill) end)
    local _, again = silently(resume, run)
    assert.equal(whole.info.hash, again.agent:previous())
    asks_rollback(again, 12 - again.state.updates)
    silently(again.train, again)
    assert.equal(read(whole, "metrics.csv"), read(run, "metrics.csv"))
    assert.same({2, whole.info.hash}, {#entries_of(run), info(run).hash})
    -- Between the journal's line and the checkpoint.
    run = start()
    asks(run, 6)
    asks_rollback(run, 12)
    killed(run, function(kill)
      local save = run.save
      function run.save(...)
        if run.info.swaps == 2 then kill() end -- the rollback is in force, and nothing but the line says so
        return save(...)
      end
    end)
    local said
    said, again = silently(resume, run)
    assert.truthy(said:find("had no checkpoint yet", 1, true), said)
    local entries = entries_of(run)
    assert.same({"swap", "rollback", "resume"}, {entries[1].kind, entries[2].kind, entries[3].kind})
    assert.same({entries[1].after, pole:format(calm)}, {info(run).hash, read(run, "recipe.lua")})
    assert.equal(whole.info.hash, again.agent:previous())
    asks_rollback(again, 2)
    silently(again.train, again)
    assert.equal(whole.info.hash, info(run).hash)
  end)

  it("undoes a step of a ramp that had no checkpoint yet, and goes on to it again", function()
    write("pole.lua", feed:format(1, -0.9, 16384))
    write("two.lua", feed:format(2, -0.9, 16384))
    local run = start()
    asks(run, 3, {mode = "ramp"})
    killed(run, function(kill)
      local save = run.save
      function run.save(...)
        local ramp = run.agent:ramp()
        if ramp and ramp.share == 1 then kill() end
        return save(...)
      end
    end)
    local said, again = silently(resume, run)
    assert.truthy(said:find("had no checkpoint yet", 1, true), said)
    assert.equal(0.5, again.agent:ramp().share)
    silently(again.train, again)
    local kinds = {}
    for i, entry in ipairs(entries_of(run)) do kinds[i] = entry.kind end
    assert.same({"swap", "ramp", "resume", "ramp"}, {unpack(kinds, 1, 4)})
  end)

  it("goes on with its shadow, wherever it was killed", function()
    write("pole.lua", remembers "")
    write("two.lua", remembers(calm))
    local whole = start()
    asks(whole, 4, {mode = "shadow"})
    asks(whole, 12, {kind = "confirm"})
    silently(whole.train, whole)
    local run = start()
    asks(run, 4, {mode = "shadow"})
    killed(run, function(kill) at(run, 9, kill) end)
    local _, again = silently(resume, run)
    assert.equal(whole.info.hash, again.agent:shadow().hash)
    assert.equal(whole.info.hash, info(again).shadow.hash)
    asks(again, 12 - again.state.updates, {kind = "confirm"})
    silently(again.train, again)
    assert.equal(read(whole, "metrics.csv"), read(run, "metrics.csv"))
    assert.same({whole.info.hash}, {info(run).hash, info(run).shadow})
    -- Between the journal's line and the checkpoint, of its beginning and of its end.
    local function killed_before_saving(first)
      run = start()
      if first then asks(run, 2, {mode = "shadow"}) end
      asks(run, 8, first and {kind = "rollback"} or {mode = "shadow"})
      killed(run, function(kill)
        local save = run.save
        function run.save(...)
          local entries = run.info.journal and run.info.journal.lines or 0
          if entries == (first and 2 or 1) then kill() end
          return save(...)
        end
      end)
      _, again = silently(resume, run)
      local entries = entries_of(run)
      return entries[#entries].outcome
    end
    local short = whole.info.hash:sub(1, 8)
    assert.equal(("the shadow of the recipe %s had no checkpoint yet"):format(short), killed_before_saving(false))
    assert.is_nil(again.agent:shadow())
    assert.equal(("the recipe %s learns beside again, as in the checkpoint"):format(short), killed_before_saving(true))
    assert.equal(whole.info.hash, again.agent:shadow().hash)
  end)

  it("refuses what waited for a training that is over, and what was taken and never answered, and says so", function()
    local run = start()
    asks(run, 6, {kind = "check"})
    killed(run, function(kill)
      local take = requests.take
      function requests.take(folder)
        local request, message = take(folder)
        if request then kill() end
        return request, message
      end
    end)
    ask(run, {id = "1.2.4"})
    local said, again = silently(resume, run)
    local ended = "refused: the training ended before it was looked at; ask again"
    assert.truthy(said:find("swap by ada at step 320: " .. ended .. "\n", 1, true), said)
    again:train()
    local entries = entries_of(run)
    assert.same({{"check", "1.2.3", ended}, {"swap", "1.2.4", ended}}, {{entries[1].kind, entries[1].request, entries[1].outcome},
      {entries[2].kind, entries[2].request, entries[2].outcome}})
    for _, name in ipairs {requests.name, requests.taken} do assert.is_nil(posix.stat(run.folder:file(name))) end
  end)

  it("does not refuse what was taken and has its line", function()
    local run = start()
    asks(run, 6)
    killed(run, function(kill) requests.done = kill end)
    assert.truthy(posix.stat(run.folder:file(requests.taken)))
    silently(resume, run)
    for _, entry in ipairs(entries_of(run)) do assert.falsy(entry.outcome:find "^refused", entry.outcome) end
    assert.is_nil(posix.stat(run.folder:file(requests.taken)))
  end)

  it("has what was in force before in the line of options set by hand", function()
    local run = start()
    killed(run, function(kill) at(run, 12, kill) end)
    local again = resume(run, {set = {"algorithm.lr=1e-4", "algorithm.lr = 2e-4"}})
    again:train()
    local before = tostring(assert(prl.recipe.load(path "pole.lua")).recipe.algorithm.lr)
    assert.same({{option = "algorithm.lr", before = before, after = "1e-4"}, {option = "algorithm.lr", before = "0.0001", after = "2e-4"}},
      entries_of(run)[1].changes)
  end)
end)
