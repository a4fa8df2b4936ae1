--- What an experiment says beside its arms' recipes (`experiment` of prelude.lua), checked:
--- {name, question, arms = [{name, at (its key), stages (their number), into, set, fast, workers, lag, grid}], control, seeds, first_seed,
---  worlds = [{name, at, set}], more_worlds = [such, which run only where they are named; one with a name of `worlds` is left out], users,
---  days, user_seed, responses, published = {response = {arm = percent}}, groups, front, metrics, served,
--- values = {users, steps, horizon, policy, seed} or nil, tune = {grid, points, metric, direction, seeds, first_seed, users, days,
---  user_seed} or nil, ab = {users, days, from, aa, set, fast = {users, days, from, set}} or nil, fast = {seeds, users, days, set}}.
--- A `set` has options of a recipe by path, a `grid` lists of their values, as a sweep's grid has them.

local checks = require "perilune.recipe.check"
local format = require "perilune.format"
local keys = require "perilune.keys"
local nearest = require "perilune.nearest"
local printer = require "perilune.recipe.print"
local schema = require "perilune.recipe.schema"
local values = require "perilune.recipe.values"

local experiment = {}

local most_arms, most_worlds, most_points, most_workers = 8, 8, 64, 1024

-- What an experiment sets in every arm, and where it says so: elsewhere it would be ignored, or be used against the heading.
local own = {
  arm = "every arm is trained; `perilune train FILE --set arm=NAME` trains one",
  stage = "every stage of a chain is trained; `perilune train FILE --set arm=NAME --set stage=2` trains one",
  ["train.seed"] = "`seeds` and `first_seed` say it (--seeds, --first-seed)",
  ["eval.users"] = "`users` says it, and `fast.users` in the fast form",
  ["eval.days"] = "`days` says it, and `fast.days` in the fast form",
  ["eval.seed"] = "`user_seed` says it",
  ["eval.baseline"] = '`control` says it: an arm\'s name, "ltr" or "zero"',
}

-- Folders and files of an experiment's folder, beside those of its worlds.
local taken_by_files = {["table.md"] = true, ["report.html"] = true, ["lifts.svg"] = true, ["experiment.json"] = true, tuning = true,
  ab = true}

--- Why an experiment's arms are not given this option by path; nil: they may be.
function experiment.refused(path)
  local says = own[path] or (path == "eval" or path == "train") and ("its options are given one by one, as in %s"):format(
    path == "eval" and "eval.every" or "train.steps")
  return says and (own[path] and "an experiment sets this itself: " or "an experiment sets some of it itself: ") .. says
end

local function list(check, value, path, what, most)
  if type(value) ~= "table" or #value == 0 then values.wrong(check, path, what, value) end
  if #value > most then check.fail(path, ("expected at most %d, got %d"):format(most, #value)) end
end

-- Options by path.
local function settings(check, given, path)
  if given == nil then return {} end
  if type(given) ~= "table" or #given > 0 then
    values.wrong(check, path, 'options by path, as in {["algorithm.lr"] = 1e-3}', given)
  end
  for _, name in ipairs(keys(given)) do
    local first, refused = tostring(name):match("^[^.]*"), experiment.refused(name)
    if refused then
      check.note(("%s.%s"):format(path, name), refused)
    elseif not schema.find(schema.recipe, first) then
      check.note(("%s.%s"):format(path, tostring(name)), "a recipe has no option of this path"
        .. nearest.hint_or_list(first, schema.names(schema.recipe)))
    end
  end
  return given
end

-- Whether a list has a value twice: its second place.
local function twice(axis, path)
  local seen = {}
  for i, value in ipairs(axis) do
    local text = printer.value(value, path)
    if seen[text] then return i, text end
    seen[text] = true
  end
end

-- Lists of values by path, and how many points they are.
local function grid_of(check, given, path)
  local grid, points = settings(check, given, path), 1
  for name, axis in pairs(grid) do
    if type(axis) ~= "table" or #axis == 0 then
      values.wrong(check, ("%s.%s"):format(path, tostring(name)), "a list of values, as in {1e-3, 1e-4}", axis)
    end
    local _, text = twice(axis, name)
    if text then check.note(("%s.%s"):format(path, name), ("%s is there twice"):format(text)) end
    points = points * #axis
  end
  if next(grid) == nil or points > most_points then
    check.fail(path, ("expected a grid of at most %d points, got %s"):format(most_points, next(grid) and points or "none"))
  end
  return grid, points
end

