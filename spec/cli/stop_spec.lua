--- Ctrl-C and SIGTERM: one of them ends every command, wherever it is; a run that trains is saved and goes on.
local posix = require "posix"

local command = require "support.command"
local files = require "support.files"
local small_log = require "support.small_log"
local small_world = require "support.small_world"

-- Episodes that never end, or that are so many that they do not end here.
local recipes = {
  endless = [[
return {
  env = {lua = "endless_env.lua", n = 4}, algorithm = {"a2c", rollout = 8}, policy = {hidden = {4}},
  train = {steps = 64}, eval = {every = 64, episodes = 128},
}]],
  many = [[
return {
  env = {"pendulum", n = 4}, algorithm = {"a2c", rollout = 8}, policy = {hidden = {4}},
  train = {steps = 64}, eval = {every = 64, episodes = %s},
}]],
  tank = [[
return {
  env = {lua = "tank_env.lua", n = 4}, algorithm = {"a2c", rollout = 8}, policy = {hidden = {4}},
  train = {steps = 64}, eval = {every = 64, episodes = 500000},
}]],
  feed = [[
return {
  env = {"shortvideo", n = 8}, objective = {critics = {watch_time = {scale = 100}}}, policy = {hidden = {8}},
  algorithm = {"a2c", rollout = 4}, train = {steps = 64}, eval = {users = %s, curve = %s, every = 64, days = 1, threads = 2},
}]],
  cem = [[
return {
  env = {"shortvideo", n = 8}, objective = {critics = {watch_time = {scale = 100}}},
  name = "cem", algorithm = {"cem", generations = 2, population = 4, elites = 2, users = 1000000, days = 1}, eval = {users = 4, days = 1},
}]],
}

local tank = [[
return {
  observation = {"x"}, action = {"continuous", a = {-1, 1}}, responses = {reward = {}}, max_steps = 1000,
  reset = function() return {0} end, step = function(_, action) return {action.a}, {reward = action.a} end,
}]]

