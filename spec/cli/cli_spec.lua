--- The executable as its users call it.
local posix = require "posix"
local cjson = require "cjson"
local files = require "support.files"
local prl = require "perilune"
local command = require "support.command"

describe("the command line", function()
  local root

  setup(function()
    root = files.folder()
    local file = assert(io.open(root .. "/pole.lua", "w"))
    file:write([[
return {
  env = {"cartpole", n = 4},
  objective = {critics = {upright = {reward = function(r) return r.reward end, gamma = 0.98}}},
  policy = {hidden = {16}},
  algorithm = {"ppo", rollout = 64, minibatch = 64, epochs = 2},
  train = {steps = 1000},
  eval = {every = 500, episodes = 5},
}
]])
    file:close()
  end)

  local function run(words, input, variables) return command.run(root, words, input, variables) end

  it("shows its commands when it has no words", function()
    local out, err, code = run ""
    assert.equal(0, code)
    assert.equal("", err)
    local prefix, commands = "perilune.cli.", 0
    for _, module in ipairs(prl.modules(prefix)) do -- a file with a summary and `run` is a command: none is forgotten
      local name, file = module:sub(#prefix + 1), require(module)
      if file.run and file.summary then
        commands = commands + 1
        assert.truthy(out:find("\n  " .. name .. " ", 1, true), name)
      end
    end
    assert.is_true(commands >= 10)
  end)

  it("names the nearest command", function()
    local out, err, code = run "trian pole.lua"
    assert.equal(2, code)
    assert.equal("", out)
    assert.truthy(err:find("^perilune: there is no command 'trian' %(did you mean 'train'%?%)"))
    assert.equal(1, select(2, err:gsub("\n", "")))
  end)

  it("takes a number below 0 for the value of an option, which refuses it", function()
    for words, number in pairs {["train pole.lua --seed -1"] = "-1", ["train pole.lua --threads -.5"] = "-.5"} do
      local _, err, code = run(words)
      assert.equal(2, code)
      assert.truthy(err:find(("%s: '%s' is not a whole number ≥ 0"):format(words:match "%-%-%a+", number), 1, true), err)
    end
  end)

  it("takes what an edit does to schedules where edits are watched", function()
    local _, err, code = run "train pole.lua --schedules restart"
    assert.equal(2, code)
    assert.equal("perilune: --schedules goes with --watch: it says what an edit of the recipe's file does to schedules\n", err)
  end)

  it("says what a file is that is no command", function()
    os.execute(("echo 'print(1)' >%s/plain.lua"):format(root))
    assert.same({"", "perilune: plain.lua is no command and no script, which would begin with #!, as in #!/usr/bin/env perilune; a "
      .. "recipe is for `perilune train plain.lua`, and `perilune lua plain.lua` runs any Lua file\n", 2},
      {run("plain.lua", nil, "PERILUNE_COMMAND=perilune")})
    for _, word in ipairs {"nowhere.lua", "./nowhere"} do
      assert.same({"", ("perilune: there is no script %s\n"):format(word), 2}, {run(word)})
    end
  end)

  it("extends a recipe that comes with it in any folder", function()
    os.execute(("mkdir -p %s/apart && (cd %s; '%s' check pendulum/ppo >apart/ppo.lua; "
      .. "echo 'return extend(require \"ppo\", {})' >apart/mine.lua)"):format(root, root, command.path))
    assert.equal((run "check --hash pendulum/ppo"), (run "check --hash apart/mine.lua"))
  end)

  it("is behind ./dev, which refuses what is no command before it installs or builds anything", function()
    local cli = require "perilune.cli"
    os.execute(("mkdir -p %s/clone/lua/perilune/cli && cp dev %s/clone && cp lua/perilune/cli/init.lua %s/clone/lua/perilune/cli")
      :format(root, root, root))
    local status = os.execute(("%s/clone/dev trian x.lua >%s/out 2>%s/err"):format(root, root, root))
    assert.equal(2, status > 255 and status / 256 or status)
    local file = assert(io.open(root .. "/err"))
    assert.equal("dev: there is no command 'trian'; the commands are test, " .. table.concat(cli.commands, ", ") .. "\n",
      file:read("*a"))
    file:close()
    assert.is_nil(posix.stat(root .. "/clone/build"))
  end)

  it("finds recipes that come with it by name, and files of the current folder before them", function()
    local function hash(word)
      local out, err, code = run("check --hash " .. word)
      assert.equal(0, code, err)
      return out
    end
    local a2c = assert(prl.recipe.load("recipes/shortvideo/a2c.lua")).hash .. "\n"
    for _, word in ipairs {"shortvideo/a2c", "shortvideo/a2c.lua", "recipes/shortvideo/a2c.lua"} do assert.equal(a2c, hash(word)) end
    assert.equal(hash "pole.lua", hash "pole")
    os.execute(("mkdir -p %s/cartpole && cp %s/pole.lua %s/cartpole/ppo.lua"):format(root, root, root))
    assert.equal(hash "pole.lua", hash "cartpole/ppo")
    assert.not_equal(hash "pole.lua", hash "recipes/cartpole/ppo")
    assert.same({"", 'perilune: there is no recipe shortvido/a2c; the nearest is "shortvideo/a2c"\n', 2}, {run "check shortvido/a2c"})
    assert.same({"", 'perilune: there is no recipe from_sb3; the nearest is "cartpole/from_sb3"\n', 2}, {run "check from_sb3"})
    assert.same({"", 'perilune: there is no recipe or run pendulm/ppo; the nearest is "pendulum/ppo"\n', 2},
      {run "compare pole.lua pendulm/ppo"})
    assert.same({"", 'perilune: there is no recipe ./shortvideo/a2c; the nearest is "shortvideo/a2c"\n', 2},
      {run "check ./shortvideo/a2c"}) -- a path of the current folder
  end)

  it("leaves with 2 for words that are wrong", function()
    for _, words in ipairs {"train", "train pole.lua --resume x", "train --resume nothing", "train none.lua",
      "train pole.lua --set nonsense", "train pole.lua --seed x", "eval nothing", "report .", "compare pole.lua .",
      "compare pole.lua nothing.lua", "compare pole.lua pole.lua --seeds 0", "lua --what"} do
      local out, err, code = run(words)
      assert.equal(2, code, words)
      assert.equal("", out)
      assert.truthy(err:find("^perilune: "), words)
      assert.falsy(err:find("traceback"), words)
    end
  end)

  it("refuses the empty word that an unset variable leaves", function()
    for words, option in pairs {['train pole.lua --runs ""'] = "--runs", ["train pole.lua --runs="] = "--runs",
      ['train pole.lua --set ""'] = "--set", ['eval x --beside ""'] = "--beside", ['sweep pole.lua --out ""'] = "--out"} do
      assert.same({"", ("perilune: %s is empty: it needs a value\n"):format(option), 2}, {run(words)})
    end
    for _, words in ipairs {'train ""', 'report ""', 'compare pole.lua ""'} do
      assert.same({"", "perilune: a word of the command line is empty: it names no file, folder or run\n", 2}, {run(words)})
    end
  end)

  it("says which checkpoint it goes on from, and which is damaged", function()
    local _, err, code = run "train pole.lua --quiet --runs damaged --set train.checkpoint=300"
    assert.equal(0, code, err)
    local folder
    for name in posix.files(root .. "/damaged") do folder = name:find("^pole") and "damaged/" .. name or folder end
    local names = {}
    for name in posix.files(root .. "/" .. folder .. "/checkpoints") do names[#names + 1] = name:match("^(.*)%.safetensors$") end
    table.sort(names)
    local newest, before = folder .. "/checkpoints/" .. names[#names], folder .. "/checkpoints/" .. names[#names - 1]
    local file = assert(io.open(root .. "/" .. newest .. ".safetensors", "r+b"))
    file:seek("end", -5)
    file:write("#")
    file:close()
    local out
    out, err, code = run("eval " .. newest .. ".safetensors")
    assert.same({"", 1}, {out, code})
    assert.truthy(err:find(newest .. ".safetensors is damaged or was changed: it carries the digest ", 1, true), err)
    assert.truthy(err:find("; give the folder of the run for its newest valid checkpoint", 1, true), err)
    out, err = run("eval " .. folder)
    assert.truthy(out:find(before .. ".safetensors, 5 episodes", 1, true), out)
    assert.truthy(err:find("the newest whole checkpoint before it is " .. before .. ".safetensors", 1, true), err)
    out, err, code = run("train --quiet --steps 1300 --resume " .. folder)
    assert.equal(0, code, err)
    assert.truthy(out:find("^Continuing from " .. (before:gsub("%-", "%%-")) .. "%.safetensors\n"), out)
    assert.truthy(err:find(newest .. ".safetensors is damaged", 1, true), err)
  end)

  it("fails where its output cannot be written", function()
    for _, words in ipairs {"--version", "describe", "train --help", "check pole.lua"} do
      local status = os.execute(("cd '%s' && '%s' %s >/dev/full 2>err"):format(root, command.path, words))
      assert.equal(256, status, words)
      local file = assert(io.open(root .. "/err"))
      assert.equal("perilune: cannot write the output: No space left on device\n", file:read "*a", words)
      file:close()
    end
  end)

  it("trains, evaluates, reports, and compares two runs", function()
    local out, err, code = run "train pole.lua --quiet --runs runs"
    assert.equal("", err)
    assert.equal(0, code)
    local folder = out:match("Report: (runs/pole%-[%w-]+)/report%.html\n$")
    assert.truthy(folder, out)
    assert.truthy(out:find("reward"))
    out, err, code = run("eval --json --episodes 3 " .. folder)
    assert.same({"", 0}, {err, code})
    assert.equal(3, #cjson.decode(out).values.reward)
    assert.equal(0, select(3, run("report " .. folder)))
    out, err, code = run(("compare %s %s --out same"):format(folder, folder))
    assert.same({"", 0}, {err, code})
    assert.truthy(out:find("no difference", 1, true))
    assert.truthy(posix.stat(root .. "/same/compare.html"))
  end)

  it("hints as it was called", function()
    local out, _, code = run "train pole.lua --quiet --runs runs --set train.steps=200"
    assert.equal(0, code)
    local folder = out:match("Report: (.*)/report%.html\n$")
    local again, err
    again, err, code = run("train --resume " .. folder)
    assert.same({"", 0}, {err, code})
    assert.equal(("%s is finished: it made 256 of 200 steps. To train it further (schedules keep their last value, --set gives "
      .. "another):\n  %s train --resume %s --steps 512\n"):format(folder, command.path, folder), again)
    again = run("train --resume " .. folder, nil, "PERILUNE_COMMAND='./my dev'")
    assert.truthy(again:find("\n  './my dev' train --resume ", 1, true))
    assert.equal(0, select(3, run("train --quiet --steps 512 --resume " .. folder)))
    assert.truthy(select(2, run "train pole.lua --steps 5"):find("it is --set train.steps=5", 1, true))
  end)

  it("says that a run goes on with other kernels", function()
    local folder = run("train pole.lua --quiet --runs runs --set train.steps=200", nil, "PERILUNE_KERNELS=baseline")
      :match("Report: (.*)/report%.html\n$")
    local _, err, code = run("train --quiet --steps 512 --resume " .. folder, nil, "PERILUNE_KERNELS=baseline")
    assert.same({"", 0}, {err, code})
    _, err, code = run("train --quiet --steps 768 --resume " .. folder, nil, "env -u PERILUNE_KERNELS")
    assert.equal(0, code)
    if not io.open("/proc/cpuinfo"):read("*a"):find("avx2") then return assert.equal("", err) end
    assert.truthy(err:find("^perilune: this run began with the kernels baseline and continues with avx%d+: what follows "), err)
    assert.equal(1, select(2, err:gsub("\n", "")))
  end)

  it("refuses an unknown table of kernels", function()
    local _, err, code = run("describe env", nil, "PERILUNE_KERNELS=sse9")
    assert.equal(1, code)
    assert.truthy(err:find('kernels: "sse9" is unknown or not for this processor; use baseline, avx2 or avx512', 1, true), err)
  end)

  it("refuses to compare recipes of two environments before anything is trained", function()
    local file = assert(io.open(root .. "/car.lua", "w"))
    file:write("return {env = 'mountain_car', algorithm = 'ppo'}")
    file:close()
    local out, err, code = run "compare pole.lua car.lua --out never"
    assert.same({"", "perilune: pole.lua runs on cartpole and car.lua on mountain_car: they cannot be compared\n", 2},
      {out, err, code})
    assert.is_nil(posix.stat(root .. "/never"))
  end)

  it("trains two recipes on the same seeds and pairs them", function()
    local out, err, code = run "compare pole.lua pole.lua --seeds 2 --quiet --out pair"
    assert.same({"", 0}, {err, code})
    assert.truthy(out:find("2 seeds in pairs", 1, true))
    assert.truthy(out:find("no difference", 1, true))
    assert.equal(0, select(3, run "compare pair/a pair/b --out again"))
    out = run "compare pole.lua pole.lua --seeds 1 --quiet --out one"
    assert.truthy(out:find("\n1 seed in pairs\n", 1, true))
  end)

  it("evaluates runs and checkpoints, and says so of another file", function()
    assert.same({"", "perilune: pole.lua is a file: a run's folder is needed, or a file in its checkpoints/\n", 2},
      {run "eval pole.lua"})
  end)

  it("notes that a training ends before its first update", function()
    local file = assert(io.open(root .. "/short.lua", "w"))
    file:write('return {env = "pendulum", algorithm = {"sac", start = 500}, train = {steps = 600, warmup = 100}}')
    file:close()
    local note = "perilune: note: train.steps is 600, and the first update comes after 600: nothing is learned " ..
      "(algorithm.start = 500, and a warm-up of 100)\n"
    assert.equal(note, (select(2, run "check short.lua")))
    assert.equal("", (select(2, run "check short.lua --set train.steps=601")))
  end)

  it("notes that steps which wait need room", function()
    local file = assert(io.open(root .. "/wait.lua", "w"))
    file:write([[return {env = {"host", observation = {"x"}, action = {"continuous", push = {-1, 1}},
      responses = {reward = {wait = "30 s"}}}, algorithm = {"a2c"}, agent = {streams = 4}}]])
    file:close()
    local out, err, code = run "check wait.lua"
    assert.equal(0, code)
    assert.truthy(out:find('"host"', 1, true), out)
    assert.truthy(err:find("perilune: note: a step waits 30 s for reward and is held", 1, true), err)
    assert.truthy(err:find("a2c learns only from steps that close", 1, true), err)
    assert.truthy(err:find("agent.interval, the time between two decisions of a stream, makes room", 1, true), err)
    assert.equal("", (select(2, run "check wait.lua --set agent.rows=5000")))
    assert.equal("", (select(2, run "check wait.lua --set agent.interval=0.5")))
    assert.equal("", (select(2, run "check pole.lua")))
  end)

  it("says in training, once, that steps were dropped, and the number to set", function()
    local file = assert(io.open(root .. "/feed.lua", "w"))
    file:write([[return {env = {"shortvideo", n = 64, return_wait = 96}, policy = {hidden = {8}},
      objective = {critics = {watch_time = {}}}, algorithm = {"ppo", rollout = 4}, train = {steps = 10000},
      eval = {episodes = 1}}]])
    file:close()
    local _, err, code = run "train feed.lua --quiet --runs feed"
    assert.equal(0, code, err)
    local rows = err:match("^perilune: note: a decision was not recorded %(dropped_steps%): 512 steps were held, and steps wait " ..
      "345600 s for return_time, in which about %d+ are made; set agent.rows to (%d+) or more\n$")
    assert.is_string(rows, err)
    assert.equal("", (select(2, run("train feed.lua --quiet --runs feed --set agent.rows=" .. rows))))
  end)

  it("checks that an agent can be made of the recipe", function()
    local function write(name, text)
      local file = assert(io.open(root .. "/" .. name, "w"))
      file:write(text)
      file:close()
    end
    write("greedy.lua", [[return {actions = {"discrete"}, options = {horizon = {50, structural = true, min = 1}},
      build = function(learn, opt) return {learn:collect(opt.horizon), learn:estimate {lambda = 1}, learn:publish()} end}]])
    write("own.lua", 'return {env = {"cartpole", n = 4}, algorithm = {lua = "./greedy.lua"}}')
    assert.equal(0, select(3, run "check own.lua --trust"))
    local out, err, code = run "check own.lua --trust --set agent.rows=100"
    assert.same({"", "perilune: own.lua: no agent can be made of it: agent.rows is 100; an update takes 200 steps " ..
      "(50 of each of 4 streams)\n", 2}, {out, err, code})
  end)

  it("checks a recipe of kind fit, which is a recipe again", function()
    local ltr = posix.getcwd() .. "/recipes/kuairand/ltr.lua"
    local out, err, code = run("check " .. ltr .. " --set train.epochs=3 --seed 5")
    assert.same({"", 0}, {err, code})
    assert.truthy(out:find("train = {seed = 5, batch = 256, epochs = 3, lr = 0.002}", 1, true), out)
    local file = assert(io.open(root .. "/resolved.lua", "w"))
    file:write(out)
    file:close()
    assert.equal((run("check --hash " .. ltr .. " --set train.epochs=3 --seed 5")), (run "check --hash resolved.lua"))
  end)

  it("checks a recipe without OpenBLAS and posix, which only trainings and runs need", function()
    local out = run([[lua -e '
      local prl = require "perilune"
      local function loaded(name)
        local maps = assert(io.open("/proc/self/maps"))
        local text = maps:read("*a")
        maps:close()
        return text:find(name, 1, true) ~= nil
      end
      require("perilune.cli.check").run {"pole.lua"}
      io.stdout:write("after check ", tostring(loaded "openblas"), tostring(loaded "posix.so"), "\n")
      prl.recipe.agent(assert(prl.recipe.load("pole.lua"))):free()
      print("with weights", loaded "openblas")']])
    assert.truthy(out:find("\nafter check falsefalse\n"), out)
    assert.truthy(out:find("\nwith weights\ttrue\n"), out)
  end)

  it("runs no module that lies in the current folder", function()
    local modules = {"posix", "posix.init", "argparse", "cjson", "readline", "perilune", "jit.opt", "lfs"}
    local folder = root .. "/strange"
    assert(posix.mkdir(folder))
    for _, name in ipairs(modules) do
      for _, place in ipairs {name, (name:gsub("%.", "/"))} do
        os.execute(("mkdir -p '%s'"):format((folder .. "/" .. place):match("^(.*)/")))
        for _, ending in ipairs {".lua", ".so", "/init.lua"} do
          if ending == "/init.lua" then os.execute(("mkdir -p '%s/%s'"):format(folder, place)) end
          local file = assert(io.open(folder .. "/" .. place .. ending, "w"))
          file:write("io.stderr:write('RAN') os.exit(9)")
          file:close()
        end
      end
    end
    os.execute(("cp '%s/pole.lua' '%s'"):format(root, folder))
    for _, words in ipairs {"check pole.lua", "train pole.lua -q --set train.steps=64", "describe", "lua -e 'return 1'",
      "report runs/*", "sweep pole.lua -q --set algorithm.lr=1e-3,1e-4 --seeds 1 --set train.steps=64"} do
      for _, variables in ipairs {"", "LUA_PATH='./?.lua;;' LUA_CPATH='./?.so;;'"} do
        local _, err, code = command.run(folder, words, nil, variables)
        assert.same({"", 0}, {err, code}, words)
      end
    end
    local out = run "lua -e 'print(package.path, package.cpath)'"
    for place in out:gmatch("[^;%s]+") do assert.equal("/", place:sub(1, 1)) end
  end)

  it("is a console that prints expressions and goes on over lines", function()
    local out, err, code = run("lua", "1 + 1\nfor i = 1, 2 do\nio.write(i)\nend\nprl.tensor{1, 2}\nnil + 1\n{a = 1}\n")
    assert.equal(0, code)
    assert.truthy(out:find("^2\n12{1, 2}\n"), out)
    assert.truthy(out:find("{a = 1}", 1, true))
    assert.truthy(err:find("arithmetic", 1, true))
  end)

  it("shows what things hold, without addresses, and where an error was", function()
    local out, err, code = run("lua", "prl\\nprl.nn.mlp {4, 8, 2}\\nprl.optim.adam(prl.nn.linear(3, 2))\\n" ..
      "prl.env(\"cartpole\")\\n{a = prl.ones(2), b = {{{1}}}, [3] = print}\\nprl.ones(2):matmul(1)\\nerror {2}\\n")
    assert.equal(0, code)
    assert.falsy(out:find("0x", 1, true), out)
    assert.truthy(out:find("^functions\n  abs, acting, add, "))
    assert.truthy(out:find("\nparts\n  distribution, io, methods, nn, optim, recipe, run\n", 1, true), out)
    assert.truthy(out:find("\nmodule of 58 parameters\n  1.bias (8)\n  1.weight (4, 8)\n", 1, true), out)
    assert.truthy(out:find("\nadam over 1 group, 0 steps made\n", 1, true))
    assert.truthy(out:find("\nenv with the methods\n  count, free, load, reset, ", 1, true))
    assert.truthy(out:find("\n{[3] = function, a = tensor (2) float32, b = {{…}}}\n", 1, true), out)
    assert.equal("console:1: matmul: shapes (2) and () do not fit (…, m, k) and (k, n) or (…, k, n)\n" ..
      "an error that is no text: {2}\n", err)
  end)

  it("runs a text or a file of Lua", function()
    assert.equal("{1, 2}\ntensor (2) float32\n", (run "lua -e 'print(prl.tensor{1, 2})'"))
    local file = assert(io.open(root .. "/words.lua", "w"))
    file:write("print(#arg, ...)\nerror('no')")
    file:close()
    local out, err, code = run "lua words.lua a b"
    assert.equal("2\ta\tb\n", out)
    assert.truthy(err:find("words.lua:2: no", 1, true))
    assert.equal(1, code)
  end)
end)
