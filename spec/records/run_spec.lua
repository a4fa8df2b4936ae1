--- run.json and evaluations.csv must agree with each other on what a run is judged by.

local cjson = require "cjson"
local files = require "support.files"
local message_of = require "support.refusal"
local prl = require "perilune"
local records = require "perilune.records"
local run_record = require "support.run_record"
local runs = require "perilune.records.run"

describe("the ratios in a run's records", function()
  local function text(metrics)
    return cjson.encode(run_record {responses = {{name = "click", unit = "count"}, {name = "view", unit = "count"}},
      evaluation = {metrics = metrics}})
  end

  it("are of what the run has, under names of their own", function()
    local info = assert(records.parse(text {ctr = {kind = "ratio", of = "click", per = "view"}}, "run"))
    assert.equal("view", info.evaluation.metrics.ctr.per)
    for _, wrong in ipairs {
      {{ctr = {kind = "ratio", of = "clik", per = "view"}},
        'evaluation.metrics.ctr: an evaluation by episodes has no sum of "clik"; the nearest is "click"'},
      {{view = {kind = "ratio", of = "click", per = "view"}},
        "evaluation.metrics.view: this is the name of a response of the env: a metric needs another"},
      {{ctr = {"click", "view"}},
        'evaluation.metrics.ctr: expected a ratio of two sums, as in ratio("click", "view"), got {"click", "view"}'},
    } do
      local found, message = records.parse(text(wrong[1]), "run")
      assert.is_nil(found)
      assert.equal(wrong[2], message)
    end
  end)

  it("have their columns in evaluations.csv", function()
    local root = files.folder()
    assert(prl.io.write(root .. "/run.json", text {ctr = {kind = "ratio", of = "click", per = "view"}}))
    local header = "step,episodes,mean/click,sd/click,mean/view,sd/view,mean/length,sd/length"
    assert(prl.io.write(root .. "/evaluations.csv", header .. "\n0,2,1,1,1,1,1,1\n"))
    assert.equal(root .. "/evaluations.csv: the column mean/ctr is missing", (message_of(function() runs.load(root) end)))
    assert(prl.io.write(root .. "/evaluations.csv", header .. ",mean/ctr,sd/ctr\n0,2,1,1,1,1,1,1,0.5,0.1\n"))
    assert.equal(0.5, runs.last_evaluation(assert(runs.load(root))).response.ctr.mean)
  end)
end)
