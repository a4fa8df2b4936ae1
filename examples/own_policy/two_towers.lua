--- A policy's network in one file: what describes the cart and what describes the pole go through layers of their own, and
--- meet before the last one. Its recipe is recipe.lua.
local prl = require "perilune"
local nn = prl.nn

--- The columns of the observations of these names.
local function columns_of(names, wanted)
  local columns = {}
  for i, name in ipairs(names) do
    if wanted[name] then columns[#columns + 1] = i - 1 end -- ids in tensors count from 0
  end
  return prl.tensor(columns, "int32"), #columns
end

return function(net)
  local cart, cart_width = columns_of(net.observations, {cart_position = true, cart_velocity = true})
  local pole, pole_width = columns_of(net.observations, {pole_angle = true, pole_velocity = true})
  return nn.module {
    cart = nn.linear(cart_width, 16, {activation = "tanh"}),
    pole = nn.linear(pole_width, 32, {activation = "tanh"}),
    head = nn.linear(48, net.outputs, {gain = net.policy.last_gain}),
    forward = function(self, x)
      return self.head(prl.concat({self.cart(x:index_select(2, cart)), self.pole(x:index_select(2, pole))}, 2))
    end,
  }
end
