--- Which inputs are the user's, which are the item's and which belong to the moment: two towers need them apart.
---
--- A column of a table belongs to the side that is the table's key. A column of the log belongs to the moment, except the
--- keys themselves and what `log.of_item` names.
local sides = {}

--- "user", "item" or "context" of a column.
local function side_of(recipe, reference)
  local name, column = reference:match "^([^.]+)%.(.+)$"
  local user, item = recipe.fields[recipe.log.user][1], recipe.fields[recipe.log.item][1]
  column = name and recipe.tables[name].key or column or reference
  if column == user then return "user" end
  if column == item then return "item" end
  if not name then
    for _, own in ipairs(recipe.log.of_item) do if own == column then return "item" end end
  end
  return "context"
end

function sides.of_field(recipe, name) return side_of(recipe, recipe.fields[name][1]) end

--- {numbers = {name = side}, categories = {user = {…}, item = {…}, context = {…}}}; numbers have the names that
--- features.make gives them.
function sides.split(recipe)
  local result = {numbers = {}, categories = {user = {}, item = {}, context = {}}}
  for _, name in ipairs(recipe.categories) do
    table.insert(result.categories[sides.of_field(recipe, name)], name)
  end
  for name, entry in pairs(recipe.numbers) do result.numbers[name] = side_of(recipe, entry[1]) end
  for name, entry in pairs(recipe.rates) do
    local side = sides.of_field(recipe, entry.by[1])
    result.numbers["count/" .. name] = side
    for head in pairs(entry.of) do result.numbers[("rate/%s/%s"):format(name, head)] = side end
  end
  for name, entry in pairs(recipe.recent) do
    for _, head in ipairs(entry.of) do
      result.numbers[("recent/%s/%s"):format(name, head)] = sides.of_field(recipe, entry.by)
    end
  end
  return result
end

--- Refuses what two towers cannot hold, and puts the categories in order: the user's, the item's, the moment's.
function sides.check(recipe, refuse, known)
  local log, context = recipe.log, recipe.context
  local function apart(path, by)
    local first = sides.of_field(recipe, by[1])
    for _, field in ipairs(by) do
      local side = sides.of_field(recipe, field)
      if side == "context" or side ~= first then
        refuse(path, ('"%s" is not of one side: a world needs fields of the user alone or of the item alone')
          :format(table.concat(by, '", "')))
      end
    end
  end
  for name, entry in pairs(recipe.numbers) do
    if side_of(recipe, entry[1]) == "context" then
      refuse("numbers." .. name, ('the column "%s" is neither the user\'s nor the item\'s; log.of_item names columns of the item')
        :format(entry[1]))
    end
  end
  for name, entry in pairs(recipe.rates) do apart("rates." .. name .. ".by", entry.by) end
  for name, entry in pairs(recipe.recent) do apart("recent." .. name .. ".by", {entry.by}) end
  for name, entry in pairs(recipe.sequences) do
    if entry.by ~= log.user then refuse("sequences." .. name .. ".by", ('"%s" is needed, the field of log.user'):format(log.user)) end
  end
  local split = sides.split(recipe)
  known(context.clock, split.categories.context, "context.clock", "category of the moment")
  for name in pairs(context.held) do known(name, split.categories.context, "context.held", "category of the moment") end
  for _, name in ipairs(split.categories.context) do
    if name ~= context.clock and not context.held[name] then
      refuse("categories", ('"%s" is neither the user\'s nor the item\'s: context.held must give the value that the world has for it')
        :format(name))
    end
  end
  for i, name in ipairs(recipe.activity) do
    if split.numbers[name] ~= "user" then
      refuse("activity." .. i, ('there is no number "%s" of the user'):format(tostring(name)))
    end
  end
  if recipe.splits.ranker[2] >= recipe.splits.response[1] then
    refuse("splits.response", ("its days, %d to %d, must come after those of the ranker, %d to %d: the two models may share no day")
      :format(recipe.splits.response[1], recipe.splits.response[2], recipe.splits.ranker[1], recipe.splits.ranker[2]))
  end
  local ordered = {}
  for _, side in ipairs {"user", "item", "context"} do
    for _, name in ipairs(split.categories[side]) do ordered[#ordered + 1] = name end
  end
  recipe.categories = ordered
end

return sides
