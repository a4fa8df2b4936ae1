--- `train --lag`: acting by the policy of so many updates ago.

local files = require "support.files"
local prl = require "perilune"
local trainer = require "perilune.trainer"

local recipe = [[
return {
  name = "lagged",
  env = {"cartpole", n = 8},
  policy = {hidden = {8}},
  algorithm = {"ppo", rollout = 16, minibatch = 64, epochs = 2, correction = {"vtrace"}},
  train = {steps = 3000, seed = 3, checkpoint = 1000},
  eval = {every = 0, episodes = 2},
}
]]

describe("a lag between acting and learning", function()
  local root

  before_each(function()
    root = files.folder()
    assert(prl.io.write(root .. "/lagged.lua", recipe))
  end)

  local function train(lag, set)
    local loaded = assert(prl.recipe.load(root .. "/lagged.lua", {set = set}))
    local run = trainer.start(loaded, {root = root .. "/runs", quiet = true, lag = lag})
    assert.equal("finished", run:train())
    local rows, names = {}, {}
    for line in assert(prl.io.read(run.folder:file("metrics.csv"))):gmatch "[^\n]+" do
      local row, at = {}, 0
      for cell in (line .. ","):gmatch "([^,]*)," do
        at = at + 1
        if #rows == 0 and not names.done then names[at] = cell else row[names[at]] = cell end
      end
      if names.done then rows[#rows + 1] = row end
      names.done = true
    end
    return rows, run
  end

  it("is what was asked for, from the update on that has so many behind it", function()
    local rows, run = train(5)
    assert.equal(5, run.info.lag)
    for i, row in ipairs(rows) do
      assert.equal(math.min(i - 1, 5), tonumber(row.lag), i)
    end
    assert.is_true(#rows > 10)
  end)

  it("changes nothing where versions do not differ", function()
    local still = {"algorithm.lr=0", "algorithm.critic_lr=0"}
    local without, with = train(nil, still), train(3, still)
    assert.equal(#without, #with)
    for i, row in ipairs(without) do
      for name, value in pairs(row) do
        if name ~= "lag" and not name:find "seconds" and not name:find "per_second" then assert.equal(value, with[i][name], name) end
      end
    end
  end)

  it("is refused where older steps are dropped, or several workers or a search act", function()
    local function refused(set, options, text)
      options.root, options.quiet = root .. "/runs", true
      local ok, message = pcall(trainer.start, assert(prl.recipe.load(root .. "/lagged.lua", {set = set})), options)
      assert.is_false(ok)
      assert.truthy(tostring(message):find(text, 1, true), tostring(message))
    end
    refused({'algorithm={"a2c"}'}, {lag = 3}, "--lag 3: a2c drops the steps of older policies: a correction is needed")
    refused({'algorithm={"a3c", correction = {"vtrace"}}'}, {lag = 3, workers = 2}, "--lag 3: workers have a lag of their own")
    refused({'env={"shortvideo", n = 8}', 'agent.baseline={traffic = 0.5}', 'objective={critics = {watch_time = {scale = 10}}}'},
      {lag = 3}, "an agent with a control group (agent.baseline) acts without a lag")
  end)
end)
