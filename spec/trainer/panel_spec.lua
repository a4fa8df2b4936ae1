local posix = require "posix"
local failure = require "perilune.failure"
local prl = require "perilune"
local lift = require "perilune.report.lift"
local comparison = require "perilune.trainer.comparison"
local report = require "perilune.report.comparison"
local panel = require "perilune.trainer.panel"
local trainer = require "perilune.trainer"

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

describe("evaluation by user and day", function()
  local root

  before_each(function()
    root = assert(posix.mkdtemp("/tmp/perilune-panel-XXXXXX"))
    assert(prl.io.write(root .. "/feed.lua", recipe))
  end)
  after_each(function() os.execute("rm -rf '" .. root .. "'") end)

  local function load(set) return prl.recipe.load(root .. "/feed.lua", {set = set}) end
  local function train(set)
    local run = trainer.start(assert(load(set)), {root = root .. "/runs", quiet = true})
    assert.equal("finished", run:train())
    return run
  end
  local function read(run, name) return assert(prl.io.read(run.folder:file(name))) end

  it("leaves the lift table, its panels and its curve in the run's folder", function()
    local run = train()
    local rows = {}
    for line in read(run, "evaluations.csv"):gmatch("[^\n]+") do rows[#rows + 1] = line end
    assert.truthy(rows[1]:find("^step,users,mean/watch_time,sd/watch_time,lift/watch_time,half/watch_time,"))
    assert.truthy(rows[2]:find("^0,6,[%d.]+,[%d.]+,0,0,")) -- a policy that starts at zero is the baseline
    assert.truthy(rows[#rows]:find("^%d+,12,"))
    local policy, baseline = panel.load(run.folder:file("panels.safetensors"), run.info.responses)
    assert.equal(12, policy.users)
    local again = lift.table({policy}, {baseline}, run.info.responses, "ltr")
    assert.equal(run:evaluation_text(), lift.text(again))
    assert.truthy(read(run, "report.html"):find("Lift over ltr", 1, true))
    assert.is_nil(posix.stat(run.folder:file("judged.safetensors")))
  end)

  it("finds no difference between a run's policy and itself", function()
    local run = train()
    local options = {users = 5, days = 1, seed = 9, action = "mean", threads = 2, baseline = run.folder.path}
    local baseline, name = panel.baseline(run.info, options)
    assert.equal(run.folder.path, name)
    local checkpoint = run.folder:last_checkpoint()
    local same = panel.run(run.info, options, {agent = checkpoint})
    options.baseline = "ltr"
    assert.are_not.same(panel.baseline(run.info, options).columns, same.columns)
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
    local constant = panel.baseline(run.info, options)
    local expected = panel.run(run.info, options, {constant = {0, 0, 0, 0, 0, 0, 0, 0.5, 0, 0}})
    assert.same(expected.columns, constant.columns)
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
    local ok, err = xpcall(function() train({"eval.baseline=/nowhere"}) end, failure.handler)
    assert.is_false(ok)
    assert.truthy(err.message:find("there is no run /nowhere", 1, true))
  end)
end)
