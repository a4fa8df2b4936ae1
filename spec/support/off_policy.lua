--- A host of an agent off policy that remembers what it said, and the agent's file in plain numbers: with both, a spec works
--- out an update for itself. The recipe's host has observations row and x, one choice of three, and responses a and b.

local assert = require "luassert"
local files = require "support.files"
local prl = require "perilune"

local off_policy = {}

--- Rows by their number: {x, action, a, b, ends, final (x of a truncated row's last observation), next}.
function off_policy.new_world() return {rows = {}, open = {}, count = 0} end

local STREAMS = 3
off_policy.STREAMS = STREAMS

--- One step of every stream. Episodes of 1 to 5 steps end terminated or truncated.
function off_policy.step(agent, world)
  local streams, observation = {}, {}
  for stream = 1, STREAMS do
    world.count = world.count + 1
    local number, before = world.count, world.open[stream]
    if before then world.rows[before].next = number end
    world.rows[number] = {x = math.sin(7 * number)}
    world.open[stream] = number
    streams[stream], observation[stream] = stream, {number / 100, world.rows[number].x}
  end
  local action, decisions = agent:act(streams, prl.tensor(observation))
  for stream = 1, STREAMS do
    local number = world.open[stream]
    local row = world.rows[number]
    row.action, row.a, row.b = action:get(stream, 1), math.cos(number), 3 * math.sin(number * number)
    agent:feedback(decisions[stream], {a = row.a, b = row.b})
    if number % 7 == 0 then
      agent:finish(stream, "terminated")
      row.ends, world.open[stream] = "terminated", nil
    elseif number % 5 == 0 then
      row.ends, row.final, world.open[stream] = "truncated", {number / 50, math.cos(3 * number)}, nil
      agent:finish(stream, "truncated", prl.tensor({row.final}))
    end
  end
end

--- What an agent's file holds, as lists.
function off_policy.contents(agent)
  local path = files.path()
  assert(agent:save(path))
  local tensors = assert(prl.io.safetensors_read(path))
  return setmetatable({}, {__index = function(list, name)
    list[name] = tensors[name]:totable()
    return list[name]
  end})
end

local HIDDEN = 5 -- policy.hidden = {5}, tanh

--- How many numbers there are from one parameter of a set to the next.
local function padded(count) return math.ceil(count / 16) * 16 end
off_policy.HIDDEN, off_policy.padded = HIDDEN, padded

--- The outputs of a network with one hidden layer, from its numbers as they stand in the file: biases, then weights.
function off_policy.outputs(numbers, x, count)
  local first = padded(HIDDEN)
  local bias = first + padded(#x * HIDDEN)
  local second, hidden, out = bias + padded(count), {}, {}
  for h = 1, HIDDEN do
    local sum = numbers[h]
    for i = 1, #x do sum = sum + x[i] * numbers[first + (i - 1) * HIDDEN + h] end
    hidden[h] = math.tanh(sum)
  end
  for o = 1, count do
    out[o] = numbers[bias + o]
    for h = 1, HIDDEN do out[o] = out[o] + hidden[h] * numbers[second + (h - 1) * count + o] end
  end
  return out
end

--- PopArt's statistics in force, of critic i from 0: mean and deviation.
function off_policy.popart(file, i)
  local numbers = file[("critic.%d.popart"):format(i)]
  return numbers[4], numbers[5]
end

--- The numbers after one step down the slope of loss(numbers).
function off_policy.descended(numbers, loss, lr)
  local out = {}
  for i, kept in ipairs(numbers) do
    numbers[i] = kept + 1e-5
    local above = loss(numbers)
    numbers[i] = kept - 1e-5
    out[i] = kept - lr * (above - loss(numbers)) / 2e-5
    numbers[i] = kept
  end
  return out
end

--- The last layer says the same in other statistics: PopArt, as `publish` puts them in force.
function off_policy.rescaled(numbers, mean, std, new_mean, new_std)
  local bias = padded(HIDDEN) + padded(2 * HIDDEN)
  numbers[bias + 1] = (numbers[bias + 1] * std + mean - new_mean) / new_std
  for h = 1, HIDDEN do numbers[bias + 16 + h] = numbers[bias + 16 + h] * std / new_std end
  return numbers
end

--- The numbers of a set as they were worked out and as they are, which have moved from those before, by at least so much (0.01).
function off_policy.near(expected, found, before, least)
  local moved = 0
  for i, number in ipairs(expected) do
    assert.near(number, found[i], 5e-5)
    moved = math.max(moved, math.abs(number - before[i]))
  end
  assert.is_true(moved > (least or 0.01), moved)
end

return off_policy
