--- The value estimates of a run, of two runs, or of sides of several runs, beside the returns that came, on users and chances that
--- none of them was trained on; and how much they move with each group of observations.

local failure = require "perilune.failure"
local keys = require "perilune.keys"
local nearest = require "perilune.nearest"
local observes = require "perilune.recipe.observes"
local values = require "perilune.stats.values"
local comparison = require "perilune.trainer.comparison"
local environment = require "perilune.trainer.environment"
local folder = require "perilune.trainer.folder"
local importance = require "perilune.trainer.importance"
local records = require "perilune.records"

local judged = {}

local seconds = {second = 1, minute = 60, hour = 3600, day = 86400}
local weighted = importance.sum

-- ---- one agent on one rollout ----

-- What an agent's critics are: {{name, gamma, unit (s; nil: a step), weight = of its value in the weighted sum}}.
function judged.critics(agent, info)
  local per, list = {}, {}
  for _, critic in ipairs(info.critics) do per[critic.name] = critic.per end
  for i, name in ipairs((agent:critics())) do
    local function get(option) return agent:get(("objective.critics.%s.%s"):format(name, option)) end
    list[i] = {name = name, gamma = get "gamma", unit = seconds[per[name]], weight = get "weight" / get "scale"}
  end
  return list
end

-- Users' rows in order: {observation (rows, O), response (rows, R), ends, elapsed: lists by [step][user], steps, users}.
local function play(agent, info, options)
  local env = failure.check(environment.make(info.environment, options.users, options.seed))
  local names, steps = env:spec().observation.names, options.steps + options.horizon
  local observation, response, ends, elapsed = agent:rollout(env, steps, "sample", options.watch)
  local function flat(tensor) return tensor:reshape(steps * options.users, tensor:size(3)) end
  local found = {observation = flat(observation), response = flat(response), ends = ends:totable(), elapsed = elapsed:totable(),
    steps = steps, users = options.users, names = names}
  env:free()
  return found
end

-- ---- what moves the values of a run's critics ----

local asked = {users = 128, steps = 32, numbers = 2 ^ 22} -- at most so many numbers of observations, or one step

