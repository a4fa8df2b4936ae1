--- Every command gives the same bytes in ten processes, whatever order their tables have: what it prints and what it writes,
--- but for what the clock says (dates, durations, speeds).
local command = require "support.command"
local files = require "support.files"
local small_log = require "support.small_log"
local small_world = require "support.small_world"

local processes = 10

local pole = [[
return {
  env = {"cartpole", n = 4},
  objective = {critics = {
    upright = {reward = function(r) return r.reward end, gamma = 0.98},
    often = {reward = function(r) return 2 * r.reward end, gamma = 0.5},
  }},
  policy = {hidden = {16}},
  algorithm = {"ppo", rollout = 64, minibatch = 64, epochs = 2},
  train = {steps = 512},
  eval = {every = 256, episodes = 5},
}
]]

local feed = [[
return {
  env = {"shortvideo", n = 8},
  objective = {critics = {watch_time = {scale = 100}, likes = {reward = function(r) return r.like + 2 * r.share end}}},
  policy = {hidden = {8}, bounded = true},
  algorithm = {"a2c", rollout = 4},
  train = {steps = 64},
  eval = {users = 6, days = 1, beside = {half = {watch = 0.5}, some = {comment = 0.3}}, groups = {"activity"},
    front = {x = "watch_time", y = {"like"}, vectors = {{watch = 1, like = 0.5}}}},
}
]]

local cem = [[
return {
  env = {"shortvideo", n = 8},
  objective = {critics = {watch_time = {scale = 100}, likes = {reward = function(r) return r.like end}}},
  algorithm = {"cem", generations = 2, population = 4, elites = 2, users = 2, days = 1},
  eval = {users = 4, days = 1},
}
]]

