--- The learner behind train.py: reads from standard input what environments in another process did, and answers with
--- actions on standard output. README.md says what stands in each frame.
---
---     perilune lua examples/gymnasium/serve.lua RECIPE FILE [PATH=VALUE …]
---
--- The agent is saved in FILE at the end, each train.checkpoint steps, and when the other process dies.
local prl = require "perilune"
local posix = require "posix"

local protocol = 1
local most = {envs = 65536, observations = 65536, dimensions = 1024, choices = 65536, text = 2 ^ 20, frame = 2 ^ 26}
local TERMINATED, WAITING = 1, 4 -- bits of a row's flag; between them 2: truncated

local function fail(message, ...) error({sentence = message:format(...)}, 0) end

-- ---- Frames: a letter, how many bytes follow (4 bytes, the lowest first), and these ----

local function read(count)
  local bytes = count == 0 and "" or io.stdin:read(count)
  if not bytes or #bytes < count then error({gone = true}, 0) end
  return bytes
end

--- The next frame: its letter and its bytes. sizes: how many bytes a letter has; those of text have at most so many.
local function read_frame(sizes)
  local head = read(5)
  local letter, a, b, c, d = head:sub(1, 1), head:byte(2, 5)
  local length, size = a + 2 ^ 8 * b + 2 ^ 16 * c + 2 ^ 24 * d, sizes[letter]
  if not size then fail("a frame begins with %q, which is none that is due here", letter) end
  local fits = letter == "H" and length <= size or length == size
  if not fits then fail("a frame %s of %.0f bytes; the schema says %.0f", letter, length, size) end
  return letter, read(length)
end

local function write_frame(letter, bytes)
  local n = #bytes
  local head = string.char(n % 256, math.floor(n / 2 ^ 8) % 256, math.floor(n / 2 ^ 16) % 256, math.floor(n / 2 ^ 24))
  if not (io.stdout:write(letter, head, bytes) and io.stdout:flush()) then error({gone = true}, 0) end
end

-- ---- The schema: what the other side says that its environments are, and the recipe that is made for it ----

local function whole(value, low, high, name)
  if type(value) ~= "number" or value % 1 ~= 0 or value < low or value > high then
    fail("%s is %s; a whole number from %d to %d is needed", name, tostring(value), low, high)
  end
  return value
end

--- Names in the order of their bytes, since dimensions stand in that order.
local function names(letter, count)
  local list, width = {}, #tostring(count)
  for i = 1, count do list[i] = ("%s%0" .. width .. "d"):format(letter, i) end
  return list
end

local function quoted(list) return '{"' .. table.concat(list, '", "') .. '"}' end

local function choices_text(count, name)
  local list = {}
  for i = 1, whole(count, 2, most.choices, name) do list[i] = tostring(i - 1) end
  return quoted(list)
end

local function bounds_text(bounds, name)
  local low, high = bounds[1], bounds[2]
  local numbers = type(low) == "number" and type(high) == "number" and low == low and high == high
  if not numbers or low >= high then fail("%s has no bounds low < high", name) end
  return ("{%.17g, %.17g}"):format(low, high)
end

