--- A/B tests as production runs them: users split by hash, each arm with a learner of its own that has its share of the traffic and
--- nothing else, over the same simulated days of one world; and A/A, a second share of one arm. Each seed is a test of its own, with
--- its own world, users and learners.
---
---     ab.check(plan)                  -- before anything is trained
---     ab.run(plan, {jobs = 2})        -- the tests that are left
---     ab.read(plan, world)            -- [stats/ab.lua's test], one for each seed

local failure = require "perilune.failure"
local paths = require "perilune.paths"
local posix = require "posix"
local prl = require "perilune"
local drivers = require "perilune.trainer.drivers"
local experiment = require "perilune.trainer.experiment"
local jobs = require "perilune.trainer.jobs"
local split = require "perilune.stats.split"
local traffic = require "perilune.trainer.traffic"

local ab = {}

local format_name = "perilune ab 1"

--- The sizes of a plan's test: {users, days, from, set}; nil: it has none.
function ab.sizes(plan)
  local said = plan.said.ab
  return said and (plan.fast and said.fast or said)
end

--- The shares of a test: [{name, arm (of plan.said.arms; nil: a control that is none), of = the arm's name}], A/A last.
function ab.shares(plan)
  local list, said = {}, plan.said
  local function add(name, arm, of) list[#list + 1] = {name = name, arm = arm, of = of} end
  local by_name = {}
  for _, arm in ipairs(said.arms) do
    add(arm.name, arm, arm.name)
    by_name[arm.name] = arm
  end
  if not by_name[said.control] then add(said.control, nil, said.control) end
  add("A/A", by_name[said.ab.aa], said.ab.aa)
  return list
end

--- Refuses what no learner could do beside others: a search, a chain, a control group, an environment whose users cannot be divided.
function ab.check(plan)
  if not plan.said.ab then return end
  local function refuse(arm, message) experiment.refuse(plan, "ab", ("the arm %s %s"):format(arm.name, message)) end
  local said, world = plan.said.ab, plan.said.worlds[1]
  for _, arm in ipairs(plan.said.arms) do
    local whole = experiment.recipe(plan, arm, world, said.set, "ab.set")
    local fast = experiment.recipe(plan, arm, world, said.fast.set, "ab.fast.set")
    local loaded = plan.fast and fast or whole
    if arm.stages > 1 then refuse(arm, "has stages, and an arm of an A/B test begins with one recipe") end
    if not drivers.of_algorithm(loaded.algorithm).planned(loaded).steps then
      refuse(arm, "is a search, which tries one policy after another; an arm of an A/B test learns while it serves")
    end
    if loaded.recipe.agent.baseline then refuse(arm, "has a control group of its own (agent.baseline)") end
    if loaded.env.couples then refuse(arm, "learns from pairs of users who meet the same chances, which live users do not") end
    if loaded.env.kind == "lua" then refuse(arm, "has an environment in Lua, whose users cannot be served one by one") end
  end
end

-- ---- one test ----

-- Each share of one test has a learner whose numbers are drawn anew.
local function seed_of(seed, share) return seed * 1000 + share end

local function salt(plan, seed) return ("%s %.0f"):format(plan.said.name, seed) end

-- A share's agent. Its recipe has room for the steps that are open, one of each user, and for those of two updates.
local function learner(plan, world, share, number, seed, users)
  local set = ab.sizes(plan).set
  local loaded = experiment.recipe(plan, share.arm, world, set)
  local recipe, more = loaded.recipe, {["agent.streams"] = math.max(users, loaded.env.n), ["train.seed"] = seed_of(seed, number)}
  local rollout = recipe.algorithm.rollout
  if recipe.agent.rows == 0 then
    more["agent.rows"] = 2 * users + 2 * (type(rollout) == "number" and rollout or 1) * loaded.env.n
  end
  for path, value in pairs(set) do more[path] = value end
  local own = experiment.recipe(plan, share.arm, world, more)
  return (failure.check_recipe(failure.of_recipe(own.path, prl.recipe.agent, own)))
end

-- What a learner did: for the table's footer.
local function told_of(agent)
  local metrics = agent:metrics()
  return {steps = metrics.steps, updates = metrics.updates, dropped = metrics.dropped_steps}
end

local function test(plan, world, seed, path, key)
  local sizes, shares = ab.sizes(plan), ab.shares(plan)
  local users, list = split.users(sizes.users, #shares, salt(plan, seed)), {}
  local loaded = plan.arms[1].loaded[world.name]
  for s, share in ipairs(shares) do
    list[s] = {users = users[s], agent = share.arm and learner(plan, world, share, s, seed, #users[s])}
  end
  local served = traffic.new {about = loaded.env, spec = loaded.spec, users = sizes.users, seed = seed, days = sizes.days, shares = list}
  local sums, learned = served:serve(), {}
  for s, share in ipairs(list) do learned[s] = share.agent and told_of(share.agent) or {} end
  failure.check(prl.io.safetensors_write(path, {{"sums", sums}}, {format = format_name, key = key,
    columns = table.concat(served.names, "\n"), learned = prl.to_json(learned)}))
end

-- ---- all tests ----

local function place(plan, world, seed)
  return ("%s/ab/%s/seed-%.0f.safetensors"):format(plan.root, paths.word(world.name), seed)
end

-- What a test's numbers come from, but for its seed.
local function key_of(plan, world)
  local sizes, hashes = ab.sizes(plan), {}
  for i, share in ipairs(ab.shares(plan)) do
    hashes[i] = share.arm and experiment.recipe(plan, share.arm, world, sizes.set).hash or share.name
  end
  return prl.hash {hashes = hashes, users = sizes.users, days = sizes.days, name = plan.said.name}
end

-- The tensors and metadata of a test that was made with this key; nil where there is none.
local function load(path, key)
  if not posix.stat(path) then return nil end
  local tensors, metadata, _, digested = failure.check(prl.io.safetensors_read(path))
  if metadata.format ~= format_name or not digested or metadata.key ~= key then return nil end
  return tensors, metadata
end

--- Makes the tests that are left, each in a process of its own. options: jobs, quiet.
function ab.run(plan, options)
  if not plan.said.ab then return end
  local prepared = {}
  for _, world in ipairs(plan.said.worlds) do
    local key = key_of(plan, world)
    for _, seed in ipairs(plan.seeds) do
      local path = place(plan, world, seed)
      if not load(path, key) then
        paths.make(paths.parent(path))
        prepared[#prepared + 1] = {job = {name = ("the A/B test in %s with seed %.0f"):format(world.name, seed)},
          log = (path:gsub("%.safetensors$", ".log")), work = function() test(plan, world, seed, path, key) end}
      end
    end
  end
  jobs.carry_out(prepared, options.jobs, {quiet = options.quiet, root = plan.root})
end

-- The columns that the plan's metrics are made of.
local function wanted(plan)
  local set = {}
  for _, metric in ipairs(plan.metrics) do
    for name in pairs(type(metric.of) == "table" and metric.of or {[metric.of] = true}) do set[name] = true end
    if metric.per then set[metric.per] = true end
  end
  return set
end

--- The tests of a world, one for each seed: [{shares = [{name, of, users, learned}], columns = {name = {each user's days, one after
--- the other}} of the plan's metrics, days, from}].
function ab.read(plan, world)
  local list, sizes, key, want = {}, ab.sizes(plan), key_of(plan, world), wanted(plan)
  for i, seed in ipairs(plan.seeds) do
    local tensors, metadata = load(place(plan, world, seed), key)
    if not tensors then failure.run(("%s is no A/B test of this experiment"):format(place(plan, world, seed))) end
    local shares, columns, at = ab.shares(plan), {}, 0
    local users, learned = split.users(sizes.users, #shares, salt(plan, seed)), prl.from_json(metadata.learned)
    for s, share in ipairs(shares) do share.users, share.learned = users[s], learned[s] end
    for name in metadata.columns:gmatch("[^\n]+") do
      at = at + 1
      if want[name] then columns[name] = tensors.sums[at]:totable() end
    end
    list[i] = {shares = shares, columns = columns, days = sizes.days, from = sizes.from}
  end
  return list
end

return ab
