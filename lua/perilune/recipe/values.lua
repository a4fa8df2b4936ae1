--- Checks of single values, one for each kind of option. Each takes (check, value, option, path) and returns the
--- resolved value; a wrong one raises through check.fail(path, sentence).

local formula = require "perilune.recipe.formula"
local keys = require "perilune.keys"
local nearest = require "perilune.nearest"
local prl = require "perilune"
local schema = require "perilune.recipe.schema"

local values = {}

--- A value as a message shows it.
function values.show(value)
  if type(value) == "string" then return ("%q"):format(value:sub(1, 60)) end
  if type(value) == "number" then return ("%.14g"):format(value) end
  if type(value) ~= "table" then return tostring(value) end
  local parts = {}
  for _, item in ipairs(value) do
    if #parts == 4 then
      parts[5] = "…"
      break
    end
    parts[#parts + 1] = type(item) == "table" and "{…}" or values.show(item)
  end
  if #parts == 0 then return next(value) and "a table" or "{}" end
  return "{" .. table.concat(parts, ", ") .. "}"
end

--- "a number from 0 to 1", "a whole number ≥ 1": what an option accepts. A bound of 2^53, up to which a number counts
--- exactly, is no bound that somebody looks for.
function values.accepted(option)
  local text = option.integer and "a whole number" or "a number"
  local min, above = option.min, option.above
  local max = option.max and option.max < 2 ^ 53 and option.max
  local function n(x) return ("%.14g"):format(x) end
  if min and max then text = text .. (" from %s to %s"):format(n(min), n(max))
  elseif above and max then text = text .. (" above %s and at most %s"):format(n(above), n(max))
  elseif min then text = text .. (" ≥ %s"):format(n(min))
  elseif above then text = text .. (" above %s"):format(n(above))
  elseif max then text = text .. (" ≤ %s"):format(n(max)) end
  if option.unit and option.unit ~= "" then text = text .. " of " .. option.unit end
  if option.live then text = text .. " or a schedule" end
  if option.optional then text = text .. ", or false" end
  return text
end

local function in_range(value, option)
  return value == value and value < math.huge and value > -math.huge and
    (not option.min or value >= option.min) and (not option.max or value <= option.max) and
    (not option.above or value > option.above) and (not option.integer or value % 1 == 0)
end

local function wrong(check, path, accepted, value)
  check.fail(path, ("expected %s, got %s"):format(accepted, values.show(value)))
end
values.wrong = wrong

--- Whether a value is a list of so many items and holds nothing else.
function values.holds(value, count)
  if type(value) ~= "table" or #value ~= count then return false end
  local found = 0
  for _ in pairs(value) do found = found + 1 end
  return found == count
end

--- Whether a list has this item.
function values.among(list, item)
  for _, one in ipairs(list) do
    if one == item then return true end
  end
  return false
end

local function plain_number(check, value, option, path)
  local most = option.max or option.integer and 2 ^ 53
  if type(value) == "number" and most == 2 ^ 53 and value > most and value < math.huge then
    wrong(check, path, "a whole number up to 2^53, beyond which numbers are not exact", value)
  end
  if type(value) ~= "number" or not in_range(value, option) then
    wrong(check, path, values.accepted(option), value)
  end
  return value
end

-- ---- Scalars: numbers over env steps, which users call schedules ----

local over_option = {unit = "steps", above = 0}
local step_option = {unit = "steps", min = 0}

local function bare(option)
  return {min = option.min, max = option.max, above = option.above, integer = option.integer, unit = option.unit}
end

--- Refuses a schedule's further fields. Returns whether there are none.
local function known_fields(check, value, path, fields)
  local rest = {}
  for key, field in pairs(value) do
    if key ~= "kind" then rest[key] = field end
  end
  return next(check.known(rest, fields, path)) == nil
end

local function ramp(fields)
  return function(check, value, option, path)
    local result, all_known = {kind = value.kind}, known_fields(check, value, path, fields)
    for _, field in ipairs(fields) do
      local at, given = path .. "." .. field, value[field]
      if field == "over" then
        result.over = check.try(plain_number, check, given == nil and check.steps or given, over_option, at)
      elseif given ~= nil then
        result[field] = check.try(plain_number, check, given, bare(option), at)
      elseif all_known then -- else the one that is missing is misspelt
        check.note(path, ("the schedule %s lacks `%s`"):format(value.kind, field))
      end
    end
    return result
  end
end

local scalars = {linear = ramp {"from", "to", "over"}, cosine = ramp {"from", "to", "over"}, warmup = ramp {"to",
  "over"}}

function scalars.piecewise(check, value, option, path)
  known_fields(check, value, path, {"points"})
  local points, result, last = value.points, {}, -1
  if type(points) ~= "table" or #points == 0 then
    check.fail(path, "piecewise takes points, as in piecewise {{0, 1e-3}, {1e5, 1e-4}}")
  end
  for key in pairs(points) do
    if type(key) ~= "number" then check.fail(path .. "." .. tostring(key), "unknown key; piecewise takes points alone") end
  end
  for i, point in ipairs(points) do
    local at = path .. "." .. i
    if not values.holds(point, 2) then wrong(check, at, "a point {step, value}", point) end
    local step = plain_number(check, point[1], step_option, at)
    if step <= last then check.fail(at, ("steps must rise, and %.14g follows %.14g"):format(step, last)) end
    last = step
    result[i] = {step, plain_number(check, point[2], bare(option), at)}
  end
  return {kind = "piecewise", points = result}
end

function scalars.expression(check, value, _, path)
  known_fields(check, value, path, {"tree"})
  local ok, message = formula.check(value.tree)
  if not ok then check.fail(path, message) end
  formula.reads(value.tree, function(name)
    if name ~= "step" then check.fail(path, ('an expression reads "step" alone, not %q'):format(name)) end
  end)
  return {kind = "expression", tree = value.tree}
end

function values.number(check, value, option, path)
  if value == false and option.optional then return false end
  if option.live and type(value) == "table" then
    local scalar = scalars[value.kind]
    if not scalar then
      check.fail(path, ("expected %s, got %s; schedules are %s"):format(values.accepted(option), values.show(value),
        table.concat(schema.scalars, ", ")))
    end
    return scalar(check, value, option, path)
  end
  return plain_number(check, value, option, path)
end

-- ---- The other kinds ----

function values.boolean(check, value, _, path)
  if type(value) ~= "boolean" then wrong(check, path, "true or false", value) end
  return value
end

function values.text(check, value, _, path)
  if type(value) ~= "string" then wrong(check, path, "a string", value) end
  return value
end

function values.choice(check, value, option, path)
  if value == false and option.optional then return false end
  for _, word in ipairs(option.choices) do
    if word == value then return value end
  end
  local hint = type(value) == "string" and nearest.hint(value, option.choices) or ""
  check.fail(path, ("expected one of %s, got %s%s"):format(table.concat(option.choices, ", "), values.show(value),
    hint))
end

--- {NAME, options of that NAME}; a NAME alone has its defaults.
function values.form(check, value, option, path)
  local names, rest = keys(option.forms), {}
  if value == false then return false end
  if type(value) == "string" then value = {value} end
  if type(value) ~= "table" then wrong(check, path, ('a table, as in {"%s"}, or false'):format(names[1]), value) end
  values.choice(check, value[1], {choices = names}, path)
  for key, field in pairs(value) do
    if key ~= 1 then rest[key] = field end
  end
  local result = check.section(option.forms[value[1]], rest, path)
  result[1] = value[1]
  return result
end

--- A run's folder or an agent's file, with the environment's observations and actions: {run, digest}. What was resolved once is in
--- its plan, and need not be there again. option.beside: the recipe's policy, where the saved one acts beside it.
function values.saved(check, value, option, path)
  if value == false and option.optional then return false end
  if type(value) == "string" then value = {run = value} end
  if type(value) ~= "table" then wrong(check, path, 'a run\'s folder or an agent\'s file, as in "runs/…"', value) end
  local result = check.section(schema.saved, value, path)
  if not (check.saved and check.spec) then return result end
  local saved = require "perilune.saved"
  local agent, digest = saved.exactly(result.run, result.digest)
  if not agent then check.fail(path, "expected a run or a saved agent: " .. digest) end
  local difference = saved.difference(agent, check.spec)
  local unfit = not difference and option.beside and saved.unfit(prl.acting(agent, ""), option.beside.normalise)
  if difference or unfit then check.fail(path, ("%s: %s"):format(result.run, difference or unfit)) end
  result.digest = digest
  return result, agent
end

local function list(check, value, path, accepted, test)
  if type(value) ~= "table" then wrong(check, path, accepted, value) end
  local count, result = 0, {}
  for _ in pairs(value) do count = count + 1 end
  for i = 1, count do
    if value[i] == nil or not test(value[i]) then wrong(check, path, accepted, value) end
    result[i] = value[i]
  end
  return result
end

function values.texts(check, value, _, path)
  return list(check, value, path, "a list of strings", function(item) return type(item) == "string" end)
end

local MOST_LAYERS = 64 -- a network is built and planned layer by layer

function values.sizes(check, value, _, path)
  local result = list(check, value, path, "a list of whole numbers from 1 to 65536, as in {64, 64}", function(item)
    return type(item) == "number" and item >= 1 and item <= 65536 and item % 1 == 0
  end)
  if #result > MOST_LAYERS then check.fail(path, ("expected at most %d layers, got %d"):format(MOST_LAYERS, #result)) end
  return result
end

--- {hide = names}, or names; recipe/observes.lua checks the names. nil for false.
function values.observes(check, value, _, path)
  if value == false then return nil end
  if type(value) == "table" and value[1] ~= nil then return values.texts(check, value, nil, path) end
  return check.section(schema.observes, value, path)
end

--- Tables of ids by name; recipe/embed.lua checks the names. nil for false.
function values.embed(check, value, _, path)
  if value == false then return nil end
  if type(value) ~= "table" or value[1] ~= nil then
    wrong(check, path, "ids by name, as in {video = {vocabulary = 5000, width = 8}}, or false", value)
  end
  local result = {}
  for name, one in pairs(value) do
    local at = path .. "." .. tostring(name)
    if type(name) ~= "string" then check.fail(at, "a name of an observation is needed, as in {video = {…}}") end
    result[name] = check.try(check.section, schema.embedded, one, at)
  end
  return next(result) and result or nil
end

--- {"gru", width, stretch = steps}; nil for false.
function values.memory(check, value, _, path)
  if value == false then return nil end
  if type(value) == "string" then value = {value} end
  if type(value) ~= "table" then wrong(check, path, 'a unit and its width, as in {"gru", 64}, or false', value) end
  values.choice(check, value[1], {choices = {"gru"}}, path)
  local rest = {}
  for key, field in pairs(value) do
    if key ~= 1 and key ~= 2 then rest[key] = field end
  end
  check.known(rest, {"stretch"}, path)
  local function whole(given, most, unit, at)
    return check.try(plain_number, check, given, {integer = true, min = 1, max = most, unit = unit}, at)
  end
  return {value[1], whole(value[2], 65536, "units", path), stretch = whole(value.stretch or 32, 2 ^ 20, "steps", path .. ".stretch")}
end

local seconds = {us = 1e-6, ms = 1e-3, s = 1, min = 60, h = 3600, d = 86400}
local unit_of = {} -- of what people write for a unit
for unit, words in pairs {
  us = "µs usec usecs microsec microsecs microsecond microseconds",
  ms = "msec msecs millisec millisecs millisecond milliseconds milli millis",
  s = "sec secs second seconds", min = "m mins minute minutes", h = "hr hrs hour hours", d = "day days",
} do
  unit_of[unit] = unit
  for word in words:gmatch "%S+" do unit_of[word] = unit end
end

--- '; the nearest is "30 s"' of "30 sec"; "" where a text says no time.
local function duration_hint(text)
  local amount, word = text:match "^%s*([%d.eE+-]+)%s*(%S*)%s*$"
  if not amount then amount, word = text:match "^%s*([%d.]+)%s*(%S+)%s*$" end -- the e of "5 em"
  local unit = amount and (word == "" and "s" or unit_of[word:lower():gsub("%.$", "")])
  if not unit or not tonumber(amount) or tonumber(amount) < 0 then return "" end
  return ('; the nearest is "%s %s"'):format(amount, unit)
end

--- Seconds, as a number or as text: "30 s".
function values.duration(check, value, option, path)
  local number = value
  if type(value) == "string" then
    local amount, unit = value:match("^%s*([%d.eE+-]+)%s*(%a+)%s*$")
    number = tonumber(amount) and seconds[unit] and tonumber(amount) * seconds[unit]
  end
  if type(number) ~= "number" or not (number >= 0 and number < 1e11) then
    check.fail(path, ('expected a time such as 30 (seconds) or "30 s"; units are us, ms, s, min, h, d, got %s%s'):format(
      values.show(value), type(value) == "string" and duration_hint(value) or ""))
  end
  if option.above and number <= option.above then wrong(check, path, "a time above 0, as in \"50 ms\"", value) end
  return number
end

function values.scale(check, value, _, path)
  if value == "baseline" or (type(value) == "number" and value > 0 and value < math.huge) then return value end
  wrong(check, path, 'a number above 0, or "baseline"', value)
end

--- A bound of a constraint: a number, or {relative = share} as relative(share) gives it.
function values.bound(check, value, _, path)
  local share = type(value) == "table" and value.relative
  if type(value) == "number" then return plain_number(check, value, {}, path) end
  if type(share) ~= "number" then wrong(check, path, "a number, or relative(share) as in relative(-0.005)", value) end
  known_fields(check, value, path, {"relative"})
  return {relative = plain_number(check, share, {min = -1e6, max = 1e6}, path .. ".relative")}
end

--- "ltr", "zero", a run's folder, or a constant action by dimension; environment.baseline checks the dimensions.
function values.baseline(check, value, _, path)
  if (type(value) == "string" and value ~= "") or type(value) == "table" then return value end
  wrong(check, path, '"ltr", "zero", a constant action such as {diversity = 0.5}, or the folder of a run', value)
end

--- Policies by name; environment.evaluation checks the dimensions of constant ones.
function values.policies(check, value, option, path)
  if type(value) ~= "table" then wrong(check, path, 'policies by name, as in {["best vector"] = {watch = 0.3}}', value) end
  local result = {}
  for name, policy in pairs(value) do
    if type(name) ~= "string" or name == "" then
      check.fail(path, ('every policy has a name, as in ["best vector"] = {…}; got %s'):format(values.show(policy)))
    end
    result[name] = check.try(values.baseline, check, policy, option, path .. "." .. name)
  end
  return result
end

--- Constant actions, or the folder of a cem run or of several runs.
function values.vectors(check, value, _, path)
  if type(value) == "string" and value ~= "" then return value end
  return list(check, value, path, "a list of constant actions such as {{diversity = 0.5}}, or a folder",
    function(item) return type(item) == "table" end)
end

function values.front(check, value, _, path)
  if value == false then return false end
  local before = check.count()
  local result, meant = check.section(schema.front, value, path)
  for _, option in ipairs(schema.front) do
    if value[option.name] == nil and not meant[option.name] then
      check.note(path, ("this is missing: %s, %s"):format(option.name, option.meaning))
    end
  end
  return check.count() == before and result -- false, where nothing of it is to be looked at any further
end

--- Ratios by name; metrics.lua checks what is in them.
function values.metrics(check, value, _, path)
  local as = 'ratios by name, as in {ctr = ratio("click", "view")}'
  if type(value) ~= "table" or value.kind == "ratio" or value[1] ~= nil then wrong(check, path, as, value) end
  for name, ratio in pairs(value) do
    local at, text = path .. "." .. tostring(name), "string"
    if type(ratio) ~= "table" or ratio.kind ~= "ratio" or type(ratio.of) ~= text or type(ratio.per) ~= text then
      wrong(check, at, 'a ratio of two sums, as in ratio("click", "view")', ratio)
    end
    known_fields(check, ratio, at, {"of", "per"})
  end
  return value
end

--- A formula whose responses the environment has.
function values.reward(check, value, _, path)
  local ok, message = formula.check(value)
  if not ok then
    check.fail(path, type(value) == "table" and message or
      ("expected a function, as in function(r) return r.reward end, got %s"):format(values.show(value)))
  end
  local asked = {}
  formula.reads(value, function(name)
    if not check.responses or asked[name] then return end
    asked[name] = true
    for _, known in ipairs(check.responses) do
      if known == name then return end
    end
    check.note_read(path, name, ("the env has no response %q%s"):format(name, nearest.hint_or_list(name,
      check.responses)))
  end)
  return value
end

return values
