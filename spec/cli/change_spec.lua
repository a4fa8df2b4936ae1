--- What changes of a training: live options when it goes on, another run's policy to start from, another recipe to judge by.
local cjson = require "cjson"
local command = require "support.command"
local files = require "support.files"
local recipes = require "support.recipes"

local recipe = [[
return {
  name = "pole", env = {"cartpole", n = 4},
  objective = {critics = {upright = {reward = function(r) return r.reward end}}},
  policy = {hidden = {4}},
  algorithm = {"ppo", rollout = 16, minibatch = 64, epochs = 1},
  train = {steps = 512}, eval = {episodes = 2},
}
]]

describe("a training that is changed", function()
  local root
  before_each(function()
    root = files.folder()
    recipes.write(root .. "/", "pole.lua", recipe)
  end)

  local function run(words) return command.run(root, words) end
  local function train(words)
    local out, err, code = run("train pole.lua -q " .. words)
    assert.equal(0, code, err)
    return out:match("Report: (.-)/report.html"), out
  end
  local function info_of(folder) return cjson.decode(files.read(("%s/%s/run.json"):format(root, folder))) end

  it("goes on with other live options, which its record keeps and its report shows", function()
    local folder = train ""
    local _, err, code = run(("train --resume %s -q --steps 1024 --set algorithm.lr=1e-9 --set algorithm.entropy=0.5"):format(folder))
    assert.equal(0, code, err)
    assert.same({{step = 512, set = "algorithm.lr=1e-9"}, {step = 512, set = "algorithm.entropy=0.5"}}, info_of(folder).changes)
    local page = files.read(("%s/%s/report.html"):format(root, folder))
    assert.truthy(page:find("From step 512 on: <code>--set algorithm.lr=1e-9</code>", 1, true))
    _, err, code = run(("train --resume %s -q --steps 1088 --set objective.critics.upright.gamma=0.9 --set "
      .. "objective.critics.upright.weight=2"):format(folder))
    assert.equal(0, code, err)
    page = files.read(("%s/%s/report.html"):format(root, folder))
    local critics = page:match("<h2>Critics</h2>(.-)<h2>")
    assert.truthy(critics:find("0.9<small> at first 0.99</small>", 1, true), critics)
    assert.truthy(critics:find("2<small> at first 1</small>", 1, true), critics)
    -- It stays so, from an older checkpoint too.
    local name = ("%s/%s/checkpoints/step-000000001088"):format(root, folder)
    os.remove(name .. ".json")
    _, err, code = run(("train --resume %s -q --steps 1088"):format(folder))
    assert.equal(0, code, err)
    local prl = require "perilune"
    assert.equal(1e-9, assert(prl.load_agent(name .. ".safetensors")):get "algorithm.lr")
  end)

  it("says where a run goes on with step sizes that have ended", function()
    local folder = train "--set 'algorithm.lr=linear{from=1e-3,to=0}'"
    local _, err, code = run(("train --resume %s -q --steps 1024"):format(folder))
    assert.equal(0, code, err)
    assert.truthy(err:find("note: algorithm.lr ended at 0: what has that step size changes no more; --set algorithm.lr=…", 1, true), err)
    _, err = run(("train --resume %s -q --steps 1536 --set algorithm.lr=1e-4"):format(folder))
    assert.equal("", err)
  end)

  it("refuses what is no live option, and changes nothing", function()
    local folder = train ""
    local before = files.read(("%s/%s/run.json"):format(root, folder))
    for words, message in pairs {
      ["--set algorithm.rollout=8"] = '--set algorithm.rollout=8: "algorithm.rollout" is structural',
      ["--set algorithm.lrr=1"] = 'the nearest is "algorithm.lr"',
      ["--set algorithm.lr"] = "--set algorithm.lr: expected a live option and a number, as in algorithm.lr=1e-3",
      ["--set algorithm.lr=fast"] = "--set algorithm.lr=fast: expected a number, as in algorithm.lr=1e-3",
      ["--set algorithm.lr=-1"] = "--set algorithm.lr=-1: ",
      ["--set 'policy.hidden={8,8}'"] = '--set policy.hidden={8,8}: "policy.hidden" is structural',
      ["--set policy.activation=relu"] = '--set policy.activation=relu: "policy.activation" is structural',
      ["--set objective.critics.upright.scale=2"] = '"objective.critics.upright.scale" is structural',
      ["--set train.steps=15e4"] = "--set train.steps=15e4: how long a run is to be is said by --steps N",
      ["--seed 4"] = "--seed does not go with --resume",
      ["--start-from x"] = "--start-from does not go with --resume",
    } do
      local out, err, code = run(("train --resume %s --steps 1024 %s"):format(folder, words))
      assert.same({"", 2}, {out, code}, words .. err)
      assert.truthy(err:find(message, 1, true), err)
      assert.equal(message:find("structural", 1, true) ~= nil, err:find(("--start-from %s"):format(folder), 1, true) ~= nil, err)
      assert.equal(before, files.read(("%s/%s/run.json"):format(root, folder)), words)
    end
  end)

  it("starts from another run, says what it took, and is not taken for a run of its recipe alone", function()
    local folder = train ""
    local started, out = train(("--start-from %s --seed 2"):format(folder))
    assert.truthy(out:find(("Starting with policy, critic/upright, statistics of upright's returns of %s/checkpoints/"):format(folder),
      1, true), out)
    local info = info_of(started)
    assert.equal(3, #info.start.parts)
    assert.truthy(info.start.from:find(folder, 1, true))
    assert.truthy(files.read(("%s/%s/report.html"):format(root, started)):find("Started with what", 1, true))
    local jobs = require "perilune.trainer.jobs"
    local index = jobs.index {root .. "/runs"}
    assert.truthy(jobs.find(index, {hash = info.hash, seed = 1, steps = 512}))
    assert.is_nil(jobs.find(index, {hash = info.hash, seed = 2, steps = 512}))
    local partly
    partly, out = train(("--start-from %s --seed 3 --set 'policy.hidden={4,2}'"):format(folder))
    assert.truthy(partly and out:find "policy %(30 of 36 numbers%)", out)
    assert.truthy(out:find("\nNew: statistics of upright's returns\n", 1, true), out)
    local anew = "Most of the policy begins anew: a layer of another width takes nothing over\n"
    assert.falsy(out:find(anew, 1, true), out)
    assert.truthy(select(2, train(("--start-from %s --seed 4 --set 'policy.hidden={64}'"):format(folder))):find(anew, 1, true))
    local _, err, code = run "train pole.lua --start-from nowhere"
    assert.same({2, "perilune: there is no run or agent nowhere\n"}, {code, err})
  end)

  it("judges an agent that a host saved by a recipe", function()
    local folder = train ""
    os.execute(("cp %s/%s/checkpoints/*.safetensors %s/saved.safetensors"):format(root, folder, root))
    local out, err, code = run "eval saved.safetensors --recipe pole.lua --set eval.episodes=3"
    assert.equal(0, code, err)
    assert.truthy(out:find("saved.safetensors, 3 episodes", 1, true), out)
    out, err, code = run "eval saved.safetensors"
    assert.same({"", 2}, {out, code})
    assert.truthy(err:find("its environment is not known; --recipe names it", 1, true), err)
    out, err, code = run "eval saved.safetensors --recipe pendulum/ppo"
    assert.same({"", 2}, {out, code})
    assert.truthy(err:find("its observation 1 is cart_position, and the environment's is cos_angle", 1, true), err)
    out, err, code = run(("eval %s --set eval.episodes=3"):format(folder))
    assert.same({"", 2}, {out, code})
    assert.truthy(err:find("--set goes with --recipe", 1, true), err)
    out, err, code = run("eval saved.safetensors --recipe shortvideo/a2c --users 4 --days 1")
    assert.same({"", 2}, {out, code}, err)
  end)
end)
