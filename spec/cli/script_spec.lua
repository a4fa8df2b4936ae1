--- prl.run: a script's own loop as a run, and commands that train it.
local posix = require "posix"
local cjson = require "cjson"
local command = require "support.command"
local files = require "support.files"
local recipes = require "support.recipes"

-- Counts: each step adds options.gain to a number, which the checkpoint keeps and the evaluation measures.
local counting = [[
#!/usr/bin/env perilune
local prl = require "perilune"
prl.run {
  name = "count", env = "numbers", arguments = arg, steps = 100, checkpoint = 40, eval = {every = 50},
  options = {gain = 1, wait = false, word = "plain"},
  responses = {{"sum", unit = "count"}, "half"}, metrics = {sum = {"The sum", "what was added up"}},
  loop = function(run)
    local saved = run:saved()
    local sum = saved and saved.tensors.sum:totable()[1] or 0
    assert(not saved or saved.state.word == run.options.word)
    run.save = function() return {tensors = {sum = prl.tensor {sum}}, state = {word = run.options.word}} end
    run.evaluate = function() return {sum = {sum, sum + 2}, half = prl.tensor {sum / 2, sum / 2}} end
    while run:going() do
      sum = sum + run.options.gain * 10
      run:step(10, {["sum/all"] = sum, undefined = 0 / 0})
      if run.options.wait and run.made == 60 then
        io.stdout:write "there\n"
        io.stdout:flush()
        while run:going() do end
      end
    end
  end,
}
print "behind"
]]