-- How an arm is trained: a whole number, or nothing.
local function count(check, value, path, most)
  if value == nil then return nil end
  if type(value) ~= "number" or value % 1 ~= 0 or value < 1 or value > most then
    values.wrong(check, path, ("a whole number from 1 to %d"):format(most), value)
  end
  return value
end

-- A name that is a folder's, too. files: names that it cannot have as such.
local function name_of(check, value, path, taken, files)
  if type(value) ~= "string" or not value:find("^[%w_][%w _.+-]*$") or #value > 60 then
    values.wrong(check, path, "a name of letters, digits, spaces and _ . + -", value)
  end
  if taken[value] then check.fail(path, ("%s is there twice"):format(value)) end
  for other in pairs(taken) do
    if other:gsub(" ", "_") == value:gsub(" ", "_") then
      check.fail(path, ("%q would have the folder of %q, where a space is _, too"):format(value, other))
    end
  end
  if files and files[value] then check.fail(path, ("the experiment's folder has something else of the name %s"):format(value)) end
  taken[value] = true
  return value
end

-- Where the stages of a chain begin from the one before.
local function into_of(check, arm, path)
  local into = arm.into
  if into == nil then return "policy.start" end
  if arm.stages == 1 then check.fail(path, "says where stages go on, and this arm has only one recipe") end
  if type(into) ~= "string" then values.wrong(check, path, 'an option by path, or "start-from"', into) end
  local refused = experiment.refused(into)
  if refused then check.fail(path, ("%s: %s"):format(into, refused)) end
  local hint = into ~= "start-from" and schema.unknown(into)
  if hint then check.fail(path, ('expected an option by path, or "start-from", got %s%s'):format(values.show(into), hint)) end
  return into
end

local function arms(check, given)
  list(check, given, "arms", "a list of arms", most_arms)
  local taken, result = {}, {}
  for i, arm in ipairs(given) do
    local at = "arms." .. i
    check.known(arm, {"name", "recipe", "stages", "into", "set", "fast", "workers", "lag", "grid"}, at)
    result[i] = {at = at, stages = arm.stages, into = check.try(into_of, check, arm, at .. ".into")}
    result[i].name = check.try(name_of, check, arm.name, at .. ".name", taken)
    result[i].set = check.try(settings, check, arm.set, at .. ".set")
    result[i].fast = check.try(settings, check, arm.fast, at .. ".fast")
    result[i].workers = check.try(count, check, arm.workers, at .. ".workers", most_workers)
    result[i].lag = check.try(count, check, arm.lag, at .. ".lag", schema.most_lag)
    result[i].grid = arm.grid
  end
  return result, taken
end

-- key: the field that has them.
local function worlds(check, given, key)
  list(check, given, key, 'a list of worlds, as in {"strong", {name = "tuned", set = {["env.base_like"] = 0.7}}}', most_worlds)
  local taken, result = {}, {}
  for i, world in ipairs(given) do
    local at = ("%s.%d"):format(key, i)
    local place = at
    if type(world) == "string" then world = {name = world, set = {["env.preset"] = world}} else place = at .. ".set" end
    if type(world) ~= "table" then values.wrong(check, at, "a preset, or a name with its set", world) end
    check.known(world, {"name", "set"}, at)
    result[i] = {at = place, name = check.try(name_of, check, world.name, at .. ".name", taken, taken_by_files),
      set = check.try(settings, check, world.set, at .. ".set")}
  end
  return result
end

local function published(check, given, names)
  if type(given) ~= "table" then values.wrong(check, "published", "percent by response and arm, as in {follow = {a3c = -1.08}}", given) end
  for _, response in ipairs(keys(given)) do
    local at = "published." .. tostring(response)
    if type(given[response]) ~= "table" then values.wrong(check, at, "percent by arm, as in {a3c = -1.08}", given[response]) end
    check.known(given[response], names, at)
    for _, name in ipairs(keys(given[response])) do
      if type(given[response][name]) ~= "number" then
        values.wrong(check, at .. "." .. tostring(name), "a number", given[response][name])
      end
    end
  end
  return given
end

-- Every arm has as many points as the grid of all: an arm with more would be tuned better, not be better.
local function tune(check, given, every, user_seed)
  if given == nil then
    for _, arm in ipairs(every) do
      if arm.grid then check.note(arm.at .. ".grid", "is for `tune`, the budget of all arms, and the experiment has none") end
    end
    return nil
  end
  local result = check.section(schema.experiment_tune, given, "tune", {"grid"})
  if result.user_seed == user_seed then
    check.note("tune.user_seed", ("%.0f is the seed of the users who judge the arms, too: points are chosen by others"):format(user_seed))
  end
  result.grid, result.points = grid_of(check, given.grid, "tune.grid")
  for _, arm in ipairs(every) do
    if arm.grid then
      local at = arm.at .. ".grid"
      local grid, points = grid_of(check, arm.grid, at)
      arm.grid = grid
      if points ~= result.points then
        check.fail(at, ("has %s, and tune.grid %d: every arm has the same budget"):format(format.plural(points, "point"), result.points))
      end
    end
  end
  return result
