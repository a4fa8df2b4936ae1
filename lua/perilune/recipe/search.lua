--- What an algorithm that searches for one action for everybody takes from a recipe: its dimensions and its objective.
---
--- A search is judged by panels: sums over a user's days, in which requests are no longer apart. So a reward must be
--- linear in the responses, and discounts play no part.

local formula = require "perilune.recipe.formula"
local keys = require "perilune.keys"
local printer = require "perilune.recipe.print"

local search = {}

-- ---- rewards as linear forms ----

local function scaled(form, factor)
  local result = {constant = form.constant * factor, of = {}}
  for name, coefficient in pairs(form.of) do result.of[name] = coefficient * factor end
  return result
end

local function plus(a, b, sign)
  local result = scaled(a, 1)
  result.constant = a.constant + sign * b.constant
  for name, coefficient in pairs(b.of) do result.of[name] = (a.of[name] or 0) + sign * coefficient end
  return result
end

local function is_number(form) return next(form.of) == nil end

local operations = {}
function operations.add(a, b) return plus(a, b, 1) end
function operations.sub(a, b) return plus(a, b, -1) end
function operations.neg(a) return scaled(a, -1) end
function operations.mul(a, b)
  if is_number(b) then return scaled(a, b.constant) end
  return is_number(a) and scaled(b, a.constant) or nil
end
function operations.div(a, b) return is_number(b) and scaled(a, 1 / b.constant) or nil end

--- A reward's tree as {constant, of = {response = coefficient}}; nil and the part of the tree that is not linear.
function search.linear(tree)
  if type(tree) == "number" then return {constant = tree, of = {}} end
  if tree[1] == "r" then return {constant = 0, of = {[tree[2]] = 1}} end
  local operation, result = operations[tree[1]], nil
  if not operation then return nil, tree end
  for i = 2, #tree do
    local form, part = search.linear(tree[i])
    if not form then return nil, part end
    if i == 2 then result = #tree == 2 and operation(form) or form else result = operation(result, form) end
    if not result then return nil, tree end
  end
  return result
end

--- The responses of a linear form in the order in which they are added: that of pairs differs between two processes, and
--- with it a sum's last bits.
function search.names(form) return keys(form.of) end

--- What a linear reward comes to over so many steps, in which the responses came to these sums.
function search.total(form, steps, sums)
  local total = form.constant * steps
  for _, name in ipairs(search.names(form)) do total = total + form.of[name] * sums[name] end
  return total
end

-- ---- the vector ----

local function nearest_to_zero(low, high) return math.max(low, math.min(high, 0)) end

--- The dimensions that are free, in the order of the action: {place, name, low, high, half = half of its range, start}.
function search.dimensions(recipe, spec)
  local free = {}
  for i, name in ipairs(spec.action.names) do
    local own = recipe.policy.action[name]
    if type(own) ~= "number" then
      local low, high = own and own[1] or -math.huge, own and own[2] or math.huge
      free[#free + 1] = {place = i, name = name, low = low, high = high, half = (high - low) / 2,
        start = nearest_to_zero(low, high)}
    end
  end
  return free
end

--- The whole action of these numbers of the free dimensions; without numbers that where a search starts.
function search.vector(recipe, spec, numbers)
  local vector = {}
  for i, name in ipairs(spec.action.names) do vector[i] = recipe.policy.action[name] end
  for k, dimension in ipairs(search.dimensions(recipe, spec)) do
    vector[dimension.place] = numbers and numbers[k] or dimension.start
  end
  return vector
end

--- The whole action with these numbers, by name. A dimension without one has that which policy.action holds, or the nearest to 0
--- within its bounds.
function search.constant(recipe, spec, given)
  local vector = search.vector(recipe, spec)
  for i, name in ipairs(spec.action.names) do vector[i] = given[name] or vector[i] end
  return vector
end

-- ---- what a search refuses ----

local function check_critic(check, name, critic, path)
  local form, part = search.linear(critic.reward)
  if not form then
    check.fail(path .. ".reward", ("a search is judged by sums over a user's day, and so takes rewards that are linear in "
      .. "the responses; the critic %s has %s"):format(name, formula.to_lua(part, printer.number)))
  end
  if type(critic.weight) ~= "number" then
    check.fail(path .. ".weight", ("a search has no steps for a schedule; the critic %s needs a number here"):format(name))
  end
end

--- Refuses what an algorithm with trials cannot work with.
function search.check(check, recipe, spec)
  if not spec.clock then
    check.fail("algorithm", ("a search tries actions on users over simulated days, and the env %s has no clock"):format(
      spec.name or recipe.env.c or recipe.env.lua))
  end
  for _, dimension in ipairs(search.dimensions(recipe, spec)) do
    if dimension.half == math.huge then
      check.fail("policy.action", ("a search needs bounds, and %s has none: write %s = {low, high}"):format(dimension.name,
        dimension.name))
    end
  end
  for _, name in ipairs(keys(recipe.objective.critics)) do
    check_critic(check, name, recipe.objective.critics[name], "objective.critics." .. name)
  end
end

return search
