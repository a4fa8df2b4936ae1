--- What changes a run beside a plain swap: guards that fire, refitted critics, ramps and shadows.
local posix = require "posix"
local prl = require "perilune"
local journal = require "perilune.records.journal"
local requests = require "perilune.trainer.requests"
local operated = require "support.operated"
local trained = require "support.trained"

local ask, asks, calm, entries_of, feed = operated.ask, operated.asks, operated.calm, operated.entries_of, operated.feed
local guarded, path, pole, remembers, start = operated.guarded, operated.path, operated.pole, operated.remembers, operated.start
local write = operated.write
local at, info, read, silently = trained.at, trained.info, trained.read, trained.silently

describe("a run that is changed while it trains", function()
  before_each(operated.begin)
  after_each(operated.finish)

  it("goes back by itself where a guard fires, with a line of both", function()
    write("pole.lua", guarded "")
    write("two.lua", guarded(calm))
    local run = start()
    local first = run.info.hash
    asks(run, 6, {reason = "calmer"})
    local said = silently(run.train, run)
    assert.truthy(said:find("guard by perilune at step 448: fired: kl\n", 1, true), said)
    assert.truthy(said:find("rollback by perilune at step 448: in force\n", 1, true), said)
    local entries, second = entries_of(run), assert(prl.recipe.load(path "two.lua")).hash
    assert.same({"swap", "guard", "rollback"}, {entries[1].kind, entries[2].kind, entries[3].kind})
    local guard, back = entries[2], entries[3]
    assert.same({second, second, 1}, {guard.before, guard.after, #guard.guards})
    assert.same({"kl", 0}, {guard.guards[1].name, guard.guards[1].at_most})
    assert.is_true(guard.guards[1].value > 0)
    assert.truthy(guard.reason:find("a guard fired: kl came to", 1, true), guard.reason)
    assert.same({second, first, "in force", "the guard kl fired"}, {back.before, back.after, back.outcome, back.reason})
    assert.same({option = "objective.critics.calm.gamma", before = "0.5"}, back.changes[2])
    assert.equal(first, run.agent:hash())
    assert.same({first, 2}, {info(run).hash, info(run).swaps})
    assert.equal("upright", info(run).critics[1].name)
    assert.truthy(read(run, "report.html"):find("Step 448: rollback by perilune: the guard kl fired", 1, true))
  end)

  it("has the way back of a guard, also where the recipe swapped in was the one before", function()
    write("pole.lua", guarded "")
    local run = start()
    at(run, 6, function()
      run.agent:set("algorithm.lr", 1e-3) -- which a swap to the same recipe takes back
      ask(run, {recipe = path "pole.lua"})
    end)
    silently(run.train, run)
    local entries = entries_of(run)
    assert.same({"swap", "guard", "rollback"}, {entries[1].kind, entries[2].kind, entries[3].kind})
    assert.same({3, "in force", run.info.hash, run.info.hash}, {#entries, entries[3].outcome, entries[3].before, entries[3].after})
    assert.equal(2, info(run).swaps)
  end)

  it("shows what is known of guards in a line's text", function()
    local terminal = require "perilune.terminal"
    local out = {}
    stub(terminal, "out", function(...) out[#out + 1] = table.concat {...} end)
    finally(function() terminal.out:revert() end)
    require("perilune.cli.entry").show {number = 3, time = "2026-11-29T10:24:22Z", step = 5000, kind = "guard", author = "perilune",
      before = "a", after = "a", outcome = "hold so far, and go on counting", guards = {
        {name = "watch_time", at_least = -0.005, value = 0.012, low = -0.003, high = 0.025, users = 2184, control_users = 1787},
        {name = "kl", at_most = 0.05, users = 0, control_users = 0}}}
    assert.equal("      watch_time: +1.2 % (-0.3 to +2.5), may be at least -0.5 %; 2,184 users beside 1,787 of the control group\n", out[2])
    assert.equal("      kl: not known, may be at most 0.05\n", out[3])
  end)

  it("says when critics that were refitted let the actor go on", function()
    local text = pole:gsub("gamma = 0.98", "gamma = 0.9"):gsub("train = ",
      "agent = {refit = {explained_variance = 0.999, updates = %%d}},\n  train = ")
    write("two.lua", text:format("", 4))
    write("one.lua", (text:gsub("0.9}", "0.8}"):gsub("0.999", "-1e9"):format("", 4)))
    local run = start()
    asks(run, 6)
    asks(run, 14, {recipe = path "one.lua", id = "1.2.4"})
    local said = silently(run.train, run)
    local entries = entries_of(run)
    assert.same({"swap", "refit", "swap", "refit"}, {entries[1].kind, entries[2].kind, entries[3].kind, entries[4].kind})
    assert.same({"the actor goes on after 4 updates: not every critic explains as much as agent.refit asks for", 640},
      {entries[2].outcome, entries[2].step})
    assert.same({"the actor goes on after 1 update: the critics explain as much as agent.refit asks for", 960},
      {entries[4].outcome, entries[4].step})
    assert.truthy(said:find("refit by perilune at step 640: the actor goes on after 4 updates", 1, true), said)
  end)

  it("comes to everybody by a ramp, with a line and a checkpoint of each step", function()
    write("pole.lua", feed:format(1, -0.9, 16384))
    write("two.lua", feed:format(2, -0.9, 16384))
    local run = start()
    asks(run, 3, {mode = "ramp", reason = "some first"})
    local refused
    asks(run, 4, {id = "1.2.4"})
    local said = silently(run.train, run)
    local entries = entries_of(run)
    assert.same({"swap", "swap", "ramp"}, {entries[1].kind, entries[2].kind, entries[3].kind}, said)
    assert.same({share = 0.5}, entries[1].ramp)
    refused = entries[2].outcome
    assert.equal("refused: a ramp is under way, at a share of 0.5: roll it back, or wait until all are served by it", refused)
    local step = entries[3]
    assert.same({0.5, 1, "perilune", "serves everybody: the ramp is over"}, {step.ramp.before, step.ramp.share, step.author, step.outcome})
    assert.is_true(step.ramp.users >= 100)
    assert.same({"watch_time", step.ramp.users}, {step.guards[1].name, step.guards[1].users})
    assert.is_true(step.guards[1].low > -0.9)
    assert.truthy(posix.stat(run.folder:file(("checkpoints/step-%012d.safetensors"):format(step.step))))
    assert.truthy(read(run, "report.html"):find("ramp by perilune: serves everybody", 1, true))
    assert.same({1, 1}, {run.agent:ramp().share, run.info.swaps})
  end)

  it("is told by status where a ramp and its guards stand, from another process", function()
    write("pole.lua", feed:format(1, -0.9, 65536))
    write("two.lua", feed:format(2, -0.9, 65536):gsub("after = 100", "after = 1000") .. "")
    local run = start()
    local standing = require "perilune.trainer.standing"
    at(run, 3, function() assert.is_nil(standing.read(run.folder.path)) end) -- nothing is counted
    asks(run, 4, {mode = "ramp"})
    local out, data
    at(run, 14, function()
      local terminal = require "perilune.terminal"
      local texts = {}
      stub(terminal, "out", function(...) texts[#texts + 1] = table.concat {...} end)
      stub(terminal, "json", function(value) data = value end)
      stub(requests, "at_work", true)
      ask(run, {kind = "check", reason = "what if"})
      require("perilune.cli.status").run {run.folder.path}
      require("perilune.cli.status").run {run.folder.path, "--json"}
      for _, one in ipairs {terminal.out, terminal.json, requests.at_work} do one:revert() end
      out = table.concat(texts)
    end)
    silently(run.train, run)
    local users = out:match("\nramp: it serves 50 %% of the users since step [%d,]+, the recipe before the others; "
      .. "(%d+) of them have counted, and the next share takes 1,000 and guards that hold\n"
      .. "guard watch_time: .-, may be at least %-90 %%; %1 users? beside %d+ of the control group\n")
    assert.truthy(tonumber(users) and tonumber(users) > 0, out)
    assert.truthy(out:find("\na check by ada waits for the end of the training's present piece of work: what if\n", 1, true), out)
    assert.same({tonumber(users), 1000, "watch_time", "check", "ada"},
      {data.ramp.users, data.ramp.after, data.guards[1].name, data.waiting.kind, data.waiting.author})
    assert.is_nil(posix.stat(run.folder:file(standing.name))) -- it is over
  end)

  it("says at once where guards stand when another recipe comes into force", function()
    local text = feed:format(1, -0.9, 32768)
    write("pole.lua", text)
    write("two.lua", feed:format(2, -0.9, 32768))
    local run, found = start(), nil
    local standing = require "perilune.trainer.standing"
    at(run, 3, function()
      run.operator.next_told = math.huge -- not by the clock
      ask(run)
    end)
    at(run, 5, function()
      found = standing.read(run.folder.path)
      assert.equal(run.agent:hash(), found.hash)
      ask(run, {kind = "rollback", id = "1.2.4"})
    end)
    at(run, 7, function()
      found = standing.read(run.folder.path)
      assert.is_true(found == nil or found.hash == run.info.hash)
    end)
    silently(run.train, run)
    assert.equal(2, #journal.swaps(entries_of(run)))
  end)

  it("has a line of a shadow, of what brings it into force or drops it, and its metrics beside", function()
    write("pole.lua", remembers "")
    write("two.lua", remembers(calm))
    write("wrong.lua", (pole:format(calm)))
    local run = start()
    local first, second = run.info.hash, assert(prl.recipe.load(path "two.lua")).hash
    asks(run, 2, {kind = "confirm"})
    asks(run, 3, {mode = "shadow", recipe = path "wrong.lua"})
    asks(run, 4, {mode = "shadow", reason = "calmer"})
    asks(run, 6, {recipe = path "two.lua"})
    asks(run, 8, {kind = "rollback"})
    asks(run, 10, {mode = "shadow"})
    at(run, 14, function()
      assert.same({hash = second, step = run.agent:shadow().since}, info(run).shadow)
      ask(run, {kind = "confirm", reason = "as calm as can be"})
    end)
    asks(run, 18, {kind = "rollback"})
    silently(run.train, run)
    local lines = {}
    for i, entry in ipairs(entries_of(run)) do lines[i] = entry.kind .. ": " .. entry.outcome end
    assert.same({"confirm: refused: no shadow learns beside the running agent",
      'swap: refused: "advantages" of the new plan takes the steps as acted by its own policy, and they are the running '
        .. "one's: what it learned would be a guess; a replay memory (algorithm.memory) or algorithm.correction = {\"vtrace\"} is needed",
      "shadow: learns beside",
      ("swap: refused: a shadow of the recipe %s learns beside: confirm it, or drop it by a rollback"):format(second:sub(1, 8)),
      ("rollback: the shadow of the recipe %s is dropped"):format(second:sub(1, 8)), "shadow: learns beside", "confirm: in force",
      "rollback: in force"}, lines)
    local entries = entries_of(run)
    assert.same({first, second, "calmer"}, {entries[3].before, entries[3].after, entries[3].reason})
    assert.same({first, second, "as calm as can be"}, {entries[7].before, entries[7].after, entries[7].reason})
    assert.same({option = "objective.critics.calm.gamma", after = "0.5"}, entries[7].changes[2])
    assert.same({first, 2}, {info(run).hash, info(run).swaps})
    assert.is_nil(info(run).shadow)
    assert.truthy(read(run, "metrics.csv"):match("^[^\n]*"):find("shadow_value_loss/calm", 1, true))
    local titles = {}
    for _, one in ipairs(info(run).metrics) do titles[one.kind] = one.title end
    assert.equal("Shadow: Effective sample size", titles.shadow_ess)
    local about = assert(prl.from_json(read(run, "recipes/" .. second .. "/about.json")))
    titles = {}
    for _, one in ipairs(about.metrics) do titles[one.kind] = one.title end
    assert.same({"Value loss"}, {titles.value_loss, titles.shadow_value_loss})
    local page = read(run, "report.html")
    assert.truthy(page:find("confirm by ada: as calm as can be", 1, true))
  end)
end)
