-- luacheck: no max line length
--- Recipes that must be refused: one clear sentence each, with file and line, the value, what is accepted, and the
--- nearest valid name or the function to use.

local recipes = require "support.recipes"

local function reward(body)
  return "return {env = 'cartpole', algorithm = 'a2c', objective = {critics = {main = {reward = function(r)\n" .. body ..
    "\nend}}}}"
end

local function with(lines) return "return {env = 'cartpole', algorithm = 'a2c',\n" .. lines .. "\n}" end

local HOST = "return {algorithm = 'a2c', objective = {critics = {a = {reward = function(r) return r.hit end}}},\nenv = {'host', "
local VIDEO = "return {algorithm = 'ppo', env = {'host', observation = {'x'}, responses = {hit = {}},\n" ..
  "action = {'continuous', aim = {-1, 1}, throttle = {0, 1}}}, objective = {critics = {a = {reward = function(r) return r.hit end}}},\n"

local function OFF(options, lines)
  return "return {env = 'pendulum', " .. (lines or "") .. "\nalgorithm = {'sac', " .. options .. "}}"
end

local function A2C(options)
  return "return {env = {'cartpole', n = 2},\nalgorithm = {'a2c', correction = 'vtrace', " .. options .. "}}"
end

--- {what, text of the recipe, what the message is (whole, or a part of it from "…")}
local cases = {
  -- keys
  {"a misspelt key", with "train = {stepz = 10},", 'x.lua:2: train.stepz: unknown key; the nearest is "steps"'},
  {"a misspelt section", with "polcy = {},", 'x.lua:2: polcy: unknown key; the nearest is "policy"'},
  {"a misspelt key of a critic", with "objective = {critics = {\nmain = {\ngama = 0.9, reward = function(r) return r.reward end}}},",
    'x.lua:4: objective.critics.main.gama: unknown key; the nearest is "gamma"'},
  {"a misspelt reward", with "objective = {critics = {main = {\nrewrd = function(r) return r.reward end}}},",
    'x.lua:3: objective.critics.main.rewrd: unknown key; the nearest is "reward"'},
  {"a function under a misspelt key", with "train = {\nsteps = 10, sed = function() end},",
    'x.lua:3: train.sed: unknown key; the nearest is "seed"'},
  {"an unknown algorithm", "return {env = 'cartpole',\nalgorithm = {'poo'}}", 'x.lua:2: algorithm: there is no algorithm "poo"; the nearest is "ppo"'},
  {"a count that is not exact", with "train = {\nwarmup = 1e300},",
    "x.lua:3: train.warmup: expected a whole number up to 2^53, beyond which numbers are not exact, got 1e+300"},
  {"an algorithm's count that is not exact", with "algorithm = {'ppo',\nrollout = 2 ^ 60},",
    "x.lua:3: algorithm.rollout: expected a whole number up to 2^53, beyond which numbers are not exact, got 1.1529215046068e+18"},
  {"a training that ends with its warm-up", with "train = {\nsteps = 10, warmup = 20},",
    'x.lua:3: train.steps: train.warmup is 20, and steps of the warm-up teach nothing: more than so many are needed, got 10'},
  {"an algorithm by name and by file", "return {env = 'cartpole',\nalgorithm = {'ppo', lua = './mine.lua'}}",
    'x.lua:2: algorithm: "ppo" and lua = "./mine.lua" are given: an algorithm has a name or a file; [1] = remove leaves the file'},
  {"an unknown option of an algorithm", "return {env = 'cartpole',\nalgorithm = {'ppo',\nepoch = 2}}",
    'x.lua:3: algorithm.epoch: unknown key; the nearest is "epochs"'},
  {"an unknown env", "return {\nenv = {'cartpol'}, algorithm = 'a2c'}", 'x.lua:2: env: unknown environment "cartpol"; the nearest is "cartpole"'},
  {"an unknown option of an env", "return {env = {'pendulum',\ngg = 3}, algorithm = 'a2c'}", 'x.lua:2: env.gg: unknown key; the nearest is "g"'},
  {"an unknown field of an optimizer", "return {env = 'cartpole',\nalgorithm = {'a2c', optimizer = {'adam', beta = 1}}}",
    'x.lua:2: algorithm.optimizer.beta: unknown key; the nearest is "beta1"'},
  {"a value without a name", "return {env = 'cartpole', algorithm = {'a2c',\n7}}", "x.lua:2: algorithm.2: a value without a name (7)…"},
  {"no env", "return {algorithm = 'a2c'}", "x.lua:1: env: this is missing: the environment…"},
  {"no algorithm", "return {env = 'cartpole'}", "x.lua:1: algorithm: this is missing: how to learn…"},
  {"no reward", with "objective = {critics = {main = {gamma = 0.9}}},", "x.lua:2: objective.critics.main: its reward is missing: a function of the env's responses (reward), as in function(r) return r.reward end"},
  {"a shared trunk without layers", with "policy = {trunk = 'shared', hidden = {}},", "x.lua:2: policy.trunk: a shared trunk is made of the policy's hidden layers, and policy.hidden has none"},
  {"no critic", with "objective = {critics = {}},", "x.lua:2: objective.critics: there is no critic; the actor needs at least one"},
  -- types and ranges
  {"a wrong type", with "train = {steps = 'many'},", 'x.lua:2: train.steps: expected a whole number ≥ 1 of steps, got "many"'},
  {"a fraction", with "train = {steps = 10.5},", "x.lua:2: train.steps: expected a whole number ≥ 1 of steps, got 10.5"},
  {"a seed out of range", with "train = {seed = -1},", "x.lua:2: train.seed: expected a whole number ≥ 0, got -1"},
  {"a seed beyond whole numbers", with "train = {seed = 1e17},",
    "x.lua:2: train.seed: expected a whole number up to 2^53, beyond which numbers are not exact, got 1e+17"},
  {"out of range", with "objective = {critics = {main = {gamma = 1.5, reward = function(r) return r.reward end}}},",
    "x.lua:2: objective.critics.main.gamma: expected a number from 0 to 1 or a schedule, got 1.5"},
  {"a discount by time without a clock", with "objective = {critics = {main = {gamma = 0.9,\nper = 'minute', reward = function(r) return r.reward end}}},",
    'x.lua:3: objective.critics.main.per: expected step, got minute: the env "cartpole" has no clock'},
  {"a discount by an unknown unit", with "objective = {critics = {main = {per = 'minuet', reward = function(r) return r.reward end}}},",
    'x.lua:2: objective.critics.main.per: expected one of step, second, minute, hour, day, got "minuet"; the nearest is "minute"'},
  {"a scale of zero", with "objective = {critics = {main = {scale = 0, reward = function(r) return r.reward end}}},",
    'x.lua:2: objective.critics.main.scale: expected a number above 0, or "baseline", got 0'},
  {"a baseline without a warm-up", with "objective = {critics = {main = {scale = 'baseline', reward = function(r) return r.reward end}}},",
    'x.lua:2: objective.critics.main.scale: the scale "baseline" is measured over a warm-up of at least 32 steps, and train.warmup is 0'},
  {"a word that is none of the choices", with "policy = {activation = 'rely'},",
    'x.lua:2: policy.activation: expected one of tanh, relu, leaky_relu, elu, silu, gelu, softplus, sigmoid, identity, got "rely"; the nearest is "relu"'},
  {"sizes that are none", with "policy = {hidden = {64, 0}},", "x.lua:2: policy.hidden: expected a list of whole numbers from 1 to 65536, as in {64, 64}, got {64, 0}"},
  {"ten thousand layers", "local deep = {} for i = 1, 10000 do deep[i] = 2 end\n" .. with "policy = {hidden = deep},",
    "…: policy.hidden: expected at most 64 layers, got 10000"},
  {"streams beyond any memory", with "agent = {streams = 1e300},", "x.lua:2: agent.streams: expected a whole number from 1 to 268435456 of streams, got 1e+300"},
  {"a number where a table stands", with "train = 3,", "x.lua:2: train: expected a table of options, got 3"},
  {"a time that is none", with "agent = {idle = '3 weeks'},", 'x.lua:2: agent.idle: expected a time such as 30 (seconds) or "30 s"; units are us, ms, s, min, h, d, got "3 weeks"'},
  {"infinity", with "train = {steps = math.huge},", "x.lua:2: train.steps: the number is not finite"},
  {"a function where a value stands", with "train = {\nsteps = function() end},", "x.lua:3: train.steps: a function is not allowed here; a value is expected"},
  {"a schedule for a structural option", "return {env = 'cartpole',\nalgorithm = {'ppo', epochs = linear {from = 1, to = 2}}}",
    "x.lua:2: algorithm.epochs: expected a whole number ≥ 1, got a table"},
  {"a schedule out of range", "return {env = 'cartpole', algorithm = {'ppo',\nlr = linear {\nfrom = 1e-3, to = -1}}}",
    "x.lua:3: algorithm.lr.to: expected a number ≥ 0, got -1"},
  {"a schedule with a misspelt field", "return {env = 'cartpole', algorithm = {'ppo',\nlr = linear {from = 1, too = 0}}}",
    'x.lua:2: algorithm.lr.too: unknown key; the nearest is "to"'},
  {"a schedule that lacks a field", "return {env = 'cartpole', algorithm = {'ppo',\nlr = linear {from = 1}}}",
    "x.lua:2: algorithm.lr: the schedule linear lacks `to`"},
  {"points that go back", "return {env = 'cartpole', algorithm = {'ppo',\nlr = piecewise {{0, 1}, {10, 2}, {5, 3}}}}",
    "x.lua:2: algorithm.lr.3: steps must rise, and 5 follows 10"},
  {"points with a name among them", "return {env = 'cartpole', algorithm = {'ppo',\nlr = piecewise {{0, 1}, {10, 2},\nover = 5}}}",
    "x.lua:3: algorithm.lr.over: unknown key; piecewise takes points alone"},
  {"a point with more than two numbers", "return {env = 'cartpole', algorithm = {'ppo',\nlr = piecewise {{0, 1, at = 3}}}}",
    "x.lua:2: algorithm.lr.1: expected a point {step, value}, got {0, 1}"},
  {"a key of a sweep", "return sweep {base = {env = 'cartpole', algorithm = 'a2c'},\ngird = {}}",
    'x.lua:2: gird: unknown key; the nearest is "grid"'},
  {"a schedule of something else", with "train = linear(3),", "x.lua:2: linear takes a table, as in linear {from = 1e-3, to = 1e-4}"},
  -- the environment and the action space
  {"a response that the env lacks", reward "return\nr.rewad", 'x.lua:3: objective.critics.main.reward: the env has no response "rewad"; the nearest is "reward"'},
  {"a dimension that the action lacks", VIDEO .. "policy = {action = {trottle = 0}}}",
    'x.lua:3: policy.action.trottle: the action has no dimension "trottle"; the nearest is "throttle"'},
  {"bounds outside of the env's", VIDEO .. "policy = {action = {aim = {-2, 1}}}}",
    "x.lua:3: policy.action.aim: expected bounds {low, high} or a number to hold, within {-1, 1}, got {-2, 1}"},
  {"every dimension held", VIDEO .. "policy = {action = {aim = 0, throttle = 1}}}",
    "x.lua:3: policy.action: every dimension is held; there is nothing left to learn"},
  {"a hold on a discrete action", with "policy = {action = {push = 1}},",
    "x.lua:2: policy.action.push: a discrete action has one dimension; there is nothing to bound or hold"},
  {"a host without an action", HOST .. "observation = {'x'}, responses = {hit = {}}}}", "x.lua:2: env: a host's env says its action"},
  {"a host's bounds", HOST .. "observation = {'x'}, responses = {hit = {}}, action = {'continuous', aim = {1, -1}}}}",
    "x.lua:2: env.action.aim: expected bounds {low, high}, as in {-1, 1}, got {1, -1}"},
  {"a host's bounds with more", HOST .. "observation = {'x'}, responses = {hit = {}}, action = {'continuous', aim = {-1, 1, unit = 'm'}}}}",
    "x.lua:2: env.action.aim: expected bounds {low, high}, as in {-1, 1}, got {-1, 1}"},
  {"a dimension of a host without a name", HOST .. "observation = {'x'}, responses = {hit = {}}, action = {'continuous', {-1, 1}, aim = {-1, 1}}}}",
    "x.lua:2: env.action.2: a value without a name ({-1, 1})"},
  {"bounds with more", VIDEO .. "policy = {action = {aim = {-1, 1, unit = 'm'}}}}",
    "x.lua:3: policy.action.aim: expected bounds {low, high} or a number to hold, within {-1, 1}, got {-1, 1}"},
  {"a host's kind of action", HOST .. "observation = {'x'}, responses = {hit = {}}, action = {'continous', aim = {-1, 1}}}}",
    'x.lua:2: env.action: expected one of continuous, discrete, multi_discrete, got "continous"; the nearest is "continuous"'},
  {"a host's response", HOST .. "observation = {'x'}, responses = {hit = {combin = 'sum'}}, action = {'discrete', go = {'a', 'b'}}}}",
    'x.lua:2: env.responses.hit.combin: unknown key; the nearest is "combine"'},
  {"code without --trust", "return {env = {lua = './mine.lua'}, algorithm = 'a2c'}", "x.lua:1: env.lua: ./mine.lua is code: it runs only with --trust"},
  {"code elsewhere", "return {env = {c = '../mine.so'}, algorithm = 'a2c'}", 'x.lua:1: env.c: the file "../mine.so" is not in the recipe\'s folder'},
  -- algorithms with a replay memory
  {"dqn on continuous actions", "return {env = 'pendulum',\nalgorithm = 'dqn'}",
    "x.lua:2: algorithm: dqn drives discrete actions, and those of pendulum are continuous, which a2c, bc, ppo, reinforce, sac, td3 and two_stage drive"},
  {"dqn on several choices", HOST .. "observation = {'x'}, responses = {hit = {}}, action = {'multi_discrete', a = {'x', 'y'}, " ..
    "b = {'x', 'y'}}}, algorithm =\n'dqn'}", "…algorithm: dqn drives discrete actions, and those of host are multi_discrete, which a2c, bc, ppo, reinforce and two_stage drive"},
  {"sac on choices", "return {env = 'cartpole',\nalgorithm = 'sac'}",
    "x.lua:2: algorithm: sac drives continuous actions, and those of cartpole are discrete, which a2c, bc, dqn, ppo, reinforce and two_stage drive"},
  {"td3 on choices", "return {env = 'cartpole',\nalgorithm = 'td3'}",
    "x.lua:2: algorithm: td3 drives continuous actions, and those of cartpole are discrete, which a2c, bc, dqn, ppo, reinforce and two_stage drive"},
  {"a memory without a correction", "return {env = 'cartpole',\nalgorithm = {'a2c',\nmemory = 1000}}",
    'x.lua:3: algorithm.memory: older policies acted what it keeps: a correction is needed with it, as in correction = {"vtrace"}'},
  {"a misspelt memory", "return {env = 'cartpole',\nalgorithm = {'a2c',\nmemry = 1000}}",
    'x.lua:3: algorithm.memry: unknown key; the nearest is "memory"'},
  {"options of a memory that is not there", "return {env = 'cartpole', algorithm = {'a2c',\nstretch = 8}}",
    "x.lua:2: algorithm.stretch: stretch is for memory, and there is none: algorithm.memory is not given"},
  {"a stretch longer than what is kept", A2C "memory = 100, start = 0, minibatch = 100,\nstretch = 200",
    "x.lua:3: algorithm.stretch: algorithm.memory holds 100 steps; expected at most so many, got 200"},
  {"a stretch longer than a minibatch", A2C "memory = 300, start = 0, minibatch = 100,\nstretch = 200",
    "x.lua:3: algorithm.stretch: expected at most algorithm.minibatch, 100 steps, got 200"},
  {"a correction that is none", "return {env = 'cartpole', algorithm = {'ppo',\ncorrection = {'vtrase'}}}",
    'x.lua:2: algorithm.correction: expected one of vtrace, got "vtrase"; the nearest is "vtrace"'},
  {"a correction without a name", "return {env = 'cartpole', algorithm = {'ppo',\ncorrection = {rho = 1}}}",
    "x.lua:2: algorithm.correction: expected one of vtrace, got nil"},
  {"a correction that is a number", "return {env = 'cartpole', algorithm = {'ppo',\ncorrection = 1}}",
    'x.lua:2: algorithm.correction: expected a table, as in {"vtrace"}, or false, got 1'},
  {"an unknown option of a correction", "return {env = 'cartpole', algorithm = {'ppo', correction = {'vtrace',\nroh = 1}}}",
    'x.lua:2: algorithm.correction.roh: unknown key; the nearest is "rho"'},
  {"a bound of a correction below 0", "return {env = 'cartpole', algorithm = {'ppo', correction = {'vtrace',\nrho = -1}}}",
    "x.lua:2: algorithm.correction.rho: expected a number ≥ 0 or a schedule, got -1"},
  {"noise that is none", "return {env = 'pendulum', algorithm = {'td3',\nexploration = {'uo'}}}",
    'x.lua:2: algorithm.exploration: expected one of ou, got "uo"; the nearest is "ou"'},
  {"noise of another algorithm", "return {env = 'pendulum', algorithm = {'sac',\nexploration = 'ou'}}",
    'x.lua:2: algorithm.exploration: expected one of gsde, got "ou"'},
  {"an unknown option of a process", "return {env = 'pendulum', algorithm = {'td3', exploration = {'ou',\nteta = 1}}}",
    'x.lua:2: algorithm.exploration.teta: unknown key; the nearest is "theta"'},
  {"a process that swings", "return {env = 'pendulum', algorithm = {'td3', exploration = {'ou', theta = 4,\ndt = 0.5}}}",
    "x.lua:2: algorithm.exploration.dt: expected at most 1/theta, 0.25, or the process swings: got 0.5"},
  {"noise that lasts less than no step", "return {env = 'pendulum', algorithm = {'sac', exploration = {'gsde',\nsteps = -1}}}",
    "x.lua:2: algorithm.exploration.steps: expected a whole number from 0 to 268435456 of steps, got -1"},
  {"a memory smaller than a minibatch", OFF "memory = 100, start = 0,\nminibatch = 101",
    "x.lua:3: algorithm.minibatch: algorithm.memory holds 100 steps; expected at most so many, got 101"},
  {"a memory smaller than the start", OFF "memory = 300,\nstart = 301",
    "x.lua:3: algorithm.start: algorithm.memory holds 300 steps; expected at most so many, got 301"},
  {"a memory smaller than an update", OFF "rollout = 100, start = 0, minibatch = 10,\nmemory = 200",
    "x.lua:3: algorithm.memory: algorithm.memory holds 200 steps; an update brings 100 of each of 8 streams; expected at least 1608"},
  {"a minibatch of no steps", OFF "minibatch = 0", "x.lua:2: algorithm.minibatch: expected a whole number from 1 to 1048576 of steps, got 0"},
  {"a memory beyond places", OFF "memory = 2 ^ 29", "x.lua:2: algorithm.memory: expected a whole number from 1 to 268435456 of steps, got 536870912"},
  {"stretches too long", OFF "steps = 2000", "x.lua:2: algorithm.steps: expected a whole number from 1 to 1024 of steps, got 2000"},
  {"a share of a target above one", OFF "tau = 2", "x.lua:2: algorithm.tau: expected a number from 0 to 1 or a schedule, got 2"},
  {"a temperature of zero", OFF "alpha = 0", "x.lua:2: algorithm.alpha: expected a number above 0, got 0"},
  {"a trunk that sac has not", OFF("start = 0", "policy = {\ntrunk = 'shared'},"),
    "x.lua:2: policy.trunk: sac makes its own networks, which take hidden, activation and init from policy, and no trunk"},
  {"a deviation that sac has not", OFF("start = 0", "policy = {\nlog_std = {init = -1}},"),
    "x.lua:2: policy.log_std: sac makes its own networks, which take hidden, activation and init from policy, and no log_std"},
  {"half ranges of choices", "return {env = 'cartpole', algorithm = 'a2c',\npolicy = {unit = 'half_range'}}",
    "x.lua:2: policy.unit: half_range is of continuous actions, and those of cartpole are discrete"},
  {"a unit of another kind", "return {env = 'pendulum', algorithm = 'a2c',\npolicy = {unit = 'halfrange'}}",
    'x.lua:2: policy.unit: expected one of env, half_range, got "halfrange"; the nearest is "half_range"'},
  {"a unit that sac has not", OFF("start = 0", "policy = {\nunit = 'half_range'},"),
    "x.lua:2: policy.unit: sac makes its own networks, which take hidden, activation and init from policy, and no unit"},
  {"bounds of a mean that dqn has not", "return {env = 'cartpole', algorithm = 'dqn',\npolicy = {bounded = true}}",
    "x.lua:2: policy.bounded: dqn makes its own networks, which take hidden, activation and init from policy, and no bounded"},
  {"a dimension held for td3", (VIDEO:gsub("'ppo'", "'td3'")) .. "policy = {action = {aim = 0}}}",
    "x.lua:3: policy.action.aim: td3 makes its own networks, which take bounds of an action, {low, high}, and hold none of its dimensions"},
  {"layers of a critic that sac has not", OFF("start = 0", "objective = {critics = {reward = {\nhidden = {3}}}},"),
    "x.lua:2: objective.critics.reward.hidden: sac makes its own networks, which take hidden and activation from policy alone"},
  -- rewards
  {"a comparison", reward "return r.reward > 0 and 1 or 0", "x.lua:2: objective.critics.main.reward: a response cannot be compared like a number; write where(gt(a, b), x, y)"},
  {"a comparison of two", reward "return r.reward < r.reward and 1 or 0", "x.lua:2: objective.critics.main.reward: responses cannot be compared with <, >, <= or >=; write lt(a, b), gt, le or ge"},
  {"an equality that decides", reward "local x = r.reward\nif x == 37 then return 2 end\nreturn x",
    "x.lua:3: objective.critics.main.reward: at reward = 37 it gives 2, not what its formula gives: Lua decided this here, once for all steps; write where(eq(a, b), x, y)"},
  {"an equality in an expression", reward "local x = r.reward\nreturn x == 0.125 and 5 or x",
    "x.lua:3: objective.critics.main.reward: at reward = 0.125 it gives 5…write where(eq(a, b), x, y)"},
  {"an inequality", reward "local x = r.reward\nif x ~= 0 then return x end\nreturn 3 * x + 1", "…x.lua:3: …write where(negate(eq(a, b)), x, y)"},
  {"a truth test that drops a response", reward "return r.reward and 1",
    'x.lua:2: objective.critics.main.reward: "reward" is read here and does not reach the result; write where(both(a, b), x, y), since Lua decides a condition once, for all steps'},
  {"a response that is dropped", reward "local unused = r.reward\nreturn 2 * r.reward",
    'x.lua:2: objective.critics.main.reward: "reward" is read here and does not reach the result; leave it out'},
  {"a condition as the result", reward "return r.reward == 1", "x.lua:2: objective.critics.main.reward: it gives false, not a number: conditions are gt, ge, lt, le, eq, both, either and negate"},
  {"nothing as the result", reward "local x = r.reward", "x.lua:3: objective.critics.main.reward: it gives nil, not a number: return a formula of its responses"},
  {"no result", reward "", "…it gives nil, not a number: return a formula of its responses"},
  {"a function of Lua", reward "return math.floor(r.reward)", "x.lua:2: objective.critics.main.reward: bad argument #1…(number expected, got table); a response is a formula here: use + - * / and where, gt…"},
  {"text", reward "return r.reward .. 'x'", "x.lua:2: objective.critics.main.reward: a response is a number to be, not text…"},
  {"a root", reward "return r.reward ^ 0.5", "x.lua:2: objective.critics.main.reward: a response can be raised to a whole power from 1 to 8…"},
  {"a field of a response", reward "return r.reward.x", 'x.lua:2: objective.critics.main.reward: a response is a number to be; it has no field "x"'},
  {"a call of a response", reward "return r.reward()", "x.lua:2: objective.critics.main.reward: a response is a number to be; it cannot be called; write r.name, not r.name()"},
  {"too few arguments", reward "return where(gt(r.reward, 0), 1)", "x.lua:2: objective.critics.main.reward: where takes 3 arguments, and got 2"},
  {"a formula that doubles for ever", reward "local x = r.reward for i = 1, 40 do x = x + x end return x", "x.lua:2: objective.critics.main.reward: the formula has more than 4000 terms"},
  {"a reward that never ends", reward "while true do end", "x.lua:2: the recipe did not end within…"},
  {"a number for a reward", with "objective = {critics = {main = {reward = 'r.reward'}}},", 'x.lua:2: objective.critics.main.reward: expected a function, as in function(r) return r.reward end, got "r.reward"'},
  {"a condition in a schedule", "return {env = 'cartpole', algorithm = {'a2c',\nlr = expression(function(step) if step == 100 then return 1 end return step end)}}",
    "x.lua:2: expression: at step = 100 it gives 1…"},
  -- Lua
  {"a syntax error", "return {\na = = 1}", "x.lua:2: unexpected symbol near '='"},
  {"an unknown name", "return {env = 'cartpole', algorithm = {'a2c', lr = lineer {from = 1}}}", 'x.lua:1: there is no "lineer" in a recipe; the nearest is "linear"'},
  {"a global", "x = 5", "x.lua:1: a recipe sets no globals: write local x = …"},
  {"an error of its own", "error('my own')", "x.lua:1: my own"},
  {"an error that is no string", "error {}", "x.lua:1: the recipe raised an error that is not a string"},
  {"nothing returned", "local x = 1", "x.lua:1: a recipe returns a table; this one returns nil"},
  {"remove outside of extend", with "policy = remove,", "x.lua:2: policy: remove is allowed only in the changes of extend"},
  {"extend of nothing", "return extend(nil, {})", "x.lua:1: extend takes a recipe to start from, not nil"},
  {"an address as text", "return {name = tostring({})}", "x.lua:1: tostring takes strings, numbers and booleans, not a table"},
  {"an address in a format", "return {name = ('%s'):format(error)}", "x.lua:1: string.format takes strings, numbers and booleans, not a function"},
  -- malice
  {"a loop", "local i = 0\nwhile true do i = i + 1 end", "x.lua:2: the recipe did not end within 5000000 steps: does a loop here have no end?"},
  {"a loop in pcall", "while true do pcall(function() while true do end end) end", "x.lua:1: pcall is not there for a recipe, which only describes data"},
  {"coroutines", "local function f() coroutine.wrap(f)() end f()", "x.lua:1: coroutine is not there for a recipe, which only describes data"},
  {"recursion", "local function f() return 1 + f() end return {f()}", "x.lua:1: stack overflow"},
  {"a pattern bomb", "return {('a'):rep(28):find(('a?'):rep(28) .. ('a'):rep(28))}", "x.lua:1: string.find is not there for a recipe: patterns can run for ever…"},
  {"a string without end", "local s = 'x' while true do s = s .. s end", "x.lua:1: the recipe asks for too much memory…"},
  {"tables without end", "local t = {} for i = 1, 1e9 do t[i] = {} end", "x.lua:1: the recipe asks for too much memory…"},
  {"a long string", "return {name = string.rep('x', 1e9)}", "x.lua:1: string.rep would make 1000000000 bytes; a recipe's strings have at most 1048576"},
  {"a huge table", "local t = {} for i = 1, 1e5 do t[i] = i end return {tags = t}", "x.lua:1: tags.…: too many values for a recipe"},
  {"a table in itself", "local t = {env = 'cartpole', algorithm = 'a2c'} t.x = t return t", "x.lua:1: x: this table contains itself"},
  {"deep tables", "local t = {} for i = 1, 100 do t = {t} end return t", "x.lua:1: …: tables are nested too deep"},
  {"a table shared for ever", "local t = {1} for i = 1, 40 do t = {t, t} end return {tags = t}", "x.lua:1: …: tables are nested too deep"},
  {"open files", "io.open('/etc/passwd')", "x.lua:1: io is not there for a recipe, which only describes data"},
  {"the shell", "os.execute('true')", "x.lua:1: os is not there for a recipe, which only describes data"},
  {"ffi", "return require 'ffi'", "x.lua:1: …ffi.lua: No such file or directory; a recipe requires files of its own folder "
    .. "(what comes with Perilune, `perilune check NAME >FILE.lua` writes there)"},
  {"a script without #!", "local prl = require 'perilune'", 'x.lua:1: require "perilune": a recipe only describes data; a script, '
    .. "which may, begins with #!, as in #!/usr/bin/env perilune"},
  {"bytecode", "\27LJ\2", "x.lua: this is bytecode; a recipe is Lua text"},
  {"loading text", "return load('return 1')()", "x.lua:1: load is not there for a recipe, which only describes data"},
  {"__gc", "setmetatable({}, {__gc = error})", "x.lua:1: setmetatable is not there for a recipe, which only describes data"},
  {"the metatable of strings", "return getmetatable('').__index", "x.lua:1: getmetatable is not there for a recipe, which only describes data"},
  {"a file outside", "return require '../x'", 'x.lua:1: require "../x": a recipe requires files of its own folder, by a name such as "base" or "shared.base"'},
  {"a file that requires itself", "return require 'x'", 'x.lua:1: require "x": files require one another in a circle: x.lua → x.lua'},
}