local function action_text(action)
  local dimensions = type(action) == "table" and action.dimensions
  if type(dimensions) ~= "table" then fail("action has no dimensions") end
  local text = {('"%s"'):format(tostring(action.kind):gsub("[^%w_]", "?"))}
  for i, name in ipairs(names("a", whole(#dimensions, 1, most.dimensions, "the number of an action's dimensions"))) do
    local one = action.kind == "continuous" and bounds_text or choices_text
    text[i + 1] = ("%s = %s"):format(name, one(dimensions[i], "dimension " .. i .. " of the action"))
  end
  return "{" .. table.concat(text, ", ") .. "}"
end

local function env_text(hello)
  return ('{"host", observation = %s, action = %s, responses = {reward = {}}}'):format(
    quoted(names("x", hello.observations)), action_text(hello.action))
end

--- What the first frame says, checked.
local function read_hello()
  local _, text = read_frame {H = most.text}
  local hello, message = prl.from_json(text)
  if type(hello) ~= "table" then fail("the first frame is no JSON object: %s", message or type(hello)) end
  if hello.protocol ~= protocol then
    fail("the other side speaks protocol %s, and serve.lua speaks %d", tostring(hello.protocol), protocol)
  end
  whole(hello.envs, 1, most.envs, "envs")
  whole(hello.observations, 1, most.observations, "observations")
  if hello.envs * (1 + 4 + 8 * hello.observations) > most.frame then
    fail("%d environments of %d observations are more than the %d MiB that a frame holds", hello.envs,
      hello.observations, most.frame / 2 ^ 20)
  end
  return hello
end

--- The recipe with these environments in place of its own.
local function load_recipe(path, set, hello)
  local overrides = {unpack(set)}
  overrides[#overrides + 1] = "env=" .. env_text(hello)
  overrides[#overrides + 1] = "agent.streams=" .. hello.envs
  local loaded, message = prl.recipe.load(path, {set = overrides})
  if not loaded then fail("%s", message) end
  if loaded.algorithm.search then fail("%s: a search serves trials of its own; an algorithm that learns is needed", path) end
  return loaded
end

-- ---- Rows of bytes: environments that wait for their reset are left out of a call ----

local function gather(bytes, width, rows)
  local parts = {}
  for k, row in ipairs(rows) do parts[k] = bytes:sub((row - 1) * width + 1, row * width) end
  return table.concat(parts)
end

local function scatter(bytes, width, rows, count)
  local parts, nothing = {}, ("\0"):rep(width)
  for i = 1, count do parts[i] = nothing end
  for k, row in ipairs(rows) do parts[row] = bytes:sub((k - 1) * width + 1, k * width) end
  return table.concat(parts)
end

-- ---- The session ----

local Session = {}
Session.__index = Session

local function new_session(path, file, set)
  local folder = file:match("^(.*/)") or "."
  if not posix.access(folder, "w") then fail("%s cannot be written: there is no folder %s to write in", file, folder) end
  local hello = read_hello()
  local loaded = load_recipe(path, set, hello)
  local agent, message = prl.recipe.agent(loaded)
  if not agent then fail("%s", message) end
  local n, o = hello.envs, hello.observations
  local self = setmetatable({agent = agent, recipe = loaded.recipe, file = file, n = n, o = o, a = #loaded.spec.action.names,
    all = {}, acted = {}, saved = 0, steps = 0}, Session)
  for i = 1, n do self.all[i] = i end
  self.sizes = {S = n + 4 * n + 8 * n * o, M = 4 * n * o, E = 0} -- flags, rewards, observations, final ones
  write_frame("R", prl.to_json {protocol = protocol, envs = n, observations = o, action = hello.action,
    seed = loaded.recipe.train.seed, steps = loaded.recipe.train.steps, episodes = loaded.recipe.eval.episodes,
    evaluation_seed = loaded.recipe.eval.seed, hash = loaded.hash})
  return self
end

function Session:rows(bytes, rows)
  local width = 4 * self.o
  return prl.from_bytes(#rows == self.n and bytes or gather(bytes, width, rows), {#rows, self.o}, "float32")
end

--- Acts for these rows; the others have the action 0 and no decision.
function Session:act(observation, rows)
  local action, decisions = ("\0"):rep(4 * self.n * self.a), ("\0"):rep(8 * self.n)
  if #rows > 0 then
    local made, ids = self.agent:act(rows, self:rows(observation, rows))
    action, decisions = made:bytes(), ids:bytes()
    if #rows < self.n then
      action, decisions = scatter(action, 4 * self.a, rows, self.n), scatter(decisions, 8, rows, self.n)
    end
  end
  self.decisions = prl.from_bytes(decisions, {self.n}, "int64")
  self.acted, self.steps = {}, self.steps + #rows
  for _, row in ipairs(rows) do self.acted[row] = true end
  write_frame("A", action)
end

--- Which rows ended how, which go on, and which are to be acted for.
function Session:sort(flags)
  local ended, cut, going, acting = {}, {}, {}, {}
  for row = 1, self.n do
    local flag = flags:byte(row)
    local terminated, over = flag % 2 >= TERMINATED, flag % 4 > 0
    if flag >= 2 * WAITING then fail("environment %d has the flag %d, which has no meaning", row - 1, flag) end
    if over and not self.acted[row] then fail("environment %d ends an episode in which nothing was done", row - 1) end
    if over then
      table.insert(terminated and ended or cut, row)
    elseif flag < WAITING and self.acted[row] then
      table.insert(going, row)
    end
    if flag < WAITING then table.insert(acting, row) end
  end
  return ended, cut, going, acting
end

--- One step of all environments: what came of the last actions, what is learned from it, and the next actions.
function Session:step(bytes)
  local n, o, agent = self.n, self.o, self.agent
  local at = n + 4 * n
  local observation, final = bytes:sub(at + 1, at + 4 * n * o), bytes:sub(at + 4 * n * o + 1)
  local ended, cut, going, acting = self:sort(bytes:sub(1, n))
  if self.decisions then
    agent:feedback(self.decisions, prl.from_bytes(bytes:sub(n + 1, at), {n, 1}, "float32")) -- decision 0: nothing was done
    if #ended > 0 then agent:finish(ended, "terminated") end
    if #cut > 0 then agent:finish(cut, "truncated", self:rows(final, cut)) end
    if #going > 0 then agent:observe(going, self:rows(observation, going)) end
    agent:learn()
    self:checkpoint()
  end
  self:act(observation, acting)
end

--- An action for each row by the mean (or the most probable one), of which nothing is recorded.
function Session:judge(bytes)
  local action = self.agent:act(self.all, self:rows(bytes, self.all), self.recipe.eval.action, false)
  write_frame("A", action:bytes())
end

function Session:save()
  local done, message = self.agent:save(self.file)
  if not done then fail("%s", message) end
  self.saved = self.steps
end

function Session:checkpoint()
  local every = self.recipe.train.checkpoint
  if every > 0 and self.steps - self.saved >= every then self:save() end
end

--- Until the other side says that it is done.
function Session:serve()
  while true do
    local letter, bytes = read_frame(self.sizes)
    if letter == "S" then self:step(bytes) end
    if letter == "M" then self:judge(bytes) end
    if letter == "E" then break end
  end
  self.agent:finish_all "truncated" -- so that whoever loads the file has all places for streams of its own
  self:save()
  write_frame("D", prl.to_json {steps = self.steps, file = self.file, metrics = self.agent:metrics()})
end

-- ---- The program ----

--- What to say of an error, and whether the other side can still be told.
local function sentence_of(err, session)
  if type(err) ~= "table" then return (tostring(err):gsub("^[^\n]-serve%.lua:%d+: ", "")), true end
  if err.sentence then return err.sentence, true end
  if not session then return "serve.lua: nobody speaks at the other end", false end
  local saved, message = session.agent:save(session.file)
  return ("serve.lua: the other side ended without a word after %d steps; %s"):format(session.steps,
    saved and "the agent as it was then is in " .. session.file or message), false
end

local path, file = arg[1], arg[2]
if not file then
  io.stderr:write("usage: perilune lua serve.lua RECIPE FILE [PATH=VALUE …]\n")
  os.exit(2)
end
posix.signal(posix.SIGPIPE, posix.SIG_IGN) -- a write to nobody fails; what was learned is saved then
local session
local ok, err = pcall(function()
  session = new_session(path, file, {unpack(arg, 3)})
  session:serve()
end)
if not ok then
  local sentence, heard = sentence_of(err, session)
  if not (heard and pcall(write_frame, "F", sentence)) then io.stderr:write(sentence, "\n") end
  os.exit(1)
end
