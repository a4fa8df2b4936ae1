--- The traffic of an A/B test: what it counts is what a panel counts, and an agent learns from its own share alone.

local files = require "support.files"
local prl = require "perilune"
local environment = require "perilune.trainer.environment"
local traffic = require "perilune.trainer.traffic"

local recipe = [[
return {
  name = "feed",
  env = {"shortvideo", n = 4, preset = "strong"},
  objective = {critics = {watch_time = {gamma = 0.9, scale = 10}}},
  policy = {hidden = {8}, bounded = true},
  algorithm = {"a2c", rollout = 8},
  train = {steps = 2000, seed = 3},
}
]]

describe("the traffic of an A/B test", function()
  local path

  before_each(function() path = files.write(recipe) end)

  local function load(more)
    local set = {}
    for name, value in pairs(more or {}) do set[#set + 1] = ("%s=%s"):format(name, value) end
    return assert(prl.recipe.load(path, {set = set}))
  end

  local function serve(shares, days, seed)
    local loaded = load()
    local made = traffic.new {about = loaded.env, spec = loaded.spec, users = 12, seed = seed, days = days, shares = shares}
    return made:serve(), made
  end

  local function range(first, last)
    local list = {}
    for user = first, last do list[#list + 1] = user end
    return list
  end

  it("counts of the zero action what a panel counts, user by user and day by day", function()
    local sums, made = serve({{users = range(1, 5)}, {users = range(6, 12)}}, 3, 7)
    local loaded = load()
    local action = {}
    for i = 1, #loaded.spec.action.names do action[i] = 0 end
    local panel = assert(prl.panel("shortvideo", environment.world(loaded.env.options), {users = 12, days = 3, seed = 7,
      constant = action}))
    for c, name in ipairs(made.names) do
      for user = 1, 12 do
        for day = 1, 3 do
          assert.equal(panel:get(user, day, c), sums:get(c, (user - 1) * 3 + day), name)
        end
      end
    end
  end)

  it("gives each learner the requests of its own users and no others", function()
    local function learner(users)
      local loaded = load {["agent.streams"] = users, ["agent.rows"] = 200}
      return assert(prl.recipe.agent(loaded))
    end
    local a, b = learner(5), learner(6)
    local shares = {{users = range(1, 5), agent = a}, {users = range(6, 11), agent = b}, {users = {12}}}
    local sums, made = serve(shares, 2, 1)
    local requests
    for c, name in ipairs(made.names) do requests = name == "requests" and c or requests end
    for _, share in ipairs {shares[1], shares[2]} do
      local own = 0
      for _, user in ipairs(share.users) do
        own = own + sums:get(requests, (user - 1) * 2 + 1) + sums:get(requests, (user - 1) * 2 + 2)
      end
      local metrics = share.agent:metrics()
      assert.equal(own, metrics.steps)
      assert.equal(0, metrics.dropped_steps)
      assert.is_true(metrics.updates >= math.floor(own / 32) - 2)
    end
  end)

  it("lets a user's days depend on their own share alone", function()
    local function learner() return assert(prl.recipe.agent(load {["agent.streams"] = 5, ["agent.rows"] = 200})) end
    local one = serve({{users = range(1, 5), agent = learner()}, {users = range(6, 12)}}, 2, 1)
    local other = serve({{users = range(1, 5), agent = learner()},
      {users = range(6, 12), agent = assert(prl.recipe.agent(load {["agent.streams"] = 7, ["agent.rows"] = 200}))}}, 2, 1)
    local differs = false
    for c = 1, one:size(1) do
      for place = 1, 24 do
        if place <= 10 then assert.equal(one:get(c, place), other:get(c, place)) end
        differs = differs or one:get(c, place) ~= other:get(c, place)
      end
    end
    assert.is_true(differs)
  end)
end)