--- Whether the text is the pattern's parts, in order, with anything where "…" stands.
local function matches(text, wanted)
  local at, first = 1, true
  for part in (wanted .. "…"):gmatch("(.-)…") do
    local from, to = text:find(part, at, true)
    if not from or (first and from ~= 1) then return false end
    at, first = to + 1, false
  end
  return wanted:sub(-3) == "…" or at == #text + 1
end

describe("a recipe that is wrong", function()
  local folder
  setup(function() folder = recipes.folder() end)

  for _, case in ipairs(cases) do
    it("is refused: " .. case[1], function()
      local loaded, message = recipes.load(folder, case[2])
      assert.is_nil(loaded)
      assert.is_true(matches(message, case[3]), message .. "\n  is not\n" .. case[3])
      assert.is_nil(message:find "\n")
    end)
  end

  it("is placed in the file that it requires", function()
    recipes.write(folder, "base.lua", "return {\nenv = 'cartpole',\ntrain = {\nstepz = 3}, algorithm = 'a2c'}")
    local _, message = recipes.load(folder, "return extend(require 'base', {name = 'x'})")
    assert.equal('base.lua:4: train.stepz: unknown key; the nearest is "steps"', message)
  end)

  it("is placed in the override", function()
    local text = "return {env = 'cartpole', algorithm = 'a2c'}"
    local function refused(...)
      local _, message = recipes.load(folder, text, {set = {...}})
      return message
    end
    assert.equal('--set algorithm.lrr=1: algorithm.lrr: unknown key; the nearest is "lr"', refused("algorithm.lrr=1"))
    assert.equal('--set algorithm.lr=x: algorithm.lr: expected a number ≥ 0 or a schedule, got "x"', refused("algorithm.lr=x"))
    assert.equal("--set agent.rows=30: agent.rows: expected 0 or at least 40, the steps that an update takes " ..
      "(algorithm.rollout 5 × 8 streams), got 30", refused("agent.rows=30"))
    assert.matches("algorithm.rollout: an update takes 8000000000 steps", refused("algorithm.rollout=1e9"), 1, true)
    assert.equal("--set train: expected a path and a value, such as algorithm.lr=1e-3", refused("train"))
  end)
end)
