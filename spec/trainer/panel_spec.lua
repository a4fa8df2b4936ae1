--- Evaluation by user and day, from the recipe to the run's folder: baselines, further policies, fronts, comparisons.

local posix = require "posix"
local files = require "support.files"
local prl = require "perilune"
local lift = require "perilune.stats.lift"
local comparison = require "perilune.trainer.comparison"
local judgement = require "perilune.trainer.judgement"
local report = require "perilune.report.comparison"
local panel = require "perilune.trainer.panel"
local trainer = require "perilune.trainer"
local write_report = require "support.report"
local message_of = require "support.refusal"
local read = require("support.trained").read

local recipe = [[
return {
  name = "feed",
  env = {"shortvideo", n = 8},
  objective = {critics = {watch = {reward = function(r) return r.watch_time end, scale = "baseline"}}},
  policy = {hidden = {8}, bounded = true, last_gain = 0, normalise = 5},
  algorithm = {"a2c", rollout = 4},
  train = {steps = 640, seed = 3, warmup = 64},
  eval = {every = 320, users = 12, days = 1, curve = 6},
}
]]

-- The baseline's panel as a judgement makes it, and its name.
local function baseline_of(info, options)
  local bench = judgement.new(info, options)
  return bench:baseline(options.users), bench.baseline_name
end

