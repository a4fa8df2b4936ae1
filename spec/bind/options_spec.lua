--- Options that nobody reads: every function of lua/API.md that takes a table refuses a key that it does not have, at the
--- caller's line and with the nearest name; and whatever has names refuses to be asked for one that is not there.

local prl = require "perilune"
local recipes = require "support.recipes"

local ODD = "nobody_reads"

local HOST = [[return {env = {"host", observation = {"x", "y"}, action = {"continuous", aim = {-1, 1}},
  responses = {hit = {unit = ""}}}, objective = {critics = {hit = {}}}, algorithm = {"ppo", rollout = 8}}]]

local folder, path, agent, host
local ops = prl.op_arguments()
local text = assert(prl.io.read "lua/API.md")

setup(function()
  folder = recipes.folder()
  recipes.write(folder, "host.lua", HOST)
  recipes.write(folder, "t.csv", "a,b\n1,2\n")
  path, host = folder .. "t.csv", folder .. "host.lua"
  agent = prl.agent(prl.recipe.plan(assert(prl.recipe.load(host))))
  assert(agent:save(folder .. "agent.safetensors"))
end)

local w = function() return prl.parameter(prl.ones(2)) end
local logits = prl.zeros(1, 4)
local stream = 0

--- A decision of a stream of its own.
local function decide()
  stream = stream + 1
  return select(2, agent:act(stream, prl.zeros(1, 2))), stream
end

--- A build of an algorithm whose schedule is what body gives.
local function build(body)
  local loaded = assert(prl.recipe.load(host))
  loaded.algorithm = {options = {lr = {.1}}, build = function(learn, opt)
    local actor, critics = learn:actor(), learn:critics()
    local update = learn:program(function(batch)
      local loss = -(actor(batch.obs):log_prob(batch.action) * batch.advantage):mean()
      for _, critic in ipairs(critics) do loss = loss + prl.mse(critic(batch.obs), batch.returns[critic.name]) end
      body(learn, opt, loss, batch)
    end)
    return {learn:collect(1), learn:estimate {lambda = 1}, update, learn:publish()}
  end}
  loaded.recipe.algorithm = {lua = "mine.lua", lr = .1, optimizer = loaded.recipe.algorithm.optimizer}
  return prl.recipe.plan(loaded)
end

--- In place of fn's end: a loss must be minimised in a program.
local function with_learn(fn)
  build(function(learn, opt, loss, batch)
    fn(learn, opt, batch)
    learn:minimise(loss, {actor = opt.lr, critics = opt.lr})
  end)
end

--- A plan of an algorithm that declares so.
local function declare(fn)
  local loaded = assert(prl.recipe.load(host))
  loaded.algorithm = {options = {}, build = function(learn)
    fn(learn)
    return {learn:collect(1), learn:freeze(), learn:publish()}
  end}
  prl.recipe.plan(loaded)
end

local function marked(t)
  t[ODD] = 1
  return t
end

local function same(t) return t end

--- A panel of one user under the zero action, whose list `odd` marks.
local function panel(env_options, options, odd)
  options.users, options.constant = 1, {}
  for i in ipairs(prl.env_spec("shortvideo").action.names) do options.constant[i] = 0 end
  odd(options.constant)
  assert(prl.panel("shortvideo", env_options, options))
end

