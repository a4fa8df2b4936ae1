--- What an experiment says beside its arms' recipes (`experiment` of prelude.lua), checked:
--- {name, question, arms = [{name, stages (their number), into, set, fast, workers, lag, grid}], control, seeds, first_seed,
---  worlds = [{name, set}], more_worlds = [such, which run only where they are named; one with a name of `worlds` is left out], users,
---  days, user_seed, responses, published = {response = {arm = percent}}, groups, front, metrics, served,
--- values = {users, steps, horizon, policy, seed} or nil, tune = {grid, points, metric, direction, seeds, first_seed, users, days,
---  user_seed} or nil, ab = {users, days, from, aa, set, fast = {users, days, from, set}} or nil, fast = {seeds, users, days, set}}.
--- A `set` has options of a recipe by path, a `grid` lists of their values, as a sweep's grid has them.

local checks = require "perilune.recipe.check"
local keys = require "perilune.keys"
local nearest = require "perilune.nearest"
local schema = require "perilune.recipe.schema"
local values = require "perilune.recipe.values"

local experiment = {}

local most_arms, most_worlds, most_points, most_workers = 8, 8, 64, 1024

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
    local first = tostring(name):match("^[^.]*")
    if not schema.find(schema.recipe, first) then
      check.note(("%s.%s"):format(path, tostring(name)), "a recipe has no option of this path"
        .. nearest.hint_or_list(first, schema.names(schema.recipe)))
    end
  end
  return given
end

-- Lists of values by path, and how many points they are.
local function grid_of(check, given, path)
  local grid, points = settings(check, given, path), 1
  for name, axis in pairs(grid) do
    if type(axis) ~= "table" or #axis == 0 then
      values.wrong(check, ("%s.%s"):format(path, tostring(name)), "a list of values, as in {1e-3, 1e-4}", axis)
    end
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

-- A name that is a folder's, too.
local function name_of(check, value, path, taken)
  if type(value) ~= "string" or not value:find("^[%w_][%w _.+-]*$") or #value > 60 then
    values.wrong(check, path, "a name of letters, digits, spaces and _ . + -", value)
  end
  if taken[value] then check.fail(path, ("%s is there twice"):format(value)) end
  taken[value] = true
  return value
end

local function arms(check, given)
  list(check, given, "arms", "a list of arms", most_arms)
  local taken, result = {}, {}
  for i, arm in ipairs(given) do
    local at = "arms." .. i
    check.known(arm, {"name", "recipe", "stages", "into", "set", "fast", "workers", "lag", "grid"}, at)
    result[i] = {stages = arm.stages, into = arm.into or "policy.start"}
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
    if type(world) == "string" then world = {name = world, set = {["env.preset"] = world}} end
    if type(world) ~= "table" then values.wrong(check, at, "a preset, or a name with its set", world) end
    check.known(world, {"name", "set"}, at)
    result[i] = {name = check.try(name_of, check, world.name, at .. ".name", taken), set = settings(check, world.set, at .. ".set")}
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
  if given == nil then return nil end
  local result = check.section(schema.experiment_tune, given, "tune", {"grid"})
  if result.user_seed == user_seed then
    check.note("tune.user_seed", ("%.0f is the seed of the users who judge the arms, too: points are chosen by others"):format(user_seed))
  end
  result.grid, result.points = grid_of(check, given.grid, "tune.grid")
  for i, arm in ipairs(every) do
    if arm.grid then
      local at = ("arms.%d.grid"):format(i)
      local grid, own = grid_of(check, arm.grid, at)
      arm.grid = grid
      if own ~= result.points then
        check.fail(at, ("has %d points, and tune.grid %d: every arm has the same budget"):format(own, result.points))
      end
    end
  end
  return result
end

local function test_section(check, options, given, path, also)
  local result = check.section(options, given, path, also)
  result.from = result.from or math.floor(result.days / 2) + 1
  if result.from > result.days then
    check.fail(path .. ".from", ("the test lasts %.0f days, got %.0f"):format(result.days, result.from))
  end
  result.set = settings(check, (given or {}).set, path .. ".set")
  return result
end

-- The A/B test: the share A/A is of an arm, or of a control that is none.
local function ab(check, given, by_name, control)
  if given == nil then return nil end
  local result = test_section(check, schema.experiment_ab, given, "ab", {"set", "fast"})
  result.fast = test_section(check, schema.experiment_ab_fast, given.fast, "ab.fast", {"set"})
  result.aa = result.aa or control
  if not by_name[result.aa] and result.aa ~= control then
    check.fail("ab.aa", ("expected an arm's name or the control's, got %s%s"):format(values.show(result.aa),
      nearest.hint_or_list(tostring(result.aa), keys(by_name))))
  end
  return result
end

local function body(check, given)
  local own = {"arms", "worlds", "more_worlds", "published", "control", "fast", "values", "tune", "ab"}
  local result = check.section(schema.experiment, given, "", own)
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
  end
  result.values = given.values and check.section(schema.experiment_values, given.values, "values")
  if #result.front == 1 then check.note("front", "expected two responses or more, the first against the sum of the others") end
  result.tune = check.try(tune, check, given.tune, result.arms or {}, result.user_seed)
  result.ab = check.try(ab, check, given.ab, by_name or {}, result.control)
  local fast = check.section(schema.experiment_fast, given.fast, "fast", {"set"})
  fast.set = check.try(settings, check, (given.fast or {}).set, "fast.set")
  result.fast = fast
  return result
end

--- The checked experiment; or nil and what is wrong with it, [{path, message}].
function experiment.check(given) return checks.all({}, body, given) end

return experiment