--- What a run's page shows of its critics, of the users of its evaluations: importance.whole with users, steps and seed. nil where there
--- are no values of states, or an observation does not tell them (policy.memory). recipe: resolved.
function judged.of_run(info, agent, recipe, watch)
  if (recipe.policy or {}).memory or not select(2, agent:critics()) then return nil end
  local given = {users = asked.users, horizon = 0, seed = info.evaluation.seed, watch = watch}
  given.steps = math.max(1, math.min(asked.steps, math.floor(asked.numbers / (asked.users * #agent:spec().observation.names))))
  local rows = play(agent, info, given)
  local found = importance.whole {importance.of(agent, judged.critics(agent, info), rows.observation, rows.users, rows.names)}
  found.users, found.steps, found.seed = given.users, given.steps, given.seed
  return found
end

-- ---- estimates beside returns ----

-- The returns of one critic by [user][step] of the first `counted` steps, false where one is not known.
local function returns_of(critic, column, rewards, rows, counted)
  local result = {}
  for user = 1, rows.users do
    local reward, discount, ends = {}, {}, {}
    for step = 1, rows.steps do
      reward[step] = rewards[(step - 1) * rows.users + user][column]
      ends[step] = rows.ends[step][user]
      local span = critic.unit and tonumber(rows.elapsed[step][user]) * 1e-6 / critic.unit or 1
      discount[step] = critic.gamma > 0 and critic.gamma ^ span or 0
    end
    local all, first = values.returns(reward, discount, ends), {}
    for step = 1, counted do first[step] = all[step] end
    result[user] = first
  end
  return result
end

-- The weighted sum of the critics' returns, known where all are.
local function sum_of(critics, returns, users, counted)
  local result = {}
  for user = 1, users do
    result[user] = {}
    for step = 1, counted do
      local sum = 0
      for i, critic in ipairs(critics) do
        local one = returns[i][user][step]
        sum = sum and one and sum + critic.weight * one
      end
      result[user][step] = sum or false
    end
  end
  return result
end

-- The returns of an agent's critics and of their weighted sum over these rows, by name.
local function targets(agent, info, rows, counted)
  local critics, found, list = judged.critics(agent, info), {}, {}
  local rewards = agent:rewards(rows.response):totable()
  for i, critic in ipairs(critics) do
    list[i] = returns_of(critic, i, rewards, rows, counted)
    found[critic.name] = list[i]
  end
  found[weighted] = sum_of(critics, list, rows.users, counted)
  return found, critics
end

-- The estimates by name and [user][step].
local function estimates(agent, critics, rows, counted)
  local found, value = {[weighted] = {}}, agent:values(rows.observation):totable()
  for _, critic in ipairs(critics) do found[critic.name] = {} end
  for user = 1, rows.users do
    for name in pairs(found) do found[name][user] = {} end
    for step = 1, counted do
      local row, sum = value[(step - 1) * rows.users + user], 0
      for i, critic in ipairs(critics) do
        found[critic.name][user][step], sum = row[i], sum + critic.weight * row[i]
      end
      found[weighted][user][step] = sum
    end
  end
  return found
end

-- Sums by user of each estimate beside its return, and how many rows are left out, by name; and how much the estimates move with
-- groups of observations.
local function errors_of(agent, info, rows, counted, groups)
  local returned, critics = targets(agent, info, rows, counted)
  local estimated, sums, left = estimates(agent, critics, rows, counted), {}, {}
  for name, by_user in pairs(returned) do
    sums[name], left[name] = {}, 0
    for user, by_step in ipairs(by_user) do
      local one = values.sums()
      for step, value in ipairs(by_step) do
        if value then values.add(one, estimated[name][user][step], value) else left[name] = left[name] + 1 end
      end
      sums[name][user] = one
    end
  end
  local observed = rows.observation:slice(1, 1, counted * rows.users)
  return {sums = sums, left = left, returned = returned,
    importance = importance.of(agent, critics, observed, rows.users, rows.names, groups)}
end

-- ---- two sides ----

-- Whether two sides' returns of one name are the same numbers on the same rows, but for rounding.
local function same_returns(a, b)
  local apart, size = 0, 0
  for user, by_step in ipairs(a) do
    for step, one in ipairs(by_step) do
      local other = b[user][step]
      if (not one) ~= (not other) then return false end
      if one then apart, size = math.max(apart, math.abs(one - other)), math.max(size, math.abs(one)) end
    end
  end
  return apart <= 1e-5 * size
end

local function open(path, trust)
  local place = folder.open_to_run(path, trust)
  local _, agent = place:newest()
  local names, parameters = agent:critics()
  local recipe = failure.check(records.read(place:file("recipe.json")))
  if (recipe.policy or {}).memory then
    failure.usage(("%s: its policy has a memory (policy.memory), without whose states its critics say nothing: such runs are not "
      .. "judged here"):format(path))
  end
  if not parameters or place.info.search then
    failure.usage(("%s: %s learns no values of states: there is nothing to judge"):format(path, place.info.algorithm or
      "its algorithm"))
  end
  return {path = path, info = place.info, agent = agent, names = names, parameters = parameters}
end

local function refuse_apart(sides, seed)
  local a, b = sides[1], sides[2]
  local message = b and environment.apart(a.info.environment, b.info.environment, {a.path, b.path})
  if message then failure.usage(message .. ": their returns cannot be compared") end
  for _, side in ipairs(sides) do
    if side.info.seed == seed then
      failure.usage(("--seed: %s was trained on the users and chances of seed %.0f: give another one"):format(side.path, seed))
    end
  end
end

-- Patterns that are no observation's are a mistake, which would pass unseen.
local function refuse_unknown(groups, names)
  for _, patterns in ipairs(groups or {}) do
    for _, pattern in ipairs(patterns) do
      if #observes.kept(names, {pattern}) == 0 then
        failure.usage(("--group: there is no observation %q%s"):format(pattern, nearest.hint_or_list(pattern, names)))
      end
    end
  end
end

-- One run, or a pair of them: what each side's estimates come to, and which returns are the same on both sides.
local function estimates_of(sides, options)
  refuse_apart(sides, options.seed)
  local a, b = sides[1], sides[2]
  local found, rows = {}, {}
  for i, side in ipairs(sides) do
    local actor = ({a = a, b = b})[options.policy] or side
    rows[i] = i == 2 and actor == a and rows[1] or play(actor.agent, actor.info, options)
    refuse_unknown(options.groups, rows[i].names)
    found[i] = errors_of(side.agent, side.info, rows[i], options.steps, options.groups)
  end
  local same, beside = {}, b and targets(b.agent, b.info, rows[1], options.steps) or {}
  for name, returned in pairs(found[1].returned) do same[name] = beside[name] and same_returns(returned, beside[name]) end
  return found, same
end

-- sums[seed][user] of one side's estimate; nil where it has none of that name, or there is no such side.
local function collect(list, side, name)
  local result = {}
  for s, one in ipairs(list) do result[s] = one.found[side] and one.found[side].sums[name] end
  return #result == #list and result or nil
end

local function total(list, side, name)
  local rows, left = 0, 0
  for _, one in ipairs(list) do
    for _, user in ipairs(one.found[side].sums[name] or {}) do rows = rows + user.rows end
    left = left + (one.found[side].left[name] or 0)
  end
  return rows, left
end

-- Every name: the weighted sum, then the critics.
local function names_of(list)
  local known, result = {}, {weighted}
  for _, side in ipairs(list[1].found) do
    for name in pairs(side.sums) do known[name] = name ~= weighted or nil end
  end
  for _, name in ipairs(keys(known)) do result[#result + 1] = name end
  return result
end

local function judge(list, name)
  local a, b, same = collect(list, 1, name), collect(list, 2, name), true
  for _, one in ipairs(list) do same = same and one.same[name] end
  local result = {name = name, same = same or false, rows = values.compare(a, b, same)}
  for side, sums in ipairs {a or false, b or false} do
    local key = ({"a", "b"})[side]
    result[key] = false
    if sums then
      local rows, left = total(list, side, name)
      if rows == 0 then
        failure.run(("%s: the return of no row is known within %d steps: a longer --horizon is needed"):format(name,
          list.horizon))
      end
      result[key] = {counted = rows, left = left}
      result[key].mean, result[key].deviation = values.spread(sums)
    end
  end
  return result
end

-- Of each side, over the seeds.
local function importance_of(list)
  local result = {}
  for side in ipairs(list[1].found) do
    local seeds = {}
    for s, one in ipairs(list) do seeds[s] = one.found[side].importance end
    result[side] = importance.whole(seeds)
  end
  return result
end

--- Judges the value estimates of runs, or compares those of two sides pair by pair: places = [{A's folder[, B's folder]}], an
--- entry a seed. options: {users, steps, horizon, seed, policy = "own" | "a" | "b", groups = lists of patterns
--- (recipe/observes.lua), trust, watch}. Returns {names = {A, B}, parameters = {of A, of B}, seeds = n, options, estimates =
--- {{name, same, rows = of stats/values.lua, a, b = {counted, left, mean, deviation} of a side or false}}, importance = {of A, of
--- B} (importance.whole)}.
function judged.of_places(places, options)
  local list = {horizon = options.horizon + options.steps, names = {}, parameters = {}}
  for i, folders in ipairs(places) do
    local sides = {}
    for k, path in ipairs(folders) do
      sides[k] = open(path, options.trust)
      list.names[k], list.parameters[k] = sides[k].info.name, sides[k].parameters
    end
    list.seed = options.seed or sides[1].info.evaluation.seed
    local found, same = estimates_of(sides, setmetatable({seed = list.seed}, {__index = options}))
    list[i] = {found = found, same = same}
    for _, side in ipairs(sides) do side.agent:free() end
  end
  local result = {names = list.names, parameters = list.parameters, seeds = #list, seed = list.seed, users = options.users,
    steps = options.steps, policy = options.policy, estimates = {}, importance = importance_of(list)}
  for i, name in ipairs(names_of(list)) do result.estimates[i] = judge(list, name) end
  return result
end

--- The same of {A} or {A, B}, each a run's folder, or each a folder of runs, whose seeds are paired.
function judged.compare(paths, options) return judged.of_places(comparison.tuples_of(paths), options) end

return judged
