--- examples/gymnasium: the frames of serve.lua, spoken here by Lua with an environment of Perilune's own, so that what
--- is learned can be compared byte for byte with agent:drive; by plain Python 3 with a made-up environment; and by
--- train.py with Gymnasium, where that is installed. PERILUNE_PYTHON names the interpreter.
local files = require "support.files"
local prl = require "perilune"
local posix = require "posix"
local command = require "support.command"

local root = posix.getcwd()
local serve = root .. "/examples/gymnasium/serve.lua"
local python = os.getenv("PERILUNE_PYTHON") or "python3"

local folder, agent_file
local function write(name, text)
  assert(prl.io.write(folder .. name, text))
  return folder .. name
end

local function recipe(text)
  return write("recipe.lua", text or [[return {
    env = {"cartpole", n = 8}, algorithm = {"ppo", rollout = 32, minibatch = 64, epochs = 2}, policy = {hidden = {8}},
    eval = {episodes = 4}, train = {steps = 1e4, seed = 3, checkpoint = 0}}]])
end

-- ---- A child that serves, and the frames that are said to it ----

local Child = {}
Child.__index = Child

local function start(path, words)
  for _, name in ipairs {"in", "out"} do
    os.remove(folder .. name)
    assert(posix.mkfifo(folder .. name))
  end
  local self = setmetatable({}, Child)
  self.shell = io.popen(("timeout 300 '%s' lua '%s' '%s' '%s' %s <'%sin' >'%sout' 2>'%serr'; echo $?"):format(command.path, serve, path,
    agent_file, words or "", folder, folder, folder))
  self.to = assert(io.open(folder .. "in", "wb"))
  self.from = assert(io.open(folder .. "out", "rb"))
  return self
end

local function le(n) return string.char(n % 256, math.floor(n / 256) % 256, math.floor(n / 65536) % 256, math.floor(n / 2 ^ 24)) end

function Child:say(bytes)
  self.to:write(bytes)
  self.to:flush()
end

--- The letter and the bytes of the answer, or nil at its end.
function Child:hear()
  local head = self.from:read(5)
  if not head then return nil end
  local a, b, c, d = head:byte(2, 5)
  local count = a + 256 * b + 65536 * c + 2 ^ 24 * d
  return head:sub(1, 1), count == 0 and "" or self.from:read(count)
end

