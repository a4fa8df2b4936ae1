--- `perilune experiment` as its users call it.
local cjson = require "cjson"
local posix = require "posix"

local files = require "support.files"
local kuairand_world = require "support.kuairand_world"
local perilune = require "support.command"

local base = [[
return {
  env = {"shortvideo", n = 16, preset = "strong"},
  objective = {critics = {watch_time = {gamma = 0.9, scale = "baseline"}}},
  policy = {hidden = {8}, bounded = true},
  algorithm = {"a2c", rollout = 8},
  train = {steps = 2000, warmup = 512},
  eval = {every = 1000, users = 64, days = 1, curve = 16},
}
]]

local arms = [[{name = "near", recipe = extend(require "base", {objective = {critics = {watch_time = {gamma = 0}}}})},
  {name = "far", recipe = require "base"}]]

local function file(fields)
  local said = {name = '"mine"', control = '"near"', arms = "{" .. arms .. "}", seeds = "2", users = "32", days = "1",
    published = "{watch_time = {far = 0.3}}", worlds = '{"strong"}', fast = '{seeds = 1, users = 16, set = {["train.steps"] = 600}}'}
  for name, text in pairs(fields or {}) do said[name] = text end
  local lines = {"return experiment {"}
  for _, name in ipairs {"name", "control", "arms", "seeds", "users", "days", "published", "worlds", "more_worlds", "fast", "question",
    "more"} do
    if said[name] then lines[#lines + 1] = ("  %s = %s,"):format(name, said[name]) end
  end
  return table.concat(lines, "\n") .. "\n}\n"
end

describe("perilune experiment", function()
  local root

  local function write(name, text)
    local out = assert(io.open(root .. "/" .. name, "w"))
    out:write(text)
    out:close()
  end

  before_each(function()
    root = files.folder()
    write("base.lua", base)
  end)

  local function run(words) return perilune.run(root, words) end

  local function read(path)
    local open = assert(io.open(root .. "/" .. path))
    local text = open:read "*a"
    open:close()
    return text
  end

  it("trains the arms on the same seeds, prints and draws their table, and repeats no run", function()
    write("mine.lua", file())
    local out, err, code = run "experiment mine.lua -q --out e"
    assert.equal(0, code, err)
    assert.truthy(out:find("lift over near", 1, true), out)
    assert.truthy(out:find("+0.30 %", 1, true), out)
    assert.truthy(out:find("Holm's correction", 1, true), out)
    assert.truthy(out:find("sample ratio: ", 1, true), out)
    local data = cjson.decode(read "e/experiment.json")
    assert.same({1, 2}, data.seeds)
    assert.equal("watch_time", data.worlds[1].rows[1].name)
    local report = read "e/report.html"
    assert.truthy(report:find("objective.critics.watch_time.gamma", 1, true))
    local table_ = read "e/table.md"
    assert.equal(1, (table_:find("mine, seeds 1 to 2, 32 users × 1 day:\n\n", 1, true)))
    assert.truthy(table_:find("\n| `strong`, lift over near, %% | far | published |\n|%-%-%-|%-%-%-|%-%-%-|\n| watch time | [+−]"), table_)
    assert.truthy(table_:find("| far +0.30 |\n", 1, true), table_)
    assert.truthy(out:find("The 4 runs took ", 1, true), out)
    local before = #posix.dir(root .. "/e/strong/far")
    local again = run "experiment mine.lua -q --out e"
    assert.equal(out, again)
    assert.equal(before, #posix.dir(root .. "/e/strong/far"))
  end)

  it("shows the lifts by the users' days", function()
    write("mine.lua", file {days = "2", question = '"", over_days = {"watch_time"}',
      fast = '{seeds = 1, users = 16, days = 2, set = {["train.steps"] = 600}}'})
    local out, err, code = run "experiment mine.lua -q --fast --out e"
    assert.equal(0, code, err)
    assert.truthy(out:find("by the users' days with the policy, 95 %% +day 1 +day 2\n +watch_time %(s%) +far +[+−]"), out)
    assert.truthy(read "e/report.html":find("by the users", 1, true))
    local found = cjson.decode(read "e/experiment.json").worlds[1].over_days
    assert.same({{from = 1, to = 1}, {from = 2, to = 2}}, found.parts)
    local lifts = found.rows[1].arms[1].lifts
    assert.equal("far", found.rows[1].arms[1].name)
    assert.is_true(lifts[1].mean ~= lifts[2].mean and lifts[1].low < lifts[1].mean)
  end)

  it("counts one run, one comparison and none", function()
    write("mine.lua", file {arms = '{{name = "near", recipe = require "base"}}', control = '"ltr"', published = "{}",
      question = '"", responses = {"watch_time"}'})
    local out, err, code = run "experiment mine.lua -q --fast --out e --set env.base_like=0.7"
    assert.equal(0, code, err)
    assert.truthy(out:find("for the one comparison of this table, by", 1, true) and out:find(" The run took ", 1, true), out)
    assert.equal(1, (read "e/table.md":find("mine (fast), seed 1, 16 users × 1 day, `--set env.base_like=0.7`:\n\n", 1, true)))
    write("mine.lua", file {arms = '{{name = "near", recipe = require "base"}}', published = "{}"})
    out, err, code = run "experiment mine.lua -q --fast --out e"
    assert.equal(0, code, err)
    assert.truthy(out:find("This table compares nothing.", 1, true), out)
    out, err, code = run "check mine.lua --set stage=2"
    assert.equal("", out)
    assert.equal(2, code)
    assert.truthy(err:find("the arm near has 1 stage\n", 1, true), err)
  end)

  it("says what stands in place of what a world says, and which form it is", function()
    write("mine.lua", file())
    local out, err, code = run "experiment mine.lua -q --fast --out e --set env.preset=weak"
    assert.equal(0, code, err)
    assert.truthy(out:find(" In every arm: env.preset=weak in place of what the world strong says.\n", 1, true), out)
    assert.truthy(read "e/report.html":find("<h1>mine (fast)</h1>", 1, true))
    out, err, code = run "experiment mine.lua -q --fast --out e --set algorithm.lrr=1"
    assert.equal("", out)
    assert.equal(2, code)
    assert.truthy(err:find("--set algorithm.lrr=1: the arm near in the world strong: algorithm.lrr: ", 1, true), err)
  end)

  it("says of a broken run what to remove", function()
    write("mine.lua", file())
    assert(os.execute("mkdir -p '" .. root .. "/e/strong/near/x-s1'"))
    write("e/strong/near/x-s1/run.json", "{")
    local _, err, code = run "experiment mine.lua -q --fast --out e"
    assert.equal(1, code)
    assert.truthy(err:find("e/strong/near/x-s1/run.json: ", 1, true), err)
    assert.truthy(err:find("; without the folder e/strong/near/x-s1 the run is trained again", 1, true), err)
  end)

  it("draws the lifts beside the longest of the responses' names", function()
    local lifts = require "perilune.report.lifts"
    local function drawn(name)
      local lift = {mean = 0.01, low = -0.01, high = 0.02}
      return tostring(lifts.drawing({{name = "w", control = {name = "ltr"}, table = {rows = {{name = name, arms = {
        {name = "far", lift = lift}}}}}}}, {}))
    end
    local function begin(name) return tonumber(drawn(name):match('<text ([^>]*class="world"[^>]*)'):match ' ?x="(%d+)"') end
    assert.equal(96, begin "like")
    assert.is_true(begin "requests_a_session" >= 7 * #"requests_a_session")
  end)

  it("has a fast form, and a control that is no arm", function()
    write("mine.lua", file {control = '"ltr"'})
    local out, err, code = run "experiment mine.lua -q --fast --out e"
    assert.equal(0, code, err)
    assert.truthy(out:find("16 users × 1 day", 1, true), out)
    assert.truthy(out:find("near, far", 1, true), out)
  end)

  it("trains a chain stage by stage, each from the run before on the same seed", function()
    write("mine.lua", file {arms = "{" .. arms .. [[, {name = "chain", stages = {require "base", require "base"}}}]]})
    local _, err, code = run "experiment mine.lua -q --fast --out e"
    assert.equal(0, code, err)
    local inner
    for _, name in ipairs(posix.dir(root .. "/e/strong/chain/stage-2")) do
      if name:find "^[%w_-]+%-s1$" then inner = name end
    end
    local recipe = cjson.decode(read("e/strong/chain/stage-2/" .. inner .. "/recipe.json"))
    assert.truthy(recipe.policy.start.run:find("stage-1/", 1, true))
  end)

  it("goes on with all that a stage learned, where the chain says so", function()
    write("mine.lua", file {arms = "{" .. arms .. [[, {name = "chain", stages = {require "base", require "base"}, into = "start-from"}}]]})
    local out, err, code = run "experiment mine.lua -q --fast --out e"
    assert.equal(0, code, err)
    local function inner(stage)
      local names = {}
      for _, name in ipairs(posix.dir(root .. "/e/strong/chain/" .. stage)) do
        if name:find "^[%w_-]+%-s1$" then names[#names + 1] = name end
      end
      assert.equal(1, #names)
      return names[1]
    end
    local start = cjson.decode(read("e/strong/chain/stage-2/" .. inner "stage-2" .. "/run.json")).start
    assert.truthy(start.from:find(inner "stage-1", 1, true))
    local taken = {}
    for _, part in ipairs(start.parts) do taken[part.name or part.part] = part.taken end
    assert.truthy(taken.policy > 0 and (taken["critic/watch_time"] or taken.watch_time) > 0)
    assert.equal(out, (run "experiment mine.lua -q --fast --out e"))
    inner "stage-2"
  end)

  it("tunes every arm with the same budget, on seeds and users of its own", function()
    write("mine.lua", file {question = [["",
      tune = {metric = "watch_time", seeds = 1, users = 16, grid = {["algorithm.lr"] = {1e-3, 0}}}]]})
    local out, err, code = run "experiment mine.lua -q --fast --out e"
    assert.equal(0, code, err)
    assert.truthy(out:find("Every arm was tuned with 2 points × 1 seed (from 1001), chosen by watch_time of 16 users", 1, true), out)
    local chosen = out:match "far: algorithm%.lr = ([%d.]-)%.\n"
    assert.truthy(chosen == "0.001" or chosen == "0", out)
    local values = {}
    for i = 1, 2 do
      local path = ("e/tuning/strong/far_point_%d"):format(i)
      for _, name in ipairs(posix.dir(root .. "/" .. path)) do
        if name:find "%-s1001$" then
          local lines = {}
          for line in read(path .. "/" .. name .. "/evaluations.csv"):gmatch "[^\n]+" do lines[#lines + 1] = line end
          local at, column = 0, nil
          for cell in lines[1]:gmatch "[^,]+" do
            at = at + 1
            if cell == "mean/watch_time" then column = at end
          end
          at = 0
          for cell in lines[#lines]:gmatch "[^,]+" do
            at = at + 1
            if at == column then values[i] = tonumber(cell) end
          end
        end
      end
    end
    assert.equal(values[1] > values[2] and "0.001" or "0", chosen)
    local trained
    for _, name in ipairs(posix.dir(root .. "/e/strong/far")) do
      if name:find "%-s1$" then trained = cjson.decode(read("e/strong/far/" .. name .. "/recipe.json")) end
    end
    assert.equal(tonumber(chosen), trained.algorithm.lr)
  end)

  it("shows policies as served, values, metrics of the training and a front, and draws a picture", function()
    write("mine.lua", file {
      arms = "{" .. arms .. [[, {name = "two", recipe = extend(require "base", {algorithm = {"a3c"}}), workers = 2}}]],
      question = [["", served = true, metrics = {"entropy", "lag"}, front = {"watch_time", "like", "share"},
      values = {users = 4, steps = 8, horizon = 64, policy = "control"}]]})
    local out, err, code = run "experiment mine.lua -q --fast --out e"
    assert.equal(0, code, err)
    for _, text in ipairs {"with its exploration, over itself without", "far: weighted sum", "the arm − near",
      "lag: first tenth, last tenth",
      "The front over near", "like + share, 95 %"} do
      assert.truthy(out:find(text, 1, true), text .. "\n" .. out)
    end
    local info
    for _, name in ipairs(posix.dir(root .. "/e/strong/two")) do
      if name:find "%-s1$" then info = cjson.decode(read("e/strong/two/" .. name .. "/run.json")) end
    end
    assert.equal(2, info.workers)
    local picture = read "e/lifts.svg"
    assert.truthy(picture:find('xmlns="http://www.w3.org/2000/svg"', 1, true))
    assert.truthy(picture:find("watch_time", 1, true))
    local before = #posix.dir(root .. "/e/strong/two")
    assert.equal(out, (run "experiment mine.lua -q --fast --out e"))
    assert.equal(before, #posix.dir(root .. "/e/strong/two"))
  end)

  it("makes A/B tests of learners on their shares, and repeats none", function()
    write("mine.lua", file {seeds = "2", question = [["", ab = {users = 40, days = 2, aa = "far", set = {["train.warmup"] = 64},
      fast = {users = 24, days = 1, from = 1, set = {["train.warmup"] = 64}}}]]})
    local out, err, code = run "experiment mine.lua -q --out e"
    assert.equal(0, code, err)
    for _, text in ipairs {"A/B, days 2 to 2", "A/A, of far", "mean of 2 A/B tests", "Requests learned from: near "} do
      assert.truthy(out:find(text, 1, true), text .. "\n" .. out)
    end
    local data = cjson.decode(read "e/experiment.json").worlds[1].ab
    assert.equal(2, data.tests)
    assert.equal(40, data.sizes[1] + data.sizes[2] + data.sizes[3])
    assert.same({"far", "A/A"}, {data.rows[1].arms[1].name, data.rows[1].arms[2].name})
    assert.truthy(read("e/lifts.svg"):find("strong, A/B", 1, true))
    local before = read "e/ab/strong/seed-1.safetensors"
    assert.equal(out, (run "experiment mine.lua -q --out e"))
    assert.equal(before, read "e/ab/strong/seed-1.safetensors")
    os.remove(root .. "/e/ab/strong/seed-1.safetensors")
    assert.equal(out, (run "experiment mine.lua -q --out e")) -- the same test, byte for byte
    assert.equal(before, read "e/ab/strong/seed-1.safetensors")
    out, err, code = run "experiment mine.lua -q --fast --out f"
    assert.equal(0, code, err)
    assert.truthy(out:find("A/B, days 1 to 1", 1, true), out)
  end)

  it("takes one of its worlds, and values for every arm", function()
    write("mine.lua", file {worlds = '{"strong", "weak"}'})
    local out, err, code = run "experiment mine.lua -q --fast --out e --world weak --set env.base_like=0.7"
    assert.equal(0, code, err)
    assert.truthy(out:find("\nweak\n", 1, true) and not out:find("\nstrong\n", 1, true), out)
    for _, arm in ipairs {"near", "far"} do
      for _, name in ipairs(posix.dir(root .. "/e/weak/" .. arm)) do
        if name:find "%-s1$" then
          assert.equal(0.7, cjson.decode(read("e/weak/" .. arm .. "/" .. name .. "/recipe.json")).env.base_like)
        end
      end
    end
    out, err, code = run "experiment mine.lua -q --fast --out e --world weka"
    assert.equal("", out)
    assert.equal(2, code)
    assert.truthy(err:find('--world weka: the experiment has no such world; the nearest is "weak"', 1, true), err)
    out, err, code = run "experiment mine.lua -q --fast --out e --set env.base_lik=0.7"
    assert.equal("", out)
    assert.equal(2, code)
    assert.truthy(err:find('base_lik', 1, true), err)
  end)

  it("refuses for every arm what it sets itself", function()
    write("mine.lua", file())
    for _, case in ipairs {
      {"arm=far", "every arm is trained; `perilune train FILE --set arm=NAME` trains one"},
      {"stage=2", "every stage of a chain is trained"},
      {"train.seed=9", "`seeds` and `first_seed` say it (--seeds, --first-seed)"},
      {"eval.users=16", "`users` says it, and `fast.users` in the fast form"},
      {"eval.days=2", "`days` says it"},
      {"eval.seed=3", "`user_seed` says it"},
      {"eval.baseline=zero", '`control` says it: an arm\'s name, "ltr" or "zero"'},
    } do
      local out, err, code = run("experiment mine.lua -q --fast --out e --set " .. case[1])
      assert.equal("", out)
      assert.equal(2, code)
      assert.truthy(err:find(("--set %s: an experiment sets this itself: %s"):format(case[1], case[2]), 1, true), err)
    end
  end)

  it("has no more seeds, users and days in its fast form than in the whole one, unless it says so", function()
    write("mine.lua", file {fast = '{set = {["train.steps"] = 600}}', users = "24",
      question = '"", ab = {users = 40, days = 2, set = {["train.warmup"] = 64, ["train.steps"] = 700}, '
        .. 'fast = {set = {["train.steps"] = 300}}}'})
    local path = root .. "/mine.lua"
    local plan = require("perilune.trainer.experiment").plan(path, {fast = true})
    assert.same({1, 2}, plan.seeds)
    assert.same({24, 1}, {plan.users, plan.days})
    local sizes = require("perilune.trainer.ab").sizes(plan)
    assert.same({40, 2}, {sizes.users, sizes.days})
    assert.same({["train.warmup"] = 64, ["train.steps"] = 300}, sizes.set)
  end)

  it("has more worlds, which run only where they are named", function()
    write("worlds.lua", [[return {{name = "strong", set = {["env.preset"] = "weak"}}, {name = "tuned", set = {["env.base_like"] = 0.7}}}]])
    write("mine.lua", file {more_worlds = 'require "worlds"'})
    local out, err, code = run "experiment mine.lua -q --fast --out e"
    assert.equal(0, code, err)
    assert.truthy(out:find("\nstrong\n", 1, true) and not out:find("\ntuned\n", 1, true), out)
    out, err, code = run "experiment mine.lua -q --fast --out e --world tuned --world strong"
    assert.equal(0, code, err)
    assert.truthy(out:find("\ntuned\n.*\nstrong\n"), out)
    local data = cjson.decode(read "e/experiment.json")
    assert.equal(2, #data.worlds)
    for _, name in ipairs(posix.dir(root .. "/e/tuned/far")) do
      if name:find "%-s1$" then
        assert.equal(0.7, cjson.decode(read("e/tuned/far/" .. name .. "/recipe.json")).env.base_like)
      end
    end
    for _, name in ipairs(posix.dir(root .. "/e/strong/far")) do -- that of `worlds`, and no run again
      if name:find "%-s1$" then
        assert.equal("strong", cjson.decode(read("e/strong/far/" .. name .. "/recipe.json")).env.preset)
      end
    end
    out, err, code = run "experiment mine.lua -q --fast --out e --world tunde"
    assert.equal("", out)
    assert.equal(2, code)
    assert.truthy(err:find('--world tunde: the experiment has no such world; the nearest is "tuned"', 1, true), err)
    write("mine.lua", file {more_worlds = '{{name = "a"}, {name = "a"}, 3}'})
    out, err, code = run "experiment mine.lua -q --fast --out e"
    assert.equal("", out)
    assert.equal(2, code)
    assert.truthy(err:find("more_worlds.2.name: a is there twice", 1, true), err)
    assert.truthy(err:find("more_worlds.3: expected a preset, or a name with its set", 1, true), err)
  end)

  it("leaves out, and says so, a response that a world does not have", function()
    local world = kuairand_world.write(root .. "/world.safetensors")
    write("mine.lua", file {published = "{watch_time = {far = 0.3}, download = {far = 1}}",
      more_worlds = ('{{name = "kuairand", set = {["env.1"] = "kuairand", ["env.n"] = 16, ["env.world"] = %q}}}'):format(world)})
    local out, err, code = run "experiment mine.lua -q --fast --out e --world kuairand"
    assert.equal(0, code, err)
    assert.truthy(out:find("Not in the tables, since not every world has it: download.", 1, true), out)
    assert.truthy(out:find("\n  watch_time", 1, true) and not out:find("\n  download", 1, true), out)
    out, err, code = run "experiment mine.lua -q --fast --out e"
    assert.equal(0, code, err)
    assert.truthy(out:find("\n  download", 1, true) and not out:find("Not in the tables", 1, true), out)
    write("mine.lua", file {published = "{downlod = {far = 1}}"})
    out, err, code = run "experiment mine.lua -q --fast --out e"
    assert.equal("", out)
    assert.equal(2, code)
    assert.truthy(err:find('the env has no response "downlod"; the nearest is "download"', 1, true), err)
  end)

  it("gives an arm to other commands", function()
    write("mine.lua", file())
    local out, err, code = run "check mine.lua --set arm=near"
    assert.equal(0, code, err)
    assert.truthy(out:find("gamma = 0,", 1, true), out)
    assert.truthy(err:find("is an experiment; this is one arm of it", 1, true), err)
  end)

  for _, case in ipairs {
    {{control = '"nera"'}, 'mine.lua:3: control: expected an arm\'s name, or "ltr" or "zero", got "nera"; the nearest is "near"'},
    {{more = "1, sedes = 3"}, 'sedes: unknown key; the nearest is "seeds"'},
    {{published = "{watch_tim = {far = 1}}"},
      'mine.lua:9: published.watch_tim: the env has no response "watch_tim"; the nearest is "watch_time"'},
    {{published = "{watch_time = {fra = 1}}"}, 'published.watch_time.fra: unknown key'},
    {{arms = "{}"}, "an experiment has arms, as in arms ="},
    {{arms = "{{name = \"a\"}}"}, "arms.1: an arm has a recipe"},
    {{seeds = "0"}, "seeds: "},
    {{arms = '{{name = "near", recipe = require "base", workers = 0}}'}, "arms.1.workers: expected a whole number from 1 to 1024, got 0"},
    {{question = '"", front = {"watch_time"}'}, "front: expected two responses or more"},
    {{days = "2", question = '"", over_days = {"likes"}'}, 'over_days: the env has no response "likes"; the nearest is "like"'},
    {{question = '"", front = {"watch_time", "likes"}'}, 'front: the env has no response "likes"; the nearest is "like"'},
    {{question = '"", values = {policy = "mine"}'}, "values.policy: "},
    {{question = '"", ab = {aa = "fra"}'}, 'ab.aa: expected an arm\'s name or the control\'s, got "fra"; the nearest is "far"'},
    {{question = '"", ab = {days = 3, from = 4}'}, "ab.from: the test lasts 3 days, got 4"},
    {{question = '"", ab = {user = 3}'}, 'ab.user: unknown key; the nearest is "users"'},
    {{question = '"", ab = {}', published = "{}", arms = '{{name = "near", stages = {require "base", require "base"}}}'},
      "ab: the arm near has stages, and an arm of an A/B test begins with one recipe"},
    {{question = '"", ab = {}', published = "{}", arms = '{{name = "near", recipe = extend(require "base", {algorithm = {"cem"}})}}'},
      "ab: the arm near is a search, which tries one policy after another"},
    {{question = '"", tune = {metric = "watch_tim", grid = {["algorithm.lr"] = {1e-3}}}'},
      'tune.metric: the env has no response "watch_tim"; the nearest is "watch_time"'},
    {{question = '"", tune = {metric = "watch_time"}'}, "tune.grid: expected a grid of at most 64 points, got none"},
    {{arms = '{{name = "near", stages = {require "base", require "base"}, into = "eval.baseline"}}'},
      "arms.1.into: eval.baseline: an experiment sets this itself: `control` says it"},
    {{arms = '{{name = "near", stages = {require "base", require "base"}, into = "algorithm.rolout"}}', published = "{}"},
      'mine.lua:4: arms.1.into: the arm near in the world strong: algorithm.rolout: unknown key'},
    {{arms = '{{name = "near", stages = {require "base", require "base"}, into = "policy.hidden"}}', published = "{}"},
      'mine.lua:4: arms.1.into: the arm near in the world strong: policy.hidden: expected a list'},
    {{published = "{}",
      arms = '{{name = "near", stages = {require "base", extend(require "base", {policy = {hidden = {16}}})}}}'},
      "mine.lua:4: arms.1.stages: stage 2 of the arm near: policy.start: the run of the stage before: parameter 2"},
    {{arms = '{{name = "near", recipe = require "base", grid = {["algorithm.lr"] = {1e-3}}}}',
      question = '"", tune = {metric = "watch_time", grid = {["algorithm.lr"] = {1e-3, 1e-4}}}'},
      "arms.1.grid: has 1 point, and tune.grid 2: every arm has the same budget"},
    {{question = '"", tune = {metric = "watch_time", user_seed = 900001, grid = {["algorithm.lr"] = {1e-3, 1e-4}}}'},
      "tune.user_seed: 900001 is the seed of the users who judge the arms, too"},
    {{question = '"", tune = {metric = "watch_time", first_seed = 2, grid = {["algorithm.lr"] = {1e-3, 1e-4}}}'},
      "tune: 2 is a seed by which points are chosen and one by which arms are judged"},
    {{worlds = '{{name = "w", set = {["eval.users"] = 16}}}'},
      "mine.lua:10: worlds.1.set.eval.users: an experiment sets this itself: `users` says it, and `fast.users` in the fast form"},
    {{fast = '{set = {["eval.seed"] = 3}}'}, "mine.lua:11: fast.set.eval.seed: an experiment sets this itself: `user_seed` says it"},
    {{arms = '{{name = "near", recipe = require "base", set = {stage = 2}, fast = {["eval.days"] = 2}}}', published = "{}"},
      "mine.lua:4: arms.1.fast.eval.days: an experiment sets this itself: `days` says it"},
    {{question = '"", tune = {metric = "watch_time", grid = {["train.seed"] = {3, 4}}}'},
      "mine.lua:12: tune.grid.train.seed: an experiment sets this itself: `seeds` and `first_seed` say it (--seeds, --first-seed)"},
    {{worlds = '{{name = "w", set = {eval = {every = 16}}}}'},
      "worlds.1.set.eval: an experiment sets some of it itself: its options are given one by one, as in eval.every"},
    {{arms = '{{name = "near", recipe = require "base", stages = {require "base"}}}'},
      "arms.1: an arm has a recipe or stages, and this one has both"},
    {{arms = '{{name = "near", recipe = require "base", into = "policy.start"}}'},
      "arms.1.into: says where stages go on, and this arm has only one recipe"},
    {{arms = '{{name = "near", stages = {require "base", require "base"}, into = "policy.strat"}}'},
      'arms.1.into: expected an option by path, or "start-from", got "policy.strat"; the nearest is "start"'},
    {{arms = '{{name = "near", recipe = require "base", grid = {["algorithm.lr"] = {1e-3}}}}'},
      "arms.1.grid: is for `tune`, the budget of all arms, and the experiment has none"},
    {{question = '"", tune = {metric = "watch_time", grid = {["algorithm.lr"] = {1e-3, 0.001}}}'},
      "tune.grid.algorithm.lr: 0.001 is there twice"},
    {{control = '"ltr"', published = "{}", arms = '{{name = "ltr", recipe = require "base"}}'},
      'control: "ltr" is a control that is no arm, and the name of one: the arm needs another name'},
    {{question = '"", responses = {"watch_time", "like", "watch_time"}'}, 'responses: "watch_time" is there twice'},
    {{question = '"", ab = {set = {["env.preset"] = "weak"}}'}, "mine.lua:12: ab.set: env.preset: the world strong says env.preset itself"},
    {{question = '"", over_days = {"watch_time"}'}, "over_days: lifts by days need two or more, and `days` is 1"},
    {{days = "2", question = '"", over_days = {"like", "like"}'}, 'over_days: "like" is there twice'},
    {{control = '"ltr"', published = "{}", question = '"", values = {policy = "control"}'},
      'values.policy: "control" needs a control that is an arm, and it is "ltr"'},
    {{worlds = '{{name = "a b"}, {name = "a_b"}}'}, 'worlds.2.name: "a_b" would have the folder of "a b", where a space is _, too'},
    {{worlds = '{{name = "table.md"}}'}, "worlds.1.name: the experiment's folder has something else of the name table.md"},
    {{more_worlds = '{{name = "tuning"}}'}, "more_worlds.1.name: the experiment's folder has something else of the name tuning"},
    {{worlds = '{"weak",\n "strnog"}'},
      'mine.lua:11: worlds.2: the arm near in the world strnog: env.preset: expected one of strong, weak, got "strnog"'},
    {{worlds = '{{name = "w", set = {\n["env.base_lik"] = 1}}}'}, "mine.lua:10: worlds.1.set: the arm near in the world w: env.base_lik: "},
    {{question = '"", tune = {metric = "watch_time", grid = {["algorithm.lr"] = {1e-3}}}', published = "{}", arms = "{" .. arms
      .. ', {name = "cem", recipe = extend(require "base", {algorithm = {"cem"}})}}'},
      "mine.lua:12: tune.grid: the arm cem in the world strong: algorithm.lr: "},
    {{question = '"", groups = {"activty"}'}, "mine.lua:12: groups: the arm near in the world strong: eval.groups"},
    {{question = '"", ab = {set = {["algorithm.rolout"] = 3}, fast = {set = {["train.warmup"] = 64}}}'},
      "mine.lua:12: ab.set: the arm near in the world strong: algorithm.rolout: "},
    {{question = '"", ab = {fast = {set = {["algorithm.rolout"] = 3}}}'},
      "mine.lua:12: ab.fast.set: the arm near in the world strong: algorithm.rolout: "},
    {{arms = '{{name = "near", recipe = require "base", workers = 2}}', published = "{}"},
      "mine.lua:4: arms.1.workers: a2c learns by one worker; a3c does by several"},
    {{arms = '{{name = "near", recipe = extend(require "base", {algorithm = {"a3c"}}), workers = 17}}', published = "{}"},
      "mine.lua:4: arms.1.workers: each drives some of the env's instances, and env.n is 16"},
    {{arms = '{{name = "near", recipe = extend(require "base", {algorithm = {"a3c"}}), workers = 2, lag = 3}}', published = "{}"},
      "mine.lua:4: arms.1.lag: workers have a lag of their own"},
    {{arms = '{{name = "near", recipe = extend(require "base", {algorithm = {"cem"}}), lag = 3}}', published = "{}"},
      "mine.lua:4: arms.1.lag: cem is a search, and acts by what it tries"},
    {{arms = '{{name = "near", recipe = extend(require "base", {algorithm = {"cem"}})}}', published = "{}", question = '"", values = {}'},
      "mine.lua:11: values: the arm near is a search, and has no critics"},
    {{name = false, more_worlds = 'require "worlds"'}, "mine.lua:1: name: this is missing: its name, also that of its folder"},
  } do
    it("refuses " .. case[2], function()
      write("worlds.lua", 'return {{name = "more"}}')
      write("mine.lua", file(case[1]))
      local _, err, code = run "experiment mine.lua -q --out e"
      assert.equal(2, code, err)
      assert.truthy(err:find(case[2], 1, true), err)
      assert.is_nil(posix.stat(root .. "/e/strong"), "something was trained")
    end)
  end

  it("says of an arm's mistake where it is, and of a recipe that it is none", function()
    write("mine.lua", file {arms = '{{name = "near", recipe = extend(require "base", {policy = {hiden = {8}}})}}'})
    local _, err, code = run "experiment mine.lua -q"
    assert.equal(2, code)
    assert.truthy(err:find('mine.lua:4: policy.hiden: unknown key; the nearest is "hidden"', 1, true), err)
    _, err, code = run "experiment base.lua -q"
    assert.equal(2, code)
    assert.truthy(err:find("base.lua is a recipe and no experiment", 1, true), err)
  end)
end)
