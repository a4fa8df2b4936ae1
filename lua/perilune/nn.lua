--- Layers: Lua tables that hold parameters and call ops. A module is called like a function; so is one of your own:
---
---     local net = prl.nn.module {
---       body = prl.nn.mlp {4, 64, activation = "tanh"}, head = prl.nn.linear(64, 2),
---       forward = function(self, x) return self.head(self.body(x)) end,
---     }
---
--- Weights are (in, out): y = x w + b.
local options = require "perilune.options"
local prl = require "perilune"

local nn = {}

nn.activations = {"tanh", "relu", "leaky_relu", "elu", "silu", "gelu", "softplus", "sigmoid", "identity"}

local Module = {}
Module.__index = Module
Module.__call = function(self, ...) return self:forward(...) end

local function is_module(value) return type(value) == "table" and getmetatable(value) == Module end

local function shape_text(parameter) return "(" .. table.concat(parameter:shape(), ", ") .. ")" end

function Module:__tostring()
  local names, parameters = self:parameters()
  local lines, count = {}, 0
  for i, name in ipairs(names) do
    lines[i] = ("\n  %s %s"):format(name, shape_text(parameters[i]))
    count = count + parameters[i]:count()
  end
  return ("module of %d parameters%s"):format(count, table.concat(lines))
end

