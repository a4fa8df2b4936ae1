--- The rows that time single updates of agents that a host serves. `bench` is what rows_lua.c gives; median(list).
local bench, median = ...
local prl = require "perilune"

local updates = {}

local function timed(work)
  return function()
    local begun = select(2, bench.now())
    work()
    return select(2, bench.now()) - begun
  end
end

--- An update of an agent that a host serves: collects its rows, and returns what learning alone takes. about: {plan = …,
--- streams, steps}.
local function feeder(about)
  local agent, streams = prl.agent(about.plan), {}
  local spec = agent:spec()
  for i = 1, about.streams do streams[i] = i end
  streams = prl.tensor(streams, "int64")
  local rows = prl.randn(about.streams, #spec.observation.names)
  local responses = prl.rand(about.streams, #spec.responses)
  return function()
    for _ = 1, about.steps do
      local _, decisions = agent:act(streams, rows)
      agent:feedback(decisions, responses)
    end
    agent:observe(streams, rows)
    local begun = select(2, bench.now())
    agent:learn()
    return select(2, bench.now()) - begun
  end
end

--- Two kinds of work by turns, each of which returns what it took: the first's time and its ratio to the second's.
function updates.by_turns(first, second)
  local times, ratios = {}, {}
  for i = 1, 45 do
    local a, b = first(), second()
    if i > 5 then times[#times + 1], ratios[#ratios + 1] = a, a / b end
  end
  return median(times), median(ratios)
end

--- An update of an agent of `about` beside the bare kernels of so many policies and critics (rows, bootstraps and widths are
--- host_plan's).
local function beside_kernels(about, policies, critics)
  return updates.by_turns(feeder(about), timed(bench.update {rows = about.streams * about.steps, bootstraps = about.streams,
    observations = 32, actions = 4, policies = policies, critics = critics}))
end

--- The plan of a host's recipe of the shape of shortvideo: 256 streams of 8 steps, with these critics and further lines.
local function host_plan(critics, policy, algorithm, more, steps)
  local names = {}
  for i = 1, 32 do names[i] = ("%q"):format("o" .. i) end
  local path = os.tmpname()
  assert(prl.io.write(path, ([[return {env = {"host", observation = {%s}, action = {"continuous", a = {-1, 1}, b = {-1, 1}, c = {-1, 1},
    d = {-1, 1}}, responses = {w = {}, x = {}, y = {}, z = {}}}, objective = {critics = {%s}%s}, policy = {hidden = {64, 64}%s},
    algorithm = {%s, rollout = %d}, agent = {streams = %d}, train = {steps = 1e6}}]]):format(table.concat(names, ", "),
    table.concat(critics, ", "), more or "", policy or "", algorithm or '"a2c"', steps or 8, 2048 / (steps or 8))))
  local loaded, message = prl.recipe.load(path)
  os.remove(path)
  if not loaded then error(message, 0) end
  return {plan = prl.recipe.plan(loaded), streams = 2048 / (steps or 8), steps = steps or 8}
end

local four = {"w = {}", "x = {weight = 0.5}", "y = {weight = 0.25}", "z = {weight = 0.1}"}

--- An update with four critics beside one with one.
function updates.multi_critic()
  for _, about in ipairs {{"separate networks", ""}, {"a shared trunk", ', trunk = "shared"'}} do
    local product, ratio = updates.by_turns(feeder(host_plan(four, about[2])), feeder(host_plan({four[1]}, about[2])))
    bench.print("multi_critic", "a2c, 2048 rows, four critics beside one, " .. about[1], product, "us", ratio)
  end
end

--- An update with constraints on three critics beside the same without, and beside bare kernels.
function updates.constraints()
  local given = {}
  for i, name in ipairs {"x", "y", "z"} do given[i] = name .. ' = {at_least = 0.6, per = "episode"}' end
  local constrained = host_plan(four, "", nil, (", constraints = {%s}"):format(table.concat(given, ", ")))
  local product, ratio = updates.by_turns(feeder(constrained), feeder(host_plan(four, "")))
  bench.print("constraints", "a2c, 2048 rows, constraints on three of four critics beside none", product, "us", ratio)
  product, ratio = beside_kernels(constrained, 1, 4)
  bench.print("constraints", "the same beside the bare kernels of its 5 networks", product, "us", ratio)
end

--- An update of two_stage with three auxiliary responses beside one of a2c with the same critics and one policy, and beside bare
--- kernels.
function updates.two_stage()
  local staged = host_plan(four, "", '"two_stage", main = "w", first = 0, share = 1')
  local product, ratio = updates.by_turns(feeder(staged), feeder(host_plan(four, "")))
  bench.print("two_stage", "2048 rows, three auxiliary responses, beside a2c with the same critics and one policy", product, "us", ratio)
  product, ratio = beside_kernels(staged, 4, 4)
  bench.print("two_stage", "the same beside the bare kernels of its 8 networks", product, "us", ratio)
end

--- An update of ppo with random network distillation beside the bare kernels of its networks.
function updates.rnd()
  local bare, observes = bench.rnd(), {}
  for i = 1, 32 do observes[i] = ("%q"):format("o" .. i) end
  local plan = host_plan({four[1]}, "", ([["ppo", minibatch = 256, epochs = 4, exploration = {"rnd", observes = {%s}}]]):format(
    table.concat(observes, ", ")))
  local product, ratio = updates.by_turns(feeder(plan), timed(bare))
  bench.print("rnd", "an update of ppo, 2048 rows, 4 epochs, beside bare kernels", product, "us", ratio)
end

--- An update through a memory beside the bare kernels of its networks, and beside one without a memory.
function updates.gru()
  local memory = ', memory = {"gru", 64, stretch = 16}'
  local adam = '"a2c", optimizer = {"adam"}, max_norm = 1e9'
  local kernels = bench.gru()
  local product, ratio = updates.by_turns(feeder(host_plan({four[1]}, memory, adam, nil, 16)), timed(kernels))
  bench.print("gru", "a2c, 2048 rows in stretches of 16, a memory of 64, beside bare kernels", product, "us", ratio)
  product, ratio = updates.by_turns(feeder(host_plan({four[1]}, memory, adam, nil, 16)), feeder(host_plan({four[1]}, "", adam, nil, 16)))
  bench.print("gru", "the same beside an update without a memory", product, "us", ratio)
end

return updates
