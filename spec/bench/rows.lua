--- The rows that drive the product from Lua. `bench` is what rows_lua.c gives: the clock and the yardsticks.
local bench = ...
local prl = require "perilune"
local environment = require "perilune.trainer.environment"

local repetitions = 5

local function recipe(name) return bench.root .. "/recipes/" .. name .. ".lua" end

--- The agent of a recipe, and how to make its environment.
local function load(name, set)
  local loaded, message = prl.recipe.load(recipe(name), {set = set})
  if not loaded then error(message, 0) end
  local plan = prl.recipe.plan(loaded)
  local function make_env(seed) return assert(environment.make(loaded.env, loaded.env.n, seed)) end
  return plan, make_env
end

local function metric(agent, name)
  for key, value in pairs(agent:metrics()) do
    if key == name then return value end
  end
end

local function median(values)
  table.sort(values)
  return values[math.ceil(#values / 2)]
end

local updates = assert(loadfile(bench.root .. "/spec/bench/rows_updates.lua"))(bench, median)

-- A new folder, which is removed after body(folder).
local function with_folder(body)
  local posix = require "posix"
  local folder = os.tmpname()
  os.remove(folder)
  assert(posix.mkdir(folder))
  local results = {pcall(body, folder)}
  os.execute("rm -rf '" .. folder .. "'")
  if not results[1] then error(results[2], 0) end
  return unpack(results, 2)
end

-- ---- Programs ----

local function infer_lua()
  local times = 200
  local net = prl.nn.mlp {4, 64, 64, 2, activation = "tanh"}
  local program = prl.program(function(x) return net(x) end, prl.randn(1, 4))
  local function replay()
    for _ = 1, times do program:run() end
  end
  local product, _, ratio = bench.pair(replay, bench.infer(times), 21)
  bench.print("infer_lua", "program 4-64-64-2 b1, run from Lua", product / times, "ns", ratio)
end

local function program_overhead()
  local times = 1000
  local program = prl.program(function(x) return -x end, prl.zeros(1))
  local function replay()
    for _ = 1, times do program:run() end
  end
  bench.print("program_overhead", "one op on one number, run from Lua", bench.alone(replay, 21) / times, "ns")
end

-- ---- Agents ----

--- A whole run, from a plan to a learned policy; the return is that of its last episodes.
local function ppo_run(name, activation)
  local steps = 307200
  local plan, make_env = load("pendulum/ppo", {"policy.activation=" .. activation})
  local returns = {}
  local function run()
    local agent, env = prl.agent(plan), make_env(1)
    agent:drive(env, steps)
    returns[#returns + 1] = metric(agent, "episodic_return/swing")
    agent:free()
    env:free()
  end
  local product, yardstick, ratio = bench.pair(run, bench.ppo(activation), repetitions)
  bench.print(name, activation .. ", 307200 steps, bare kernels", yardstick / 1e9, "s")
  bench.print(name, activation .. ", 307200 steps, all in", product / 1e9, "s", ratio)
  bench.print(name, activation .. ", return of the last episodes", returns[1], "")
end

--- A whole run from a replay memory, of the recipe with the settings of the yardstick.
local function replay_run(name, path, overrides, which)
  local plan, make_env = load(path, overrides)
  local function run()
    local agent, env = prl.agent(plan), make_env(1)
    agent:drive(env, 10000)
    agent:free()
    env:free()
  end
  local product, yardstick, ratio = bench.pair(run, bench.replay(which), repetitions)
  bench.print(name, which .. ", 10000 steps, bare kernels", yardstick / 1e9, "s")
  bench.print(name, which .. ", 10000 steps, all in", product / 1e9, "s", ratio)
end

local function sac_pendulum()
  replay_run("sac_pendulum", "pendulum/sac", {"env.n=1", "policy.hidden={64,64}", "algorithm.minibatch=100", "algorithm.updates=1",
    "algorithm.start=1000"}, "sac")
end

local function dqn_cartpole()
  replay_run("dqn_cartpole", "cartpole/dqn", {"env.n=1", "policy.hidden={64,64}", "algorithm.rollout=4", "algorithm.minibatch=64",
    "algorithm.updates=0.25", "algorithm.start=1000", "algorithm.steps=1"}, "dqn")
end

local function a2c_step()
  local plan, make_env = load "cartpole/a2c"
  local agent, env = prl.agent(plan), make_env(1)
  local function update() agent:drive(env, 1e6, true) end
  bench.print("a2c_step", "cartpole, 16 streams of 8 steps, acting and environment in it",
    bench.alone(update, 21) / 1e3, "us")
end

local function rollout()
  for _, n in ipairs {4, 64, 1024} do
    local plan = load("pendulum/ppo", {"env.n=" .. n})
    local agent, env = prl.agent(plan), prl.env("pendulum", {n = n, seed = 1})
    local episodes = n
    local function run() agent:evaluate(env, episodes, "sample") end
    bench.print("rollout", ("pendulum, %d streams: act and step, nothing recorded"):format(n),
      episodes * 200 * 1e9 / bench.alone(run, repetitions), "steps/s")
  end
end

--- Overshoot of learn(500 µs) where the budget ended it. The machine's clock counts what others take from this
--- process; the processor's does not.
local function learn_budget()
  local budget, wanted = 500, 2000
  local plan, make_env = load "pendulum/ppo"
  local agent, env = prl.agent(plan), make_env(1)
  local streams = prl.tensor({1, 2, 3, 4}, "int64")
  local observations = env:reset()
  local over, over_processor, steps = {}, {}, 0
  while #over < wanted do
    local actions, decisions = agent:act(streams, observations)
    local responses
    observations, responses = env:step(actions)
    agent:feedback(decisions, responses)
    steps = steps + 1
    if steps % 200 == 0 then -- all of its episodes end by time
      for stream = 1, 4 do agent:finish(stream, "truncated") end
    end
    repeat
      local begun, begun_processor = bench.now()
      local progress = agent:learn(budget)
      local ended, ended_processor = bench.now()
      if ended - begun >= budget then
        over[#over + 1] = ended - begun - budget
        over_processor[#over_processor + 1] = math.max(0, ended_processor - begun_processor - budget)
      end
    until progress.waiting
  end
  for _, about in ipairs {{"the machine's clock", over}, {"processor time", over_processor}} do
    table.sort(about[2])
    bench.print("learn_budget", "overshoot of learn(500 us), 99 of 100, " .. about[1],
      about[2][math.ceil(0.99 * #about[2])], "us")
  end
end

--- Allocations of C and bytes of Lua over 1,000 updates after warm-up.
local function steady_allocations()
  for _, about in ipairs {{"ppo", "pendulum/ppo", {"algorithm.rollout=64", "algorithm.minibatch=64"}}, {"a2c", "cartpole/a2c"}} do
    local plan, make_env = load(about[2], about[3])
    local agent, env = prl.agent(plan), make_env(1)
    local function learn(count)
      for _ = 1, count do agent:drive(env, 1e9, true) end
    end
    if jit then jit.off(learn) end -- the machine code of its loop would count as bytes of Lua
    learn(50)
    collectgarbage()
    collectgarbage "stop"
    local allocations = prl.memory().allocations
    local bytes = collectgarbage "count"
    learn(1000)
    bytes = (collectgarbage "count" - bytes) * 1024
    allocations = prl.memory().allocations - allocations
    collectgarbage "restart"
    bench.print("steady_allocations", about[1] .. ", 1000 updates, C", allocations, "allocations")
    bench.print("steady_allocations", about[1] .. ", 1000 updates, Lua", bytes, "bytes")
  end
end

--- A training of a recipe, past its warm-up: a function that makes so many requests.
local function training_of(name, requests)
  local loaded = assert(prl.recipe.load(recipe(name)))
  local agent = prl.agent(prl.recipe.plan(loaded))
  local env = assert(environment.make(loaded.env, loaded.env.n, 1, nil, nil, loaded.env.couples))
  agent:drive(env, 40960)
  return function() agent:drive(env, requests) end
end

--- So many requests of the recipe's environment alone, with the actions of the starting policy.
local function world_of(name, requests)
  local _, make_env = load(name)
  local bare = make_env(1)
  local n = bare:count()
  local action = prl.randn(n, #bare:spec().action.names) * 0.25
  bare:reset()
  return function()
    for _ = 1, requests / n do bare:step(action) end
  end
end

--- Requests/s of training beside the environment alone.
local function a2c_shortvideo()
  local requests = 64 * 8 * 10
  local product, _, ratio = bench.pair(training_of("shortvideo/a2c", requests), world_of("shortvideo/a2c", requests), 7)
  bench.print("a2c_shortvideo", "64 users, training all in, beside the environment alone", requests * 1e9 / product,
    "requests/s", 1 / ratio)
end

--- The same of twins, beside a2c and beside the environment alone. A step that one waits for the other is a request here.
local function twins_shortvideo()
  local requests = 128 * 16 * 10
  local others = {{"a2c", training_of("shortvideo/a2c", requests)},
    {"the environment alone", world_of("shortvideo/twins", requests)}}
  for _, other in ipairs(others) do
    local product, _, ratio = bench.pair(training_of("shortvideo/twins", requests), other[2], 9)
    bench.print("twins_shortvideo", "64 pairs of users, training all in, beside " .. other[1], requests * 1e9 / product, "requests/s",
      1 / ratio)
  end
end

--- Requests/s of a training by two workers over those by one, in wall-clock time.
local function a3c_workers()
  local requests = 64 * 8 * 80
  local plan = load "shortvideo/a3c"
  local function training(workers)
    local agent, env = prl.agent(plan), prl.env("shortvideo", {n = 64, preset = "strong", seed = 1, parts = workers})
    agent:drive(env, 40960) -- past the warm-up
    return function()
      local begun = bench.now() -- of all threads
      agent:drive(env, requests)
      return bench.now() - begun
    end
  end
  local two, ratio = updates.by_turns(training(2), training(1))
  bench.print("a3c_workers", "shortvideo, 64 users: two workers over one", requests * 1e6 / two, "requests/s", 1 / ratio)
end

-- ---- Rankers ----

--- Rows of the recipe's shape whose ids are drawn at random: half of them from the first hundredth of the table, since
--- few videos and people make most impressions.
local function made_up(recipe_of, rows, table_rows, numbers)
  local categories = #recipe_of.categories
  local function ids(columns)
    local seldom = (prl.rand(rows, columns) * table_rows)
    local often = (prl.rand(rows, columns) * (table_rows / 100))
    return prl.where(prl.gt(prl.rand(rows, columns), 0.5), seldom, often):clamp(0, table_rows - 1)
  end
  local made = {table_rows = table_rows, sequence_lengths = {}, number_names = {}, heads = {}, priors = {}}
  local all = 0
  for _, name in ipairs {"watched", "long_viewed"} do
    local length = recipe_of.sequences[name].length
    made.sequence_lengths[#made.sequence_lengths + 1] = length
    all = all + length
  end
  for i = 1, numbers do made.number_names[i] = "n" .. i end
  made.heads = {"click", "long_view", "like", "comment", "follow", "share", "play_time"}
  for _, name in ipairs(made.heads) do made.priors[name] = 0.1 end
  local function whole(tensor)
    local list = tensor:totable()
    for _, row in ipairs(list) do
      for k, value in ipairs(row) do row[k] = math.floor(value) end
    end
    return prl.tensor(list, "int32")
  end
  made.ids, made.sequences = whole(ids(categories)), whole(ids(all))
  made.numbers = prl.randn(rows, numbers)
  made.labels = prl.gt(prl.rand(rows, #made.heads), 0.9)
  return made
end

--- Fitting (train.run of perilune fit, whole) beside bare kernels, batch by batch of the recipe in recipes/kuairand.
local function fit_rows()
  local rows, table_rows, numbers = 76800, 30000, 58
  local loaded = assert(require("perilune.fit").load(recipe "kuairand/ltr", {set = {"train.epochs=1"}}))
  local about, train = loaded.recipe, require "perilune.fit.train"
  prl.seed(1)
  local made = made_up(about, rows, table_rows, numbers)
  local training = {}
  for i = 1, rows do training[i] = i end
  local yardstick = bench.fit({batch = about.train.batch, steps = rows / about.train.batch, categories = #about.categories,
    sequences = #made.sequence_lengths, length = made.sequence_lengths[1], width = about.model.width, table = table_rows,
    hidden1 = about.model.hidden[1], hidden2 = about.model.hidden[2], heads = #made.heads},
    prl.concat({made.ids, made.sequences}, 2), made.numbers)
  local product, _, ratio = bench.pair(function() train.run(about, made, training, 1) end, yardstick, repetitions)
  bench.print("fit_rows", ("batch %d, rows made up, beside bare kernels"):format(about.train.batch),
    product / (rows / about.train.batch) / 1e3, "us/step", ratio)
end

--- Panels on two threads beside one, by the clock of the wall: the only way to see that they ran at the same time. So
--- the ratio means something on a quiet machine alone.
--- Whole runs by the clock of the wall need both cores: beside the median stand the best runs, and what the
--- machine gave to two threads that only spin, by turns with the runs.
local function eval_threads(folder)
  local plan = load "shortvideo/a2c"
  local agent, file = prl.agent(plan), folder .. "/agent"
  assert(agent:save(file))
  local users, turns, same = 4096, 7, nil
  local function judge(threads)
    local begun, work_begun = bench.now()
    local sums = assert(prl.panel("shortvideo", nil, {users = users, days = 1, seed = 7, agent = file, threads = threads}))
    local ended, work_ended = bench.now()
    local bytes = prl.to_json(sums:totable())
    same = (same == nil or same == bytes) and bytes or false
    return ended - begun, work_ended - work_begun
  end
  local function spin(threads)
    local begun = bench.now()
    for _ = 1, 2 / threads do bench.spin(threads) end
    return bench.now() - begun
  end
  local one, two, one_spin, two_spin, ratios, spins, work = {}, {}, {}, {}, {}, {}, {}
  for i = 1, turns do
    local work_one, work_two
    two[i], work_two = judge(2)
    one[i], work_one = judge(1)
    two_spin[i], one_spin[i] = spin(2), spin(1)
    ratios[i], work[i], spins[i] = one[i] / two[i], work_two / work_one, one_spin[i] / two_spin[i]
  end
  if not same then error("eval_threads: two threads gave other numbers than one", 0) end
  local function best(values) return math.min(unpack(values)) end
  bench.print("eval_threads", ("%d user-days, two threads beside one, same bytes"):format(users),
    users * 1e6 / median(two), "user-days/s", median(ratios))
  bench.print("eval_threads", ("the same, the best of %d runs of each"):format(turns), users * 1e6 / best(two),
    "user-days/s", best(one) / best(two))
  bench.print("eval_threads", "what the machine gave: two threads that spin, median", median(two_spin) / 1e3, "ms", median(spins))
  bench.print("eval_threads", "the same, best", best(two_spin) / 1e3, "ms", best(one_spin) / best(two_spin))
  bench.print("eval_threads", "processor time of two threads over that of one, at any load", 100 * median(work), "%")
end

-- ---- The executable, and real logs ----

local function executable()
  local file = assert(io.open("/proc/self/cmdline", "rb"))
  local path = file:read("*a"):match("^[^%z]+")
  file:close()
  return (path:match("^(.*/)") or "./") .. "perilune"
end

local function startup()
  local product, ratios = {}, {}
  for i = 1, 15 do
    local mine, _, code = bench.process {executable(), "check", bench.root .. "/recipes/quickstart.lua"}
    if code ~= 0 then error(executable() .. " check ended with " .. code, 0) end
    local bare = bench.process {"luajit", "-e", ""}
    product[i], ratios[i] = mine, mine / bare
  end
  bench.print("startup", "perilune check quickstart.lua beside luajit -e ''", median(product), "ms", median(ratios))
end

local function resident()
  local _, peak, code = with_folder(function(folder)
    return bench.process {executable(), "train", recipe "cartpole/ppo", "--quiet", "--runs", folder}
  end)
  if code ~= 0 then error(executable() .. " train ended with " .. code, 0) end
  bench.print("resident", "perilune train cartpole/ppo.lua, peak", peak, "MB")
end

--- Bytes of a training that each further user takes, beyond those of the users themselves, at its peak.
local function user_memory()
  local users, few = 65536, 1024
  local function peak(n)
    local _, megabytes, code = bench.process {executable(), "lua", bench.root .. "/spec/bench/drive.lua",
      recipe "shortvideo/a2c", tostring(n)}
    if code ~= 0 then error(executable() .. " lua drive.lua ended with " .. code, 0) end
    return megabytes * 2 ^ 20
  end
  local _, make_env = load("shortvideo/a2c", {"env.n=" .. users})
  local before = prl.memory().live_bytes
  local env = make_env(1)
  local world = (prl.memory().live_bytes - before) / env:count()
  local all = (peak(users) - peak(few)) / (users - few)
  bench.print("user_memory", ("a2c of shortvideo, %d users, beyond the %.0f bytes of the world"):format(users, world),
    all - world, "bytes")
end

-- Three times two runs, at once and one after the other: train(limit) → ns. By the clock of the wall: with eval_threads, rows
-- that mean something on a quiet machine alone.
local function two_at_once(name, case, train)
  local product, ratios = {}, {}
  for i = 1, 3 do
    local two = train(2)
    product[i], ratios[i] = two / 1e6, train(1) / two
  end
  bench.print(name, case, median(product), "s", median(ratios))
end

local function run_all(name, jobs, limit)
  local begun = bench.now()
  require("perilune.trainer.pool").run(jobs, limit, function(job, ok)
    if not ok then error(name .. ": " .. prl.io.read(job.log), 0) end
  end, executable())
  return bench.now() - begun
end

--- Two runs at once, as a sweep trains them, beside the same two one after the other.
local function sweep_jobs()
  with_folder(function(folder)
    two_at_once("sweep_jobs", "two trainings of shortvideo/a2c at once, beside one after the other", function(limit)
      local jobs = {}
      for seed = 1, 2 do
        jobs[seed] = {log = ("%s/%d.log"):format(folder, seed), words = {"train", recipe "shortvideo/a2c", "--quiet", "--seed",
          tostring(seed), "--runs", folder, "--threads", "1", "--set", "train.steps=2e5", "--set", "eval.every=0", "--set",
          "eval.users=512"}}
      end
      return run_all("sweep_jobs", jobs, limit)
    end)
  end)
end

--- An experiment of two arms, one seed, whole: its runs, their judgement and its page; --jobs 2 beside --jobs 1.
local function experiment_jobs()
  with_folder(function(folder)
    local count = 0
    two_at_once("experiment_jobs", "an experiment of two arms of shortvideo, two runs at once, beside one after the other", function(limit)
      count = count + 1
      return run_all("experiment_jobs", {{log = folder .. "/log", words = {"experiment", recipe "shortvideo/live_bandit", "--fast",
        "--seeds", "1", "--quiet", "--jobs", tostring(limit), "--out", ("%s/%d"):format(folder, count)}}}, 1)
    end)
  end)
end

--- bayes.search as the driver runs it, on a smooth function of ten dimensions: calls each(trials, ns) with the processor time
--- between the last score of a round and the first vector of the next.
local function bayes_rounds(opt, seed, each)
  local bayes, door = require "perilune.algorithms.bayes", require "perilune.trainer.drivers.door"
  local dimensions, count = {}, 0
  for i = 1, 10 do dimensions[i] = {place = i, name = "x" .. i, low = -1, high = 1, half = 1, start = 0} end
  local search = door.new(dimensions, seed, true)
  local loop = coroutine.create(function() bayes.search(search, opt) end)
  prl.seed(seed)
  local noise = prl.randn(bayes.trials(opt)):totable()
  local function score(vector)
    local sum = noise[count] + search.cohort.number % 3
    for i, x in ipairs(vector) do sum = sum - (x - 0.8 * math.cos(1.7 * i)) ^ 2 * (i % 2 + 0.2) end
    return sum
  end
  local ok, vector, begun, reached
  repeat
    local round = search.cohort and search.cohort.number
    begun = select(2, bench.now())
    ok, vector = coroutine.resume(loop, reached)
    local ns = 1e3 * (select(2, bench.now()) - begun)
    if not ok then error(vector, 0) end
    if round and (not vector or search.cohort.number > round) then each(count, ns) end
    count = count + 1
    reached = vector and score(vector)
  until not vector
end

--- A round of bayes: its scores enter the process, the mean is climbed, and the next batch of 8 is sought; without and with its
--- share of fits.
local function bayes()
  local rounds, ratios, fits, fit_ratios, whole = {}, {}, {}, {}, {}
  for seed = 1, repetitions do
    bayes_rounds({design = 24, batch = 8, rounds = 65, users = 1, days = 1, refit = 10}, seed, function(trials, ns)
      if trials < 480 then return end
      rounds[#rounds + 1] = ns
      ratios[#ratios + 1] = ns / bench.cholesky(trials)
    end)
    bayes_rounds({design = 496, batch = 8, rounds = 64, users = 1, days = 1, refit = 10}, seed, function(trials, ns)
      if trials ~= 496 then return end
      fits[#fits + 1] = ns
      fit_ratios[#fit_ratios + 1] = ns / bench.cholesky(trials)
    end)
    local all = 0
    bayes_rounds({design = 24, batch = 8, rounds = 63, users = 1, days = 1, refit = 0.25}, seed, function(_, ns) all = all + ns / 63 end)
    whole[seed] = all
  end
  bench.print("bayes", "a round of 8 at 480 to 520 trials of 10 dimensions, no fit, beside dpotrf", median(rounds) / 1e6, "ms",
    median(ratios))
  bench.print("bayes", "a round with a fit at 496 trials, from the prior, beside dpotrf", median(fits) / 1e6, "ms", median(fit_ratios))
  bench.print("bayes", "a round of a search of 504 trials, fits included: the mean", median(whole) / 1e6, "ms",
    median(whole) / bench.cholesky(500))
end

--- Whether the folder of logs was named; else says that the row is left out.
local function has_data(options, name)
  if options.data then return true end
  io.stderr:write(name, " is left out: it needs --data FOLDER with the CSVs of KuaiRand-Pure\n")
  return false
end

local function csv_rows(options)
  if not has_data(options, "csv_rows") then return end
  local path = options.data .. "/log_standard_4_25_to_5_08_pure.csv"
  local names = {"user_id", "video_id", "time_ms", "is_click", "is_like", "is_follow", "is_comment", "is_forward",
    "long_view", "play_time_ms", "duration_ms", "tab"}
  local wanted, columns, first = {}, {}, assert(io.lines(path))()
  for _, name in ipairs(names) do wanted[name] = true end
  for i, name in ipairs(names) do columns[i] = {name, "f64"} end
  local digits = first:gsub("[%w_]+", function(name) return wanted[name] and "1" or "0" end):gsub("[,%s]", "")
  local rows = 0
  local function product() rows = assert(prl.csv(path, columns)).user_id:shape()[1] end
  local product_ns, _, ratio = bench.pair(product, function() return bench.csv(path, digits) end, repetitions)
  bench.print("csv_rows", "12 columns of the log, beside memchr and strtod", rows * 1e9 / product_ns, "rows/s", 1 / ratio)
end

--- The stages of `perilune fit`, each once since they take seconds: reading with features, and an epoch of training.
local function fit_logs(options)
  if not has_data(options, "fit_rows of real logs") then return end
  local fit, log, features = require "perilune.fit", require "perilune.fit.log", require "perilune.fit.features"
  local train = require "perilune.fit.train"
  local loaded, message = fit.load(recipe "kuairand/ltr", {set = {"train.epochs=1"}})
  if not loaded then error(message, 0) end
  local settings = loaded.recipe
  local begun = select(2, bench.now())
  local read = log.read(options.data, settings, {}, function() end)
  local training = {}
  for i, day in ipairs(read.columns[settings.log.day]) do
    if day >= settings.splits.train[1] and day <= settings.splits.train[2] then training[#training + 1] = i end
  end
  local made = features.make(read, settings, training, function() end)
  local prepared = select(2, bench.now())
  train.run(settings, made, training, 1)
  local ended = select(2, bench.now())
  bench.print("fit_rows", "logs read, in order of time, made into features; once", read.rows * 1e6 / (prepared - begun),
    "rows/s")
  bench.print("fit_rows", ("training, batch %d, one epoch of %d rows; once"):format(settings.train.batch, #training),
    #training * 1e6 / (ended - prepared), "rows/s")
end

return {
  {name = "infer_lua", run = infer_lua},
  {name = "program_overhead", run = program_overhead},
  {name = "ppo_pendulum", run = function() ppo_run("ppo_pendulum", "relu") end},
  {name = "sac_pendulum", run = sac_pendulum},
  {name = "rnd", run = updates.rnd},
  {name = "dqn_cartpole", run = dqn_cartpole},
  {name = "ppo_pendulum_tanh", run = function() ppo_run("ppo_pendulum_tanh", "tanh") end},
  {name = "multi_critic", run = updates.multi_critic},
  {name = "constraints", run = updates.constraints},
  {name = "two_stage", run = updates.two_stage},
  {name = "gru", run = updates.gru},
  {name = "a2c_step", run = a2c_step},
  {name = "rollout", run = rollout},
  {name = "learn_budget", run = learn_budget},
  {name = "steady_allocations", run = steady_allocations},
  {name = "a2c_shortvideo", run = a2c_shortvideo},
  {name = "twins_shortvideo", run = twins_shortvideo},
  {name = "a3c_workers", run = a3c_workers},
  {name = "eval_threads", run = function() with_folder(eval_threads) end},
  {name = "sweep_jobs", run = sweep_jobs},
  {name = "experiment_jobs", run = experiment_jobs},
  {name = "bayes", run = bayes},
  {name = "startup", run = startup},
  {name = "resident", run = resident},
  {name = "user_memory", run = user_memory},
  {name = "csv_rows", run = csv_rows},
  {name = "fit_rows", run = function(options)
    fit_rows()
    fit_logs(options)
  end},
}
