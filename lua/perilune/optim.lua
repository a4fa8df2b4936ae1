--- Optimizers over a module's parameters (or a list of them, or several groups).
---
---     local opt = prl.optim.adam(net, {lr = prl.optim.linear {from = 1e-3, to = 1e-4, over = 1000}, max_norm = 0.5})
---     prl.scope(function() return opt:minimise(prl.mse(net(x), y)) end)
---
--- A group of its own: prl.optim.adamw({{net.body, lr = 1e-4}, {net.head, weight_decay = 0}}, {lr = 1e-3, weight_decay = .01}).
local options = require "perilune.options"
local prl = require "perilune"

local optim = {}

-- Schedules: functions of the number of steps made, from 0.

local ramp = {from = "number", to = "number", over = "number"}

local function ramp_of(about, given)
  local o = options.check(about, given, ramp)
  options.need(about, o, {"from", "to", "over"})
  return o
end

--- Always `value`.
function optim.constant(value)
  options.need_kind("prl.optim.constant: the value", value, "number")
  return function() return value end
end

--- From `from` to `to` over `over` steps, then `to`.
function optim.linear(given)
  local o = ramp_of("prl.optim.linear", given)
  return function(step) return o.from + (o.to - o.from) * math.min(step / o.over, 1) end
end

--- Half a cosine from `from` to `to` over `over` steps (Loshchilov & Hutter 2017, eq. 5, without restarts).
function optim.cosine(given)
  local o = ramp_of("prl.optim.cosine", given)
  return function(step)
    return o.to + (o.from - o.to) * (1 + math.cos(math.pi * math.min(step / o.over, 1))) / 2
  end
end

--- From 0 to `to` over `over` steps; then `after` (a schedule, from its own step 0), or `to`.
function optim.warmup(given)
  local o = options.check("prl.optim.warmup", given, {to = "number", over = "number", after = "function"})
  options.need("prl.optim.warmup", o, {"to", "over"})
  return function(step)
    if step < o.over then return o.to * (step + 1) / o.over end
    return o.after and o.after(step - o.over) or o.to
  end
end

