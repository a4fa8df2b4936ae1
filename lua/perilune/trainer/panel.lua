--- Panels: a policy judged by user and simulated day, beside a baseline on the same users with the same chances.
---
--- A panel is {users, days, sums = tensor (users, days, columns), columns = {name = {each user's sum over its days}}},
--- with the columns NAME and count/NAME (how often it came) for each response, requests, and sessions that ended.

local failure = require "perilune.failure"
local prl = require "perilune"
local lift = require "perilune.report.lift"
local nearest = require "perilune.nearest"
local folder = require "perilune.trainer.folder"

local panel = {}

--- Whether these evaluation options ask for panels.
function panel.asked(options) return (options.users or 0) > 0 end

local function names_of(responses)
  local names = {}
  for i, response in ipairs(responses) do
    names[i] = response.name
    names[#responses + i] = "count/" .. response.name
  end
  names[#names + 1] = "requests"
  names[#names + 1] = "sessions"
  return names
end

local function of_sums(sums, responses)
  local names, rows = names_of(responses), sums:totable()
  local result = {users = #rows, days = #rows[1], sums = sums, columns = {}}
  for c, name in ipairs(names) do
    local column = {}
    for user, days in ipairs(rows) do
      local sum = 0
      for day = 1, #days do sum = sum + days[day][c] end
      column[user] = sum
    end
    result.columns[name] = column
  end
  return result
end

--- info: of a run (environment, responses). options: users, days, seed, action, threads. policy: {agent = file} or
--- {constant = {a number for each dimension of the action}}.
function panel.run(info, options, policy)
  local about = info.environment
  local sums = failure.check(prl.panel(about.kind == "builtin" and about.name or {[about.kind] = about.path},
    about.options, {users = options.users, days = options.days, seed = options.seed, threads = options.threads,
      action = options.action, agent = policy.agent, constant = policy.constant}))
  return of_sums(sums, info.responses)
end

local function constant_of(info, given)
  local constant, place = {}, {}
  for i, name in ipairs(info.actions) do constant[i], place[name] = 0, i end
  for name, value in pairs(given) do
    if not place[name] then
      failure.usage(("eval.baseline: the action has no dimension %s%s"):format(tostring(name),
        nearest.hint_or_list(tostring(name), info.actions)))
    end
    constant[place[name]] = value
  end
  return constant
end

--- Whether two runs' environments are the same, with the same options: only then can their users be the same.
function panel.same_world(a, b)
  local function text(info)
    local about, options = info.environment, {}
    for key, value in pairs(about.options or {}) do options[key] = value end
    if options.digest then options.world = nil end -- the same file, wherever it stands
    return prl.to_json {kind = about.kind, name = about.name, path = about.path, options = options}
  end
  return text(a) == text(b)
end

--- What a recipe's `eval.baseline` stands for: a policy for panel.run, and its name.
function panel.baseline_policy(info, baseline)
  if type(baseline) == "table" then return {constant = constant_of(info, baseline)}, "a constant action" end
  if baseline == "ltr" then return {constant = constant_of(info, {})}, "ltr" end
  if baseline:find("%.safetensors$") then return {agent = baseline}, baseline end
  local checkpoint = folder.open(baseline):last_checkpoint()
  if not checkpoint then failure.run(("eval.baseline: the run %s has no checkpoint"):format(baseline)) end
  return {agent = checkpoint}, baseline
end

--- The panel of the baseline in options.baseline, and its name.
function panel.baseline(info, options)
  local policy, name = panel.baseline_policy(info, options.baseline)
  return panel.run(info, options, policy), name
end

--- Keeps both panels in one file.
function panel.save(path, policy, baseline)
  failure.check(prl.io.safetensors_write(path, {{"policy", policy.sums}, {"baseline", baseline.sums}},
    {format = "perilune panels 1"}))
end

--- The panels of a file: of the policy, of the baseline; nil where there is no file.
function panel.load(path, responses)
  local file = io.open(path, "r")
  if not file then return nil end
  file:close()
  local tensors = failure.check(prl.io.safetensors_read(path))
  if not tensors.policy or not tensors.baseline then failure.run(path .. ": no panels of perilune") end
  return of_sums(tensors.policy, responses), of_sums(tensors.baseline, responses)
end

--- The columns of evaluations.csv.
function panel.columns(responses)
  local names = {"step", "users"}
  for _, metric in ipairs(lift.metrics(responses)) do
    for _, kind in ipairs {"mean", "sd", "lift", "half"} do names[#names + 1] = kind .. "/" .. metric.name end
  end
  return names
end

--- The row of a lift table (report/lift.lua) of one policy in these columns. What cannot be told is not a number.
function panel.row(step, compared)
  local row, nothing = {step, compared.users}, 0 / 0
  for _, item in ipairs(compared.rows) do
    row[#row + 1] = item.policy or nothing
    row[#row + 1] = item.sd or nothing
    row[#row + 1] = item.lift and 100 * item.lift.mean or nothing
    row[#row + 1] = item.lift and item.lift.half and 100 * item.lift.half or nothing
  end
  return row
end

return panel