-- A recipe whose data is summed and listed on the way through tables, and an algorithm and an environment of one's own that
-- do the same.
local summed = [[
local parts, sum, list = {[true] = 0.7, [2.5] = 0.1}, 0, {}
for i = 1, 40 do parts["part" .. i] = 1 / i^3 end
for name, x in pairs(parts) do
  sum = sum + x
  list[#list + 1] = tostring(name)
end
for name, x in next, parts do sum = sum / 3 + x end
return {
  env = {lua = "tank.lua", n = 2}, algorithm = {lua = "./own.lua"}, tags = list,
  objective = {critics = {reward = {weight = sum}}}, policy = {hidden = {4}}, train = {steps = 64},
  eval = {every = 0, episodes = 3},
}
]]
local own = [[
local algorithm = {actions = {"discrete", "continuous"}, options = {rollout = {8, structural = true, min = 1}}}
local nets = {}
for i = 1, 20 do nets["n" .. i] = 1 / i^3 end
local sum = 0
for _, x in pairs(nets) do sum = (sum + x) / 1.7 end
algorithm.options.share = {sum}
function algorithm.build(learn, opt)
  return {learn:collect(opt.rollout), learn:estimate {lambda = 1}, learn:publish()}
end
return algorithm
]]
local tank = [[
local sizes = {}
for i = 1, 30 do sizes["s" .. i] = i end
return {
  observation = {"level"}, action = {"continuous", flow = {-1, 1}}, responses = {reward = {}},
  max_steps = 8,
  reset = function(self)
    self.level = 0
    for _, size in pairs(sizes) do self.level = self.level + math.random() / size end
    table.foreach(sizes, function(_, size) self.level = self.level * 0.9 + math.random() / size end)
    return {self.level}
  end,
  step = function(self, action)
    for _, size in next, sizes do self.level = self.level * 0.99 + math.random() / size end
    return {self.level}, {reward = self.level - action.flow ^ 2}
  end,
}
]]

local commands = {
  "check summed.lua --trust", "check pole.lua", "check fit/recipe.lua", "describe", "describe env shortvideo", "describe fit",
  "describe algorithm ppo", "train pole.lua -q", "eval runs/pole-*", "eval runs/pole-* --json", "report runs/pole-*",
  "train feed.lua -q", "eval runs/feed-*", "eval runs/feed-* --json", "report runs/feed-*", "train cem.lua -q",
  "train summed.lua -q --trust", "eval runs/summed-* --trust --json",
  "compare pole.lua pole.lua --seeds 2 -q --out compared", "compare runs/pole-* runs/pole-* --out same",
  "sweep pole.lua --set algorithm.lr=1e-3,1e-4 --seeds 2 -q --out swept",
  "fit fit/recipe.lua --data fit -q --set train.epochs=1 --seeds 2 --runs fitted",
  "fit world/recipe.lua --data world -q --set train.epochs=1 --out made/world.safetensors",
  "lua -e 'print(prl.nn.mlp {4, 8, 2})'",
  "check wrong.lua", "check pole.lua --set train.stps=1 --set eval.evry=1",
}

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

-- TensorBoard's records without their wall time (bytes 2 to 9 of each) and their check sums.
local function without_times(events)
  local kept, at = {}, 1
  while at <= #events do
    local a, b = events:byte(at, at + 1)
    local length = a + 256 * b
    kept[#kept + 1] = events:sub(at + 12 + 9, at + 12 + length - 1)
    at = at + 12 + length + 4
  end
  return table.concat(kept, "\n")
end

-- What the clock says is left out.
local function timeless(text)
  return (text:gsub("%d%d%d%d%d%d%d%d%-%d%d%d%d%d%d", "DATE"):gsub("%d%d%d%d%-%d%d%-%d%d %d%d:%d%d", "DATE")
    :gsub('"seconds": ?[%d.e-]+', "SECONDS"):gsub("<b>[^<]*</b><span>of %a+ing[^<]*", "SPEED")
    :gsub("in %d[%w. ]- s%.", "in SECONDS."):gsub(", %d+ s([:.])", ", SECONDS%1"))
end

-- A checkpoint's state names its event file, which is called after the time and the process, and has a digest of that.
local function without_event_file(state)
  return (state:gsub('"digest": "%x+"', "DIGEST", 1):gsub('"events%.out%.tfevents%.[^"]*"', "EVENTS", 1))
end

local function files_below(root) return files.lines(("cd '%s' && find . -type f | sort"):format(root)) end

-- {what = bytes}: of each command what it printed and its code, and every file that was left. Each time in the same folder,
-- since a run keeps the places of its files.
local function run_all(above)
  local result, root = {}, above .. "/here"
  assert(os.execute(("rm -rf '%s' && cp -r '%s/start' '%s'"):format(root, above, root)) == 0)
  for _, words in ipairs(commands) do
    local out, err, code = command.run(root, words)
    result["$ " .. words] = timeless(("%s%s(%d)"):format(out, err, code))
  end
  for _, path in ipairs(files_below(root)) do
    local text = files.read(root .. "/" .. path)
    if path:find("tfevents", 1, true) then
      result[timeless(path):gsub("tfevents.*", "tfevents")] = without_times(text)
    elseif path:find("/step%-%d+%.json$") then
      result[timeless(path)] = without_event_file(text)
    elseif path ~= "./out" and path ~= "./err" then
      result[timeless(path)] = timeless(text)
    end
  end
  return result
end

-- Where two texts part, with what stands around.
local function parting(a, b)
  local at = 1
  while a:byte(at) and a:byte(at) == b:byte(at) do at = at + 1 end
  return ("%q against %q"):format(a:sub(math.max(at - 40, 1), at + 60), b:sub(math.max(at - 40, 1), at + 60))
end

describe("ten processes", function()
  local root

  setup(function()
    root = files.folder()
    local first = root .. "/start"
    assert(os.execute(("mkdir -p '%s/fit' '%s/world'"):format(first, first)) == 0)
    for name, text in pairs {["pole.lua"] = pole, ["feed.lua"] = feed, ["cem.lua"] = cem, ["summed.lua"] = summed,
      ["own.lua"] = own, ["tank.lua"] = tank, ["wrong.lua"] = "return {env = 'cartpole', evn = 1, trian = 2, polciy = 3}"} do
      write(first .. "/" .. name, text)
    end
    small_log.write(first .. "/fit")
    small_world.write(first .. "/world")
  end)

  it("give the same bytes", function()
    local first = run_all(root)
    for _, words in ipairs(commands) do
      local refused = words:find("wrong", 1, true) or words:find("stps", 1, true)
      assert.truthy(first["$ " .. words]:find(refused and "(2)" or "(0)", 1, true), words .. "\n" .. first["$ " .. words])
    end
    for _ = 2, processes do
      local other, different = run_all(root), {}
      for what, bytes in pairs(first) do
        if other[what] ~= bytes then
          different[#different + 1] = what .. (other[what] and ": " .. parting(bytes, other[what]) or " is missing")
        end
      end
      for what in pairs(other) do
        if not first[what] then different[#different + 1] = what .. " is new" end
      end
      table.sort(different)
      assert.same({}, different)
    end
  end)
end)
