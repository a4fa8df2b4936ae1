--- Optimizers over a module's parameters (or a list of them, or several groups).
---
---     local opt = prl.optim.adam(net, {lr = prl.optim.linear {from = 1e-3, to = 1e-4, over = 1000}, max_norm = 0.5})
---     prl.scope(function() return opt:minimise(prl.mse(net(x), y)) end)
---
--- A group of its own: prl.optim.adamw({{net.body, lr = 1e-4}, {net.head, decay = 0}}, {lr = 1e-3, decay = .01}).
local prl = require "perilune"

local optim = {}

-- Schedules: functions of the number of steps made, from 0.

function optim.constant(value) return function() return value end end

--- from → to over so many steps, then to.
function optim.linear(o)
  return function(step) return o.from + (o.to - o.from) * math.min(step / o.over, 1) end
end

--- Half a cosine from → to over so many steps (Loshchilov & Hutter 2017, eq. 5, without restarts).
function optim.cosine(o)
  return function(step)
    return o.to + (o.from - o.to) * (1 + math.cos(math.pi * math.min(step / o.over, 1))) / 2
  end
end

--- 0 → to over so many steps; then `after` (a schedule, from its own step 0), or to.
function optim.warmup(o)
  return function(step)
    if step < o.over then return o.to * (step + 1) / o.over end
    return o.after and o.after(step - o.over) or o.to
  end
end

--- Straight lines between {step, value} points, constant outside.
function optim.piecewise(points)
  return function(step)
    if step <= points[1][1] then return points[1][2] end
    for i = 2, #points do
      local a, b = points[i - 1], points[i]
      if step <= b[1] then return a[2] + (b[2] - a[2]) * (step - a[1]) / (b[1] - a[1]) end
    end
    return points[#points][2]
  end
end

local Optimizer = {}
Optimizer.__index = Optimizer

--- Steps every group from the gradients of the open scope; lr, if given, stands for every group's own.
function Optimizer:step(lr, max_norm)
  for _, group in ipairs(self.groups) do
    local scheduled = group.schedule and not prl.tracing() and group.schedule(group.optim:steps())
    group.optim:step(lr or scheduled or nil, max_norm)
  end
end

--- Gradients of a scalar and a step; returns the scalar.
function Optimizer:minimise(loss, lr, max_norm)
  loss:backward()
  self:step(lr, max_norm)
  return loss
end

function Optimizer:__tostring()
  local groups = #self.groups
  return ("%s over %d group%s, %d steps made"):format(self.kind, groups, groups == 1 and "" or "s",
    self.groups[1].optim:steps())
end

--- The norm of the first group's gradient at the last step, before clipping.
function Optimizer:last_norm() return self.groups[1].optim:last_norm() end

local function named_parameters(source)
  if source.parameters then return source:parameters() end
  local names, parameters = {}, {}
  for i, item in ipairs(source) do
    if prl.is_parameter(item) then
      names[#names + 1], parameters[#parameters + 1] = tostring(i), item
    else
      local inner, list = item:parameters()
      for k, name in ipairs(inner) do
        names[#names + 1], parameters[#parameters + 1] = i .. "." .. name, list[k]
      end
    end
  end
  return names, parameters
end

local function is_groups(source)
  return not source.parameters and type(source[1]) == "table" and not source[1].parameters
    and not prl.is_parameter(source[1])
end

local function new(kind, source, options)
  options = options or {}
  local self = setmetatable({kind = kind, groups = {}}, Optimizer)
  for i, group in ipairs(is_groups(source) and source or {{source}}) do
    local own = {}
    for key, value in pairs(options) do own[key] = value end
    for key, value in pairs(group) do if key ~= 1 then own[key] = value end end
    local schedule = type(own.lr) == "function" and own.lr or nil
    if schedule then own.lr = schedule(0) end
    local names, parameters = named_parameters(group[1])
    local set = prl.params(own.name or ("group " .. i), parameters, names)
    self.groups[i] = {optim = prl.new_optim(kind, set, own), set = set, schedule = schedule}
  end
  return self
end

--- kind(module or parameters or groups, options). Options and their defaults are PyTorch's: lr (a number or a
--- schedule); sgd: momentum, nesterov; rmsprop: alpha, epsilon; adam, adamw: beta1, beta2, epsilon; all: decay,
--- max_norm, max_value.
for _, kind in ipairs {"sgd", "rmsprop", "adam", "adamw"} do
  optim[kind] = function(source, options) return new(kind, source, options) end
end

return optim
