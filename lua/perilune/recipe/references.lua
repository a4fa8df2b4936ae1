--- References of a recipe: policies of other runs that stay as they are, beside the one that learns (learn:reference).

local algorithms = require "perilune.recipe.algorithms"
local checks = require "perilune.recipe.check"
local environment = require "perilune.recipe.environment"
local keys = require "perilune.keys"
local networks = require "perilune.recipe.networks"
local prl = require "perilune"
local saved = require "perilune.saved"
local schema = require "perilune.recipe.schema"
local values = require "perilune.recipe.values"

local references = {}

local fits = "the policy of a run fits that is made of policy's options, such as one of a2c, ppo or two_stage"

--- Why the policy of a saved agent is none that networks.lua makes of its recipe, as a sentence; nil: it is one.
local function other_networks(recipe)
  local named = type(recipe) == "table" and type(recipe.algorithm) == "table" and type(recipe.policy) == "table"
  if not named then return "its plan was made without a recipe" end
  local name = recipe.algorithm[1]
  local own = type(name) == "string" and algorithms.find(name)
  if recipe.policy.lua then return "its policy has a network from a file of its own, policy.lua" end
  if own and own.search then return ("the policy of %s is one action for everybody, without a density"):format(name) end
  if own and own.networks == "own" then return ("the policy of %s is of networks of its own"):format(name) end
end

--- Whether hidden layers of these widths are within the numbers that there are: a file says both.
local function within(policy, inputs, tensors)
  local numbers, kept = 0, 0
  for _, width in ipairs(policy.hidden) do numbers, inputs = numbers + inputs * width, width end
  for _, name in ipairs(keys(tensors)) do kept = kept + tensors[name]:count() end
  return numbers <= kept
end

--- The saved agent of a reference {place, digest} as far as it acts: {digest, policy (of its recipe), spec, normaliser,
--- tensors = {["set:param"] = tensor}}; or nil and a sentence. spec: of the recipe's
--- environment, whose observations and actions it must have.
local function read(one, spec)
  local agent, digest = saved.exactly(one[1], one.digest)
  if not agent then return nil, "expected a run or a saved agent: " .. digest end
  local difference = saved.difference(agent, spec)
  if difference then return nil, ("%s: %s"):format(one[1], difference) end
  local act, tensors = prl.acting(agent, "")
  local wrong = other_networks(act.recipe)
  if wrong then return nil, ("%s: %s; %s"):format(one[1], wrong, fits) end
  local own = agent:spec()
  local policy, refusal = checks.run({}, function(check)
    local result = check.section(schema.policy, act.recipe.policy, "its recipe's policy")
    result.action = environment.dimensions(check, own, act.recipe.policy.action, "its recipe's policy.action")
    return result
  end)
  if not policy then return nil, ("%s: %s"):format(one[1], tostring(refusal)) end
  for _, sight in ipairs {"memory", "embed", "observes"} do
    if policy[sight] then
      return nil, ("%s: its recipe has policy.%s; a reference reads the observations of a step, all of them, as numbers"):format(
        one[1], sight)
    end
  end
  if not within(policy, #own.observation.names, tensors) then
    return nil, ("%s: its recipe has larger networks than its parameters"):format(one[1])
  end
  return {digest = digest, policy = policy, spec = own, normaliser = act.normaliser, tensors = tensors}
end

--- Where one policy sets a dimension of the action and the other holds it, as a sentence.
local function other_dimensions(theirs, ours, names)
  for _, name in ipairs(names) do
    local their, our = (theirs or {})[name], (ours or {})[name]
    if (type(their) == "number") ~= (type(our) == "number") then
      local function does(value)
        return type(value) == "number" and "holds it at " .. values.show(value) or "sets it"
      end
      return ("of the action's dimension %s its policy %s, and this recipe's %s"):format(name, does(their), does(our))
    end
  end
end

--- A reference that is looked at: its digest. recipe: that names it.
local function look(check, one, path, recipe, spec)
  local found, message = read(one, spec)
  if not found then check.fail(path, message) end
  local wrong = other_dimensions(found.policy.action, recipe.policy.action, spec.action.names)
  if wrong then check.fail(path, ("%s: %s"):format(one[1], wrong)) end
  one.digest = found.digest
end

local function resolve_one(check, name, given, path, recipe, spec)
  if type(name) ~= "string" or not name:find("^[%a_][%w_]*$") then
    check.fail(path, 'a reference has a name of letters, digits and _, as in share = "runs/…"')
  end
  if type(given) == "string" then given = {given} end
  if type(given) ~= "table" or type(given[1]) ~= "string" then
    values.wrong(check, path, 'the folder of a run or the file of an agent, as in "runs/…"', given)
  end
  check.known(given, {1, "digest"}, path)
  local one = {given[1], digest = given.digest}
  if one.digest ~= nil then values.text(check, one.digest, nil, path .. ".digest") end
  if check.saved and spec then look(check, one, path, recipe, spec) end
  return one
end

--- References by name, {place, digest} each; nil where there is none. recipe: resolved, but for them; algorithm, spec: nil where
--- they are wrong themselves.
function references.resolve(check, recipe, path, spec, algorithm)
  local given = recipe.references
  if type(given) ~= "table" then values.wrong(check, path, 'policies of runs by name, as in {share = "runs/…"}', given) end
  if algorithm and not algorithm.references and next(given) ~= nil then
    check.note(path, ("%s makes no use of references; two_stage does, and an algorithm of one's own that says references = true")
      :format(recipe.algorithm and recipe.algorithm[1] or "the algorithm"))
  end
  local result = {}
  for _, name in ipairs(keys(given)) do
    result[name] = check.try(resolve_one, check, name, given[name], path .. "." .. tostring(name), recipe, spec)
  end
  return next(result) and result
end

--- clip((x − mean) / deviation) by statistics that stay; what normalised the observations of the other run.
local function normaliser(given)
  if not given then return function(obs) return obs end end
  local shift, scale = prl.tensor(given.shift), prl.tensor(given.scale)
  return function(obs) return ((obs - shift) * scale):clamp(-given.clip, given.clip) end
end

--- What networks.lua makes a saved agent's policy of, with its values. Names of sets begin with the prefix.
local function network(found, prefix)
  local other = require("perilune.recipe.learn").new({policy = found.policy, algorithm = {optimizer = {"sgd"}}, env = {},
    agent = {streams = 1}}, found.spec)
  other.prefix = prefix
  local policy = networks.actor(other)
  for _, set in ipairs(other.sets) do
    local state = {}
    for _, name in ipairs(set.names) do state[name] = found.tensors[set.name:sub(#prefix + 1) .. ":" .. name] end
    set.module:load(state)
  end
  return policy, other.sets
end

--- learn:reference. The digest is in the names of its sets: a new plan that has another policy under the same name does not take
--- over the parameters of this one.
function references.policy(self, name)
  if self.references_made[name] then return self.references_made[name] end
  local given = (self.recipe.references or {})[name]
  if not given then prl.refuse(prl.no_name("learn:reference", "reference", name, self.recipe.references or {})) end
  local found, message = read(given, self.spec)
  if not found then error(("references.%s: %s"):format(name, message), 0) end
  local policy, sets = network(found, ("reference/%s/%s/"):format(name, found.digest))
  for _, set in ipairs(sets) do
    self.sets[#self.sets + 1] = {name = set.name, names = set.names, parameters = set.parameters, params = set.params}
  end
  local normalise = normaliser(found.normaliser)
  self.references_made[name] = function(obs) return policy(normalise(obs)):detach() end
  return self.references_made[name]
end

return references