describe("a script's own loop", function()
  local root
  before_each(function()
    root = files.folder()
    recipes.write(root .. "/", "count.lua", counting)
  end)

  local function run(words) return command.run(root, words) end
  local function folder_of(out) return out:match("Report: (.-)/report.html") end
  local function json(folder, name) return cjson.decode(files.read(("%s/%s/%s"):format(root, folder, name))) end
  local function text(folder, name) return files.read(("%s/%s/%s"):format(root, folder, name)) end
  local function refused(words, message, code)
    local out, err, ended = run(words)
    assert.same({"", code or 2}, {out, ended}, words .. ": " .. err)
    assert.truthy(err:find(message, 1, true), err)
    assert.is_nil(err:find("lua/perilune/", 1, true), err)
  end

  it("is a run with its folder, metrics, evaluations, checkpoints and report", function()
    local out, err, code = run "count.lua -q --seed 3 --set options.gain=2"
    assert.equal(0, code, err)
    assert.truthy(out:find("\nbehind\n", 1, true), out)
    assert.truthy(out:find("sum %(count%) +201"), out)
    local folder = folder_of(out)
    local info = json(folder, "run.json")
    assert.same({"finished", 100, 3, "count.lua"}, {info.status, info.step, info.seed, info.algorithm})
    assert.same({gain = 2, wait = false, word = "plain"}, json(folder, "recipe.json").options)
    assert.equal("step,episodes,mean/sum,sd/sum,mean/half,sd/half\n50,2,101,1.4142135623730951,50,0\n"
      .. "100,2,201,1.4142135623730951,100,0\n", text(folder, "evaluations.csv"))
    assert.truthy(text(folder, "metrics.csv"):find("^step,sum/all,updates\n10,20,1\n"), text(folder, "metrics.csv"))
    assert.truthy(text(folder, "report.html"):find("The sum", 1, true))
    for _, step in ipairs {40, 80, 100} do
      assert.truthy(posix.stat(("%s/%s/checkpoints/step-%012d.json"):format(root, folder, step)))
    end
    assert.truthy(text(folder, "report.html"):find("Sums over an episode, as run.evaluate of the script played it. Bands", 1, true))
    local _, again = run("report " .. folder)
    assert.equal("", again)
  end)

  it("stops on Ctrl-C and goes on as if it had never stopped", function()
    local straight = folder_of((run "count.lua -q"))
    os.execute(("cd '%s' && ('%s' count.lua -q --runs stopped --set options.wait=true >out 2>err & p=$!; "
      .. "while ! grep -qs there out; do sleep 0.02; done; kill -INT $p; wait $p; echo $? >code)"):format(root, command.path))
    assert.equal("130\n", files.read(root .. "/code"))
    local err = files.read(root .. "/err")
    assert.truthy(err:find("stopped at step 60 and saved. Continue with:", 1, true), err)
    local resume = err:match("count.lua %-%-resume (%S+)")
    assert.truthy(resume, err)
    local out, errors, code = run(("count.lua -q --resume %s"):format(resume))
    assert.equal(0, code, errors)
    assert.equal(resume, folder_of(out))
    for _, name in ipairs {"metrics.csv", "evaluations.csv"} do assert.equal(text(straight, name), text(resume, name)) end
    out = run(("count.lua --resume %s"):format(resume))
    assert.truthy(out:find("is finished: it made 100 of 100 steps", 1, true), out)
    out = run(("count.lua -q --resume %s --steps 150"):format(resume))
    assert.truthy(out:find("sum %(count%) +151"), out)
  end)

  it("stops in another Lua, too, without a traceback", function()
    local build = os.getenv "PERILUNE_BUILD" or "build"
    if not build:find "^/" then build = posix.getcwd() .. "/" .. build end
    for _, signal in ipairs {"INT", "TERM"} do
      -- Without --foreground, timeout sends a signal to its child and then to its group: the script may see two.
      os.execute(("cd '%s' && rm -f out && (unset PERILUNE_COMMAND; export LUA_CPATH='%s/lua/?.so;;'; "
        .. "timeout --foreground -s KILL 20 luajit count.lua -q --set options.wait=true >out 2>err & p=$!; "
        .. "while ! grep -qs there out; do sleep 0.02; done; sleep 0.2; kill -%s $p; wait $p; echo $? >code)"):format(root, build, signal))
      local err = files.read(root .. "/err")
      assert.equal("130\n", files.read(root .. "/code"), err)
      assert.truthy(err:find("^\nperilune: stopping; once more: at once\nperilune: stopped at step 60 and saved. Continue with:\n"
        .. "  luajit count.lua %-%-resume runs/[%w-]+\n$"), err)
    end
  end)

  it("is compared and swept by commands that were trusted", function()
    recipes.write(root .. "/", "double.lua", (counting:gsub('name = "count"', 'name = "double"'):gsub("gain = 1", "gain = 2")))
    refused("compare count.lua double.lua --seeds 2", "count.lua: a script is code: it runs only with --trust")
    local out, err, code = run "compare count.lua double.lua --seeds 2 --trust -q"
    assert.equal(0, code, err)
    assert.truthy(out:find("sum %(count%) +101 +201 +100"), out)
    out, err, code = run "sweep count.lua --set options.gain=1,3 --seeds 2 --metric half --trust -q"
    assert.equal(0, code, err)
    assert.truthy(out:find("The best is gain=3. On 2 fresh seeds (3 to 4) that took no part in the choice it gives 150", 1, true), out)
    assert.truthy(posix.stat(root .. "/runs/sweep-count/sweep.html"))
    refused("sweep count.lua --set options.gian=1,3 --trust -q", 'the base has no option options.gian; the nearest is "gain"')
    refused("sweep count.lua --set options.gain=1,3 --metric hafl --trust -q", 'the nearest is "half"')
    recipes.write(root .. "/", "other.lua", (counting:gsub('"numbers"', '"letters"')))
    refused("compare count.lua other.lua --trust -q", "count.lua runs on numbers and other.lua on letters")
    recipes.write(root .. "/", "broken.lua", "#!/usr/bin/env perilune\nerror 'no day for it'\n")
    refused("sweep broken.lua --set options.gain=1,3 --trust -q", "broken.lua:2: no day for it")
    recipes.write(root .. "/", "empty.lua", "#!/usr/bin/env perilune\n")
    refused("sweep empty.lua --set options.gain=1,3 --trust -q", "empty.lua: the script ended without a call of prl.run")
  end)

  it("is compared by a response that both have, or not at all", function()
    recipes.write(root .. "/", "other.lua", (counting:gsub('{"sum", unit = "count"}, "half"', '"total"'):gsub("sum = {sum, sum",
      "total = {sum, sum"):gsub("half = prl.tensor {sum / 2, sum / 2}", "")))
    refused("compare count.lua other.lua --trust --seeds 2 -q --out both", "count.lua and other.lua have no response in common")
    assert.is_nil(posix.stat(root .. "/both/a"))
    for _, name in ipairs {"count", "other"} do
      local _, err, code = run(("%s.lua -q --runs of-%s"):format(name, name))
      assert.equal(0, code, err)
    end
    refused("compare of-count of-other", "of-count and of-other have no response in common")
  end)

  it("is no recipe, and its runs are its own", function()
    refused("train count.lua", "count.lua is a script, since it begins with #!, and no recipe")
    refused("check count.lua", "count.lua is a script")
    local folder = folder_of((run "count.lua -q"))
    recipes.write(root .. "/", "pole.lua", [[return {env = {"cartpole", n = 4}, algorithm = "ppo", train = {steps = 100},
      objective = {critics = {upright = {reward = function(r) return r.reward end}}}, eval = {episodes = 2}}]])
    recipes.write(root .. "/", "moved.lua", counting)
    assert.equal(0, select(3, run(("moved.lua -q --resume %s"):format(folder)))) -- the same script, elsewhere
    recipes.write(root .. "/", "another.lua", counting .. "-- another\n")
    refused(("another.lua --resume %s"):format(folder), "count.lua, and this is ")
    local recipe_run = folder_of((run "train pole.lua -q"))
    for _, words in ipairs {"eval ", "train --resume ", ("compare %s "):format(folder), "train pole.lua --start-from ",
      "eval --recipe pole.lua "} do
      refused(words .. folder .. " --trust", "was made by a script, which alone can play and continue it")
      assert.equal(2, select(2, files.read(root .. "/err"):gsub("\n", "")), words)
    end
    refused(("count.lua --resume %s"):format(recipe_run), "is a recipe's run: `train --resume` continues it")
  end)

  it("says what is wrong in its words, its table and its loop", function()
    refused("count.lua --set options.gian=3", 'the script has no option of that name; the nearest is "options.gain"')
    refused("count.lua --set options.gain=much", "--set options.gain=much: a number is needed, as in 1")
    refused("count.lua --set options.wait=1", "--set options.wait=1: a boolean is needed, as in false")
    refused("count.lua --set steps=0", "--set steps=0: a whole number is needed")
    refused("count.lua --steps 3", "--steps goes with --resume; for a new run it is --set steps=3")
    for _, case in ipairs {
      {"steps = 100", "stepps = 100", 'wrong.lua:3: prl.run has no option "stepps"; the nearest is "steps"'},
      {'"half"}', '"a b"}', 'the name of response 2 is "a b"'},
      {'"half"}', '"sum"}', "there are two responses sum"},
      {"gain = 1", "gain = {}", "options.gain is a table"},
      {"run:step(10,", "run:step(0.5,", "run:step: how many steps were made is 0.5"},
      {"run.save =", "run.svae =", 'run has no field "svae"; the nearest is "save"'},
      {"run.options.gain", "run.options.gian", 'run.options has no option "gian"; the nearest is "gain"'},
      {'["sum/all"]', '["a b"]', '"a b" is no name of a metric'},
      {"tensors = {sum = prl.tensor {sum}}", "tensors = {sum = 3}", "wrong.lua:11: run.save: tensors.sum is a number"},
      {"state = {word = run.options.word}}", "state = {word = print}}", "run.save: state: word: a function is not allowed here"},
      {"half = prl.tensor {sum / 2, sum / 2}", "half = {1}", "run.evaluate: half has 1 episodes, and the response before it 2"},
      {"half = prl.tensor {sum / 2, sum / 2}", "half = {1, 0 / 0}", "wrong.lua:12: run.evaluate: half.2 is nan; a finite number is needed"},
      {"half = prl.tensor {sum / 2, sum / 2}", "half = {{}, {}}", "run.evaluate: half.1 is a table; a finite number is needed"},
      {"half = prl.tensor {sum / 2, sum / 2}", "half = {}", "run.evaluate: half is an empty list; a number for each episode is needed"},
      {"half = prl.tensor", "hafl = prl.tensor", "run.evaluate: half is missing"},
    } do
      local from, to, message = unpack(case)
      local at, last = counting:find(from, 1, true)
      recipes.write(root .. "/", "wrong.lua", counting:sub(1, at - 1) .. to .. counting:sub(last + 1))
      local _, err, code = run "wrong.lua -q"
      assert.equal(1, code, to .. err)
      assert.truthy(err:find(message, 1, true), err)
      assert.is_nil(err:find("lua/perilune/", 1, true), err)
    end
  end)

  it("saves an agent, with its environment, too", function()
    recipes.write(root .. "/", "agent.lua", [[
#!/usr/bin/env perilune
local prl = require "perilune"
prl.run {name = "agent", arguments = arg, steps = 2000, checkpoint = 1000, responses = {"reward"}, loop = function(run)
  local env, saved = prl.env("cartpole", {n = 4, seed = run.seed}), run:saved()
  local agent = saved and saved.agent or prl.agent(prl.recipe.plan(assert(prl.recipe.load("cartpole.lua", {seed = run.seed}))))
  if saved then assert(agent:load_env(saved.file, env)) end
  run.save = function() return {agent = agent, env = env} end
  run.evaluate = function()
    local sums = agent:evaluate(prl.env("cartpole", {n = 4, seed = 9}), 4)
    return {reward = sums:view(4)}
  end
  while run:going() do run:step(agent:drive(env, 100, true), agent:metrics()) end
end}
]])
    recipes.write(root .. "/", "cartpole.lua", [[return {env = {"cartpole", n = 4}, algorithm = {"ppo", rollout = 32, minibatch = 64},
      objective = {critics = {upright = {reward = function(r) return r.reward end}}}, eval = {episodes = 2}}]])
    local straight = folder_of((run "agent.lua -q"))
    local made, errors = run "agent.lua -q --set steps=1000 --runs half"
    local halved = assert(folder_of(made), errors)
    local out, err, code = run(("agent.lua -q --resume %s --steps 2000"):format(halved))
    assert.equal(0, code, err)
    assert.truthy(folder_of(out))
    assert.equal(text(straight, "metrics.csv"), text(halved, "metrics.csv"))
    out, err, code = run(("eval %s --recipe cartpole.lua"):format(straight))
    assert.equal(0, code, err)
    assert.truthy(out:find("2 episodes", 1, true), out)
    out, err, code = run(("train cartpole.lua -q --set train.steps=200 --start-from %s"):format(straight))
    assert.equal(0, code, err)
    assert.truthy(out:find("Starting with policy, critic/upright", 1, true), out)
  end)
end)