function Child:ask(letter, bytes)
  self:say(letter .. le(#bytes) .. bytes)
  return self:hear()
end

--- Exit code and what it said on stderr.
function Child:stop()
  if io.type(self.to) == "file" then self.to:close() end
  local code = tonumber(self.shell:read("*a"))
  self.from:close()
  self.shell:close()
  return code, assert(prl.io.read(folder .. "err"))
end

local cartpole = {protocol = 1, envs = 8, observations = 4, action = {kind = "discrete", dimensions = {2}}}
local function with(changes)
  local hello = {}
  for key, value in pairs(cartpole) do hello[key] = value end
  for key, value in pairs(changes) do hello[key] = value end
  return prl.to_json(hello)
end

--- A flag for each of n environments, from what env:step gives.
local function flags_of(flags, n)
  local list = {}
  for i = 1, n do list[i] = string.char(flags:get(1, i) == 1 and 1 or flags:get(2, i) == 1 and 2 or 0) end
  return table.concat(list)
end

describe("serve.lua", function()
  setup(function()
    posix.signal(posix.SIGPIPE, posix.SIG_IGN)
    folder = files.folder() .. "/"
    agent_file = folder .. "agent.safetensors"
  end)
  before_each(function() os.remove(agent_file) end)
  teardown(function() posix.signal(posix.SIGPIPE, posix.SIG_DFL) end)

  --- Log-probabilities of an agent that learned by frames, n environments for so many steps of each, and by agent:drive.
  local function both(n, steps, next_step)
    local path = recipe()
    local set = {"env.n=" .. n, "env.max_steps=60"} -- so that episodes end in both ways
    local driven = prl.agent(prl.recipe.plan(assert(prl.recipe.load(path, {set = set}))))
    driven:drive(prl.env("cartpole", {n = n, seed = 1, stream = 1, max_steps = 60}), n * steps)

    local child, env = start(path), prl.env("cartpole", {n = n, seed = 1, stream = 1, max_steps = 60})
    assert.equal("R", (child:ask("H", with {envs = n})))
    local observation = env:reset():bytes()
    local _, answer = child:ask("S", ("\0"):rep(n + 4 * n) .. observation .. observation)
    for _ = 1, steps do
      local now, response, flags, final = env:step(prl.from_bytes(answer, {n, 1}, "float32"))
      local said, rewards = flags_of(flags, n), response:bytes()
      if next_step and said ~= "\0" then -- of the one environment there is: its last observation, then its first
        answer = select(2, child:ask("S", string.char(said:byte() + 4) .. rewards .. final:bytes() .. final:bytes()))
        assert.equal(("\0"):rep(4), answer)
        said, rewards = "\0", prl.full({1, 1}, 1e6):bytes() -- the step that resets has no reward
      end
      answer = select(2, child:ask("S", said .. rewards .. now:bytes() .. final:bytes()))
    end
    local letter, text = child:ask("E", "")
    assert.equal("D", letter)
    assert.equal(n * (steps + 1), prl.from_json(text).steps)
    assert.equal(0, (child:stop()))
    local served = assert(prl.load_agent(agent_file))
    assert.is_true(driven:metrics().updates >= 8 and served:metrics().updates == driven:metrics().updates)
    local x = prl.randn(16, 4)
    return driven:log_probs(x):bytes(), served:log_probs(x):bytes()
  end

  it("learns the bytes that agent:drive learns from the same environments", function()
    local driven, served = both(8, 300)
    assert.is_true(driven == served)
  end)

  it("learns the same where the next step resets", function()
    local driven, served = both(1, 600, true)
    assert.is_true(driven == served)
  end)

  it("judges without recording, and leaves room for streams of its own", function()
    local child = start(recipe())
    child:ask("H", with {})
    local letter, action = child:ask("M", prl.randn(8, 4):bytes())
    assert.same({"A", 32}, {letter, #action})
    child:ask("S", ("\0"):rep(40) .. prl.randn(16, 4):bytes())
    child:ask("E", "")
    assert.equal(0, (child:stop()))
    local _, decisions = assert(prl.load_agent(agent_file)):act({101, 102, 103, 104, 105, 106, 107, 108}, prl.randn(8, 4))
    for i = 1, 8 do assert.is_true(decisions:get(i) ~= 0) end
  end)

  it("makes actions of every kind from what the other side says", function()
    local path = recipe [[return {env = "pendulum", algorithm = "ppo"}]]
    local function actions(action, width)
      local child = start(path)
      local letter, said = child:ask("H", with {action = action})
      assert.equal("R", letter, said)
      local _, answer = child:ask("S", ("\0"):rep(40) .. prl.randn(16, 4):bytes())
      child:stop()
      return prl.from_bytes(answer, {8, width}, "float32")
    end
    local many = actions({kind = "multi_discrete", dimensions = {2, 3, 2, 2, 2, 2, 2, 2, 2, 2, 9}}, 11)
    assert.is_true(many:narrow(2, 11, 11):clone():max():item() > 2) -- the eleventh is the last, not the second
    local box = actions({kind = "continuous", dimensions = {{-0.1, 0.1}, {5, 5.5}}}, 2)
    assert.is_true(math.abs(box:get(1, 1)) <= 0.1001 and box:get(1, 2) >= 5 and box:get(1, 2) <= 5.5)
  end)

  --- What it says when the first frame, or one after it, is this. The child ends with code 1.
  local function refused(first, next_frame, path)
    local child = start(path or recipe())
    child:say(first)
    if first == "" then child.to:close() end
    local letter, said = child:hear()
    if next_frame then
      assert.equal("R", letter, said)
      child:say(next_frame)
      letter, said = child:hear()
    end
    local code, err = child:stop()
    assert.equal(1, code)
    if letter then assert.same({"F", ""}, {letter, err}) end
    return said or err
  end

  local function frame(letter, bytes) return letter .. le(#bytes) .. bytes end

  it("refuses a schema that it cannot serve, in one sentence", function()
    local function says(sentence, first, path)
      local said = refused(first, nil, path)
      assert.truthy(said:find(sentence, 1, true), said)
      assert.is_nil(said:gsub("^%S+: %d+ mistakes\n.*", ""):find("\n")) -- those of a recipe are a line each
    end
    says('a frame begins with "S", which is none that is due here', frame("S", ""))
    says("a frame H of 4294967295 bytes; the schema says 1048576", "H" .. ("\255"):rep(4))
    says("the first frame is no JSON object", frame("H", "hello"))
    says("the other side speaks protocol 2, and serve.lua speaks 1", frame("H", with {protocol = 2}))
    says("envs is 0; a whole number from 1 to 65536 is needed", frame("H", with {envs = 0}))
    says("observations is 4.5; a whole number", frame("H", with {observations = 4.5}))
    says("more than the 64 MiB that a frame holds", frame("H", with {envs = 65536, observations = 65536}))
    says("action has no dimensions", frame("H", with {action = {kind = "discrete"}}))
    says("dimension 1 of the action has no bounds low < high",
      frame("H", with {action = {kind = "continuous", dimensions = {{1, -1}}}}))
    says('env.action: expected one of continuous, discrete, multi_discrete, got "discreet"',
      frame("H", with {action = {kind = "discreet", dimensions = {2}}}))
    says("nowhere.lua: No such file", frame("H", with {}), folder .. "nowhere.lua")
    says('has no response "watch_time"', frame("H", with {}), "recipes/shortvideo/cem.lua")
  end)

  it("refuses frames that the schema does not say", function()
    local hello, rest = frame("H", with {}), prl.randn(16, 4):bytes()
    local function says(sentence, next_frame)
      local said = refused(hello, next_frame)
      assert.truthy(said:find(sentence, 1, true), said)
    end
    says("a frame S of 3 bytes; the schema says 296", frame("S", "abc"))
    says("a frame S of 16777216 bytes; the schema says 296", "S" .. le(2 ^ 24))
    says('a frame begins with "X"', frame("X", ""))
    says("environment 2 ends an episode in which nothing was done", frame("S", ("\0\0\1\0\0\0\0\0") .. ("\0"):rep(32) .. rest))
    says("environment 0 has the flag 8", frame("S", "\8" .. ("\0"):rep(39) .. rest))
    says("x1", frame("S", ("\0"):rep(40) .. prl.full({16, 4}, 0 / 0):bytes()))
  end)

  it("saves what was learned when the other side ends without a word, also within a frame", function()
    for _, cut in ipairs {"", "S" .. le(296) .. "abc"} do
      os.remove(agent_file)
      local child = start(recipe())
      child:ask("H", with {})
      child:ask("S", ("\0"):rep(40) .. prl.randn(16, 4):bytes())
      child:say(cut)
      local code, err = child:stop()
      assert.equal(1, code)
      assert.truthy(err:find("ended without a word after 8 steps; the agent as it was then is in " .. agent_file, 1, true), err)
      assert(prl.load_agent(agent_file))
    end
    assert.truthy(refused(""):find("nobody speaks at the other end", 1, true))
  end)

  it("saves each train.checkpoint steps", function()
    local child = start(recipe(), "train.checkpoint=16")
    child:ask("H", with {})
    for _ = 1, 2 do child:ask("S", ("\0"):rep(40) .. prl.randn(16, 4):bytes()) end
    assert.is_nil(posix.stat(agent_file))
    child:ask("S", ("\0"):rep(40) .. prl.randn(16, 4):bytes())
    assert.is_truthy(posix.stat(agent_file))
    child:stop()
  end)

  -- ---- The Python half ----

  local function run_python(words)
    local pipe = io.popen(("PERILUNE='%s' PYTHONDONTWRITEBYTECODE=1 '%s' %s 2>&1; echo $?"):format(command.path, python, words))
    local said = pipe:read("*a")
    pipe:close()
    local text, code = said:match("^(.-)\n?(%d+)\n$")
    return tonumber(code), text
  end

  it("is spoken to by plain Python 3, with an environment made up for it", function()
    if run_python("-c 'import sys; sys.exit(sys.version_info < (3, 9))'") ~= 0 then
      return pending("there is no Python 3.9 or later here (" .. python .. "): learner.py was not tested")
    end
    local code, said = run_python(("spec/examples/plain_python.py '%s' '%s'"):format(recipe(), agent_file))
    assert.equal(0, code, said)
    assert(prl.load_agent(agent_file))
  end)

  it("learns CartPole from Gymnasium, whose episodes begin anew in three ways", function()
    local found, version = run_python("-c 'import gymnasium; print(gymnasium.__version__)'")
    if found ~= 0 then
      return pending("Gymnasium is not installed for " .. python .. ": train.py was not tested "
        .. "(PERILUNE_PYTHON names an interpreter that has it)")
    end
    local code, said = run_python("spec/examples/gymnasium_steps.py")
    assert.equal(0, code, version .. said)
    code, said = run_python(("examples/gymnasium/train.py CartPole-v1 recipes/cartpole/ppo.lua --set train.steps=4e4 "
      .. "--out '%s'"):format(agent_file))
    assert.equal(0, code, said)
    assert.is_true(tonumber(said:match("evaluation: mean return ([%d.]+)")) > 400, said)
    code, said = run_python(("spec/examples/gymnasium_stop.py '%s'"):format(agent_file)) -- Ctrl-C within a step
    assert.equal(130, code, said)
    assert.truthy(said:find("stopped at step %d+ and saved in"), said)
    assert(prl.load_agent(agent_file))
    code, said = run_python "examples/gymnasium/train.py CartPole-v1 recipes/cartpole/ppo.lua --out /nowhere/a.safetensors"
    assert.equal(1, code)
    assert.truthy(said:find("there is no folder /nowhere/ to write in", 1, true), said)
    code, said = run_python(("examples/gymnasium/train.py CartPole-v1 '%snowhere.lua'"):format(folder))
    assert.equal(1, code)
    assert.truthy(said:find("train.py: ", 1, true) and said:find("nowhere.lua", 1, true), said)
  end)
end)