end

-- What the fast form does not say is the whole one's, where its default is more than that.
local function no_more(fast, given, whole, names)
  for _, name in ipairs(names) do
    if type(given) ~= "table" or given[name] == nil then fast[name] = math.min(fast[name], whole[name]) end
  end
  return fast
end

-- whole: the test that this is the fast form of, whose `set` it has but for what it says itself.
local function test_section(check, options, given, path, also, whole)
  local result = check.section(options, given, path, also)
  if whole then no_more(result, given, whole, {"users", "days"}) end
  result.from = result.from or math.floor(result.days / 2) + 1
  if result.from > result.days then
    check.fail(path .. ".from", ("the test lasts %.0f days, got %.0f"):format(result.days, result.from))
  end
  result.set = {}
  for _, set in ipairs {whole and whole.set or {}, settings(check, (given or {}).set, path .. ".set")} do
    for name, value in pairs(set) do result.set[name] = value end
  end
  return result
end

-- The A/B test: the share A/A is of an arm, or of a control that is none.
local function ab(check, given, by_name, control)
  if given == nil then return nil end
  local result = test_section(check, schema.experiment_ab, given, "ab", {"set", "fast"})
  result.fast = test_section(check, schema.experiment_ab_fast, given.fast, "ab.fast", {"set"}, result)
  result.aa = result.aa or control
  if not by_name[result.aa] and result.aa ~= control then
    check.fail("ab.aa", ("expected an arm's name or the control's, got %s%s"):format(values.show(result.aa),
      nearest.hint_or_list(tostring(result.aa), keys(by_name))))
  end
  return result
end

local function body(check, given)
  local result = check.section(schema.experiment, given, "",
    {"arms", "worlds", "more_worlds", "published", "control", "fast", "values", "tune", "ab"})
  local by_name
  result.arms, by_name = arms(check, given.arms)
  result.worlds = check.try(worlds, check, given.worlds or {{name = "world"}}, "worlds") or {}
  result.more_worlds = given.more_worlds and check.try(worlds, check, given.more_worlds, "more_worlds") or {}
  local names = keys(by_name)
  result.published = check.try(published, check, given.published or {}, names) or {}
  result.control = given.control
  local known = {"ltr", "zero"}
  for _, name in ipairs(names) do known[#known + 1] = name end
  if type(given.control) ~= "string" or not (by_name[given.control] or given.control == "ltr" or given.control == "zero") then
    check.note("control", ("expected an arm's name, or \"ltr\" or \"zero\", got %s%s"):format(values.show(given.control),
      nearest.hint_or_list(tostring(given.control), known)))
  elseif by_name[given.control] and (given.control == "ltr" or given.control == "zero") then
    check.note("control", ('"%s" is a control that is no arm, and the name of one: the arm needs another name'):format(given.control))
  end
  for _, name in ipairs {"responses", "over_days", "front", "groups", "metrics"} do
    local _, text = twice(result[name], name)
    if text then check.note(name, text .. " is there twice") end
  end
  if #result.over_days > 0 and result.days < 2 then check.note("over_days", "lifts by days need two or more, and `days` is 1") end
  result.values = given.values and check.section(schema.experiment_values, given.values, "values")
  if result.values and result.values.policy == "control" and not by_name[result.control] then
    check.note("values.policy", ('"control" needs a control that is an arm, and it is %s'):format(values.show(result.control)))
  end
  if #result.front == 1 then check.note("front", "expected two responses or more, the first against the sum of the others") end
  result.tune = check.try(tune, check, given.tune, result.arms or {}, result.user_seed)
  result.ab = check.try(ab, check, given.ab, by_name or {}, result.control)
  local fast = no_more(check.section(schema.experiment_fast, given.fast, "fast", {"set"}), given.fast, result, {"seeds", "users", "days"})
  fast.set = check.try(settings, check, (given.fast or {}).set, "fast.set")
  result.fast = fast
  return result
end

--- The checked experiment; or nil and what is wrong with it, [{path, message}].
function experiment.check(given) return checks.all({}, body, given) end

return experiment