describe("evaluation by user and day", function()
  local root

  before_each(function()
    root = files.folder()
    assert(prl.io.write(root .. "/feed.lua", recipe))
  end)

  local function load(set) return prl.recipe.load(root .. "/feed.lua", {set = set}) end
  local function train(set)
    local run = trainer.start(assert(load(set)), {root = root .. "/runs", quiet = true, report = write_report})
    assert.equal("finished", run:train())
    return run
  end

  it("leaves the lift table, its panels and its curve in the run's folder", function()
    local run = train()
    local rows = {}
    for line in read(run, "evaluations.csv"):gmatch("[^\n]+") do rows[#rows + 1] = line end
    assert.truthy(rows[1]:find("^step,users,user_days,mean/watch_time,sd/watch_time,lift/watch_time,half/watch_time,"))
    assert.truthy(rows[2]:find("^0,6,0,[%d.]+,[%d.]+,0,0,")) -- a policy that starts at zero is the baseline
    assert.truthy(rows[#rows]:find("^%d+,12,"))
    assert.equal(4, #rows) -- the one at the end is the last
    local policy, baseline = panel.load(run.folder:file("panels.safetensors"), run.info.responses)
    local text = assert(prl.io.read(run.folder:file("panels.safetensors")))
    for _, damage in ipairs {{'"prl.digest"', '"prm.digest"', "carries no digest"}, {".$", "#", "is damaged or was changed"}} do
      assert(prl.io.write(root .. "/damaged", (text:gsub(damage[1], damage[2], 1))))
      local message = message_of(function() panel.load(root .. "/damaged", run.info.responses) end)
      assert.truthy(message:find(root .. "/damaged " .. damage[3], 1, true), message)
    end
    assert.equal(12, policy.users)
    local again = lift.table({policy}, {baseline}, run.info.responses, "ltr")
    assert.equal(run:evaluation_text(), lift.text(again))
    assert.same({"watch_time"}, run.info.objective)
    local found = run.info.critics[1].found -- the scale that the warm-up found: the mean watch time of a request
    assert.is_true(found > 20 and found < 1000, found)
    assert.equal(found, run.agent:get("objective.critics.watch.scale"))
    assert.truthy(read(run, "report.html"):find("Lift over ltr", 1, true))
    assert.is_nil(posix.stat(run.folder:file("judged.safetensors")))
  end)

  it("goes on to the end of an update where an evaluation falls due with the last steps", function()
    local run = train {"train.steps=632", "eval.every=316"} -- an update takes 32 steps
    assert.equal(640, run.state.step)
    local _, rows = read(run, "evaluations.csv"):gsub("\n", "")
    assert.equal(4, rows) -- a header, 0, 316, the end
  end)

  it("sums each user's days, however many users there are", function()
    local options = {users = 1030, days = 2, seed = 9, action = "mean", threads = 2, baseline = "ltr"}
    local whole = baseline_of(train({"train.steps=96", "eval.every=0"}).info, options)
    local rows = whole.sums:totable()
    for c, name in ipairs(whole.names) do
      assert.equal(1030, #whole.columns[name])
      for _, user in ipairs {1, 1024, 1025, 1030} do
        assert.equal(rows[user][1][c] + rows[user][2][c], whole.columns[name][user])
      end
    end
    local first = panel.first(whole, 5)
    options.users = 5
    assert.same(baseline_of(train({"train.steps=96", "eval.every=0"}).info, options).columns, first.columns)
  end)

  it("goes on after a stop with the same evaluations and the same user-days", function()
    local whole, steps = train(), 0
    prl.interrupted = function() -- luacheck: ignore
      steps = steps + 1
      return steps == 15
    end
    local part = trainer.start(assert(load()), {root = root .. "/runs", quiet = true})
    assert.equal("interrupted", part:train())
    prl.interrupted = nil -- luacheck: ignore
    local rest = trainer.resume(part.folder.path, {quiet = true})
    assert.equal("finished", rest:train())
    assert.equal(read(whole, "evaluations.csv"), read(rest, "evaluations.csv"))
    assert.equal(read(whole, "lift.json"), read(rest, "lift.json"))
  end)

  it("counts the user-days of experience by the users' own clocks", function()
    local run = train {"eval.every=0"}
    local env, elapsed = prl.env("shortvideo", {n = 8, seed = 3}), 0
    local agent = prl.agent(prl.recipe.plan(assert(load())))
    local made, days = agent:drive(env, 640)
    assert.equal(640, made)
    assert.is_true(days > 1)
    assert.is_true(math.abs(days - run.state.user_days) < 1e-9) -- the same run, in one piece
    env = prl.env("shortvideo", {n = 8, seed = 3})
    local zero = {}
    for i = 1, 8 do zero[i] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0} end
    env:reset()
    for _ = 1, 8 do -- the warm-up takes the zero action, as these steps do
      local _, _, _, _, time = env:step(prl.tensor(zero))
      for _, us in ipairs(time:totable()) do elapsed = elapsed + tonumber(us) end
    end
    agent = prl.agent(prl.recipe.plan(assert(load())))
    days = select(2, agent:drive(prl.env("shortvideo", {n = 8, seed = 3}), 64))
    assert.is_true(math.abs(elapsed / 86400e6 - days) < 1e-9)
  end)

  it("judges further policies, groups and the front of vectors on the same users, at the end", function()
    local set = {'eval.beside={["best vector"]={watch=0.5}, zero={}}', 'eval.groups={"activity"}', "eval.every=0",
      'eval.front={x="watch_time", y={"like", "share"}, vectors={{watch=0.5}, {like=1}, {}}}'}
    local run = train(set)
    local compared = prl.from_json(read(run, "lift.json"))
    assert.same({"best vector", "zero"}, {compared.beside[1].name, compared.beside[2].name})
    local zero = compared.beside[2]
    assert.equal(0, lift.find(zero.lift, "watch_time").lift.mean) -- the zero action is the baseline
    assert.same(lift.find(compared, "like").lift.mean, lift.find(zero.against, "like").lift.mean)
    local text = run:evaluation_text()
    assert.truthy(text:find("Beside best vector, on the same users:", 1, true))
    assert.truthy(text:find("policy over best vector, 95 %", 1, true))

    local policy, baseline, others = panel.load(run.folder:file("panels.safetensors"), run.info.responses)
    assert.equal(12, others["best vector"].users)
    assert.same(baseline.columns, others.zero.columns)
    assert.truthy(policy.columns["action/watch"] and policy.columns["observed/activity"])
    for user = 1, 12 do
      assert.is_true(math.abs(others["best vector"].columns["action/watch"][user] -
        0.5 * others["best vector"].columns.requests[user]) < 1e-9)
    end

    local groups = prl.from_json(read(run, "groups.json"))
    assert.equal("activity", groups.by[1].name)
    assert.equal(12, groups.by[1].groups[1].users + groups.by[1].groups[2].users + groups.by[1].groups[3].users)
    assert.equal(10, #groups.by[1].groups[1].actions)
    assert.is_true(groups.by[1].groups[1].high <= groups.by[1].groups[3].low)

    local front, points = prl.from_json(read(run, "front.json")), {}
    assert.equal(6, front.users) -- those of the curve
    for _, point in ipairs(front.points) do points[point.name] = point end
    assert.equal(points["best vector"].x.mean, points["vector 1"].x.mean) -- the same vector, the same users
    assert.equal(0, points["vector 3"].x.mean)
    assert.equal("policy", points.policy.kind)
    local page = read(run, "report.html")
    for _, part in ipairs {"Beside best vector", "Actions by user group", "Global vectors: watch_time"} do
      assert.truthy(page:find(part, 1, true), part)
    end
  end)

  it("judges a reward that is a weighted sum of responses as one more metric", function()
    local run = train {"eval.every=0",
      "objective.critics.watch.reward=function(r) return r.watch_time + 20 * r.like - (r.share + 1) / 2 end"}
    assert.same({{name = "watch", unit = "", of = {watch_time = 1, like = 20, share = -0.5, requests = -0.5}}},
      run.info.rewards)
    local compared = prl.from_json(read(run, "lift.json"))
    local function value(name) return lift.find(compared, name).policy end
    assert.is_true(math.abs(value("watch_time") + 20 * value("like") - 0.5 * value("share") - 0.5 * value("requests") -
      value("watch")) < 1e-6)
    assert.same({"watch_time", "like", "share", "watch"}, compared.main)
    assert.truthy(read(run, "evaluations.csv"):find("lift/watch,", 1, true))
    run = train {"objective.critics.watch.reward=function(r) return min(r.watch_time, 100) end"}
    assert.same({}, run.info.rewards) -- no sum of a user's day tells it
    local sentence = "No row for the reward of watch: it is no weighted sum of responses, and does not add up over a day."
    assert.truthy(run:evaluation_text():find(sentence, 1, true))
    assert.truthy(read(run, "report.html"):find(sentence, 1, true))
    assert.is_nil(train({"eval.every=0"}):evaluation_text():find("No row", 1, true))
  end)

  it("takes a run as a further policy", function()
    local first = train()
    local run = train {("eval.beside={first=%q}"):format(first.folder.path)}
    local compared = prl.from_json(read(run, "lift.json"))
    assert.equal(0, lift.find(compared.beside[1].against, "watch_time").lift.mean) -- trained by the same recipe and seed
  end)

  it("takes the best trials of a search as the front's vectors", function()
    local info = train().info
    assert(prl.io.write(root .. "/trials.csv", table.concat({
      "generation,trial,score,action/watch,action/like,mean/watch_time,mean/like,mean/share",
      "1,0,0,0,0,100,2,2", "1,1,0,0.1,0.5,110,2,2", "1,2,0,0.2,0.5,90,4,4", "1,3,0,0.3,0.5,80,3,3",
      "2,0,0,0,0,200,2,2", "2,1,0,0.4,0.5,230,1,1", "2,2,0,0.5,0.5,205,1,1", -- + 15 %; + 2.5 % is beaten by the first
    }, "\n") .. "\n"))
    local options = {x = "watch_time", y = {"like", "share"}}
    local function best(most) return judgement.best_trials(info, options, root, most) end
    assert.same({{watch = 0.2, like = 0.5}, {watch = 0.1, like = 0.5}, {watch = 0.4, like = 0.5}}, best(16))
    assert.same({{watch = 0.2, like = 0.5}, {watch = 0.4, like = 0.5}}, best(2))
    assert.equal(1, #best(1))
  end)

  it("takes the policies of a folder of runs onto the front", function()
    train {"train.steps=320"}
    local search = {'algorithm={"cem", population=4, elites=2, generations=1, users=4}', "eval.users=0"}
    local found = train(search)
    local run = train {("eval.front={x='watch_time', y={'like'}, vectors=%q}"):format(root .. "/runs"), "eval.every=0"}
    local front, kinds = prl.from_json(read(run, "front.json")), {}
    for _, point in ipairs(front.points) do kinds[point.kind] = (kinds[point.kind] or 0) + 1 end
    assert.same({baseline = 1, vector = 1, beside = 1, policy = 1}, kinds)
    run = train {("eval.front={x='watch_time', y={'like'}, vectors=%q}"):format(found.folder.path), "eval.every=0"}
    front = prl.from_json(read(run, "front.json"))
    assert.is_true(#front.points >= 3) -- the baseline, the policy, and a trial of the search at least
    assert.equal("vector 1", front.points[2].name)
  end)

  it("finds no difference between a run's policy and itself", function()
    local run = train()
    local options = {users = 5, days = 1, seed = 9, action = "mean", threads = 2, baseline = run.folder.path}
    local baseline, name = baseline_of(run.info, options)
    assert.equal(run.folder.path, name)
    local checkpoint = run.folder:last_checkpoint()
    local same = panel.run(run.info, options, {agent = checkpoint})
    options.baseline = "ltr"
    assert.are_not.same(baseline_of(run.info, options).columns, same.columns)
    for _, row in ipairs(lift.table({same}, {baseline}, run.info.responses, name).rows) do
      if row.lift then
        assert.equal(0, row.lift.mean)
        assert.equal(0, row.lift.half)
      end
    end
  end)

  it("compares a run, and folders of runs, with themselves to a difference of exactly 0", function()
    local run = train()
    local compared = comparison.of_runs({run.folder.path, run.folder.path})
    assert.equal("user", compared.unit)
    assert.equal(12, #compared.pairs)
    local folders = comparison.of_folders({root .. "/runs", root .. "/runs"})
    assert.same({3}, folders.pairs)
    for _, of in ipairs {compared, folders} do
      assert.equal(0, lift.find(of.lift, "watch_time").lift.mean)
      assert.equal(0, lift.find(of.lift, "watch_time").lift.half)
      local text = report.text(of, comparison.intervals(of))
      assert.truthy(text:find("Lift over A: 12 users × 1 day,", 1, true))
      assert.truthy(report.render(of, comparison.intervals(of)):find("Lift of B over A", 1, true))
    end
  end)

  it("takes a constant action by its dimensions", function()
    local run = train()
    local options = {users = 4, days = 1, seed = 9, action = "mean", threads = 1, baseline = {diversity = 0.5}}
    local constant = baseline_of(run.info, options)
    local expected = panel.run(run.info, options, {constant = {0, 0, 0, 0, 0, 0, 0, 0.5, 0, 0}})
    assert.same(expected.columns, constant.columns)
  end)

  it("counts the days of a Lua environment that has a clock", function()
    local tank = assert(prl.io.read "examples/lua_env/tank.lua")
    assert(prl.io.write(root .. "/tank.lua", (tank:gsub("seconds = 0.1", "seconds = 600"))))
    assert(prl.io.write(root .. "/still.lua", (tank:gsub("clock = true", "clock = false"))))
    local text = [[return {env = {lua = "./tank.lua", n = 2}, policy = {hidden = {8}}, train = {steps = 64},
      objective = {critics = {level = {reward = function(r) return -r.deviation end, per = "hour"}}},
      algorithm = {"a2c", rollout = 8}, eval = {users = 3, days = 2}}]]
    assert(prl.io.write(root .. "/hold.lua", text))
    local run = trainer.start(assert(prl.recipe.load(root .. "/hold.lua", {trust = true})), {root = root .. "/runs",
      quiet = true})
    run:train()
    local judged = panel.load(run.folder:file("panels.safetensors"), run.info.responses)
    for user = 1, 3 do assert.equal(2 * 144, judged.columns.requests[user]) end
    assert(prl.io.write(root .. "/hold.lua", (text:gsub("tank", "still"))))
    local loaded, message = prl.recipe.load(root .. "/hold.lua", {trust = true})
    assert.is_nil(loaded)
    assert.truthy(message:find("has no clock", 1, true), message)
  end)

  it("refuses in one sentence what cannot be judged so", function()
    local function refused(set)
      local loaded, message = load(set)
      assert.is_nil(loaded)
      return message
    end
    assert.truthy(refused({"env=cartpole", "objective.critics.watch.reward=false", "eval.users=8"}))
    assert.truthy(refused({"eval.users=-1"}):find("eval.users: expected a whole number from 0", 1, true))
    assert.truthy(refused({"eval.baseline.diversty=0.5"}):find('the nearest is "diversity"', 1, true))
    assert.truthy(refused({"eval.baseline.diversity=5"}):find("expected a number from -2 to 2, got 5", 1, true))
    assert.truthy(refused({"eval.days=0"}):find("eval.days", 1, true))
    assert.truthy(refused({'eval.beside={mine={diversty=0.5}}'}):find('the nearest is "diversity"', 1, true))
    assert.truthy(refused({'eval.beside={{watch=0.5}}'}):find("every policy has a name", 1, true))
    assert.truthy(refused({'eval.groups={"activty"}'}):find('the nearest is "activity"', 1, true))
    local front = 'eval.front={x=%s, y={%s}, vectors={%s}}'
    assert.truthy(refused({front:format('"watch_tim"', '"like"', "{watch=1}")}):find('the nearest is "watch_time"', 1, true))
    assert.truthy(refused({front:format('"watch_time"', '"depth"', "{}")}):find("no response \"depth\" that is summed", 1,
      true))
    assert.truthy(refused({front:format('"watch_time"', '"like"', "{wach=1}")}):find('the nearest is "watch"', 1, true))
    assert.truthy(refused({front:format('"watch_time"', '"like"', "")}):find("at least one constant action", 1, true))
    assert.truthy(refused({'eval.front={x="watch_time", y={"like"}}'}):find("this is missing: vectors", 1, true))
    assert.truthy(refused({'eval.front={x="watch_time", z={"like"}}'}):find("unknown key", 1, true))
    for _, set in ipairs {"eval.baseline=/nowhere", "eval.beside={mine='/nowhere'}",
      'eval.front={x="watch_time", y={"like"}, vectors="/nowhere"}'} do
      local message = message_of(function() train({set}) end)
      assert.truthy(message:find("/nowhere", 1, true), message)
      assert.is_nil(posix.stat(root .. "/runs")) -- before anything has run
    end
  end)
end)
