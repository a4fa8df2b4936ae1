--- Panels: a policy judged by user and simulated day, beside a baseline on the same users with the same random draws.
---
--- A panel is {users, days, sums = tensor (users, days, columns), names = of the columns, columns = {name = {each user's
--- sum over its days}}}, with the columns NAME and count/NAME (how often it came) for each response, requests, sessions
--- that ended, and, over the requests, action/NAME for each dimension of the action and observed/NAME for what the recipe
--- groups users by (eval.groups).

local posix = require "posix"
local failure = require "perilune.failure"
local keys = require "perilune.keys"
local prl = require "perilune"
local lift = require "perilune.stats.lift"
local environment = require "perilune.trainer.environment"

local panel = {}

local function names_of(info, observed)
  local names = {}
  for i, response in ipairs(info.responses) do
    names[i] = response.name
    names[#info.responses + i] = "count/" .. response.name
  end
  names[#names + 1] = "requests"
  names[#names + 1] = "sessions"
  for _, name in ipairs(info.actions or {}) do names[#names + 1] = "action/" .. name end
  for _, name in ipairs(observed or {}) do names[#names + 1] = "observed/" .. name end
  return names
end

local block = 1024 -- users whose days are Lua tables at once

local function of_sums(sums, names)
  local users, days, width = sums:size(1), sums:size(2), sums:size(3)
  local result = {users = users, days = days, sums = sums, names = names, columns = {}}
  for c = 1, width do result.columns[names[c]] = {} end
  for from = 1, users, block do
    local rows = sums:narrow(1, from, math.min(from + block - 1, users)):totable()
    for c = 1, width do
      local column = result.columns[names[c]]
      for i, by_day in ipairs(rows) do
        local sum = 0
        for day = 1, days do sum = sum + by_day[day][c] end
        column[from + i - 1] = sum
      end
    end
  end
  return result
end

--- info: of a run (environment, responses, actions). options: users, days, seed, action, threads, groups (observations
--- that are summed too), watch(done, total), which may raise. policy: {agent = file} or {constant = {a number for each
--- dimension of the action}}.
function panel.run(info, options, policy)
  local about = info.environment
  local sums = failure.check(prl.panel(about.kind == "builtin" and about.name or {[about.kind] = about.path},
    about.options, {users = options.users, days = options.days, seed = options.seed, threads = options.threads,
      action = options.action, observed = options.groups, agent = policy.agent, constant = policy.constant,
      watch = options.watch}))
  return of_sums(sums, names_of(info, options.groups))
end

--- The panel of the first `count` users: the very numbers that a panel of so many would give.
function panel.first(whole, count)
  local users = {}
  for i = 1, math.min(count, whole.users) do users[i] = i end
  return lift.of_users(whole, users)
end

--- The panel of the days from … to of a panel that was run or loaded.
function panel.of_days(whole, from, to) return of_sums(whole.sums:narrow(2, from, to), whole.names) end

--- Whether two runs' environments are the same, with the same options: only then can their users be the same.
function panel.same_world(a, b)
  local function text(info)
    local about = info.environment
    return prl.to_json {kind = about.kind, name = about.name, path = about.path, options = environment.world(about.options, true)}
  end
  return text(a) == text(b)
end

--- Keeps the panels of a judgement in one file: of the policy, of the baseline, and of further policies ({name, panel}).
function panel.save(path, policy, baseline, others)
  local tensors = {{"policy", policy.sums}, {"baseline", baseline.sums}}
  for _, other in ipairs(others or {}) do tensors[#tensors + 1] = {"beside/" .. other.name, other.panel.sums} end
  failure.check(prl.io.safetensors_write(path, tensors, {format = "perilune panels 2",
    columns = table.concat(policy.names, "\n")}))
end

-- A panel in a file: numbers of users × days × columns, those that the run says.
local function check_sums(path, name, sums, columns, judged)
  local shape = type(sums) == "userdata" and sums:shape() or {}
  if #shape ~= 3 or sums:dtype() ~= "float64" then
    failure.run(("%s: %s is no panel: float64 of users × days × columns was expected"):format(path, name))
  end
  for i, expected in ipairs {judged.users or shape[1], judged.days or shape[2], columns} do
    if shape[i] ~= expected then
      failure.run(("%s: %s has %d %s, and %d were expected"):format(path, name, shape[i], ({"users", "days", "columns"})[i],
        expected))
    end
  end
end

local function columns_of(path, responses, metadata)
  local names, known = names_of {responses = responses}, {}
  if not metadata.columns then return names end
  local found = {}
  for name in metadata.columns:gmatch("[^\n]+") do found[#found + 1], known[name] = name, true end
  for _, name in ipairs(names) do
    if not known[name] then failure.run(("%s: the column %s is missing"):format(path, name)) end
  end
  return found
end

--- The panels of a file: of the policy, of the baseline, {name = of a further policy}; nil where there is no file. judged:
--- the evaluation of the run, whose users and days they have.
function panel.load(path, responses, judged)
  if not posix.stat(path) then return nil end
  local tensors, metadata, _, digested = failure.check(prl.io.safetensors_read(path))
  if not tensors.policy or not tensors.baseline then failure.run(path .. ": no panels of perilune") end
  if not digested then failure.run(path .. " carries no digest: it is damaged, or older than digests") end
  local names, others = columns_of(path, responses, metadata), {}
  for _, name in ipairs(keys(tensors)) do check_sums(path, name, tensors[name], #names, judged or {}) end
  for name, sums in pairs(tensors) do
    local other = name:match("^beside/(.+)$")
    if other then others[other] = of_sums(sums, names) end
  end
  return of_sums(tensors.policy, names), of_sums(tensors.baseline, names), others
end

return panel
