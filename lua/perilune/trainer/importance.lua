--- How much a critic's value moves with each group of observations: permutation importance (Breiman 2001, "Random forests",
--- section 10; here of predictions, not of their errors). What a group shows of a user is exchanged for what it shows of another
--- user at the same step, so that each column keeps its distribution and loses its relation to the others:
---
---     change = mean |V(o with the group of another user) − V(o)|       in units of the critic's reward
---     share  = change / deviation                                      deviation: of V over users at the same step
---
--- If all observations were exchanged, users whose values are normally distributed would give a share of 2/√π = 1.13. A group that
--- actions move at once and the world never reads must not have a large one: the actor would be told to move it.

local stats = require "perilune.stats"
local observes = require "perilune.recipe.observes"
local prl = require "perilune"

local importance = {}

importance.sum = "weighted sum"

-- Rows are by step, then by user: at each step the next user's row, after the last the first's.
local function of_the_next(rows, users)
  local place = {}
  for i = 0, rows:size(1) - 1 do place[i + 1] = i - i % users + (i % users + 1) % users end
  return rows:index_select(1, prl.tensor(place, "int32"))
end

local function exchanged(rows, others, places)
  local mask = {}
  for i = 1, rows:size(2) do mask[i] = 0 end
  for _, place in ipairs(places) do mask[place] = 1 end
  return prl.where(prl.tensor {mask}, others, rows)
end

-- Values of the critics by [critic][row], the weighted sum first.
local function values_of(agent, critics, rows)
  local value, found = agent:values(rows):totable(), {{}}
  for i, row in ipairs(value) do
    local sum = 0
    for c, critic in ipairs(critics) do
      found[c + 1] = found[c + 1] or {}
      found[c + 1][i], sum = row[c], sum + critic.weight * row[c]
    end
    found[1][i] = sum
  end
  return found
end

-- Over users at the same step; pooled over steps.
local function deviation(value, users)
  local squares, steps = 0, #value / users
  for step = 0, steps - 1 do
    local mean = 0
    for u = 1, users do mean = mean + value[step * users + u] / users end
    for u = 1, users do squares = squares + stats.square(value[step * users + u] - mean) end
  end
  return math.sqrt(squares / (steps * (users - 1)))
end

-- By user, the mean of what its values changed by.
local function changes(before, after, users)
  local by_user, steps = {}, #before / users
  for u = 1, users do by_user[u] = 0 end
  for i, value in ipairs(before) do
    local u = (i - 1) % users + 1
    by_user[u] = by_user[u] + math.abs(after[i] - value) / steps
  end
  return by_user
end

--- Of one agent on rows (steps × users, O) that are in order of (step, user). critics: {{name, weight = of its value in the weighted
--- sum}}; names: of the observations; patterns: of observes.groups. Returns {groups = {{name, observations}},
--- critics = {{name, deviation, changes = by [group][user]}}}, the weighted sum first.
function importance.of(agent, critics, rows, users, names, patterns)
  local before, others, groups = values_of(agent, critics, rows), of_the_next(rows, users), observes.groups(names, patterns)
  local found = {groups = {}, critics = {{name = importance.sum}}}
  for c, critic in ipairs(critics) do found.critics[c + 1] = {name = critic.name} end
  for c, one in ipairs(found.critics) do one.deviation, one.changes = deviation(before[c], users), {} end
  for g, group in ipairs(groups) do
    local after = values_of(agent, critics, exchanged(rows, others, group.places))
    found.groups[g] = {name = group.name, observations = #group.places}
    for c, one in ipairs(found.critics) do one.changes[g] = changes(before[c], after[c], users) end
  end
  return found
end

--- What importance.of found of several seeds, together: {groups, critics = {{name, deviation, groups = {{mean, half}, …} in the
--- order of groups}}}; half: of the 95 % interval over users crossed with seeds. One critic alone stands for the sum, too.
function importance.whole(seeds)
  local first = seeds[1]
  local result = {groups = first.groups, critics = {}}
  for c, one in ipairs(first.critics) do
    local critic = {name = one.name, deviation = 0, groups = {}}
    for _, seed in ipairs(seeds) do critic.deviation = critic.deviation + seed.critics[c].deviation / #seeds end
    for g in ipairs(first.groups) do
      local by_seed = {}
      for s, seed in ipairs(seeds) do by_seed[s] = seed.critics[c].changes[g] end
      local crossed = stats.crossed(by_seed)
      critic.groups[g] = {mean = crossed.mean, half = crossed.half}
    end
    result.critics[c] = critic
  end
  if #result.critics == 2 then table.remove(result.critics, 1) end
  return result
end

return importance