--- By function, calls that are right as they stand and wrong with one key more in a table that `odd` marks.
local takes = {
  ["prl.tensor"] = {function(odd) prl.tensor(odd {1, 2}) end, function(odd) prl.tensor {{1, 2}, odd {3, 4}} end},
  ["prl.zeros"] = {function(odd) prl.zeros(odd {2, 2}) end},
  ["prl.ones"] = {function(odd) prl.ones(odd {2, 2}) end},
  ["prl.rand"] = {function(odd) prl.rand(odd {2}) end},
  ["prl.randn"] = {function(odd) prl.randn(odd {2}) end},
  ["prl.full"] = {function(odd) prl.full(odd {2}, 1) end},
  ["prl.from_bytes"] = {function(odd) prl.from_bytes(("\0"):rep(8), odd {2}) end},
  ["t.view"] = {function(odd) prl.ones(4):view(odd {2, 2}) end},
  ["op.reshape"] = {function(odd) prl.ones(4):reshape(odd {2, 2}) end},
  ["op.broadcast_to"] = {function(odd) prl.ones(2):broadcast_to(odd {2, 2}) end},
  ["op.concat"] = {function(odd) prl.concat(odd {prl.ones(1), prl.ones(1)}) end},
  ["op.stack"] = {function(odd) prl.stack(odd {prl.ones(1), prl.ones(1)}) end},
  ["prl.env"] = {function(odd) prl.env("cartpole", odd {n = 2, seed = 1, stream = 3, max_steps = 7}) end,
    function(odd) prl.env(odd {name = "cartpole"}) end, function(odd) prl.env("shortvideo", odd {preset = "strong"}) end},
  ["prl.env_spec"] = {function(odd) assert(prl.env_spec("cartpole", odd {max_steps = 7})) end,
    function(odd) assert(prl.env_spec(odd {name = "cartpole"})) end},
  ["prl.panel"] = {function(odd) panel(odd {preset = "strong"}, {}, same) end,
    function(odd) panel({}, odd {days = 1, seed = 1, stream = 1, threads = 1, action = "mean"}, same) end,
    function(odd) panel({}, {observed = odd {"activity"}}, same) end, function(odd) panel({}, {}, odd) end},
  ["prl.csv"] = {function(odd) assert(prl.csv(path, {"a"}, odd {delimiter = ",", skip_bad = true, batch = 5, max_row = 99})) end,
    function(odd) assert(prl.csv(path, odd {"a"})) end, function(odd) assert(prl.csv(path, {odd {"a", "f64", empty = 0}})) end},
  ["prl.io.csv"] = {function(odd) assert(prl.io.csv(path, {"a"}, odd {skip_bad = false})) end},
  ["prl.io.csv_writer"] = {function(odd) assert(prl.io.csv_writer(folder .. "w.csv", {"a"}, odd {fresh = true})) end,
    function(odd) assert(prl.io.csv_writer(folder .. "w.csv", odd {"a"}, {fresh = true})) end},
  ["writer.row"] = {function(odd) assert(prl.io.csv_writer(folder .. "w.csv", {"a", "b"}, {fresh = true}):row(odd {nil, 1})) end},
  ["prl.io.safetensors_write"] = {
    function(odd) assert(prl.io.safetensors_write(folder .. "a.safetensors", odd {{"a", prl.ones(1)}})) end,
    function(odd) assert(prl.io.safetensors_write(folder .. "a.safetensors", {odd {"a", prl.ones(1)}})) end},
  ["prl.nn.linear"] = {function(odd)
    prl.nn.linear(2, 2, odd {activation = "tanh", bias = false, init = "zero", gain = 1}) end},
  ["prl.nn.mlp"] = {function(odd)
    prl.nn.mlp(odd {2, 3, 1, activation = "relu", output = "tanh", init = "xavier_normal", gain = 1, last_gain = 2}) end},
  ["prl.nn.sequential"] = {function(odd) prl.nn.sequential(odd {prl.nn.linear(1, 1)}) end},
  ["prl.nn.gru"] = {function(odd) prl.nn.gru(3, 2, odd {init = "xavier_uniform"}) end},
  ["prl.nn.embedding"] = {function(odd) prl.nn.embedding(3, 2, odd {deviation = 1, bag = "sum"}) end},
  ["prl.nn.parameter"] = {function(odd) prl.nn.parameter(odd {2, 2}) end},
  ["module.load"] = {function(odd) prl.nn.linear(1, 1):load(odd(prl.nn.linear(1, 1):state())) end},
  ["prl.distribution.multi_categorical"] = {function(odd) prl.distribution.multi_categorical(logits, odd {2, 2}) end},
  ["prl.distribution.state_dependent"] = {
    function(odd) prl.distribution.state_dependent(prl.zeros(1, 2), prl.zeros(1, 3), prl.zeros(3, 2), odd {-1, -1}, {1, 1}) end},
  ["prl.distribution.squashed"] = {
    function(odd) prl.distribution.squashed(prl.zeros(1, 2), prl.zeros(2), odd {-1, -1}, {1, 1}) end,
    function(odd) prl.distribution.squashed(prl.zeros(1, 2), prl.zeros(2), {-1, -1}, odd {1, 1}) end},
  ["prl.optim.linear"] = {function(odd) prl.optim.linear(odd {from = 1, to = 0, over = 9}) end},
  ["prl.optim.cosine"] = {function(odd) prl.optim.cosine(odd {from = 1, to = 0, over = 9}) end},
  ["prl.optim.warmup"] = {function(odd) prl.optim.warmup(odd {to = 1, over = 9, after = math.sin}) end},
  ["prl.optim.piecewise"] = {function(odd) prl.optim.piecewise(odd {{0, 1}}) end,
    function(odd) prl.optim.piecewise {odd {0, 1}} end},
  ["prl.optim.sgd"] = {function(odd) prl.optim.sgd(w(), odd {lr = .1, momentum = .9, nesterov = true, weight_decay = .1}) end,
    function(odd) prl.optim.sgd(odd {w(), w()}, {lr = .1}) end, function(odd) prl.optim.sgd({odd {{w()}, lr = .1}}) end,
    function(odd) prl.optim.sgd(odd {{{w()}, lr = .1}}) end},
  ["prl.optim.rmsprop"] = {function(odd) prl.optim.rmsprop(w(), odd {alpha = .9, eps = 1e-5, momentum = .9, decay = 0}) end},
  ["prl.optim.adam"] = {function(odd) prl.optim.adam(w(), odd {betas = {.8, .9}, eps = 1e-5, max_norm = 1, max_value = 1}) end,
    function(odd) prl.optim.adam(w(), {betas = odd {.8, .9}}) end},
  ["prl.optim.adamw"] = {function(odd) prl.optim.adamw(w(), odd {beta1 = .8, beta2 = .9, epsilon = 1e-5, name = "n"}) end},
  ["prl.new_optim"] = {function(odd) prl.new_optim("sgd", prl.params("s", {w()}), odd {lr = .1}) end},
  ["prl.params"] = {function(odd) prl.params("s", odd {w()}) end, function(odd) prl.params("s", {w()}, odd {"w"}) end},
  ["prl.recipe.load"] = {function(odd) assert(prl.recipe.load(host, odd {seed = 2, trust = false})) end,
    function(odd) assert(prl.recipe.load(host, {set = odd {"train.steps=9"}})) end},
  ["prl.recipe_eval"] = {function(odd) assert(prl.recipe_eval(host, odd {"train.steps=9"})) end},
  ["agent.act"] = {function(odd) agent:act(odd {900}, prl.zeros(1, 2)) end},
  ["agent.observe"] = {function(odd) agent:act(901, prl.zeros(1, 2)) agent:observe(odd {901}, prl.zeros(1, 2)) end},
  ["agent.feedback"] = {function(odd) agent:feedback(decide(), odd {hit = 1}) end,
    function(odd) agent:feedback(odd {decide():get(1)}, {hit = 1}) end},
  ["agent.swap"] = {function(odd) agent:swap(prl.recipe.plan(assert(prl.recipe.load(host))), odd {mode = "apply"}) end},
  ["agent.check_swap"] = {function(odd)
    agent:check_swap(prl.recipe.plan(assert(prl.recipe.load(host))), odd {schedules = "go_on"})
  end},
  ["agent.finish"] = {function(odd) agent:finish(odd {select(2, decide())}, "terminated") end},
  ["learn.publish"] = {function(odd) with_learn(function(learn) learn:publish(odd {}) end) end},
  ["prl.run"] = {function(odd)
    local began = false
    local _, message = pcall(prl.run, odd {name = "n", steps = 1, loop = function() began = true error "it has begun" end,
      arguments = {[0] = "spec/bind/options_spec.lua", "-q", "--runs", folder .. "runs"}})
    if not began then error(message, 0) end
  end},
  ["learn.minimise"] = {function(odd) build(function(learn, opt, loss)
    learn:minimise(loss, odd {actor = opt.lr, critics = opt.lr, max_norm = 1}) end) end},
  ["learn.network"] = {function(odd) declare(function(learn) learn:network("q", odd {inputs = {"obs"}}) end) end},
  ["learn.acts"] = {function(odd) declare(function(learn)
    learn:acts(function(obs) return prl.distribution.point(obs:slice(2, 1, 1)) end, 1, odd {every = 2, drawn = 1})
  end) end},
  ["learn.novelty"] = {function(odd) declare(function(learn)
    learn:novelty(function(batch) return batch.arrival:sum(2) end, odd {observes = {learn:observations()[1]}, clip = 2})
  end) end},
  ["learn.shift_actor"] = {function(odd) declare(function(learn) learn:shift_actor(odd {width = 1, every = 2}) end) end},
  ["learn.perturb"] = {function(odd) with_learn(function(learn)
    learn:perturb(odd {set = "perturbation", distance = "kl", target = 1, factor = 2})
  end) end},
  ["learn.saved"] = {function(odd)
    declare(function(learn) learn:saved("teacher", odd {run = folder .. "agent.safetensors"}) end)
  end},
  ["learn.collect"] = {function(odd) with_learn(function(learn) learn:collect(1, odd {whole = 4}) end) end},
  ["learn.returns"] = {function(odd) with_learn(function(learn) learn:returns(odd {paired = true}) end) end},
  ["learn.hold_actor"] = {function(odd) declare(function(learn) learn:hold_actor(odd {every = 0, width = 1}) end) end},
  ["prl.confidence_sequence"] = {function(odd) prl.confidence_sequence(odd {level = 0.01}) end},
  ["prl.gaussian_process"] = {function(odd) prl.gaussian_process(odd {dimensions = 2, trials = 4}) end},
  ["gp.improvement"] = {function(odd)
    prl.gaussian_process({dimensions = 2, trials = 4}):improvement(odd {candidates = 4, incumbents = 2, draws = 2, picks = 1})
  end},
  ["learn.advantages"] = {function(odd) with_learn(function(learn) learn:advantages(odd {lambda = 1}) end) end},
  ["learn.serve"] = {
    function(odd) declare(function(learn) learn:serve(odd {{learn:policy "a", share = 1}, {learn:policy "b"}}) end) end,
    function(odd) declare(function(learn) learn:serve {odd {learn:policy "a", share = 1}, {learn:policy "b"}} end) end},
  ["learn.weigh"] = {function(odd) with_learn(function(learn) learn:weigh(odd {normalise = false}) end) end},
  ["learn.estimate"] = {function(odd) with_learn(function(learn) learn:estimate(odd {lambda = 1, normalise = false}) end) end},
  ["learn.vtrace"] = {function(odd) with_learn(function(learn) learn:vtrace(odd {lambda = 1, rho = 1, c = 1}) end) end},
  ["learn.sample"] = {function(odd) with_learn(function(learn) learn:sample(odd {size = 4, steps = 1, priority = 1}) end) end},
  ["learn.epochs"] = {function(odd) with_learn(function(learn) learn:epochs(1, odd {learn:publish()}) end) end},
  ["learn.updates"] = {
    function(odd) with_learn(function(learn) learn:updates(odd {ratio = 1, start = 0, body = {learn:publish()}}) end) end,
    function(odd) with_learn(function(learn) learn:updates {body = odd {learn:publish()}} end) end},
  ["learn.every"] = {function(odd) with_learn(function(learn) learn:every(2, odd {learn:publish()}) end) end},
  ["learn.minibatches"] = {function(odd) with_learn(function(learn) learn:minibatches(1, odd {learn:publish()}) end) end},
}

