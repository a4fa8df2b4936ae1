--- `perilune sweep` and `compare` as their users call them: runs that are there are not trained again.
local cjson = require "cjson"
local posix = require "posix"

local perilune = require "support.command"
local files = require "support.files"

local recipe = [[
return {
  env = {"cartpole", n = 4},
  objective = {critics = {upright = {reward = function(r) return r.reward end, gamma = 0.98}}},
  policy = {hidden = {8}},
  algorithm = {"ppo", rollout = 64, minibatch = 64, epochs = 1},
  train = {steps = %s, checkpoint = 512},
  eval = {every = 0, episodes = 4},
}
]]

describe("perilune sweep", function()
  local root

  local function write(name, text)
    local file = assert(io.open(root .. "/" .. name, "w"))
    file:write(text)
    file:close()
  end

  before_each(function()
    root = files.folder()
    write("pole.lua", recipe:format(500))
  end)

  local function run(words) return perilune.run(root, words) end

  it("is pointed to where another command takes a sweep's base", function()
    write("grid.lua", [[return sweep {base = require "pole", grid = {["algorithm.lr"] = {1e-3, 1e-4}}, metric = "reward"}]])
    local _, note, code = run "check grid.lua"
    assert.equal(0, code)
    assert.truthy(note:find("grid.lua is a sweep; this is its base. Its grid: ", 1, true), note)
    assert.equal("", (select(2, run "check pole.lua")))
  end)

  --- {path of run.json = its data}, below a folder.
  local function runs_below(folder)
    local found = {}
    for _, path in ipairs(files.lines(("find '%s/%s' -name run.json 2>/dev/null | sort"):format(root, folder))) do
      found[path] = cjson.decode(files.read(path))
    end
    return found
  end

  local words = "sweep pole.lua --set algorithm.lr=1e-3,1e-4 --set 'policy.hidden={8},{4, 4}' --seeds 2 --out out_folder"

  it("trains a grid on shared seeds and the best point on fresh ones, draws it, and trains nothing the second time", function()
    local out, err, code = run(words)
    assert.equal(0, code, err)
    assert.truthy(err:find("^4 points × 2 seeds, runs in out_folder\n"), err)
    local seeds = {}
    local before = runs_below "out_folder"
    for _, info in pairs(before) do
      assert.equal("finished", info.status)
      seeds[info.hash] = seeds[info.hash] or {}
      table.insert(seeds[info.hash], info.seed)
    end
    local counts = {}
    for _, list in pairs(seeds) do
      table.sort(list)
      counts[table.concat(list, " ")] = (counts[table.concat(list, " ")] or 0) + 1
    end
    assert.same({["1 2"] = 3, ["1 2 3 4"] = 1}, counts)

    assert.truthy(out:find("each point on the same 2 seeds (1 to 2)", 1, true), out)
    assert.truthy(out:find("\n  lr +hidden +reward, 95 %% +− best, 95 %%"), out)
    assert.truthy(out:find("On 2 fresh seeds (3 to 4) that took no part in the choice it gives ", 1, true), out)
    local html = files.read(root .. "/out_folder/sweep.html")
    assert.equal(2, select(2, html:gsub('<svg', "")))
    assert.truthy(html:find(" sweep pole.lua --set algorithm.lr=1e-3,1e-4 --set &#39;policy.hidden={8},{4, 4}&#39;", 1,
      true))
    local links = 0
    for link in html:gmatch('<a href="([^"]+)"') do
      links = links + 1
      assert.truthy(posix.stat(root .. "/out_folder/" .. link), link)
    end
    assert.equal(10, links)
    local data = cjson.decode(files.read(root .. "/out_folder/sweep.json"))
    assert.same({4, {1, 2}, {3, 4}}, {#data.points, data.seeds, data.fresh_seeds})
    local best = data.points[data.best]
    for _, point in ipairs(data.points) do assert.is_true(point.value.mean <= best.value.mean) end

    local again, err_again = run(words)
    assert.equal(out, again)
    assert.truthy(err_again:find("8 finished before", 1, true))
    assert.same(before, runs_below "out_folder")
    -- a value more: only its points are new
    run(words:gsub("1e%-4", "1e-4,1e-2") .. " --quiet")
    local after = runs_below "out_folder"
    for path, info in pairs(before) do assert.same(info, after[path]) end
  end)

  it("goes on with a run that was stopped half-way", function()
    write("pole.lua", recipe:format(3000))
    assert.equal(0, select(3, run "train pole.lua --set algorithm.lr=1e-3 --seed 1 --quiet --runs made"))
    local place = next(runs_below "made"):match("^(.*)/run.json$")
    -- as a crash leaves it: earlier checkpoints, and a status that says that it runs
    local text = files.read(place .. "/run.json"):gsub('"finished"', '"running"')
    write(place:sub(#root + 2) .. "/run.json", text)
    local names = {}
    for _, name in ipairs(posix.dir(place .. "/checkpoints")) do names[#names + 1] = name:match("^(.*)%.json$") end
    table.sort(names)
    for i = 2, #names do os.remove(("%s/checkpoints/%s.json"):format(place, names[i])) end
    assert.equal(3, #names)
    posix.mkdir(root .. "/out_folder")
    assert.equal(0, os.execute(("mv '%s/made' '%s/out_folder/point'"):format(root, root)))
    local _, err, code = run "sweep pole.lua --set algorithm.lr=1e-3,1e-4 --seeds 1 --out out_folder"
    assert.equal(0, code, err)
    assert.truthy(err:find("; 1 half-way\n", 1, true), err)
    local of_point = runs_below "out_folder/point"
    local path, info = next(of_point)
    assert.equal("finished", info.status)
    assert.is_nil(next(of_point, path))
  end)

  -- A sweep that would take long, once both of its runs have begun and saved: its process.
  local function long_sweep()
    write("pole.lua", recipe:format(4e6))
    local command = ("cd '%s' && exec '%s' sweep pole.lua --set algorithm.lr=1e-3,1e-4 --seeds 1 --jobs 2 --quiet --out o >out 2>err")
      :format(root, perilune.path)
    local pid = posix.fork()
    if pid == 0 then
      posix.execp("sh", {"-c", command})
      posix._exit(127)
    end
    local begun = os.time()
    local function started() -- both children have begun, and one of them has saved
      local count = 0
      for path in pairs(runs_below "o") do
        local saved = posix.dir((path:gsub("run.json$", "checkpoints")))
        if saved and #saved > 2 then count = count + 1 end
      end
      return count == 2
    end
    while not started() and os.time() - begun < 60 do posix.nanosleep(0, 2e7) end
    return pid
  end

  it("stops its runs on Ctrl-C with what they have, and the same command goes on", function()
    local pid = long_sweep()
    posix.kill(pid, posix.SIGINT)
    local _, reason, code = posix.wait(pid)
    assert.same({"exited", 130}, {reason, code})
    assert.truthy(files.read(root .. "/err"):find("stopped; the runs so far are in o: the same command continues them", 1, true))
    for _, info in pairs(runs_below "o") do assert.equal("interrupted", info.status) end
  end)

  it("takes its runs with it where it is killed: they save and end", function()
    local pid = long_sweep()
    posix.kill(pid, posix.SIGKILL)
    posix.wait(pid)
    local begun = os.time()
    local function all_ended()
      for _, info in pairs(runs_below "o") do
        if info.status ~= "interrupted" then return false end
      end
      return true
    end
    while not all_ended() and os.time() - begun < 60 do posix.nanosleep(0, 2e7) end
    assert.is_true(all_ended())
  end)

  it("goes on where one point fails, and says so", function()
    local out, err, code = run "sweep pole.lua --set objective.critics.upright.weight=1,1e300 --seeds 1 --quiet --out o"
    assert.equal(1, code, out .. err)
    assert.truthy(out:find("failed", 1, true), out)
    assert.truthy(out:find("weight=1e300: the run with seed 1 ended with: training stopped at step ", 1, true), out)
    assert.truthy(out:find("The best is weight=1.", 1, true), out)
    assert.truthy(posix.stat(root .. "/o/sweep.html"))
  end)

  it("judges a recipe by user and day with its panels", function()
    write("feed.lua", [[
return sweep {
  base = {
    env = {"shortvideo", n = 8},
    objective = {critics = {all = {reward = function(r) return r.watch_time + 20 * r.like end, scale = "baseline"}}},
    policy = {hidden = {8}, bounded = true, last_gain = 0, normalise = 5},
    algorithm = {"a2c", rollout = 4},
    train = {steps = 320, warmup = 64},
    eval = {users = 12, days = 1},
  },
  grid = {["objective.critics.all.gamma"] = {0, 0.9}}, seeds = 2, metric = "all",
}
]])
    local out, err, code = run "sweep feed.lua --quiet --jobs 2"
    assert.same({"", 0}, {err, code})
    assert.truthy(out:find("reward of all of a user and day", 1, true), out)
    assert.truthy(out:find("lift over ltr, 95 %", 1, true), out)
    assert.truthy(out:find("over ltr; the ", 1, true), out)
    local html = files.read(root .. "/runs/sweep-feed/sweep.html")
    assert.truthy(html:find("Lift of the best point over ltr, on fresh seeds", 1, true))
    -- one run beside another has one thread, and the hash that it has alone
    local hash = run("check --hash feed.lua --set objective.critics.all.gamma=0"):match("%x+")
    local found = false
    for _, info in pairs(runs_below "runs") do found = found or info.hash == hash end
    assert.is_true(found)
  end)

  it("leaves with 2 before anything is made", function()
    for _, wrong in ipairs {"sweep", "sweep pole.lua", "sweep pole.lua --set algorithm.lrr=1,2",
      "sweep pole.lua --set algorithm.lr=1,x", "sweep pole.lua --set algorithm.lr=1,2 --metric x",
      "sweep pole.lua --set algorithm.lr=1,2 --seeds 0", "sweep none.lua --set a=1,2"} do
      local out, err, code = run(wrong)
      assert.equal(2, code, wrong)
      assert.equal("", out)
      assert.truthy(err:find("^perilune: "), wrong)
      assert.falsy(err:find("traceback"), err)
      assert.is_nil(posix.stat(root .. "/runs"))
    end
  end)

  it("lends its way to compare: what was trained is not trained again", function()
    local command = "compare pole.lua pole.lua --seeds 2 --quiet"
    local out = run(command)
    local before = runs_below "runs"
    local count = 0
    for _ in pairs(before) do count = count + 1 end
    assert.equal(4, count)
    assert.equal(out, (run(command)))
    assert.same(before, runs_below "runs")
    local more = run "compare pole.lua pole.lua --seeds 3 --quiet"
    assert.truthy(more:find("3 seeds in pairs", 1, true))
    assert.truthy(run(command):find("2 seeds in pairs", 1, true))
  end)
end)
