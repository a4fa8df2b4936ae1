--- Actions by user group: what a policy does, on average over the requests of users who differ in something that is known
--- of them.
---
--- Users are put into thirds by an observation's mean over their requests under the baseline, so that a policy cannot move
--- its own users from one group to another. A group's mean action is a ratio of sums, Σ action / Σ requests, with the
--- interval over its users (stats.ratio_interval).

local format = require "perilune.format"
local lift = require "perilune.stats.lift"
local stats = require "perilune.stats"

local groups = {}

--- Three groups of users by these values: {{low, high, users = {numbers}}, …}, as equal in size as equal values allow,
--- which are never torn apart. Fewer than three where the values do not differ enough.
function groups.thirds(values)
  local order, n = {}, #values
  for u = 1, n do order[u] = u end
  table.sort(order, function(a, b) return values[a] < values[b] or (values[a] == values[b] and a < b) end)
  local result, from = {}, 1
  for third = 1, 3 do
    local to = math.floor(n * third / 3 + 0.5)
    while to < n and to >= 1 and values[order[to + 1]] == values[order[to]] do to = to + 1 end
    if to >= from then
      local users = {}
      for i = from, to do users[#users + 1] = order[i] end
      result[#result + 1] = {low = values[order[from]], high = values[order[to]], users = users}
      from = to + 1
    end
  end
  return result
end

local function some(column, users)
  local list = {}
  for i, user in ipairs(users) do list[i] = column[user] end
  return list
end

local function plain(interval) -- without what JSON need not hold
  return {mean = interval.mean, half = interval.half, low = interval.low, high = interval.high}
end

local function mean_action(panel, name, users)
  return stats.ratio_interval(some(panel.columns["action/" .. name], users), some(panel.columns.requests, users))
end

-- Each user's mean of an observation; a user without a request has none, and is in no group.
local function means(panel, name)
  local values, users = {}, {}
  for u = 1, panel.users do
    local requests = panel.columns.requests[u]
    if requests > 0 then
      users[#users + 1] = u
      values[#values + 1] = panel.columns["observed/" .. name][u] / requests
    end
  end
  return values, users
end

local function group_of(policy, baseline, part, actions, metrics)
  local group = {low = part.low, high = part.high, users = #part.users, actions = {}, lift = {}}
  for i, name in ipairs(actions) do group.actions[i] = plain(mean_action(policy, name, part.users)) end
  local own, base = lift.of_users(policy, part.users), lift.of_users(baseline, part.users)
  for i, metric in ipairs(metrics) do
    local value = lift.of({own}, {base}, metric)
    group.lift[i] = value and plain(value) or false
  end
  return group
end

--- The groups of a policy's panel beside its baseline's, both with the columns action/… and observed/…: {actions = names,
--- metrics = names, all = {mean action of everybody}, by = {{name, groups = {{low, high, users, actions = {intervals},
--- lift = {intervals of metrics, or false}}}, differences = {last third − first}}}}. nil where nothing groups.
function groups.of(policy, baseline, actions, observed, metrics)
  if #observed == 0 or #actions == 0 then return nil end
  local result, everybody = {actions = actions, metrics = {}, all = {}, by = {}}, {}
  for u = 1, policy.users do everybody[u] = u end
  for i, name in ipairs(actions) do result.all[i] = plain(mean_action(policy, name, everybody)) end
  for i, metric in ipairs(metrics) do result.metrics[i] = metric.name end
  for i, name in ipairs(observed) do
    local values, users = means(baseline, name)
    local by = {name = name, groups = {}, differences = {}}
    local parts = groups.thirds(values)
    for g, part in ipairs(parts) do
      part.users = some(users, part.users)
      by.groups[g] = group_of(policy, baseline, part, actions, metrics)
    end
    for k, action in ipairs(#parts > 1 and actions or {}) do
      by.differences[k] = plain(stats.difference(mean_action(policy, action, parts[1].users),
        mean_action(policy, action, parts[#parts].users)))
    end
    result.by[i] = by
  end
  return result
end

local thirds = {[1] = {"all"}, [2] = {"low", "high"}, [3] = {"low", "middle", "high"}}

--- What the groups of an observation are called.
function groups.names(by) return thirds[#by.groups] end

local function interval(one) return one and format.with_error(one.mean, one.half) or "–" end

--- The mean actions as lines for a terminal.
function groups.text(found)
  local parts = {}
  for i, by in ipairs(found.by) do
    local rows = {{"mean action", "all"}}
    for g, name in ipairs(groups.names(by)) do rows[1][g + 2] = name end
    rows[1][#rows[1] + 1] = #by.differences > 0 and "high − low" or nil
    for k, action in ipairs(found.actions) do
      local row = {action, interval(found.all[k])}
      for _, group in ipairs(by.groups) do row[#row + 1] = interval(group.actions[k]) end
      row[#row + 1] = by.differences[k] and interval(by.differences[k])
      rows[k + 1] = row
    end
    local ranges = {}
    for g, group in ipairs(by.groups) do
      ranges[g] = ("%s of %s … %s"):format(format.plural(group.users, "user"), format.number(group.low), format.number(group.high))
    end
    parts[i] = ("By thirds of %s (%s):\n%s"):format(by.name, table.concat(ranges, "; "), format.columns(rows))
  end
  return table.concat(parts)
end

return groups
