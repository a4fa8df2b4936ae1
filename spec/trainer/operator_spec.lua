--- What is done to a run while it trains: swaps by request and by an edit of its file, their journal, and what a kill leaves.
local posix = require "posix"
local prl = require "perilune"
local journal = require "perilune.records.journal"
local report = require "support.report"
local requests = require "perilune.trainer.requests"
local trainer = require "perilune.trainer"

local pole = [[
return {
  name = "pole",
  env = {"cartpole", n = 4},
  objective = {critics = {upright = {reward = function(r) return r.reward end, gamma = 0.98}%s}},
  policy = {hidden = {4}},
  algorithm = {"ppo", rollout = 16, minibatch = 64, epochs = 1},
  train = {steps = 1280, checkpoint = 320},
  eval = {every = 640, episodes = 2},
}
]]
local calm = ", calm = {reward = function(r) return -r.reward end, gamma = 0.5}"

-- With a control group, and a guard that no update holds.
local function guarded(critics)
  return (pole:format(critics):gsub("epochs = 1", "epochs = 2"):gsub("train = ",
    "agent = {baseline = {}, guards = {kl = {at_most = 0}}},\n  train = "))
end

describe("a run that is changed while it trains", function()
  local root, clock

  before_each(function()
    root = assert(posix.mkdtemp("/tmp/perilune-operator-XXXXXX"))
    assert(prl.io.write(root .. "/pole.lua", pole:format ""))
    assert(prl.io.write(root .. "/two.lua", pole:format(calm)))
    clock = 0
    local progress = require "perilune.trainer.progress"
    stub(progress, "now", function() -- each look at the clock is a second after the one before
      clock = clock + 1
      return clock
    end)
  end)
  after_each(function()
    require("perilune.trainer.progress").now:revert()
    prl.interrupted = nil
    os.execute("rm -rf '" .. root .. "'")
  end)

  local function start(options)
    options = options or {}
    options.root, options.quiet, options.report = root .. "/runs", true, report
    return trainer.start(assert(prl.recipe.load(root .. "/pole.lua")), options)
  end
  local function resume(run) return trainer.resume(run.folder.path, {quiet = true, report = report}) end
  local function read(run, name) return assert(prl.io.read(run.folder:file(name))) end
  local function info(run) return assert(prl.from_json(read(run, "run.json"))) end
  local function ask(run, fields)
    local request = {format = 1, id = "1.2.3", kind = "swap", author = "ada", recipe = root .. "/two.lua", set = {}}
    for name, value in pairs(fields or {}) do request[name] = value end
    assert(prl.io.write(run.folder:file(requests.name), prl.to_json(request)))
  end
  -- Before the run's n-th update: fn.
  local function at(run, n, fn)
    local advance = run.driver.advance
    function run.driver:advance()
      n = n - 1
      if n == 0 then fn() end
      advance(self)
    end
  end
  local function silently(fn, ...)
    local stderr, path = io.stderr, root .. "/said"
    io.stderr = assert(io.open(path, "w")) -- luacheck: ignore
    local results = {pcall(fn, ...)}
    io.stderr:close()
    io.stderr = stderr -- luacheck: ignore
    assert.is_true(results[1], tostring(results[2]))
    return prl.io.read(path), results[2]
  end
  local function entries_of(run) return (journal.read(run.folder.path, info(run))) end

  it("has a line of a swap, its recipe in its folder, and a mark in its report", function()
    local run = start()
    local first = run.info.hash
    at(run, 6, function() ask(run, {reason = "calmer"}) end)
    local said = silently(run.train, run)
    assert.truthy(said:find("swap by ada at step 384: in force", 1, true), said)
    local entries, after = entries_of(run), assert(prl.recipe.load(root .. "/two.lua")).hash
    assert.equal(1, #entries)
    local entry = entries[1]
    assert.same({"swap", "ada", "calmer", 384, first, after, "in force", "1.2.3"}, {entry.kind, entry.author, entry.reason, entry.step,
      entry.before, entry.after, entry.outcome, entry.request})
    assert.same({option = "objective.critics.calm.gamma", after = "0.5"}, entry.changes[2])
    assert.same({after, 1, 1}, {info(run).hash, info(run).swaps, info(run).journal.lines})
    assert.equal("calm", info(run).critics[1].name)
    assert.equal(pole:format(calm), read(run, "recipe.lua"))
    assert.equal(pole:format "", read(run, "recipes/" .. first .. "/recipe.lua"))
    assert.equal(after, run.agent:hash())
    local page = read(run, "report.html")
    assert.truthy(page:find('class="mark"', 1, true))
    assert.truthy(page:find("Step 384: swap by ada: calmer", 1, true))
    assert.truthy(page:find("<details><summary>What became of the agent&#39;s 11 parts</summary><pre>parameters policy: kept", 1, true))
    assert.is_false(require("perilune.records.run").as_written(info(run)))
  end)

  -- The run's last parameters are those of an agent that was swapped at the same step and then did `rest`.
  local function learned_as(run, rest)
    local agent = prl.agent(prl.recipe.plan(assert(prl.recipe.load(root .. "/pole.lua"))))
    local env = prl.env("cartpole", {n = 4, seed = 1})
    agent:drive(env, 384)
    agent:swap(prl.recipe.plan(assert(prl.recipe.load(root .. "/two.lua"))))
    rest(agent, env)
    assert(agent:save(root .. "/agent", env))
    local ours = assert(prl.io.safetensors_read(root .. "/agent"))
    for name, value in pairs(assert(prl.io.safetensors_read((run.folder:last_checkpoint())))) do
      if name:find "^params" then assert.equal(value:bytes(), ours[name]:bytes(), name) end
    end
  end

  it("is learned as by an agent that is swapped at the same step", function()
    local run = start()
    at(run, 6, function() ask(run) end)
    silently(run.train, run)
    learned_as(run, function(agent, env) agent:drive(env, 1280 - 384) end)
  end)

  it("stays as it is where what is asked for is a check or cannot be done", function()
    local run = start()
    local function asks(n, fields) at(run, n, function() ask(run, fields) end) end
    assert(prl.io.write(root .. "/wrong.lua", (pole:format(""):gsub("gamma", "gama"))))
    assert(prl.io.write(root .. "/wide.lua", (pole:format(""):gsub("n = 4", "n = 8"))))
    asks(2, {kind = "check"})
    asks(4, {recipe = root .. "/wrong.lua"})
    asks(6, {recipe = root .. "/wide.lua"})
    asks(8, {recipe = root .. "/none.lua"})
    asks(10, {recipe = root .. "/pole.lua", set = {"agent.streams=7"}})
    at(run, 12, function() assert(prl.io.write(run.folder:file(requests.name), '{"format":1,"author":"a","id":"1","kind":"swop"}')) end)
    local said = silently(run.train, run)
    assert.truthy(said:find('request.json: kind: expected one of check, swap, confirm, rollback, got "swop"; the nearest is "swap"; it was '
      .. 'taken away', 1, true), said)
    local outcomes = {}
    for i, entry in ipairs(entries_of(run)) do outcomes[i] = entry.outcome end
    assert.equal("can be carried out", outcomes[1])
    assert.truthy(outcomes[2]:find('wrong.lua:4: objective.critics.upright.gama: unknown key; the nearest is "gamma"', 1, true))
    assert.equal("refused: env.n is 8 in the new recipe and 4 in the run, which keeps its env, eval and train; --set env.n=4 gives it "
      .. "the run's", outcomes[3])
    assert.truthy(outcomes[4]:find("none.lua", 1, true))
    assert.equal("refused: agent.streams is 7 in the new plan and 4 in the running agent; it must stay", outcomes[5])
    assert.same({5, run.info.hash}, {#outcomes, run.agent:hash()})
    local untouched = start()
    untouched:train()
    assert.equal(read(untouched, "metrics.csv"), read(run, "metrics.csv"))
    assert.is_true(require("perilune.records.run").as_written(info(run)))
  end)

  it("is said in one line that a whole section is not the run's", function()
    local text = pole:format(""):gsub("train = ", 'agent = {baseline = {traffic = 0.25, salt = "a"}},\n  train = ')
    assert(prl.io.write(root .. "/pole.lua", text))
    local run = start()
    at(run, 6, function() ask(run) end)
    silently(run.train, run)
    assert.equal('refused: agent.baseline is absent in the new recipe and {per = "episode", policy = "zero", salt = "a", traffic = 0.25, '
      .. "window = 1000} in the run, which keeps its control group; --set 'agent.baseline={per = \"episode\", policy = \"zero\", "
      .. "salt = \"a\", traffic = 0.25, window = 1000}' gives it the run's", entries_of(run)[1].outcome)
  end)

  it("has the way back of a guard, also where the recipe swapped in was the one before", function()
    local text = pole:format(""):gsub("epochs = 1", "epochs = 2"):gsub("train = ",
      "agent = {baseline = {}, guards = {kl = {at_most = 0}}},\n  train = ")
    assert(prl.io.write(root .. "/pole.lua", text))
    local run = start()
    at(run, 6, function()
      run.agent:set("algorithm.lr", 1e-3) -- which a swap to the same recipe takes back
      ask(run, {recipe = root .. "/pole.lua"})
    end)
    silently(run.train, run)
    local entries = entries_of(run)
    assert.same({"swap", "guard", "rollback"}, {entries[1].kind, entries[2].kind, entries[3].kind})
    assert.same({3, "in force", run.info.hash, run.info.hash}, {#entries, entries[3].outcome, entries[3].before, entries[3].after})
    assert.equal(2, info(run).swaps)
  end)

  it("stays as it is where the recipe asked for is in force already, and the way back stays, too", function()
    assert(prl.io.write(root .. "/renamed.lua", (pole:format(calm):gsub('name = "pole"', 'name = "stick"'))))
    local run = start()
    local first, short = run.info.hash, run.info.hash:sub(1, 8)
    at(run, 2, function() ask(run, {recipe = root .. "/pole.lua"}) end)
    at(run, 4, function() ask(run) end)
    local version
    at(run, 6, function()
      version = run.agent:metrics().version
      ask(run, {recipe = root .. "/renamed.lua"})
    end)
    at(run, 8, function()
      assert.is_true(run.agent:metrics().version == version + 2) -- of two updates, and of no swap
      ask(run, {kind = "check"})
    end)
    at(run, 10, function() ask(run, {kind = "rollback"}) end)
    local said = silently(run.train, run)
    local already = "this recipe is in force already: nothing is changed"
    assert.truthy(said:find("swap by ada at step 128: " .. already .. "\n", 1, true), said)
    local outcomes = {}
    for i, entry in ipairs(entries_of(run)) do outcomes[i] = entry.outcome end
    assert.same({already, "in force", ("%s, and a rollback goes back to %s as before"):format(already, short),
      "this recipe is in force already: a swap would change nothing", "in force"}, outcomes)
    assert.same({first, first, 2}, {run.agent:hash(), info(run).hash, info(run).swaps})
  end)

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
    local function asks(n, fields)
      at(run, n, function()
        ask(run, fields)
        without_journal(run, function() run.operator:look() end)
        answer = assert(prl.from_json(read(run, requests.answer)))
        os.remove(run.folder:file(requests.answer))
      end)
    end
    asks(3)
    asks(5, {mode = "ramp"})
    at(run, 7, function() assert.equal(first, run.agent:hash()) end)
    at(run, 8, function() ask(run) end)
    asks(10, {kind = "rollback", recipe = nil})
    asks(12, {kind = "check"})
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
    assert(prl.io.write(root .. "/pole.lua", guarded ""))
    assert(prl.io.write(root .. "/two.lua", guarded(calm)))
    local run = start()
    local first, append, full = run.info.hash, prl.io.append, false
    stub(prl.io, "append", function(path, text)
      if full then return nil, ("cannot write %s: No space left on device"):format(path), "EIO" end
      return append(path, text)
    end)
    finally(function() prl.io.append:revert() end)
    at(run, 6, function() ask(run) end)
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
    assert(prl.io.write(root .. "/two.lua", (pole:gsub("gamma = 0.98", "gamma = 0.9"):gsub("train = ",
      "agent = {refit = {explained_variance = 0.999, updates = 4}},\n  train = "):format ""))) -- has a line of its own at its end
    at(run, 6, function() ask(run) end)
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

  it("takes a change of the running recipe, and has what came of it", function()
    local change = "return extend(running, {objective = {critics = {upright = {weight = %g}}}})\n"
    assert(prl.io.write(root .. "/change.lua", change:format(2)))
    assert(prl.io.write(root .. "/more.lua", "return extend(running, {objective = {critics = {upright = {gamma = 0.9}}}})\n"))
    local run = start()
    at(run, 4, function() ask(run, {recipe = root .. "/change.lua"}) end)
    at(run, 8, function() ask(run, {recipe = root .. "/more.lua", id = "1.2.4"}) end)
    silently(run.train, run)
    local entries = entries_of(run)
    assert.same({2, "in force", "in force"}, {#entries, entries[1].outcome, entries[2].outcome})
    assert.same({{option = "objective.critics.upright.weight", before = "1", after = "2"}}, entries[1].changes)
    assert.same({{option = "objective.critics.upright.gamma", before = "0.98", after = "0.9"}}, entries[2].changes)
    local again = assert(prl.recipe.load(run.folder:file "recipe.lua"))
    assert.same({again.hash, again.hash, 2}, {run.info.hash, run.agent:hash(), again.recipe.objective.critics.upright.weight})
    assert.equal(read(run, "resolved.lua"), read(run, "recipe.lua"))
    run = start {watch = true}
    at(run, 3, function() assert(prl.io.write(root .. "/pole.lua", change:format(3))) end)
    silently(run.train, run)
    assert.equal("refused: " .. root .. "/pole.lua:1: running is the recipe in force of a training; a file that changes it is for "
      .. "`perilune swap RUN FILE`", entries_of(run)[1].outcome)
  end)

  it("asks whether schedules go on or start again, and does as it is told", function()
    assert(prl.io.write(root .. "/falling.lua", (pole:format(""):gsub("epochs = 1", "epochs = 1, lr = linear {from = 1e-2, to = 0}"))))
    local run = start()
    at(run, 2, function() ask(run, {recipe = root .. "/falling.lua"}) end)
    at(run, 6, function() ask(run, {recipe = root .. "/falling.lua", schedules = "restart"}) end)
    silently(run.train, run)
    local entries = entries_of(run)
    assert.equal("refused: the schedule of algorithm.lr is at 0.009 if it goes on at step 128, and at 0.01 if it starts again; it must be "
      .. "said which: perilune swap --schedules go-on, or --schedules restart", entries[1].outcome)
    local said
    for _, part in ipairs(entries[2].plan) do said = part.part == "schedule" and part or said end
    assert.same({"in force", "started anew", 0.01}, {entries[2].outcome, said.outcome, said.after})
    assert.near(0.01 * (384 / 1280), run.agent:get "algorithm.lr", 1e-12)
  end)

  it("goes back by itself where a guard fires, with a line of both", function()
    assert(prl.io.write(root .. "/pole.lua", guarded ""))
    assert(prl.io.write(root .. "/two.lua", guarded(calm)))
    local run = start()
    local first = run.info.hash
    at(run, 6, function() ask(run, {reason = "calmer"}) end)
    local said = silently(run.train, run)
    assert.truthy(said:find("guard by perilune at step 448: fired: kl\n", 1, true), said)
    assert.truthy(said:find("rollback by perilune at step 448: in force\n", 1, true), said)
    local entries, second = entries_of(run), assert(prl.recipe.load(root .. "/two.lua")).hash
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

  it("says when critics that were refitted let the actor go on", function()
    local text = pole:gsub("gamma = 0.98", "gamma = 0.9"):gsub("train = ",
      "agent = {refit = {explained_variance = 0.999, updates = %%d}},\n  train = ")
    assert(prl.io.write(root .. "/two.lua", text:format("", 4)))
    assert(prl.io.write(root .. "/one.lua", (text:gsub("0.9}", "0.8}"):gsub("0.999", "-1e9"):format("", 4))))
    local run = start()
    at(run, 6, function() ask(run) end)
    at(run, 14, function() ask(run, {recipe = root .. "/one.lua", id = "1.2.4"}) end)
    local said = silently(run.train, run)
    local entries = entries_of(run)
    assert.same({"swap", "refit", "swap", "refit"}, {entries[1].kind, entries[2].kind, entries[3].kind, entries[4].kind})
    assert.same({"the actor goes on after 4 updates: not every critic explains as much as agent.refit asks for", 640},
      {entries[2].outcome, entries[2].step})
    assert.same({"the actor goes on after 1 update: the critics explain as much as agent.refit asks for", 960},
      {entries[4].outcome, entries[4].step})
    assert.truthy(said:find("refit by perilune at step 640: the actor goes on after 4 updates", 1, true), said)
  end)

  -- A feed whose users live for half a simulated day, so that many come.
  local feed = [[return {
    name = "pole", env = {"shortvideo", n = 64, episode = "life", lifetime = 0.5},
    objective = {critics = {watch = {reward = function(r) return %s * r.watch_time end, gamma = 0.9, scale = 10}}},
    policy = {hidden = {4}}, algorithm = {"ppo", rollout = 16, minibatch = 512, epochs = 1},
    agent = {baseline = {traffic = 1}, guards = {watch_time = {at_least = relative(%s)}, days = 0.05, users = 200},
      ramp = {shares = {0.5, 1}, after = 100}},
    train = {steps = %d, checkpoint = 0}, eval = {every = 0, episodes = 1},
  }]]

  it("comes to everybody by a ramp, with a line and a checkpoint of each step", function()
    assert(prl.io.write(root .. "/pole.lua", feed:format(1, -0.9, 16384)))
    assert(prl.io.write(root .. "/two.lua", feed:format(2, -0.9, 16384)))
    local run = start()
    at(run, 3, function() ask(run, {mode = "ramp", reason = "some first"}) end)
    local refused
    at(run, 4, function() ask(run, {id = "1.2.4"}) end)
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
    assert(prl.io.write(root .. "/pole.lua", feed:format(1, -0.9, 65536)))
    assert(prl.io.write(root .. "/two.lua", feed:format(2, -0.9, 65536):gsub("after = 100", "after = 1000") .. ""))
    local run = start()
    local standing = require "perilune.trainer.standing"
    at(run, 3, function() assert.is_nil(standing.read(run.folder.path)) end) -- nothing is counted
    at(run, 4, function() ask(run, {mode = "ramp"}) end)
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

  it("takes a schedule of an edit as it was told to", function()
    local function falling(from)
      return (pole:format(""):gsub("epochs = 1", "epochs = 1, lr = linear {from = " .. from .. ", to = 0}"))
    end
    for how, lr in pairs {go_on = 1e-3 * (1 - 960 / 1280), restart = 1e-3} do
      assert(prl.io.write(root .. "/pole.lua", falling "1e-2"))
      local run = start {watch = true, schedules = how}
      local found
      at(run, 14, function() assert(prl.io.write(root .. "/pole.lua", falling "1e-3")) end)
      at(run, 16, function() found = run.agent:get "algorithm.lr" end)
      silently(run.train, run)
      assert.equal("in force", entries_of(run)[1].outcome)
      assert.near(lr, found, 1e-9, how)
    end
  end)

  it("takes its file's edits, and none with a mistake", function()
    local run = start {watch = true}
    local function edits(n, text) at(run, n, function() assert(prl.io.write(root .. "/pole.lua", text)) end) end
    edits(3, pole:format(calm))
    edits(9, (pole:format(calm):gsub("gamma", "gama")))
    edits(14, "-- a remark\n" .. pole:format(calm))
    local said = silently(run.train, run)
    local entries = entries_of(run)
    assert.equal(2, #entries, said)
    assert.truthy(said:find("pole.lua says what is in force already: nothing is changed\n", 1, true), said)
    assert.same({"in force", "its file was edited (--watch)"}, {entries[1].outcome, entries[1].reason})
    assert.truthy(entries[2].outcome:find("pole.lua:4: objective.critics.upright.gama: unknown key", 1, true))
    assert.truthy(said:find(entries[2].outcome, 1, true), said)
    assert.equal(entries[1].after, run.agent:hash())
  end)

  it("takes no edit that leaves the file's own recipe as it was, whatever is in force", function()
    local run = start {watch = true}
    local function edits(n, text) at(run, n, function() assert(prl.io.write(root .. "/pole.lua", text)) end) end
    at(run, 2, function() ask(run) end)
    edits(6, "-- a remark\n" .. pole:format "")
    edits(12, (pole:format "":gsub("0.98", "0.97")))
    local said = silently(run.train, run)
    local entries = entries_of(run)
    assert.same({2, "ada", "its file was edited (--watch)"}, {#entries, entries[1].author, entries[2].reason}, said)
    assert.truthy(said:find("pole.lua says the recipe that it said before, and another is in force: nothing is changed\n", 1, true), said)
  end)

  it("says at once where guards stand when another recipe comes into force", function()
    local text = feed:format(1, -0.9, 32768)
    assert(prl.io.write(root .. "/pole.lua", text))
    assert(prl.io.write(root .. "/two.lua", feed:format(2, -0.9, 32768)))
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

  it("looks at an edit with the trust of its training", function()
    assert(prl.io.write(root .. "/world.lua", [[return {
      observation = {"x"}, action = {"continuous", a = {-1, 1}}, responses = {reward = {}}, max_steps = 10,
      reset = function() return {0} end, step = function(_, action) return {action.a}, {reward = action.a} end}]]))
    local text = pole:format(""):gsub('{"cartpole", n = 4}', '{lua = "world.lua", n = 4}')
    assert(prl.io.write(root .. "/pole.lua", text))
    local run = trainer.start(assert(prl.recipe.load(root .. "/pole.lua", {trust = true})), {root = root .. "/runs", quiet = true,
      report = report, watch = true, trust = true})
    at(run, 3, function() assert(prl.io.write(root .. "/pole.lua", "-- a remark\n" .. text)) end)
    local said = silently(run.train, run)
    assert.truthy(said:find("pole.lua says what is in force already: nothing is changed\n", 1, true), said)
    assert.same({}, entries_of(run))
  end)

  -- The run, after a process that trained it was killed where fn is called.
  local function killed(run, where)
    local pid = posix.fork()
    if pid == 0 then
      where(function()
        run.log:flush()
        posix.kill(posix.getpid "pid", posix.SIGKILL)
      end)
      io.stderr = assert(io.open("/dev/null", "w")) -- luacheck: ignore
      pcall(run.train, run)
      posix._exit(1)
    end
    assert.same({pid, "killed", posix.SIGKILL}, {posix.wait(pid)})
    return run
  end

  it("goes on with what was swapped in, wherever it was killed after the swap", function()
    local whole = start()
    at(whole, 6, function() ask(whole) end)
    silently(whole.train, whole)
    local run = start()
    at(run, 6, function() ask(run) end)
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
    at(run, 7, function() ask(run) end)
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

  it("undoes a step of a ramp that had no checkpoint yet, and goes on to it again", function()
    assert(prl.io.write(root .. "/pole.lua", feed:format(1, -0.9, 16384)))
    assert(prl.io.write(root .. "/two.lua", feed:format(2, -0.9, 16384)))
    local run = start()
    at(run, 3, function() ask(run, {mode = "ramp"}) end)
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

  it("counts a swap whose checkpoint is there, and tidies up, where it was killed before run.json said so", function()
    local run = start()
    at(run, 7, function() ask(run) end)
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
      ask(run, {recipe = root .. "/pole.lua"})
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

  local function asks_rollback(run, n, fields)
    at(run, n, function()
      local request = {format = 1, id = "4.5.6", kind = "rollback", author = "bob", reason = "worse"}
      for name, value in pairs(fields or {}) do request[name] = value end
      assert(prl.io.write(run.folder:file(requests.name), prl.to_json(request)))
    end)
  end

  it("goes back to before its last swap, once", function()
    local run = start()
    local first = run.info.hash
    at(run, 6, function() ask(run) end)
    asks_rollback(run, 10)
    asks_rollback(run, 14, {id = "4.5.7"})
    silently(run.train, run)
    local entries = entries_of(run)
    assert.same({"swap", "rollback", "rollback"}, {entries[1].kind, entries[2].kind, entries[3].kind})
    assert.same({"in force", entries[1].after, first, "worse", "4.5.6"},
      {entries[2].outcome, entries[2].before, entries[2].after, entries[2].reason, entries[2].request})
    assert.same({option = "objective.critics.calm.gamma", before = "0.5"}, entries[2].changes[2])
    assert.truthy(entries[3].outcome:find("refused: there is nothing to go back to: no swap has come into force", 1, true))
    assert.same({first, first, 2}, {run.agent:hash(), info(run).hash, info(run).swaps})
    assert.same({"upright", 1}, {info(run).critics[1].name, #info(run).critics})
    assert.equal(pole:format "", read(run, "recipe.lua"))
    local page = read(run, "report.html")
    assert.truthy(page:find("Step 640: rollback by bob: worse", 1, true))
    learned_as(run, function(agent, env)
      agent:drive(env, 640 - 384)
      agent:rollback()
      agent:drive(env, 1280 - 640)
    end)
  end)

  it("goes back after a kill, wherever it was killed", function()
    local whole = start()
    at(whole, 6, function() ask(whole) end)
    asks_rollback(whole, 12)
    silently(whole.train, whole)
    local run = start()
    at(run, 6, function() ask(run) end)
    killed(run, function(kill) at(run, 9, kill) end)
    local _, again = silently(resume, run)
    assert.equal(whole.info.hash, again.agent:previous())
    asks_rollback(again, 12 - again.state.updates)
    silently(again.train, again)
    assert.equal(read(whole, "metrics.csv"), read(run, "metrics.csv"))
    assert.same({2, whole.info.hash}, {#entries_of(run), info(run).hash})
    -- Between the journal's line and the checkpoint.
    run = start()
    at(run, 6, function() ask(run) end)
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

  -- Draws from a memory, so that another can learn beside.
  local function remembers(critics)
    return (pole:format(critics):gsub('"ppo", rollout = 16, minibatch = 64, epochs = 1',
      '"dqn", rollout = 16, minibatch = 8, memory = 400, start = 16, target = 8'))
  end
  local function asks(run, n, fields) at(run, n, function() ask(run, fields) end) end

  it("has a line of a shadow, of what brings it into force or drops it, and its metrics beside", function()
    assert(prl.io.write(root .. "/pole.lua", remembers ""))
    assert(prl.io.write(root .. "/two.lua", remembers(calm)))
    assert(prl.io.write(root .. "/wrong.lua", (pole:format(calm))))
    local run = start()
    local first, second = run.info.hash, assert(prl.recipe.load(root .. "/two.lua")).hash
    asks(run, 2, {kind = "confirm"})
    asks(run, 3, {mode = "shadow", recipe = root .. "/wrong.lua"})
    asks(run, 4, {mode = "shadow", reason = "calmer"})
    asks(run, 6, {recipe = root .. "/two.lua"})
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

  it("goes on with its shadow, wherever it was killed", function()
    assert(prl.io.write(root .. "/pole.lua", remembers ""))
    assert(prl.io.write(root .. "/two.lua", remembers(calm)))
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
    at(run, 6, function() ask(run, {kind = "check"}) end)
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
    at(run, 6, function() ask(run) end)
    killed(run, function(kill) requests.done = kill end)
    assert.truthy(posix.stat(run.folder:file(requests.taken)))
    silently(resume, run)
    for _, entry in ipairs(entries_of(run)) do assert.falsy(entry.outcome:find "^refused", entry.outcome) end
    assert.is_nil(posix.stat(run.folder:file(requests.taken)))
  end)

  it("names the switches of --watch where it refuses an edit", function()
    local run = start {watch = true}
    local function edits(n, text) at(run, n, function() assert(prl.io.write(root .. "/pole.lua", text)) end) end
    edits(3, (pole:format(""):gsub("n = 4", "n = 8")))
    edits(9, (pole:format(""):gsub("epochs = 1", "epochs = 1, lr = linear {from = 1e-2, to = 0}")))
    silently(run.train, run)
    local entries = entries_of(run)
    assert.equal("refused: env.n is 8 in the new recipe and 4 in the run, which keeps its env, eval and train", entries[1].outcome)
    assert.truthy(entries[2].outcome:find("must be said which: perilune train --watch --schedules go-on, or --schedules restart", 1, true),
      entries[2].outcome)
  end)

  it("has what was in force before in the line of options set by hand", function()
    local run = start()
    killed(run, function(kill) at(run, 12, kill) end)
    local again = trainer.resume(run.folder.path, {quiet = true, report = report, set = {"algorithm.lr=1e-4", "algorithm.lr = 2e-4"}})
    again:train()
    local before = tostring(assert(prl.recipe.load(root .. "/pole.lua")).recipe.algorithm.lr)
    assert.same({{option = "algorithm.lr", before = before, after = "1e-4"}, {option = "algorithm.lr", before = "0.0001", after = "2e-4"}},
      entries_of(run)[1].changes)
  end)
end)