describe("a signal", function()
  local root

  local function write(name, text)
    local file = assert(io.open(root .. "/" .. name, "w"))
    file:write(text)
    file:close()
  end

  local function read(name)
    local file = io.open(root .. "/" .. name)
    local text = file and file:read("*a")
    if file then file:close() end
    return text
  end

  before_each(function()
    root = files.folder()
    write("tank_env.lua", tank)
    write("endless_env.lua", (tank:gsub("max_steps = 1000", "max_steps = 0")))
  end)

  --- Starts a command, waits until ready() and a moment more, sends the signal once, and waits for the end, which comes on
  --- its own only after minutes: → how it ended, its code or signal, and what it printed.
  local function stopped(words, signal, ready)
    local pid = posix.fork()
    if pid == 0 then
      posix.execp("sh", {"-c", ("cd '%s' && exec '%s' %s >out 2>err"):format(root, command.path, words)})
      posix._exit(127)
    end
    local begun, ended, reason, code = os.time(), 0, nil, nil
    while not (ready == nil or ready()) and os.time() - begun < 20 do posix.nanosleep(0, 1e7) end
    posix.nanosleep(0, 4e8)
    posix.kill(pid, signal)
    local asked = os.time()
    while ended == 0 and os.time() - asked < 30 do
      ended, reason, code = posix.wait(pid, posix.WNOHANG)
      posix.nanosleep(0, 1e7)
    end
    if ended == 0 then
      posix.kill(pid, posix.SIGKILL)
      posix.wait(pid)
      return "did not heed the signal"
    end
    return reason, code, read "out", read "err"
  end

  local function folder(of)
    for name in posix.files(root .. "/runs") do
      if name:find("^" .. of) then return "runs/" .. name end
    end
  end

  local function prepared(of) return function() return posix.stat(root .. "/runs") and folder(of) ~= nil end end

  local function resumes(of)
    local text = read(folder(of) .. "/run.json")
    assert.truthy(text:find('"status": "interrupted"', 1, true))
    assert.is_nil(posix.stat(("%s/%s/judged.safetensors"):format(root, folder(of))))
  end

  for name, signal in pairs {SIGINT = posix.SIGINT, SIGTERM = posix.SIGTERM} do
    it(name .. " saves a run whose evaluation is at work", function()
      for of, text in pairs {endless = recipes.endless, many = recipes.many:format(5000000), tank = recipes.tank,
        feed = recipes.feed:format(1000000, 1000000), cem = recipes.cem} do
        write(of .. ".lua", text)
        local reason, code, out, err = stopped(("train %s.lua -q --trust"):format(of), signal, prepared(of))
        assert.same({"exited", 130}, {reason, code}, of .. ": " .. err)
        assert.truthy(out:find("Stopped at %a+ %d+ and saved"), out)
        assert.equal(1, select(2, err:gsub("perilune: stopping; once more: at once\n", "")), err)
        resumes(of)
      end
    end)
  end

  it("goes on afterwards to the same bytes as a run that was never stopped", function()
    write("many.lua", recipes.many:format(40000))
    assert.equal(0, select(3, command.run(root, "train many.lua -q --runs whole")))
    local reason, code = stopped("train many.lua -q", posix.SIGTERM, prepared "many")
    assert.equal("exited", reason)
    if code == 130 then assert.equal(0, select(3, command.run(root, "train -q --resume " .. folder "many"))) end
    for _, file in ipairs {"metrics.csv", "evaluations.csv"} do
      local whole = assert(io.popen(("cat '%s'/whole/*/%s"):format(root, file))):read("*a")
      assert.equal(whole, read(folder "many" .. "/" .. file))
    end
  end)

  it("is heeded by an environment's Lua that hangs: it says so once, and the second ends it", function()
    write("hang_env.lua", (tank:gsub("step = function%(_, action%)", "%0 while true do end")))
    write("hang.lua", (recipes.endless:gsub("endless", "hang")))
    local pid = posix.fork()
    if pid == 0 then
      posix.execp("sh", {"-c", ("cd '%s' && exec '%s' train hang.lua --trust -q >out 2>err"):format(root, command.path)})
      posix._exit(127)
    end
    local function wait(ready)
      for _ = 1, 2000 do
        if ready() then return true end
        posix.nanosleep(0, 1e7)
      end
    end
    local begun = prepared "hang"
    assert.is_true(wait(begun))
    posix.nanosleep(0, 3e8)
    posix.kill(pid, posix.SIGINT)
    assert.is_true(wait(function() return read "err" == "perilune: stopping; once more: at once\n" end), read "err")
    posix.kill(pid, posix.SIGINT)
    local ended, reason, code
    assert.is_true(wait(function()
      ended, reason, code = posix.wait(pid, posix.WNOHANG)
      return ended ~= 0
    end))
    assert.same({"exited", 130}, {reason, code})
  end)

  it("ends what has nothing to save, and leaves nothing", function()
    write("many.lua", recipes.many:format(2))
    write("feed.lua", recipes.feed:format(2, 2))
    for _, name in ipairs {"many", "feed"} do assert.equal(0, select(3, command.run(root, ("train %s.lua -q"):format(name)))) end
    local function killed(words, signal)
      local reason, code = stopped(words, signal)
      assert.same({"killed", signal}, {reason, code}, words)
    end
    for _, words in ipairs {"eval %s --episodes 50000000", "compare %s %s --episodes 50000000 --out compared"} do
      killed((words:gsub("%%s", (folder "many"))), posix.SIGTERM)
    end
    if posix.stat(command.path .. "_bench") then killed("bench", posix.SIGTERM) end
    killed(("eval %s --users 10000000"):format(folder "feed"), posix.SIGINT)
    assert(posix.mkdir(root .. "/fit"))
    small_log.write(root .. "/fit")
    assert(posix.mkdir(root .. "/world"))
    small_world.write(root .. "/world")
    killed("fit fit/recipe.lua --data fit -q --set train.epochs=100000 --runs fitted",
      posix.SIGTERM)
    killed("fit world/recipe.lua --data world -q --set train.epochs=100000 --out made/w.safetensors",
      posix.SIGINT)
    assert.is_nil(posix.stat(root .. "/fitted"))
    assert.is_nil(posix.stat(root .. "/made"))
  end)

  it("ends a sweep and a comparison whose runs evaluate, and they are saved", function()
    write("many.lua", recipes.many:format(5000000))
    for _, words in ipairs {"sweep many.lua --set algorithm.lr=1e-3,1e-4 --seeds 1 --jobs 2 --out runs",
      "compare many.lua many.lua --seeds 1 --jobs 2 --out runs"} do
      local function begun()
        local pipe = assert(io.popen(("find '%s/runs' -name run.json 2>/dev/null | wc -l"):format(root)))
        local count = tonumber(pipe:read("*a"))
        pipe:close()
        return count == 2
      end
      local reason, code, _, err = stopped(words, posix.SIGINT, begun)
      assert.same({"exited", 130}, {reason, code})
      assert.truthy(err:find("the same command continues them", 1, true), err)
      assert.truthy(err:find("0 of 2 runs", 1, true), err)
      assert.falsy(err:find("[12] of 2 runs"), err) -- neither is at its end
      local pipe = assert(io.popen(("grep -l '\"interrupted\"' $(find '%s/runs' -name run.json) | wc -l"):format(root)))
      assert.equal(2, tonumber(pipe:read("*a")))
      pipe:close()
      os.execute("rm -rf '" .. root .. "/runs'")
    end
  end)

  it("is not needed where an environment sets no limit: the evaluation says so", function()
    write("endless.lua", [[return {
      env = {"pendulum", n = 4, max_steps = 0}, algorithm = {"a2c", rollout = 8}, policy = {hidden = {4}},
      train = {steps = 64}, eval = {every = 64, episodes = 2}}]])
    local out, err, code = command.run(root, "train endless.lua -q")
    assert.same({"", 1}, {out, code})
    assert.truthy(err:find('an episode of environment "pendulum" did not end within 1000000 steps; its max_steps is 0', 1, true), err)
  end)
end)

describe("a long command", function()
  it("shows on a terminal how far it is", function()
    local root = files.folder()
    local file = assert(io.open(root .. "/many.lua", "w"))
    file:write(recipes.many:format(2))
    file:close()
    assert.equal(0, select(3, command.run(root, "train many.lua -q")))
    local function seen(words)
      assert(os.execute(("cd '%s' && script -qec \"'%s' %s\" seen >/dev/null 2>&1 </dev/null"):format(root, command.path, words)) == 0)
      local pipe = assert(io.open(root .. "/seen"))
      local text = pipe:read("*a")
      pipe:close()
      return text
    end
    assert.truthy(seen("eval runs/* --episodes 200000"):find("evaluation: %d+ %% · [%d.,k ]+ of 200"))
    assert.truthy(seen("report runs/*"):find("report: 0 %%"))
    assert.truthy(seen("train many.lua --set eval.episodes=200000"):find("evaluation: %d+ %% · [%d.,k ]+ of 200"))
  end)
end)
