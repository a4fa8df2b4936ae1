--- What is done to a run while it trains: swaps by request and by an edit of its file, and the way back from them.
local prl = require "perilune"
local requests = require "perilune.trainer.requests"
local operated = require "support.operated"
local trained = require "support.trained"

local ask, asks, asks_rollback, calm, edits = operated.ask, operated.asks, operated.asks_rollback, operated.calm, operated.edits
local entries_of, path, pole, start, write = operated.entries_of, operated.path, operated.pole, operated.start, operated.write
local at, info, read, silently = trained.at, trained.info, trained.read, trained.silently

describe("a run that is changed while it trains", function()
  before_each(operated.begin)
  after_each(operated.finish)

  -- The run's last parameters are those of an agent that was swapped at the same step and then did `rest`.
  local function learned_as(run, rest)
    local agent = prl.agent(prl.recipe.plan(assert(prl.recipe.load(path "pole.lua"))))
    local env = prl.env("cartpole", {n = 4, seed = 1})
    agent:drive(env, 384)
    agent:swap(prl.recipe.plan(assert(prl.recipe.load(path "two.lua"))))
    rest(agent, env)
    assert(agent:save(path "agent", env))
    local ours = assert(prl.io.safetensors_read(path "agent"))
    for name, value in pairs(assert(prl.io.safetensors_read((run.folder:last_checkpoint())))) do
      if name:find "^params" then assert.equal(value:bytes(), ours[name]:bytes(), name) end
    end
  end

  it("has a line of a swap, its recipe in its folder, and a mark in its report", function()
    local run = start()
    local first = run.info.hash
    asks(run, 6, {reason = "calmer"})
    local said = silently(run.train, run)
    assert.truthy(said:find("swap by ada at step 384: in force", 1, true), said)
    local entries, after = entries_of(run), assert(prl.recipe.load(path "two.lua")).hash
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

  it("is learned as by an agent that is swapped at the same step", function()
    local run = start()
    asks(run, 6)
    silently(run.train, run)
    learned_as(run, function(agent, env) agent:drive(env, 1280 - 384) end)
  end)

  it("stays as it is where what is asked for is a check or cannot be done", function()
    local run = start()
    write("wrong.lua", (pole:format(""):gsub("gamma", "gama")))
    write("wide.lua", (pole:format(""):gsub("n = 4", "n = 8")))
    asks(run, 2, {kind = "check"})
    asks(run, 4, {recipe = path "wrong.lua"})
    asks(run, 6, {recipe = path "wide.lua"})
    asks(run, 8, {recipe = path "none.lua"})
    asks(run, 10, {recipe = path "pole.lua", set = {"agent.streams=7"}})
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
    write("pole.lua", text)
    local run = start()
    asks(run, 6)
    silently(run.train, run)
    assert.equal('refused: agent.baseline is absent in the new recipe and {per = "episode", policy = "zero", salt = "a", traffic = 0.25, '
      .. "window = 1000} in the run, which keeps its control group; --set 'agent.baseline={per = \"episode\", policy = \"zero\", "
      .. "salt = \"a\", traffic = 0.25, window = 1000}' gives it the run's", entries_of(run)[1].outcome)
  end)

  it("stays as it is where the recipe asked for is in force already, and the way back stays, too", function()
    write("renamed.lua", (pole:format(calm):gsub('name = "pole"', 'name = "stick"')))
    local run = start()
    local first, short = run.info.hash, run.info.hash:sub(1, 8)
    asks(run, 2, {recipe = path "pole.lua"})
    asks(run, 4)
    local version
    at(run, 6, function()
      version = run.agent:metrics().version
      ask(run, {recipe = path "renamed.lua"})
    end)
    at(run, 8, function()
      assert.is_true(run.agent:metrics().version == version + 2) -- of two updates, and of no swap
      ask(run, {kind = "check"})
    end)
    asks(run, 10, {kind = "rollback"})
    local said = silently(run.train, run)
    local already = "this recipe is in force already: nothing is changed"
    assert.truthy(said:find("swap by ada at step 128: " .. already .. "\n", 1, true), said)
    local outcomes = {}
    for i, entry in ipairs(entries_of(run)) do outcomes[i] = entry.outcome end
    assert.same({already, "in force", ("%s, and a rollback goes back to %s as before"):format(already, short),
      "this recipe is in force already: a swap would change nothing", "in force"}, outcomes)
    assert.same({first, first, 2}, {run.agent:hash(), info(run).hash, info(run).swaps})
  end)

  it("takes a change of the running recipe, and has what came of it", function()
    local change = "return extend(running, {objective = {critics = {upright = {weight = %g}}}})\n"
    write("change.lua", change:format(2))
    write("more.lua", "return extend(running, {objective = {critics = {upright = {gamma = 0.9}}}})\n")
    local run = start()
    asks(run, 4, {recipe = path "change.lua"})
    asks(run, 8, {recipe = path "more.lua", id = "1.2.4"})
    silently(run.train, run)
    local entries = entries_of(run)
    assert.same({2, "in force", "in force"}, {#entries, entries[1].outcome, entries[2].outcome})
    assert.same({{option = "objective.critics.upright.weight", before = "1", after = "2"}}, entries[1].changes)
    assert.same({{option = "objective.critics.upright.gamma", before = "0.98", after = "0.9"}}, entries[2].changes)
    local again = assert(prl.recipe.load(run.folder:file "recipe.lua"))
    assert.same({again.hash, again.hash, 2}, {run.info.hash, run.agent:hash(), again.recipe.objective.critics.upright.weight})
    assert.equal(read(run, "resolved.lua"), read(run, "recipe.lua"))
    run = start {watch = true}
    edits(run, 3, change:format(3))
    silently(run.train, run)
    assert.equal("refused: " .. path "pole.lua" .. ":1: running is the recipe in force of a training; a file that changes it is for "
      .. "`perilune swap RUN FILE`", entries_of(run)[1].outcome)
  end)

  it("asks whether schedules go on or start again, and does as it is told", function()
    write("falling.lua", (pole:format(""):gsub("epochs = 1", "epochs = 1, lr = linear {from = 1e-2, to = 0}")))
    local run = start()
    asks(run, 2, {recipe = path "falling.lua"})
    asks(run, 6, {recipe = path "falling.lua", schedules = "restart"})
    silently(run.train, run)
    local entries = entries_of(run)
    assert.equal("refused: the schedule of algorithm.lr is at 0.009 if it goes on at step 128, and at 0.01 if it starts again; it must be "
      .. "said which: perilune swap --schedules go-on, or --schedules restart", entries[1].outcome)
    local said
    for _, part in ipairs(entries[2].plan) do said = part.part == "schedule" and part or said end
    assert.same({"in force", "started anew", 0.01}, {entries[2].outcome, said.outcome, said.after})
    assert.near(0.01 * (384 / 1280), run.agent:get "algorithm.lr", 1e-12)
  end)

  it("goes back to before its last swap, once", function()
    local run = start()
    local first = run.info.hash
    asks(run, 6)
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

  it("takes its file's edits, and none with a mistake", function()
    local run = start {watch = true}
    edits(run, 3, pole:format(calm))
    edits(run, 9, (pole:format(calm):gsub("gamma", "gama")))
    edits(run, 14, "-- a remark\n" .. pole:format(calm))
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
    asks(run, 2)
    edits(run, 6, "-- a remark\n" .. pole:format "")
    edits(run, 12, (pole:format "":gsub("0.98", "0.97")))
    local said = silently(run.train, run)
    local entries = entries_of(run)
    assert.same({2, "ada", "its file was edited (--watch)"}, {#entries, entries[1].author, entries[2].reason}, said)
    assert.truthy(said:find("pole.lua says the recipe that it said before, and another is in force: nothing is changed\n", 1, true), said)
  end)

  it("takes a schedule of an edit as it was told to", function()
    local function falling(from)
      return (pole:format(""):gsub("epochs = 1", "epochs = 1, lr = linear {from = " .. from .. ", to = 0}"))
    end
    for how, lr in pairs {go_on = 1e-3 * (1 - 960 / 1280), restart = 1e-3} do
      write("pole.lua", falling "1e-2")
      local run = start {watch = true, schedules = how}
      local found
      edits(run, 14, falling "1e-3")
      at(run, 16, function() found = run.agent:get "algorithm.lr" end)
      silently(run.train, run)
      assert.equal("in force", entries_of(run)[1].outcome)
      assert.near(lr, found, 1e-9, how)
    end
  end)

  it("looks at an edit with the trust of its training", function()
    write("world.lua", [[return {
      observation = {"x"}, action = {"continuous", a = {-1, 1}}, responses = {reward = {}}, max_steps = 10,
      reset = function() return {0} end, step = function(_, action) return {action.a}, {reward = action.a} end}]])
    local text = pole:format(""):gsub('{"cartpole", n = 4}', '{lua = "world.lua", n = 4}')
    write("pole.lua", text)
    local run = start {watch = true, trust = true}
    edits(run, 3, "-- a remark\n" .. text)
    local said = silently(run.train, run)
    assert.truthy(said:find("pole.lua says what is in force already: nothing is changed\n", 1, true), said)
    assert.same({}, entries_of(run))
  end)

  it("names the switches of --watch where it refuses an edit", function()
    local run = start {watch = true}
    edits(run, 3, (pole:format(""):gsub("n = 4", "n = 8")))
    edits(run, 9, (pole:format(""):gsub("epochs = 1", "epochs = 1, lr = linear {from = 1e-2, to = 0}")))
    silently(run.train, run)
    local entries = entries_of(run)
    assert.equal("refused: env.n is 8 in the new recipe and 4 in the run, which keeps its env, eval and train", entries[1].outcome)
    assert.truthy(entries[2].outcome:find("must be said which: perilune train --watch --schedules go-on, or --schedules restart", 1, true),
      entries[2].outcome)
  end)
end)
