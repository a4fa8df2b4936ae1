--- The arms of an experiment, in the recipe's own state beside prelude.lua, which gives what it has for both.

local native, prelude = ...
local base, format, sub = native.base, prelude.format, prelude.sub -- of before the recipe ran
local ipairs, pairs, tonumber, tostring = base.ipairs, base.pairs, base.tonumber, base.tostring
local refuse, show, is_fields = prelude.refuse, prelude.show, prelude.is_fields
local plain, plain_text = prelude.plain, prelude.plain_text

local arms = {}

--- The arms by name, and whether each is a recipe or a chain.
local function check(fields)
  local list, file = fields.arms, (native.defined(prelude.main))
  if not is_fields(list) or #list == 0 then
    refuse('an experiment has arms, as in arms = {{name = "a2c", recipe = require "a2c"}}', file, 1)
  end
  for i, arm in ipairs(list) do
    local made = is_fields(arm) and (arm.recipe ~= nil and {arm.recipe} or arm.stages)
    if not is_fields(made) or #made == 0 then
      refuse(format('arms.%d: an arm has a recipe, as in {name = "a2c", recipe = require "a2c"}, or stages, a list of recipes', i),
        file, 1)
    end
    if arm.recipe ~= nil and arm.stages ~= nil then
      refuse(format("arms.%d: an arm has a recipe or stages, and this one has both", i), file, 1)
    end
    for _, one in ipairs(made) do
      if not is_fields(one) or one.kind == "sweep" or one.kind == "experiment" then
        refuse(format("arms.%d: expected a recipe, got %s", i, show(one)), file, 1)
      end
    end
  end
  return list
end

--- The recipe of the arm that overrides name; the first one's where they name none.
function arms.recipe(fields)
  local list, chosen, stage = check(fields), 1, 1
  local names = {}
  for i, arm in ipairs(list) do names[i] = tostring(plain_text(arm.name, "an arm's name")) end
  for _, file in ipairs(native.overrides()) do
    local path, _, text = native.override(file)
    if path == "arm" then
      local name = sub(text, 1, 1) == '"' and sub(text, 2, -2) or text
      chosen = nil
      for i, known in ipairs(names) do chosen = known == name and i or chosen end
      if not chosen then refuse(format("there is no arm %s%s", show(name), native.nearest(name, names)), file, 1) end
    elseif path == "stage" then
      stage = tonumber(text)
    end
  end
  local stages = list[chosen].stages or {list[chosen].recipe}
  return stages[stage] or refuse(format("the arm %s has %d stage%s", names[chosen], #stages, #stages == 1 and "" or "s"),
    native.defined(prelude.main), 1)
end

--- What an experiment says beside its arms' recipes; of each arm, how many stages it has.
function arms.plain(fields)
  local result = {arms = {}}
  for name, value in pairs(fields) do
    if name ~= "arms" and name ~= "kind" then result[name] = plain(value, tostring(name), {name}, {}) end
  end
  for i, arm in ipairs(fields.arms) do
    local kept = {}
    for name, value in pairs(arm) do
      if name ~= "recipe" and name ~= "stages" then kept[name] = plain(value, format("arms.%d.%s", i, tostring(name)), {"arms"}, {}) end
    end
    kept.stages = arm.stages and #arm.stages or 1
    result.arms[i] = kept
  end
  return {experiment = result}
end

return arms