--- Children in a fixed order: positions first, then names, as the library's pairs goes.
local function children(module)
  local keys = {}
  for key, value in pairs(module) do
    if is_module(value) or prl.is_parameter(value) then keys[#keys + 1] = key end
  end
  return keys
end

--- Every parameter under its path ("body.1.weight"), in a fixed order: names, parameters.
function Module:parameters()
  local names, parameters, seen = {}, {}, {}
  local function walk(module, prefix)
    for _, key in ipairs(children(module)) do
      local value, path = module[key], prefix .. key
      if is_module(value) then
        walk(value, path .. ".")
      elseif not seen[value] then
        seen[value] = true
        names[#names + 1], parameters[#parameters + 1] = path, value
      end
    end
  end
  walk(self, "")
  return names, parameters
end

--- Copies of all values: {path = tensor}.
function Module:state()
  local state = {}
  local names, parameters = self:parameters()
  for i, name in ipairs(names) do state[name] = parameters[i]:clone() end
  return state
end

--- Copies values from such a table, which must have exactly these names, with the same shapes; otherwise nothing changes.
function Module:load(state)
  local names, parameters = self:parameters()
  local message = prl.unknown_key("load: the module", "parameter", state, names)
  if message then prl.refuse(message) end
  for i, name in ipairs(names) do
    local value = state[name]
    if value == nil then options.refuse("load: no value for parameter %s", name) end
    local want, got = shape_text(parameters[i]), shape_text(value)
    if want ~= got then options.refuse("load: %s has shape %s, the value has %s", name, want, got) end
  end
  for i, name in ipairs(names) do parameters[i]:copy_(state[name]) end
  return self
end

--- Turns dropout on (the default) or off, for the module and all its children.
function Module:train(on)
  self.training = on ~= false
  for _, key in ipairs(children(self)) do
    if is_module(self[key]) then self[key]:train(on) end
  end
  return self
end

--- The module called with change(parameter), a tensor of the same shape, in place of each parameter.
function Module:changed(change, ...)
  local held = {}
  local function hold(module)
    for _, key in ipairs(children(module)) do
      local value = module[key]
      if is_module(value) then
        hold(value)
      else
        held[#held + 1] = {module, key, value}
        module[key] = change(value)
      end
    end
  end
  hold(self)
  local ok, result = pcall(self, ...)
  for _, one in ipairs(held) do one[1][one[2]] = one[3] end
  if not ok then error(result, 0) end
  return result
end

--- The module called with its parameters as constants: gradients go to its inputs alone, and none is computed for what no
--- optimizer steps.
function Module:fixed(...)
  return self:changed(function(parameter) return parameter:detach() end, ...)
end

--- A module of these children and parameters, with forward(self, …).
function nn.module(fields)
  if type(fields) ~= "table" or type(fields.forward) ~= "function" then
    options.refuse("prl.nn.module takes a table with forward, a function")
  end
  fields.training = true
  return setmetatable(fields, Module)
end

--- A tensor that is trained: initial values, or sizes for zeros.
function nn.parameter(value, name)
  if type(value) == "table" then value = prl.zeros(value) end
  return prl.parameter(value, name)
end

nn.init = {}
for _, kind in ipairs {"orthogonal", "xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal", "uniform",
  "normal"} do
  --- Fills a tensor in place; see runtime/nn/init.h for the equations.
  nn.init[kind] = function(tensor, gain)
    if gain ~= nil then options.need_kind("prl.nn.init." .. kind .. ": gain", gain, "number") end
    return prl.init_fill(tensor, kind, gain)
  end
end
options.strict("prl.nn.init", "function", nn.init)

local function initial(shape, init, gain)
  local value = prl.zeros(shape)
  if type(init) == "function" then
    init(value)
  elseif init ~= "zero" and gain ~= 0 then
    prl.init_fill(value, init, gain)
  end
  return value
end

--- y = act(x w + b): x (…, inputs) → (…, outputs).
--- options: activation ("identity"), bias (true), init ("orthogonal"; a name, "zero" or a function
--- that fills a tensor), gain (1).
function nn.linear(inputs, outputs, given)
  local o = options.check("prl.nn.linear", given, {activation = "string", bias = "boolean", init = "string or function",
    gain = "number"})
  local activation = options.word("prl.nn.linear: activation", o.activation, nn.activations) or "identity"
  local weight = initial({inputs, outputs}, o.init or "orthogonal", o.gain or 1)
  return nn.module {
    weight = prl.parameter(weight, "weight"),
    bias = o.bias ~= false and prl.parameter(prl.zeros(outputs), "bias") or nil,
    forward = function(self, x) return prl.linear(x, self.weight, self.bias, activation) end,
  }
end

--- Calls modules, or functions, one after another.
function nn.sequential(layers)
  options.list("prl.nn.sequential", layers)
  local fields = {forward = function(self, x)
    for i = 1, #self do x = self[i](x) end
    return x
  end}
  for i, layer in ipairs(layers) do fields[i] = layer end
  return nn.module(fields)
end

--- Linear layers of the sizes {inputs, …, outputs}: x (…, inputs) → (…, outputs).
--- activation ("tanh") between them, output ("identity") after the last; init
--- ("orthogonal") with gain (√2) and last_gain (1).
function nn.mlp(given)
  local sizes = type(given) == "table" and #given or 0
  local o = options.check("prl.nn.mlp", given, {activation = "string", output = "string", init = "string or function",
    gain = "number", last_gain = "number"}, sizes)
  if sizes < 2 then options.refuse("prl.nn.mlp takes two sizes or more, as in {4, 64, 2, activation = \"tanh\"}") end
  local layers = {}
  for i = 1, sizes - 1 do
    local last = i == sizes - 1
    layers[i] = nn.linear(o[i], o[i + 1], {
      activation = last and (o.output or "identity") or o.activation or "tanh",
      init = o.init,
      gain = last and (o.last_gain or 1) or o.gain or math.sqrt(2),
    })
  end
  return nn.sequential(layers)
end

--- Normalises the last dimension: x (…, n) → (…, n) (Ba et al. 2016).
function nn.layer_norm(n, epsilon)
  options.need_kind("prl.nn.layer_norm: n", n, "number")
  if epsilon ~= nil then options.need_kind("prl.nn.layer_norm: epsilon", epsilon, "number") end
  return nn.module {
    weight = prl.parameter(prl.ones(n), "weight"), bias = prl.parameter(prl.zeros(n), "bias"),
    forward = function(self, x) return prl.layer_norm(x, self.weight, self.bias, epsilon) end,
  }
end

--- Looks up rows of a table (count, width): ids, from 0, of any shape → that shape and width. The gradient touches only these
--- rows. options: deviation of the initial values (.01);
--- bag ("sum" or "mean": forward(ids, offsets) then gives one row for each bag).
function nn.embedding(count, width, given)
  local o = options.check("prl.nn.embedding", given, {deviation = "number", bag = "string"})
  local weight = initial({count, width}, "normal", o.deviation or .01)
  local bag = options.word("prl.nn.embedding: bag", o.bag, {"sum", "mean"})
  return nn.module {
    weight = prl.parameter(weight, "weight", true),
    forward = function(self, ids, offsets)
      if bag then return prl.embedding_bag(self.weight, ids, offsets, bag) end
      return prl.embedding(self.weight, ids)
    end,
  }
end

--- A gated recurrent unit (Cho et al. 2014): h = net(x, state, start), with x (rows, inputs) and state (rows, width) → (rows,
--- width), each row being one step. h of a row goes on from that of the row before it, or, where start (rows) is not 0, from the
--- row's own state; without a start each row does. runtime/autograd/ops_recurrent.c has the equations.
--- options: init ("orthogonal"; a name or a function that fills a tensor).
function nn.gru(inputs, width, given)
  local o = options.check("prl.nn.gru", given, {init = "string or function"})
  local init = o.init or "orthogonal"
  return nn.module {
    input = nn.linear(inputs, 3 * width, {init = init}),
    weight = prl.parameter(initial({width, 3 * width}, init, 1), "weight"),
    bias = prl.parameter(prl.zeros(3 * width), "bias"),
    forward = function(self, x, state, start) return prl.gru(self.input(x), state, self.weight, self.bias, start) end,
  }
end

local dropouts = 0

--- Zeroes a share p of the values while training, and scales the others by 1/(1 − p). Each layer draws at its own site, the
--- next free one unless it is given; then the draws do not depend on the layers that were made before.
function nn.dropout(p, site)
  if type(p) ~= "number" or not (p >= 0 and p < 1) then
    options.refuse("prl.nn.dropout takes a share from 0 to less than 1, not %s", tostring(p))
  end
  if site ~= nil then options.need_kind("prl.nn.dropout: site", site, "number") end
  if not site then dropouts = dropouts + 1 end
  return nn.module {
    site = site or dropouts,
    forward = function(self, x) return self.training and prl.dropout(x, prl.draws(x, self.site), p) or x end,
  }
end

--- x + f(x).
function nn.residual(inner)
  if not is_module(inner) then options.need_kind("prl.nn.residual: what it goes around", inner, "function") end
  return nn.module {inner = inner, forward = function(self, x) return x + self.inner(x) end}
end

return options.strict("prl.nn", "function", nn)
