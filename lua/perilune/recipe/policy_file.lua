--- A policy's network from a file of the user's own: policy = {lua = "./mine.lua"}. It stands for the hidden layers and the
--- last one; the distribution over actions, its bounds and its width stay the recipe's. The file returns a function:
---
---     local prl = require "perilune"
---     return function(net)                 -- net: {inputs, outputs, observations = names, policy = the recipe's options}
---       local body = prl.nn.linear(net.inputs, 16, {activation = "relu"})
---       local head = prl.nn.linear(16, net.outputs, {gain = net.policy.last_gain})
---       return prl.nn.module {body = body, head = head, forward = function(self, x) return self.head(self.body(x)) end}
---     end
---
--- It is called once for each plan, before programs are traced; its module takes rows (rows, inputs) and gives
--- (rows, outputs): the mean of a continuous action, or the logits of choices.
local code_file = require "perilune.recipe.code_file"
local embed = require "perilune.recipe.embed"
local keys = require "perilune.keys"
local observes = require "perilune.recipe.observes"
local options = require "perilune.options"
local prl = require "perilune"

local policy_file = {}

--- The module that the file's function gave, checked on a few rows.
local function checked(file, module, inputs, outputs)
  if type(module) ~= "table" or type(module.parameters) ~= "function" then
    error(("%s: its function gave no module; prl.nn.module makes one"):format(file), 0)
  end
  local out = prl.scope(function() return module(prl.zeros(2, inputs)):detach() end)
  local shape = out:shape()
  if #shape ~= 2 or shape[1] ~= 2 or shape[2] ~= outputs then
    error(("%s: its module gives (%s) for 2 rows of %d inputs; (2, %d) is needed"):format(file, table.concat(shape, ", "),
      inputs, outputs), 0)
  end
  return module
end

--- What makes the actor's network (networks.lua), from the file that the resolved policy names; nil where it names none.
function policy_file.load(check, policy, path)
  if not policy.lua then return nil end
  if policy.trunk == "shared" then
    check.fail(path .. ".lua", "a network from a file cannot use a shared trunk; policy.trunk is shared")
  end
  local file = code_file.find(check, policy.lua, path .. ".lua")
  local make, message = code_file.load(file)
  if message then check.fail(path .. ".lua", message) end
  if type(make) ~= "function" then
    check.fail(path .. ".lua", policy.lua .. " returns no function that makes the policy's network")
  end
  return function(self, given, inputs, outputs)
    local all, ids, names = self.spec.observation.names, embed.vocabularies(self.spec.observation.names, given.embed), {}
    for _, place in ipairs(observes.kept(all, given.observes)) do
      if not ids or ids[place] == 0 then names[#names + 1] = all[place] end
    end
    for _, name in ipairs(keys(given.embed or {})) do
      for i = 1, given.embed[name].width do names[#names + 1] = ("%s.%d"):format(name, i) end
    end
    local net = options.strict("the network", "field", {inputs = inputs, outputs = outputs, observations = names, policy = given})
    return checked(file, make(net), inputs, outputs)
  end
end

return policy_file
