--- Drivers and judges: each kind gives what the first comment of its folder's init.lua says, so that a run needs no other word
--- for a further one.
local files = require "support.files"
local prl = require "perilune"
local trainer = require "perilune.trainer"

local recipes = {
  agent_episodes = [[return {
    env = {"cartpole", n = 2}, objective = {critics = {upright = {reward = function(r) return r.reward end}}},
    policy = {hidden = {4}}, algorithm = {"a2c", rollout = 4}, train = {steps = 16}, eval = {every = 0, episodes = 1},
  }]],
  search_users = [[return {
    env = {"shortvideo", n = 2}, objective = {critics = {watch = {reward = function(r) return r.watch_time end}}},
    policy = {bounded = true}, algorithm = {"cem", population = 2, elites = 1, generations = 1, users = 2, days = 1},
    train = {steps = 16}, eval = {every = 0, users = 2, days = 1, curve = 2, baseline = "zero"},
  }]],
}

-- Words of the first comment: of a kind's file, "takes(…)" and "code_goes_on"; of its objects, "driver:advance(…)".
local function promised(folder, object)
  local text = assert(prl.io.read(("lua/perilune/trainer/%s/init.lua"):format(folder))):match("^(.-)\n\nlocal")
  local kind, methods = {}, {}
  for line in text:gmatch("%-%-%-   (%a[^\n]*)") do
    local words = line:match("^(.-)  ") or line
    for name in words:gmatch(object .. "[:.]([%w_]+)") do methods[#methods + 1] = name end
    if not words:find(object .. "[:.]") then
      for name in (words:gsub("%b()", "")):gmatch("[%w_]+") do kind[#kind + 1] = name end
    end
  end
  return kind, methods
end

describe("each kind of", function()
  local root, runs = nil, {}

  setup(function()
    root = files.folder()
    for name, text in pairs(recipes) do
      local path = ("%s/%s.lua"):format(root, name)
      assert(prl.io.write(path, text))
      runs[name] = trainer.start(assert(prl.recipe.load(path)), {root = root .. "/runs", quiet = true})
    end
  end)

  for folder, about in pairs {drivers = {"driver", "agent", "search"}, judges = {"judge", "episodes", "users"}} do
    it(folder:sub(1, -2) .. " gives what the others give", function()
      local kind, methods = promised(folder, about[1])
      assert.is_true(#kind >= 6 and #methods >= 4, #kind .. " " .. #methods)
      for i = 2, 3 do
        local file = require(("perilune.trainer.%s.%s"):format(folder, about[i]))
        for _, name in ipairs(kind) do assert.not_nil(file[name], about[i] .. " gives no " .. name) end
      end
      for name, run in pairs(runs) do
        for _, method in ipairs(methods) do assert.not_nil(run[about[1]][method], name .. " has no " .. method) end
      end
    end)
  end
end)