--- Any table is right for these: data, names of the caller's own, or what only the library makes.
local free = {"prl.to_json", "prl.hash", "prl.nearest", "prl.no_name", "prl.unknown_key", "prl.strict", "prl.new_plan",
  "prl.nn.module", "prl.recipe.text", "prl.recipe.plan", "prl.params"}

describe("an option that nobody reads", function()
  local names = {}
  for name in pairs(takes) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    it("is refused by " .. name, function()
      for i, call in ipairs(takes[name]) do
        call(same)
        local ok, message = pcall(call, marked)
        assert.is_false(ok, ("call %d takes it"):format(i))
        assert.truthy(message:find(ODD, 1, true), message)
        assert.truthy(message:find("^spec/bind/options_spec.lua:%d+: "), message)
      end
    end)
  end

  it("is looked for in every function that the reference shows with a table", function()
    local lacking = {}
    for span in text:gmatch("`([^`\n]+)`") do
      local name, arguments = span:match("^([%a][%w_.:]*)%s*([({].*)$")
      local shown = arguments and (arguments:find("{", 1, true) or arguments:find("options", 1, true) or
        arguments:find("sizes", 1, true) or arguments:find("streams", 1, true))
      name = shown and name:gsub("[:]", ".")
      local known = not shown or takes[name] or takes["op." .. name] or not name:find(".", 1, true)
      for _, one in ipairs(free) do known = known or one == name end
      if not known then lacking[#lacking + 1] = name end
    end
    assert.same({}, lacking)
  end)

  --- How many arguments a function takes: those of its Lua, of the list of ops (and one more), or of the reference.
  local function places(name, fn, reference)
    local info = debug.getinfo(fn, "Su")
    if info.what ~= "C" then return info.nparams end
    if ops[name] then return 5 end
    local arguments, count = reference:match("[.:]" .. name .. "%(([^)]*)%)") or "", 0
    for _ in arguments:gmatch("[^,]+") do count = count + 1 end
    return count
  end

  -- Whatever else takes a table somewhere would drop its keys: each function is called with one in each place.
  it("is taken by no other function", function()
    local x, number, taken = prl.ones(2, 2), 1, {}
    local fillers = {{x, x, x, x}, {x, number, number, number}, {x, x, number, number}, {x, number, x, number}}
    local parts = {prl = prl, ["prl.nn"] = prl.nn, ["prl.optim"] = prl.optim, ["prl.distribution"] = prl.distribution,
      op = prl.methods}
    local others = {["prl.is_parameter"] = true} -- asks of anything
    for _, one in ipairs(free) do others[one] = true end
    for part, functions in pairs(parts) do
      for name, fn in pairs(functions) do
        local known = takes[part .. "." .. name] or takes["op." .. name] or takes["t." .. name] or others[part .. "." .. name]
        for place = 1, type(fn) == "function" and not known and places(name, fn, text) or 0 do
          for _, filler in ipairs(fillers) do
            local arguments = {unpack(filler, 1, place - 1)}
            arguments[place] = marked {}
            if pcall(fn, unpack(arguments, 1, place)) then taken[("%s.%s: argument %d"):format(part, name, place)] = true end
          end
        end
      end
    end
    assert.same({}, taken)
  end)
end)

describe("options", function()
  local function refused(call, message)
    local ok, found = pcall(call)
    assert.is_false(ok)
    assert.equal(message, (found:gsub("^spec/bind/options_spec.lua:%d+: ", "")))
  end

  it("are refused with the nearest name, or all of them", function()
    refused(function() prl.nn.mlp {4, 2, activatoin = "relu"} end,
      'prl.nn.mlp has no option "activatoin"; the nearest is "activation"')
    refused(function() prl.nn.linear(4, 2, {biass = false}) end, 'prl.nn.linear has no option "biass"; the nearest is "bias"')
    refused(function() prl.csv(path, {"a"}, {delimeter = ";"}) end, 'prl.csv has no option "delimeter"; the nearest is "delimiter"')
    refused(function() prl.env_spec("cartpole", {max_stepz = 3}) end, 'cartpole has no option "max_stepz"; the nearest is "max_steps"')
    refused(function() prl.optim.adam(w(), {learning_rate = 1}) end, 'prl.optim.adam has no option "learning_rate"; there are ' ..
      "beta1, beta2, betas, decay, eps, epsilon, lr, max_norm, max_value, name, weight_decay")
    refused(function() prl.optim.adam(w(), {nesterov = true}) end, 'prl.optim.adam has no option "nesterov"; there are ' ..
      "beta1, beta2, betas, decay, eps, epsilon, lr, max_norm, max_value, name, weight_decay")
  end)

  it("have a type, and stand in a table", function()
    refused(function() prl.nn.linear(4, 2, "tanh") end, "prl.nn.linear takes its options as a table, not a string")
    refused(function() prl.nn.linear(4, 2, {bias = 0}) end, "prl.nn.linear: bias is a number; a boolean is needed")
    refused(function() prl.nn.linear(4, 2, {activation = "tanhh"}) end,
      'prl.nn.linear: activation has no choice "tanhh"; the nearest is "tanh"')
    refused(function() prl.csv(path, {"a"}, {skip_bad = "no"}) end, "option skip_bad: true or false is needed, not a string")
    refused(function() prl.optim.linear {from = 1, to = 2} end, "prl.optim.linear: over is missing; it takes from, to, over")
  end)

  it("of optimizers may be called as PyTorch calls them, and once", function()
    local function trained(kind, options)
      local x = prl.parameter(prl.tensor {1, -2, 3})
      local opt = prl.optim[kind](x, options)
      for _ = 1, 3 do prl.scope(function() opt:minimise((x * x):sum()) end) end
      return x:clone():totable()
    end
    assert.same(trained("adam", {beta1 = .8, beta2 = .9, epsilon = .1, decay = .2}),
      trained("adam", {betas = {.8, .9}, eps = .1, weight_decay = .2}))
    assert.not_same(trained("adam", {}), trained("adam", {eps = .1}))
    assert.not_same(trained("rmsprop", {}), trained("rmsprop", {momentum = .9}))
    assert.not_same(trained("rmsprop", {}), trained("rmsprop", {weight_decay = .9}))
    refused(function() prl.optim.adam(w(), {eps = 1, epsilon = 1}) end,
      "prl.optim.adam: eps and epsilon are one option; give one of them")
    refused(function() prl.optim.adam(w(), {betas = {.9}}) end, "prl.optim.adam: betas are two numbers, as in {0.9, 0.999}")
  end)

  it("of a preset are those of what an environment is made of, too", function()
    local function value(spec, name)
      for _, option in ipairs(spec.options) do if option.name == name then return option.value end end
    end
    local preset = prl.env_spec("shortvideo").presets[1]
    for name, number in pairs(preset.settings) do
      assert.equal(number, value(prl.env("shortvideo", {preset = preset.name}):spec(), name))
    end
    refused(function() prl.env("shortvideo", {preset = preset.name .. "x"}) end,
      ('preset: shortvideo has no preset "%sx"; the nearest is "%s"'):format(preset.name, preset.name))
  end)
end)

describe("a name that is not there", function()
  local function refused(call, message)
    local ok, found = pcall(call)
    assert.is_false(ok)
    assert.truthy(found:find("^spec/bind/options_spec.lua:%d+: "), found)
    assert.truthy(found:find(message, 1, true), found)
  end

  it("is refused by the module, its parts, and every object", function()
    refused(function() return prl.rnadn(3) end, 'prl has no function "rnadn"; the nearest is "randn"')
    refused(function() return prl.optm end, 'prl has no function "optm"; the nearest is "optim"')
    refused(function() return prl.nn.mlpp {1, 2} end, 'prl.nn has no function "mlpp"; the nearest is "mlp"')
    refused(function() return prl.nn.init.orthogonl end, 'prl.nn.init has no function "orthogonl"; the nearest is "orthogonal"')
    refused(function() return prl.optim.adm end, 'prl.optim has no function "adm"; the nearest is "adam"')
    refused(function() return prl.io.reed end, 'prl.io has no function "reed"; the nearest is "read"')
    refused(function() return prl.recipe.lod end, 'prl.recipe has no function "lod"; the nearest is "load"')
    refused(function() return prl.distribution.norml end, 'prl.distribution has no function "norml"; the nearest is "normal"')
    refused(function() return prl.ones(1):sotfmax() end, 'a tensor has no method "sotfmax"; the nearest is "softmax"')
    refused(function() return agent:leran() end, 'agent has no method "leran"; the nearest is "learn"')
    refused(function() return prl.env("cartpole"):rest() end, 'env has no method "rest"; the nearest is "reset"')
    refused(function() return prl.optim.sgd(w()):stpe() end, 'an optimizer has no method "stpe"; the nearest is "step"')
    refused(function() return prl.distribution.categorical(logits):sampel() end, 'no method "sampel"; the nearest is "sample"')
    assert.is_nil(prl.__eq) -- what Lua and its libraries ask for
  end)

  it("is refused by what an algorithm sees", function()
    local function sees(fn, message) refused(function() with_learn(fn) end, message) end
    sees(function(learn) return learn:publsh() end, 'learn has no method "publsh"; the nearest is "publish"')
    sees(function(_, opt) return opt.x end, 'the algorithm has no option "x"; ')
    sees(function(learn) return learn:critics()[1].nmae end, 'a critic has no field "nmae"; the nearest is "name"')
    sees(function(learn) return learn:actor()(prl.zeros(1, 2)):entrpy() end, 'no method "entrpy"; the nearest is "entropy"')
    sees(function(_, _, batch) return batch.advantge end, 'batch has no field "advantge"; the nearest is "advantage"')
    sees(function(_, _, batch) return batch.returns.hitt end, 'batch.returns has no critic "hitt"; the nearest is "hit"')
    sees(function(learn) return learn:collect() end, "learn:collect: steps is a nil; a number is needed")
  end)
end)
