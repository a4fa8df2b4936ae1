--- What the specs of update rules share: losses that are written out over plain numbers in float64, differentiated by central
--- differences, and the numbers of an agent's file to compare with.
local prl = require "perilune"

local written = {}

--- Of a linear layer of two inputs and n outputs, weight (2, n) by rows, then bias.
function written.linear(parameters, n, x)
  local out = {}
  for k = 1, n do out[k] = x[1] * parameters[k] + x[2] * parameters[n + k] + parameters[2 * n + k] end
  return out
end

--- Of a Gaussian with one log_std.
function written.log_prob(mean, log_std, action)
  local sum = 0
  for k = 1, #mean do
    local z = (action[k] - mean[k]) / math.exp(log_std)
    sum = sum - 0.5 * z * z - log_std - 0.5 * math.log(2 * math.pi)
  end
  return sum
end

--- Of two Gaussians with one log_std.
function written.kl(mean, log_std, other)
  local sum = 0
  for k = 1, #mean do sum = sum + (mean[k] - other[k]) ^ 2 / (2 * math.exp(2 * log_std)) end
  return sum
end

--- What one step of gradient descent makes of the parameters, {set = its numbers}. steps: {set = step size}; those that have none
--- stay.
function written.descended(before, steps, loss)
  local after = {}
  for set, numbers in pairs(before) do
    after[set] = {}
    for i, number in ipairs(numbers) do
      local now, h = {}, 1e-5
      for other, list in pairs(before) do now[other] = {unpack(list)} end
      now[set][i] = number + h
      local above = loss(now)
      now[set][i] = number - h
      after[set][i] = number - (steps[set] or 0) * (above - loss(now)) / (2 * h)
    end
  end
  return after
end

--- The tensors and the metadata of an agent's file, written to `path`.
function written.read(agent, path)
  assert(agent:save(path))
  return assert(prl.io.safetensors_read(path))
end

--- {set = its numbers} of an agent's tensors. outputs(set): those of a linear layer of two inputs, 0 for one number alone; in the
--- file the bias is first, and each from a multiple of 16 on.
function written.parameters(tensors, outputs)
  local out = {}
  for name, tensor in pairs(tensors) do
    local set = name:match "^params%.(.+)$"
    if set then
      local slab, n, list = tensor:totable(), outputs(set), {}
      if n == 0 then list[1] = slab[1] end
      for i = 1, 2 * n do list[i] = slab[16 + i] end
      for i = 1, n do list[2 * n + i] = slab[i] end
      out[set] = list
    end
  end
  return out
end

--- The tensors of the agent when it comes to this verb of the update that is due; it stays where it is itself.
function written.at(agent, verb, path)
  assert(agent:save(path))
  local copy = assert(prl.load_agent(path))
  repeat
    local now = copy:learn(1).verb
    if now == verb then return (written.read(copy, path)) end
  until now == "collect"
  error("the update has no verb " .. verb, 2)
end

--- Insists that the sets of `wanted` are those of `found`, within 2e-4.
function written.same(wanted, found, about)
  for set, numbers in pairs(wanted) do
    for i, number in ipairs(numbers) do
      local near = math.abs(number - found[set][i]) <= 2e-4 * math.max(1, math.abs(number)) -- nor a NaN
      if not near then
        error(("%s: number %d of %s is %.9g, not %.9g"):format(about, i, set, found[set][i], number), 2)
      end
    end
  end
end

return written