--- Straight lines between {step, value} points, constant outside.
function optim.piecewise(points)
  options.list("prl.optim.piecewise", points)
  for _, point in ipairs(points) do
    options.list("a point of prl.optim.piecewise", point)
    if #point ~= 2 then options.refuse("a point of prl.optim.piecewise is {step, value}, and has %d numbers", #point) end
  end
  if #points == 0 then options.refuse("prl.optim.piecewise takes points, as in {{0, 1e-3}, {1e5, 1e-4}}") end
  return function(step)
    if step <= points[1][1] then return points[1][2] end
    for i = 2, #points do
      local a, b = points[i - 1], points[i]
      if step <= b[1] then return a[2] + (b[2] - a[2]) * (step - a[1]) / (b[1] - a[1]) end
    end
    return points[#points][2]
  end
end

local Optimizer = options.strict("an optimizer", "method", {})
Optimizer.__index = Optimizer

--- Steps every group with the gradients of the open scope. lr (a number or a scalar) replaces every group's own; max_norm
--- clips the gradient norm of each group.
function Optimizer:step(lr, max_norm)
  if lr ~= nil then options.need_kind("the step size", lr, "number or tensor") end
  if max_norm ~= nil then options.need_kind("max_norm", max_norm, "number or tensor") end
  for _, group in ipairs(self.groups) do
    local scheduled = group.schedule and not prl.tracing() and group.schedule(group.optim:steps())
    group.optim:step(lr or scheduled or nil, max_norm)
  end
end

--- Computes the gradients of loss, a scalar, and steps; returns the loss. lr, max_norm: as for step.
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

-- What steps leave behind, in order: {name, shape, value (a copy), put(tensor)}. Names are as "1.steps" and
-- "1.layer.weight.moment1", of the first group.
local function memories(self)
  local list = {}
  for g, group in ipairs(self.groups) do
    local own = group.optim
    list[#list + 1] = {name = g .. ".steps", value = prl.tensor({own:steps()}, "int64"),
      put = function(value) own:set_steps(value[1]) end}
    for place, name in ipairs(group.names) do
      for kind = 1, 2 do
        local value = own:moment(kind, place)
        if value then
          list[#list + 1] = {name = ("%d.%s.moment%d"):format(g, name, kind), value = value,
            put = function(new) own:set_moment(kind, place, new) end}
        end
      end
    end
  end
  return list
end

local function shape_text(tensor) return "(" .. table.concat(tensor:shape(), ", ") .. ")" end

--- Copies of what steps have left behind, {name = tensor}: their number and the moments, by group and parameter.
function Optimizer:state()
  local state = {}
  for _, memory in ipairs(memories(self)) do state[memory.name] = memory.value end
  return state
end

--- Takes such a table, which must have exactly these names, with the same shapes; otherwise nothing changes.
function Optimizer:load(state)
  options.need_kind("load: the optimizer's state", state, "table")
  local list, names = memories(self), {}
  for i, memory in ipairs(list) do names[i] = memory.name end
  local message = prl.unknown_key("load: the optimizer", "state", state, names)
  if message then prl.refuse(message) end
  for _, memory in ipairs(list) do
    local value = state[memory.name]
    if value == nil then options.refuse("load: no value for %s", memory.name) end
    options.need_kind("load: " .. memory.name, value, "tensor")
    local want, got = shape_text(memory.value), shape_text(value)
    if want ~= got then options.refuse("load: %s has shape %s, the value has %s", memory.name, want, got) end
    if value:dtype() ~= memory.value:dtype() then
      options.refuse("load: %s is %s, the value is %s", memory.name, memory.value:dtype(), value:dtype())
    end
    if value:dtype() == "int64" and value[1] < 0 then options.refuse("load: %s is %.0f; it counts steps", memory.name, value[1]) end
  end
  for _, memory in ipairs(list) do memory.put(state[memory.name]) end
  return self
end

local function named_parameters(source)
  if prl.is_parameter(source) then source = {source} end
  if source.parameters then return source:parameters() end
  local names, parameters = {}, {}
  for i, item in ipairs(options.list("the list of parameters", source)) do
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
  return type(source) == "table" and not source.parameters and type(source[1]) == "table" and not source[1].parameters
end

-- ---- Options ----

local common = {lr = "number or function", weight_decay = "number", decay = "number", max_norm = "number",
  max_value = "number", name = "string"}
local adam = {betas = "table", beta1 = "number", beta2 = "number", eps = "number", epsilon = "number"}
local kinds = {
  sgd = {momentum = "number", nesterov = "boolean"},
  rmsprop = {alpha = "number", eps = "number", epsilon = "number", momentum = "number"},
  adam = adam, adamw = adam,
}

for _, own in pairs(kinds) do
  for name, kind in pairs(common) do own[name] = kind end
end

--- PyTorch's names, and what recipes and the C functions call the same.
local ours = {eps = "epsilon", weight_decay = "decay"}

--- The options under our names, as a copy.
local function canonical(about, given, own, positions)
  local out = {}
  for name, value in pairs(options.check(about, given, own, positions)) do
    local known = ours[name]
    if known and given[known] ~= nil then options.refuse("%s: %s and %s are one option; give one of them", about, name, known) end
    if name ~= "betas" and type(name) == "string" then out[known or name] = value end
  end
  local betas = given and given.betas
  if not betas then return out end
  if given.beta1 or given.beta2 then options.refuse("%s: betas are beta1 and beta2; give one or the other", about) end
  if #options.list(about .. ": betas", betas) ~= 2 then options.refuse("%s: betas are two numbers, as in {0.9, 0.999}", about) end
  out.beta1, out.beta2 = betas[1], betas[2]
  return out
end

local function new(kind, source, given)
  local about, own = "prl.optim." .. kind, kinds[kind]
  local shared = canonical(about, given, own)
  local self = setmetatable({kind = kind, groups = {}}, Optimizer)
  if is_groups(source) then options.list(about .. ": the list of groups", source) else source = {{source}} end
  for i, group in ipairs(source) do
    local o = canonical("a group of " .. about, group, own, 1)
    for name, value in pairs(shared) do
      if o[name] == nil then o[name] = value end
    end
    local schedule, name = type(o.lr) == "function" and o.lr or nil, o.name or ("group " .. i)
    if schedule then o.lr = schedule(0) end
    o.name = nil
    local names, parameters = named_parameters(group[1])
    local set = prl.params(name, parameters, names)
    self.groups[i] = {optim = prl.new_optim(kind, set, o), set = set, names = names, schedule = schedule}
  end
  return self
end

--- kind(module or parameters or groups, options). Options and their defaults are PyTorch's: lr (a number or a schedule);
--- sgd: momentum, nesterov; rmsprop: alpha, eps, momentum; adam, adamw: betas, eps; all: weight_decay; and max_norm,
--- max_value, which clip gradients, and the set's name. The names of recipes are taken too: beta1, beta2, epsilon, decay.
for _, kind in ipairs {"sgd", "rmsprop", "adam", "adamw"} do
  optim[kind] = function(source, given) return new(kind, source, given) end
end

return options.strict("prl.optim", "function", optim)
