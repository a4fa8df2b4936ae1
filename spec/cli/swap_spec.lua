--- A training at work is given another recipe by a command in another process.
local posix = require "posix"
local cjson = require "cjson"
local command = require "support.command"
local files = require "support.files"
local recipes = require "support.recipes"

local pole = [[
return {
  name = "pole", env = {"cartpole", n = 4},
  objective = {critics = {upright = {reward = function(r) return r.reward end, weight = %s}}},
  policy = {hidden = {4}},
  algorithm = {"ppo", rollout = 16, minibatch = 64, epochs = 1},
  train = {steps = 1000000000, checkpoint = 0}, eval = {every = 0, episodes = 1},
}
]]

describe("perilune swap", function()
  local root, training, folder

  setup(function()
    root = files.folder()
    recipes.write(root .. "/", "pole.lua", pole:format "1")
    recipes.write(root .. "/", "other.lua", pole:format "2")
    recipes.write(root .. "/", "wrong.lua", pole:format "'two'")
    recipes.write(root .. "/", "wide.lua", (pole:format "2":gsub("hidden = {4}", "hidden = {8}")))
    recipes.write(root .. "/", "blind.lua", (pole:format "2":gsub("hidden = {4}", 'hidden = {4}, observes = {hide = {"pole_angle"}}')))
    training = posix.fork()
    if training == 0 then
      posix.execp("sh", {"-c", ("cd '%s' && exec '%s' train pole.lua -q >trained 2>said"):format(root, command.path)})
      posix._exit(127)
    end
    local begun = os.time()
    while not folder and os.time() - begun < 30 do
      posix.nanosleep(0, 2e7)
      local name = posix.stat(root .. "/runs") and posix.dir(root .. "/runs") or {}
      for _, one in ipairs(name) do
        if one:find "^pole" and posix.stat(("%s/runs/%s/metrics.csv"):format(root, one)) then folder = "runs/" .. one end
      end
    end
    assert(folder)
  end)
  teardown(function()
    posix.kill(training, posix.SIGINT)
    posix.wait(training)
  end)

  local function run(words)
    local out, err, code = command.run(root, (words:gsub("%f[%w]R%f[%W]", folder)))
    return code, out, err
  end

  it("says what it would change, changes it, and the journal has it", function()
    local code, out, err = run "swap R other.lua --check"
    assert.equal(0, code, err)
    assert.truthy(out:find("objective.critics.upright.weight: 1 → 2\n      parameters policy: kept, 30 of 30 (", 1, true), out)
    assert.truthy(out:find("critic upright: kept, 1 → 1 (weight is 2 in place of 1, it goes on)\n", 1, true), out)
    assert.truthy(out:find("\n      can be carried out\n$"), out)
    code, out, err = run "swap R other.lua --author ada --reason 'twice as much'"
    assert.equal(0, code, err)
    assert.truthy(out:find("swap by ada: twice as much\n      recipe %x+ → %x+\n"), out)
    code, out = run "journal R"
    assert.equal(0, code)
    assert.truthy(out:find("2 lines, each with the hash of the one before", 1, true), out)
    code, out = run "status R"
    assert.equal(0, code)
    assert.truthy(out:find(folder .. ": a training is at work, step ", 1, true), out)
    assert.truthy(out:find("in force since step [%d,]+\nlast of 2 lines in its journal:\n", 1), out)
    code, out = run "status R --json"
    assert.equal(0, code)
    local found = cjson.decode(out)
    assert.same({true, 2, "swap", "twice as much"}, {found.at_work, found.lines, found.last.kind, found.last.reason})
    assert.same({found.last.after, found.last.step}, {found.hash, found.since})
    code, out = run "journal R --json"
    assert.equal(0, code)
    local entry = cjson.decode(out:match("\n(.-)\n$"))
    assert.same({"twice as much", "policy", "kept"}, {entry.reason, entry.plan[1].name, entry.plan[1].outcome})
    code, out = run "swap R other.lua"
    assert.equal(0, code)
    assert.truthy(out:find("\n      this recipe is in force already: nothing is changed, and a rollback goes back to %x+ as before\n$"),
      out)
    code, out = run "swap R pole.lua --mode check --json"
    assert.equal(0, code)
    entry = cjson.decode(out)
    assert.same({"check", "can be carried out", "parameters"}, {entry.kind, entry.outcome, entry.plan[1].part})
  end)

  it("says what becomes of networks that grow, and refuses what no longer sees an observation", function()
    local code, out, err = run "swap R wide.lua --check"
    assert.equal(0, code, err)
    assert.truthy(out:find("parameters policy: grown, 30 of 58 (4 → 8 units; what it computes stays)\n", 1, true), out)
    assert.truthy(out:find("policy: grown, ", 1, true), out)
    code, out = run "swap R wide.lua --check --json"
    assert.equal(0, code)
    local entry = cjson.decode(out)
    assert.same({"policy", "grown", 30, 58}, {entry.plan[1].name, entry.plan[1].outcome, entry.plan[1].taken, entry.plan[1].of})
    code, out, err = run "swap R blind.lua --check"
    assert.equal(2, code, out)
    assert.truthy(err:find('"policy" sees the observation "pole_angle" in the running agent and not in the new plan', 1, true), err)
  end)

  it("goes back to before the swap, and says where there is nothing to go back to", function()
    local code, out, err = run "rollback R --author bob --reason 'once is enough'"
    assert.equal(0, code, err)
    assert.truthy(out:find("rollback by bob: once is enough\n      recipe %x+ → %x+\n"), out)
    assert.truthy(out:find("objective.critics.upright.weight: 2 → 1\n      in force\n", 1, true), out)
    local again, _, refused = run "rollback R"
    assert.equal(2, again)
    assert.truthy(refused:find("there is nothing to go back to: no swap has come into force", 1, true), refused)
  end)

  it("changes the recipe in force by --set alone", function()
    local _
    local code, out, err = run "swap R --check --set objective.critics.upright.weight=3"
    assert.equal(0, code, err)
    assert.truthy(out:find("\n      objective.critics.upright.weight: %d → 3\n"), out)
    assert.falsy(out:find("name: ", 1, true), out)
    code, _, err = run "swap R --check"
    assert.equal(2, code)
    assert.equal("perilune: a new recipe is needed, or what to change of the one in force, as in --set algorithm.lr=1e-3\n", err)
    code, _, err = run "swap R --set algorithm.lrr=1"
    assert.equal(2, code)
    assert.truthy(err:find("algorithm.lrr", 1, true) and err:find('nearest is "lr"', 1, true), err)
  end)

  it("lets no recipe learn beside where that would be a guess, and has none to confirm", function()
    local code, _, err = run "swap R other.lua --mode shadow"
    assert.equal(2, code)
    assert.truthy(err:find('"advantages" of the new plan takes the steps as acted by its own policy', 1, true), err)
    code, _, err = run "confirm R"
    assert.equal(2, code)
    assert.truthy(err:find("no shadow learns beside the running agent", 1, true), err)
    code, _, err = run "swap R other.lua --mode shade"
    assert.equal(2, code)
    assert.truthy(err:find("apply", 1, true) and err:find("shadow", 1, true), err)
  end)

  it("says what cannot be", function()
    local code, _, err = run "swap R wrong.lua"
    assert.equal(2, code)
    assert.truthy(err:find("wrong.lua:3: objective.critics.upright.weight: expected a number or a schedule", 1, true), err)
    local out
    code, out, err = run "swap R wrong.lua --json"
    assert.equal(2, code)
    assert.truthy(cjson.decode(out).outcome:find("^refused: .*wrong.lua:3: objective.critics.upright.weight"), out)
    assert.truthy(err:find("wrong.lua:3", 1, true), err)
    for _, bytes in ipairs {"\\377", "\\342\\200\\256"} do -- no UTF-8, and U+202E
      code, _, err = run(("swap R other.lua --author \"$(printf 'a%s')\""):format(bytes))
      assert.equal(2, code)
      assert.truthy(err:find("perilune: --author: it must be one line of at most 400 bytes, and this one has a byte that is no UTF-8", 1,
        true), err)
    end
    code, out = run "swap --help"
    assert.equal(0, code)
    assert.falsy(out:find "Default: apply", out)
    code, _, err = run "swap R other.lua --set env.n=8"
    assert.equal(2, code)
    assert.truthy(err:find("env.n is 8 in the new recipe and 4 in the run, which keeps its env, eval and train; --set env.n=4 gives it "
      .. "the run's", 1, true), err)
    code, _, err = run "swap R --set env.n=8" -- of which agent.streams is no word
    assert.equal(2, code)
    local of_env = "perilune: env.n is 8 in the new recipe and 4 in the run, which keeps its env, eval and train; --set env.n=4 "
      .. "gives it the run's\n"
    assert.equal(of_env, err)
    recipes.write(root .. "/", "more.lua", "return extend(running, {env = {n = 8}})")
    code, _, err = run "swap R more.lua"
    assert.equal(2, code)
    assert.equal(of_env, err)
    code, _, err = run "swap R other.lua --set env.n=8 --set agent.streams=9 --set eval.episodes=3 --set train.steps=5"
    assert.equal(2, code)
    assert.equal("perilune: " .. posix.realpath(root .. "/other.lua") .. [[: 4 mistakes
env.n is 8 in the new recipe and 4 in the run, which keeps its env, eval and train; --set env.n=4 gives it the run's
eval.episodes is 3 in the new recipe and 1 in the run, which keeps its env, eval and train; --set eval.episodes=1 gives it the run's
train.steps is 5 in the new recipe and 1e9 in the run, which keeps its env, eval and train; --set train.steps=1e9 gives it the run's
agent.streams is 9 in the new plan and 4 in the running agent; it must stay
]], err)
    code, _, err = run "swap R pendulum/ppo"
    assert.equal(2, code)
    assert.truthy(err:find('\nenv is "pendulum" in the new recipe and "cartpole" in the run, which keeps its env, eval and train\n', 1,
      true), err)
    assert.falsy(err:find("env.", 1, true), err)
    code, _, err = run "swap R none.lua"
    assert.equal(2, code)
    assert.truthy(err:find("there is no recipe none.lua", 1, true), err)
    code, _, err = run "swap R other.lua --reason ''"
    assert.equal(2, code)
    assert.truthy(err:find("--reason is empty", 1, true), err)
    for option, text in pairs {reason = "$(printf 'two\\nlines')", author = ("x"):rep(401)} do
      code, _, err = run(('swap R other.lua --%s "%s"'):format(option, text))
      assert.equal(2, code)
      assert.truthy(err:find(("perilune: --%s: it must be one line of at most 400 bytes, and this one has %s\n"):format(option,
        option == "author" and "401" or "a line break or another control character"), 1, true), err)
    end
    code, _, err = run "swap R other.lua --mode ramp"
    assert.equal(2, code)
    assert.equal("perilune: the new recipe says no shares of the users for a ramp, as in agent.ramp = {shares = {0.01, 0.1, 1}, "
      .. "after = 2000}\n", err)
    code, _, err = run "swap R other.lua --mode slow"
    assert.equal(2, code)
    assert.truthy(err:find("argument for option '--mode' must be one of 'check', 'apply', 'ramp'", 1, true), err)
    code, _, err = run "swap elsewhere other.lua"
    assert.equal(2, code)
    assert.truthy(err:find("there is no run elsewhere", 1, true), err)
  end)

  it("says that what was asked for stays, and where that is seen, when the command is stopped", function()
    posix.kill(training, posix.SIGSTOP) -- it takes no request
    os.execute(("cd '%s' && timeout -s INT 1 '%s' swap %s other.lua --set algorithm.epochs=2 --author ada 2>stopped"):format(root,
      command.path, folder))
    local _, status = run "status R"
    posix.kill(training, posix.SIGCONT)
    local said = files.read(root .. "/stopped")
    said = said:gsub("'[^\n']*perilune'", "perilune"):gsub("/[^\n ]*/perilune ", "perilune ")
    local expected = ("\nperilune: the swap waits on, and will be carried out: perilune status %s shows what becomes of it; to take it "
      .. "back: remove %s/request.json while it waits, or perilune rollback %s when it is in force\n"):format(folder, folder, folder)
    assert.truthy(said:find(expected, 1, true), said)
    assert.truthy(status:find("a swap by ada waits for the end of the training's present piece of work\n", 1, true), status)
    local begun = os.time()
    repeat
      posix.nanosleep(0, 1e8)
      _, status = run "status R"
    until status:find("swap by ada\n", 1, true) or os.time() - begun > 30
    assert.truthy(status:find("\n      in force\n", 1, true), status)
  end)

  it("leaves no file behind that another user's command would need", function()
    local function names() -- taken.json goes a moment after the answer
      local list = {}
      for _, name in ipairs(posix.dir(("%s/%s"):format(root, folder))) do
        if name ~= "recipes" and name ~= "taken.json" and not name:find "tmp$" then list[#list + 1] = name end
      end
      table.sort(list)
      return list
    end
    local before = names()
    local code, _, err = run "swap R wide.lua --check"
    assert.equal(0, code, err)
    assert.same(before, names())
    for _, name in ipairs(before) do assert.falsy(name:find "asking", name) end
  end)

  it("says that it was taken back where its request is removed while it waits", function()
    posix.kill(training, posix.SIGSTOP) -- it takes no request
    local pid = posix.fork()
    if pid == 0 then
      posix.execp("sh", {"-c", ("cd '%s' && umask 077 && exec '%s' swap %s other.lua --author eve 2>taken_back >/dev/null"):format(root,
        command.path, folder)})
      posix._exit(127)
    end
    local path, begun = ("%s/%s/request.json"):format(root, folder), os.time()
    while not posix.stat(path) and os.time() - begun < 30 do posix.nanosleep(0, 1e7) end
    local mode = posix.stat(path, "mode")
    local again, _, refused = run "swap R other.lua"
    os.remove(path)
    local _, _, code = posix.wait(pid)
    posix.kill(training, posix.SIGCONT)
    assert.equal("rw-r--r--", mode) -- for the user who trains
    assert.equal(1, again)
    assert.truthy(refused:find("a request waits for the training in " .. folder .. " already", 1, true), refused)
    assert.equal(1, code)
    assert.equal(("perilune: the swap was taken back: %s/request.json was removed before the training took it\n"):format(folder),
      files.read(root .. "/taken_back"))
  end)

  it("is refused with the reason while the journal cannot be written, and the training goes on", function()
    local path = ("%s/%s/journal.jsonl"):format(root, folder)
    os.rename(path, path .. ".aside")
    assert(posix.mkdir(path))
    local code, _, err = run "swap R wide.lua"
    assert(posix.rmdir(path))
    os.rename(path .. ".aside", path)
    assert.equal(2, code)
    assert.equal("perilune: the journal cannot be written: cannot open " .. folder .. "/journal.jsonl: Is a directory\n", err)
    code, _, err = run "swap R wide.lua"
    assert.equal(0, code, err)
  end)

  it("is for a training at work, and the journal is refused where it was edited", function()
    run "swap R pole.lua"
    posix.kill(training, posix.SIGINT)
    posix.wait(training)
    recipes.write(("%s/%s/"):format(root, folder), "request.json", [[{"format": 1, "id": "1", "kind": "rollback", "author": "bob"}]])
    local code, _, err = run "swap R other.lua"
    assert.equal(1, code)
    assert.truthy(err:find("no training is at work in " .. folder, 1, true), err)
    local _, out = run "status R"
    assert.truthy(out:find("a rollback by bob was never looked at, and no training is at work: it is refused when the run goes on\n", 1,
      true), out)
    os.remove(("%s/%s/request.json"):format(root, folder))
    local path = ("%s/%s/journal.jsonl"):format(root, folder)
    local text = files.read(path)
    local file = assert(io.open(path, "w"))
    file:write((text:gsub("ada", "eve", 1)))
    file:close()
    for _, words in ipairs {"journal R", "report R", "status R", "train --resume R -q"} do
      code, _, err = run(words)
      assert.equal(1, code)
      assert.truthy(err:find("journal.jsonl:3: it comes after a line with the hash", 1, true), words .. ": " .. err)
    end
  end)
end)
