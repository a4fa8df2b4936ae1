--- What a recipe may say, as text, from the schema that checks it.

local algorithms = require "perilune.recipe.algorithms"
local environment = require "perilune.recipe.environment"
local keys = require "perilune.keys"
local nearest = require "perilune.nearest"
local printer = require "perilune.recipe.print"
local schema = require "perilune.recipe.schema"

local describe = {}

local WIDTH = 110

local function length(text) return select(2, text:gsub("[^\128-\191]", "")) end
local function pad(text, width) return text .. (" "):rep(math.max(0, width - length(text))) end

--- Words in lines of at most `width`, the second and later ones behind `indent` spaces.
local function wrap(text, width, indent)
  local lines, line = {}, ""
  for word in text:gmatch("%S+") do
    if line ~= "" and length(line) + 1 + length(word) > width then
      lines[#lines + 1], line = line, word
    else
      line = line == "" and word or line .. " " .. word
    end
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n" .. (" "):rep(indent))
end

local function range(option)
  local n = printer.number
  local low, high = option.min, option.max and option.max < 2 ^ 53 and option.max
  if low and high then return (" %s … %s"):format(n(low), n(high)) end
  if option.above and option.max then return (" > %s, ≤ %s"):format(n(option.above), n(option.max)) end
  if option.min then return " ≥ " .. n(option.min) end
  if option.above then return " > " .. n(option.above) end
  if option.max then return " ≤ " .. n(option.max) end
  return ""
end

local kinds = {
  sizes = "sizes", texts = "strings", text = "string", boolean = "true | false", duration = "time", reward = "function",
  scale = 'number > 0 | "baseline"', section = "table", critics = "tables by name", constraints = "tables by name",
  multiplier = "number | learned", dimensions = "table", env = "table",
  algorithm = "table", start = "text | table", saved = "text", baseline = "text | table", policies = "tables by name", front = "table",
  references = "texts by name", observes = '{names} | {hide = {…}} | false', embed = "tables by name | false",
  memory = '{"gru", units, …} | false', metrics = "ratios by name", control = "table",
  guards = "tables by name", ramp = "table", shares = "numbers", bound = "number | relative",
}

local function type_text(option)
  local text = kinds[option.kind]
  if option.kind == "number" then text = (option.integer and "whole number" or "number") .. range(option) end
  if option.kind == "choice" then text = table.concat(option.choices, " | ") end
  if option.kind == "form" then text = '{"' .. table.concat(keys(option.forms), '", …} | {"') .. '", …}' end
  if option.optional then text = text .. " | false" end
  return text
end

local function default_text(option)
  local value = option.default
  if option.required then return "required" end
  if value == nil then return "" end
  if type(value) == "number" then return printer.number(value) end
  if type(value) ~= "table" then return tostring(value) end
  local parts = {}
  for i, item in ipairs(value) do parts[i] = tostring(item) end
  return "{" .. table.concat(parts, ", ") .. "}"
end

--- Nested sections become rows of their own: log_std.init. said: what goes behind each meaning.
local function rows_of(options, prefix, rows, said)
  for _, option in ipairs(options) do
    if option.kind == "section" and option.fields and prefix ~= nil then
      rows_of(option.fields, prefix .. option.name .. ".", rows, option.absent and (" (where %s is given)"):format(option.name))
    else
      local beside = option.of and option.of ~= option.name and (" (with %s alone)"):format(option.of) or ""
      rows[#rows + 1] = {
        (prefix or "") .. option.name, type_text(option), default_text(option), option.unit or "",
        option.live and "live" or "structural", option.meaning .. beside .. (said or ""),
      }
      local forms = keys(option.forms or {})
      for _, form in ipairs(forms) do
        rows_of(option.forms[form], option.name .. ".", rows, #forms > 1 and (" (of %q)"):format(form) or nil)
      end
    end
  end
  return rows
end

local HEAD = {"option", "type", "default", "unit", "change", "meaning"}

--- Rows of texts as aligned columns; the last one is wrapped. A type that is long goes below its row.
local function table_text(head, rows)
  local widths, lines = {}, {}
  for column = 1, #head - 1 do
    widths[column] = length(head[column])
    for _, row in ipairs(rows) do
      local cell = length(row[column])
      if cell <= (column == 1 and 36 or 26) then widths[column] = math.max(widths[column], cell) end
    end
  end
  local indent = 0
  for _, width in ipairs(widths) do indent = indent + width + 2 end
  local function line(row)
    local text, more = {}, nil
    for column = 1, #head - 1 do
      local cell = row[column]
      if length(cell) > widths[column] then cell, more = "see below", cell end
      text[column] = pad(cell, widths[column])
    end
    local meaning = wrap(row[#head], math.max(30, WIDTH - indent), indent)
    lines[#lines + 1] = (table.concat(text, "  ") .. "  " .. meaning):gsub("%s+$", "")
    if more then lines[#lines + 1] = (" "):rep(widths[1] + 2) .. wrap(more, WIDTH - widths[1] - 2, widths[1] + 2) end
  end
  line(head)
  for _, row in ipairs(rows) do line(row) end
  return table.concat(lines, "\n") .. "\n"
end

local function options_text(options)
  local live
  for _, option in ipairs(options) do live = live or option.live end
  return table_text(HEAD, rows_of(options, "", {})) ..
    (live and "\nWhat is live may be a schedule (describe schedule), and may change while it runs (agent:set).\n" or "")
end

-- ---- Topics ----

local topics = {}
local order = {"recipe", "env", "objective", "critic", "constraint", "learned", "reward", "policy", "start",
  "algorithm", "optimizer", "schedule", "train", "eval", "agent", "control", "guards", "ramp", "refit",
  "host", "experiment"}

local function section(title, options)
  return function() return title .. "\n\n" .. options_text(options) end
end

topics.policy = section("policy: the actor.", schema.policy)
topics.start = section("policy.start: where the policy begins.", schema.start)
topics.train = section("train: length and seed of training.", schema.train)
topics.eval = section("eval: how the policy is evaluated.", schema.eval)
topics.agent = section("agent: capacities of the agent.", schema.agent)
topics.control = section("agent.baseline: users whom a fixed policy serves beside the one that learns.", schema.control)
topics.guards = function()
  return "agent.guards: what a policy that is swapped in may lose beside the control group. A guard has the name of a response; " ..
    "kl is how far an update\nmoves the policy. Without a swap guards stand idle; one that fires rolls the agent back by itself.\n\n" ..
    options_text(schema.guards) .. "\nA guard:\n\n" .. options_text(schema.guard)
end
topics.ramp = section("agent.ramp: how the recipe comes to serve everybody where it is swapped in by `perilune swap --mode ramp`.",
  schema.ramp)
topics.refit = section("agent.refit: what an actor waits for after a swap that changes what critics are of.", schema.refit)
topics.critic = section("objective.critics.NAME: one part of the objective, with its own value network.",
  schema.critic)
topics.constraint = section("objective.constraints.NAME: what a critic's reward may come to.", schema.constraint)
topics.learned = section("learned {…}: a multiplier that follows the violation: λ ← clip(λ + lr · v, 0, max).", schema.learned)
topics.objective = section(
  "objective: what to optimise. The actor maximises Σ weightᵢ·Aᵢ over the critics' advantages.", schema.objective)

local experiment_head = [[
experiment {arms = {{name = …, recipe = …}, …}, control = an arm's name, "ltr" or "zero", …}: what `perilune experiment` trains and judges.
lua/README.md explains arms, worlds, more_worlds and published.

]]

function topics.experiment()
  local parts = {experiment_head .. options_text(schema.experiment)}
  for _, name in ipairs {"tune", "values", "ab", "ab_fast", "fast"} do
    parts[#parts + 1] = ("%s:\n\n%s"):format((name:gsub("_", ".")), options_text(schema["experiment_" .. name]))
  end
  return table.concat(parts, "\n")
end

function topics.recipe()
  local rows = {}
  for i, option in ipairs(schema.recipe) do
    rows[i] = {option.name, type_text(option), default_text(option), option.meaning}
  end
  return "A recipe is a Lua file that returns a table.\n\n" ..
    table_text({"key", "type", "default", "meaning"}, rows) .. "\nFurther topics: " .. table.concat(order, ", ") ..
    ".\n`describe env NAME`, `describe algorithm NAME` and `describe optimizer NAME` list the options of one.\n"
end

function topics.host()
  return [[
env = {"host", observation = {"hp", "distance"}, influenced = {"distance"},
       action = {"continuous", aim = {-1, 1}, throttle = {0, 1}},      or {"discrete", move = {"left", "right"}},
                                                                       or {"multi_discrete", …}
       responses = {hit = {unit = "count"}, survived = {unit = "s", combine = "last", wait = "30 s"}}}

The host calls the agent. influenced names the observations that actions can move (exploration looks for what is new in
them) and may be absent. Dimensions and responses are in byte order of their names. The options of a response:

]] .. options_text(schema.response)
end

function topics.reward()
  return [[
A reward is a function of the env's responses. It is called once, with symbols, and becomes a formula:

    reward = function(r) return r.watch_time - 0.1 * r.skip end

The result must depend on every response that the function reads. It may use + - * / and ^ with a whole power, and

]] .. table_text({"function", "result"}, {
      {"where(c, a, b)", "a if c is not 0, else b"},
      {"gt ge lt le eq (a, b)",
        "1 or 0: a > b, a ≥ b, a < b, a ≤ b, a = b; Lua's own comparisons do not work on responses"},
      {"both either (a, b, …)", "1 or 0: whether all, or any, are not 0"},
      {"negate(a)", "1 if a is 0, else 0"},
      {"min max (a, b, …)", "the smallest; the greatest"},
      {"clip(x, low, high)", "x limited to low … high"},
      {"log log1p exp sqrt abs (x)", "as in mathematics"},
    })
end

function topics.schedule()
  return "A live number may be a schedule over env steps, summed over all instances.\n\n" ..
    table_text({"schedule", "value at a step"}, {
      {"linear {from, to, over}", "from `from` to `to` over `over` steps (default: train.steps), then `to`"},
      {"cosine {from, to, over}", "the same, along half a cosine"},
      {"warmup {to, over}", "from 0 to `to` over `over` steps, then `to`"},
      {"piecewise {{step, value}, …}", "linear between the points, constant outside"},
      {"expression(function(step) … end)", "a formula of the step, with the functions of a reward"},
    }) .. "\nIn a swap the running schedule goes on. Another one goes on at the present step or starts again: where that makes a\n" ..
    "difference the swap wants to be told (perilune swap --schedules, agent:swap(plan, {schedules = \"go_on\"})).\n"
end

function topics.optimizer(name)
  local text = {}
  local names = {"sgd", "rmsprop", "adam", "adamw"}
  if name and not schema.optimizers[name] then
    return nil, ("there is no optimizer %q%s"):format(name, nearest.hint_or_list(name, names))
  end
  for _, kind in ipairs(name and {name} or names) do
    text[#text + 1] = ('algorithm.optimizer = {"%s", …}\n\n%s'):format(kind, options_text(schema.optimizers[kind]))
  end
  return table.concat(text, "\n")
end

local no_learning = "This is a search, not a learner: discounts, networks, normalisers, train.steps and\n" ..
  "the sampling of actions have no effect."
local trials = '\nA trial\'s score is the sum over critics of weight × reward / scale, per user and day, or per request (per).\n' ..
  'Rewards must be linear in the responses. The scale "baseline" is the mean of a request under the starting vector.'

local stale = "\nA step is used only if it closes before the next update is published (stale_steps counts the others).\n" ..
  "If responses have long waits, use ppo with larger agent.rows, or a correction, which keeps them."

local UNTRUSTED = "%s is code: it is read only with --trust"

-- The algorithm of that name, or of a file of one's own; or nil and a sentence.
local function algorithm_of(name, trust)
  if name:find("%.lua$") then
    if not trust then return nil, UNTRUSTED:format(name) end
    return algorithms.load(name)
  end
  local algorithm = algorithms.find(name)
  return algorithm, not algorithm and ("there is no algorithm %q%s"):format(name, nearest.hint_or_list(name, algorithms.names()))
end

-- The key of a code file in a recipe; nil for a name.
local function code_key(name) return name:match("%.(lua)$") or name:match("%.so$") and "c" or nil end

-- How a recipe names it: "ppo", or lua = "./mine.lua".
local function in_recipe(name)
  local key = code_key(name)
  return key and ("%s = %q"):format(key, name:find("/", 1, true) and name or "./" .. name) or ("%q"):format(name)
end

function topics.algorithm(name, trust)
  if name then
    local algorithm, refusal = algorithm_of(name, trust)
    if not algorithm then return nil, refusal end
    local learns = ("Optimizer: %s."):format((algorithm.optimizer or {"adam"})[1]) .. (algorithm.stale == "drop" and stale or "")
    local own = algorithm.networks == "own" and
      "\nIt makes its own networks: of `policy` it uses hidden, activation, init, observes and normalise." or ""
    if algorithm.recurrent then own = own .. "\nIt trains a memory of the policy's, policy.memory." end
    local head = ("algorithm = {%s, …}%s"):format(in_recipe(name),
      algorithm.summary and ": " .. algorithm.summary or "")
    return ("%s.\nActions: %s%s. %s%s\n\n%s"):format(head,
      table.concat(algorithm.actions or {"any"}, ", "), algorithm.bounds and ", with bounds" or "",
      algorithm.search and no_learning .. (algorithm.trials and trials or "") or learns, own,
      options_text(algorithms.options(algorithm)))
  end
  local rows = {}
  for i, known in ipairs(algorithms.names()) do rows[i] = {known, algorithms.find(known).summary or ""} end
  return "algorithm = {NAME, options}, or {lua = \"./mine.lua\", options} with --trust.\n\n" ..
    table_text({"name", "description"}, rows)
end

local function bound(x)
  if x == math.huge then return "∞" elseif x == -math.huge then return "−∞" end
  return ("%.6g"):format(x)
end

local function interval(low, high, i)
  return low and low[i] and ("%s … %s"):format(bound(low[i]), bound(high[i])) or ""
end

local function env_text(about, reference)
  local parts = {("env = {%s, …}: %s\n"):format(in_recipe(reference),
    about.summary or "")}
  parts[#parts + 1] = options_text(environment.options(about))
  if about.presets and #about.presets > 0 then
    local rows = {}
    for i, preset in ipairs(about.presets) do rows[i] = {preset.name, preset.meaning} end
    parts[#parts + 1] = table_text({"preset", "description"}, rows)
  end
  local rows, observation, action = {}, about.observation, about.action
  local influenced = {}
  for _, name in ipairs(observation.influenced or {}) do influenced[name] = "influenced" end
  for i, name in ipairs(observation.names) do
    rows[i] = {name, interval(observation.low, observation.high, i), observation.units[i] or "", influenced[name] or ""}
  end
  parts[#parts + 1] = table_text({"observation", "bounds", "unit", "by actions"}, rows)
  if about.world then parts[#parts + 1] = "Further observations, user_…, are the user features of the world.\n" end
  rows = {}
  for i, name in ipairs(action.names) do
    local range_text = action.choices and ("0 … %d"):format(action.choices[i] - 1) or
      interval(action.low, action.high, i)
    rows[i] = {name, range_text, (action.units or {})[i] or ""}
  end
  parts[#parts + 1] = table_text({"action (" .. action.kind .. ")", "range", "unit"}, rows)
  rows = {}
  for i, r in ipairs(about.responses) do
    rows[i] = {r.name, r.unit, printer.number(r.missing), r.combine, printer.number(r.wait_us / 1e6) .. " s"}
  end
  parts[#parts + 1] = table_text({"response", "unit", "missing", "combine", "wait"}, rows)
  if about.max_steps and about.max_steps > 0 then
    parts[#parts + 1] = ("An episode is truncated after %d steps.\n"):format(about.max_steps)
  end
  return table.concat(parts, "\n")
end

--- The environment of that name, or of a file, which is code.
local function env_reference(name, trust)
  local key = code_key(name)
  if key and not trust then return nil, UNTRUSTED:format(name) end
  return {[key or "name"] = name}
end

function topics.env(name, trust)
  local prl = require "perilune"
  if name == "host" then return topics.host() end
  if name then
    local reference, refusal = env_reference(name, trust)
    if not reference then return nil, refusal end
    local about, message = prl.env_spec(reference)
    if not about then return nil, message end
    return env_text(about, name)
  end
  local rows = {}
  for i, known in ipairs(prl.env_names()) do rows[i] = {known, (prl.env_spec {name = known}).summary or ""} end
  rows[#rows + 1] = {"host", "driven by a program that embeds the agent (describe host)"}
  return "env = {NAME, n = 8, options}, {c = \"./mine.so\", …} or {lua = \"./mine.lua\", …} with --trust.\n\n" ..
    table_text({"name", "description"}, rows)
end

--- The text of a topic ("policy", "env", …), of one thing of it where a name is given; or nil and a sentence.
--- trust: a name may be the file of an environment or an algorithm.
function describe.text(topic, name, trust)
  topic = topic or "recipe"
  local write = topics[topic]
  if not write then
    return nil, ("there is no topic %q%s"):format(topic, nearest.hint_or_list(topic, order))
  end
  return write(name, trust)
end

describe.topics = order

--- A topic of another kind of recipe, behind those that there are: a text, then the options that rows() gives,
--- {path, type, default, meaning}.
function describe.add(topic, head, rows)
  order[#order + 1] = topic
  topics[topic] = function() return head .. "\n" .. table_text({"option", "type", "default", "meaning"}, rows()) end
end

return describe
