--- What is known of who goes on, as an option of its own that algorithms share: a model of the probability that the episode goes
--- on after a step, c(s, a, what the request brought), by which the luck of who does is taken out of returns (runtime/rl/returns.h,
--- prl_rewards_fair):
---
---     options = {…, continuation = continuation.option}, metrics = continuation.metrics {…},
---     local goes_on = continuation.begin(learn, opt.continuation)
---     loss = goes_on.add(loss, batch)                 -- −mean(g log c + (1 − g) log(1 − c)), g = 1 where the episode went on
---     learn:minimise(loss, goes_on.steps {…})
---
--- and `continuation.refusal` in the algorithm's own. What a step brought is known after the action and before the coin: through it
--- the action's effect on who stays is learned from all that varies what steps bring, not from the action's noise alone. A response
--- that tells the coin itself, such as the length of what ended, takes no luck out: the metric continuation_variance shows that.
local join = require "perilune.columns"
local prl = require "perilune"

local continuation = {}

continuation.option = {nil, "", "takes the luck of who goes on out of returns, as in {\"model\", responses = {\"watch_time\"}}: in "
  .. "place of whether an episode went on after a step counts how likely that was, as a model says that is learned beside; false: "
  .. "it went on or not", of = "continuation", forms = {model = {
    responses = {{}, "", "responses of the step that the model sees, beside the observations; none that tells whether the episode went "
                 .. "on", structural = true, kind = "texts"},
    per       = {nil, "", "a count among the responses, at least 1, by which they are divided: \"video_views\" makes them those of a "
                 .. "view; without it they are those of the step", structural = true, kind = "text"},
    action    = {true, "", "whether the model sees the action, too; false: the action counts through what the step brought alone",
                 structural = true},
    lr        = {1e-3, "", "step size of the model", min = 0, scale = "log"},
    hidden    = {{64, 64}, "units", "widths of its hidden layers", structural = true, kind = "sizes"},
  }}}

--- The algorithm's metrics and those of continuation.
function continuation.metrics(own)
  own.continuation_loss = {"Continuation, loss", "Cross entropy of the model of who goes on, in nats, as it learns.", of = "continuation"}
  return own
end

--- sign(x) log(1 + |x|) (Hafner et al. 2023, "Mastering diverse domains through world models"), of counts, seconds and hours alike.
local function symlog(x) return x:relu():log1p() - (-x):relu():log1p() end

local function place_of(names, name)
  for i, one in ipairs(names) do
    if one == name then return i end
  end
end

--- (rows, n): what the step brought.
local function brought(learn, given, batch)
  local names, columns = learn:responses(), {}
  local function column(name)
    local i = place_of(names, name)
    return batch.response:slice(2, i, i)
  end
  for i, name in ipairs(given.responses) do
    columns[i] = symlog(given.per and column(name) / column(given.per):maximum(1) or column(name))
  end
  return join(columns)
end

--- (rows, A): as the environment takes them, those with bounds from −1 to 1.
local function within_bounds(action, chosen)
  local low, high, centre, half = {}, {}, {}, {}
  for i = 1, #action.names do
    local from, to = action.low and action.low[i] or -math.huge, action.high and action.high[i] or math.huge
    local bounded = from > -math.huge and to < math.huge
    low[i], high[i] = math.max(from, -1e30), math.min(to, 1e30)
    centre[i], half[i] = bounded and (from + to) / 2 or 0, bounded and (to - from) / 2 or 1
  end
  local cut = prl.minimum(prl.maximum(chosen, prl.tensor(low)), prl.tensor(high))
  return (cut - prl.tensor(centre)) / prl.tensor(half)
end

--- (rows, n) of actions (rows, A): choices as ones and zeros.
local function seen_actions(action, chosen)
  if action.kind == "continuous" then return within_bounds(action, chosen) end
  local columns = {}
  for d, count in ipairs(action.choices) do
    local column = chosen:cast("float32"):slice(2, d, d)
    for k = 1, count do columns[#columns + 1] = prl.eq(column, k - 1):cast("float32") end
  end
  return join(columns)
end

local function width_of(action)
  if action.kind == "continuous" then return #action.names end
  local sum = 0
  for _, count in ipairs(action.choices) do sum = sum + count end
  return sum
end

local function same(x) return x end
local none = {add = same, steps = same, fair = function() return same end}

--- learn: of an algorithm's build; given: its option. estimate: learn:estimate takes the luck out, too. Returns add(loss, batch), the
--- loss with the model's; steps(steps), the step sizes of learn:minimise with the model's; fair(batch, values) → fair(target, gamma,
--- i), the target of a value with the luck taken out: target − γ (g − c) V, V being column i of values() (rows, n), of the rows.
function continuation.begin(learn, given, estimate)
  if not given then return none end
  local action, inputs = learn:action(), {"obs"}
  if given.action then inputs[#inputs + 1] = width_of(action) end
  if #given.responses > 0 then inputs[#inputs + 1] = #given.responses end
  local model = learn:network("continuation", {inputs = inputs, hidden = given.hidden, last_gain = 0.01})

  --- log(c/(1 − c)) of the rows.
  local function log_odds(batch)
    local columns = {batch.obs}
    if given.action then columns[#columns + 1] = seen_actions(action, batch.action) end
    if #given.responses > 0 then columns[#columns + 1] = brought(learn, given, batch) end
    return model(unpack(columns))
  end

  if estimate then learn:continuation(function(batch) return log_odds(batch):sigmoid() end) end
  local own = {}
  function own.add(loss, batch)
    local odds, known = log_odds(batch), 1 - batch.truncated
    local error = ((odds:softplus() - (1 - batch.terminated) * odds) * known):sum() / known:sum():maximum(1)
    learn:metric("continuation_loss", error)
    return loss + error
  end
  function own.steps(steps)
    steps.continuation = given.lr
    return steps
  end
  function own.fair(batch, values)
    local surprise = (1 - batch.terminated - log_odds(batch):sigmoid()) * (1 - batch.truncated)
    local here = values()
    return function(target, gamma, i) return target - gamma * surprise * here:slice(2, i, i):reshape(-1) end
  end
  return own
end

--- As `refusal` of an algorithm's file, for its own to ask. steps: of rewards that its targets sum, where it asks for fair ones.
function continuation.refusal(opt, recipe, steps)
  local given = opt.continuation
  if not given or not recipe.responses then return nil end -- or the env itself is wrong
  if recipe.memory then
    return "continuation", "the model sees observations, and policy.memory sees more than those"
  end
  local function unknown(name)
    return not place_of(recipe.responses, name) and prl.no_name("the env", "response", name, recipe.responses)
  end
  for i, name in ipairs(given.responses) do
    local wrong = unknown(name)
    if wrong then return "continuation.responses." .. i, wrong end
  end
  if steps and steps > 1 then
    return "continuation", "it is known of a step, and algorithm.steps sums the rewards of several"
  end
  if steps and recipe.timed then
    return "continuation", ("discounts of values from a replay memory are those of a step, and that of %s is by time"):format(recipe.timed)
  end
  local wrong = given.per and unknown(given.per)
  if wrong then return "continuation.per", wrong end
end

return continuation
