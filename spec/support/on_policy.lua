--- A host of an agent on policy that remembers what it said, as off_policy.lua has one: its recipe has observations row and x, three
--- choices, a response a, three streams, and updates of 14 steps of each.

local off_policy = require "support.off_policy"
local prl = require "perilune"

local on_policy = {ROLLOUT = 14}
local STREAMS, ROLLOUT, CHOICES = off_policy.STREAMS, on_policy.ROLLOUT, 3

function on_policy.new_world() return {rows = {}, open = {}} end

--- One step of every stream. Episodes end terminated with a final observation, terminated without, or truncated.
function on_policy.step(agent, world)
  local streams, observation = {}, {}
  for stream = 1, STREAMS do
    local row = {x = {#world.rows / 100, math.sin(7 * #world.rows)}, stream = stream, number = #world.rows + 1}
    local before = world.open[stream]
    if before then before.arrival = row.x end
    world.rows[row.number], world.open[stream] = row, row
    streams[stream], observation[stream] = stream, row.x
  end
  local action, decisions = agent:act(streams, prl.tensor(observation))
  for stream = 1, STREAMS do
    local row = world.open[stream]
    row.action, row.a = action:get(stream, 1), math.cos(row.number)
    agent:feedback(decisions[stream], {a = row.a})
    local final = {row.number / 50, math.cos(3 * row.number)}
    local kind = row.number % 11 == 0 and "told" or row.number % 7 == 0 and "untold" or row.number % 5 == 0 and "truncated"
    if kind then
      row.ends, row.arrival, world.open[stream] = kind, kind == "untold" and row.x or final, nil
      agent:finish(stream, kind == "truncated" and kind or "terminated", kind ~= "untold" and prl.tensor({final}) or nil)
    end
  end
end

--- Steps until so many updates are made. Returns the rows of the last one, in the order of a batch: of those that the policy in
--- force acted and that are closed the oldest.
function on_policy.round(agent, world, updates)
  while true do
    local open, count = {}, #world.rows
    for _, row in pairs(world.open) do open[row] = true end
    local made = agent:learn().updates
    if made > (world.updates or 0) then
      local learned = {}
      for number = (world.learned or 0) + 1, count do
        if not open[world.rows[number]] and #learned < ROLLOUT * STREAMS then learned[#learned + 1] = world.rows[number] end
      end
      local rows = {}
      for stream = 1, STREAMS do
        for _, row in ipairs(learned) do
          if row.stream == stream then rows[#rows + 1] = row end
        end
      end
      world.updates, world.learned = made, count
      if made == updates then return rows end
    end
    on_policy.step(agent, world)
  end
end

function on_policy.mean_of(rows, of)
  local sum = 0
  for _, row in ipairs(rows) do sum = sum + of(row) end
  return sum / #rows
end

--- Advantages of rows to mean 0 and deviation 1. count: of a row, the factor that its advantage has in it, and counts by (1).
function on_policy.standardise(rows, count)
  local sum, counts, squares = 0, 0, 0
  local function of(row) return count and count(row) or 1 end
  for _, row in ipairs(rows) do sum, counts = sum + row.advantage, counts + of(row) end
  for _, row in ipairs(rows) do
    row.advantage = row.advantage - of(row) * sum / counts
    squares = squares + row.advantage ^ 2
  end
  for _, row in ipairs(rows) do row.advantage = row.advantage / math.sqrt(squares / #rows) end
end

--- What the actor follows: the weighted sum of each critic's advantages (row.delta[name].advantage), standardised.
function on_policy.weigh(rows, critics)
  for _, row in ipairs(rows) do
    row.advantage = 0
    for name, critic in pairs(critics) do row.advantage = row.advantage + critic.weight * row.delta[name].advantage end
  end
  on_policy.standardise(rows)
end

--- The loss of a2c over rows with their advantages. shift: of a row, what its logits have besides (none).
function on_policy.policy_loss(rows, numbers, entropy_weight, shift)
  return on_policy.mean_of(rows, function(row)
    local out, total, entropy = off_policy.outputs(numbers, row.x, CHOICES), 0, 0
    for i = 1, shift and CHOICES or 0 do out[i] = out[i] + shift(row)[i] end
    for i = 1, CHOICES do total = total + math.exp(out[i]) end
    for i = 1, CHOICES do
      out[i] = out[i] - math.log(total)
      entropy = entropy - math.exp(out[i]) * out[i]
    end
    return -out[row.action + 1] * row.advantage - entropy_weight * entropy
  end)
end

return on_policy
