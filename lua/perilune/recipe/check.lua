--- The machine that checks plain data against lists of options (schema.lua): those of recipes, and the records of runs
--- (records/schema.lua). A value that is wrong is refused with its path and a sentence.

local nearest = require "perilune.nearest"
local schema = require "perilune.recipe.schema"
local values = require "perilune.recipe.values"

local checks = {}

local Refusal = {__tostring = function(self) return self.path .. ": " .. self.message end}
local MOST = 100 -- refusals of one recipe that are looked for
local ENOUGH = {} -- raised where there are so many

-- One option of a section, or its default.
local function resolve(check, option, value, path)
  if option.absent and value == nil then return nil end -- a section that has to be asked for
  if option.kind == "section" and option.fields then return check.section(option.fields, value, path) end
  if value == nil then
    if option.required then check.fail(path, "this is missing" .. (option.meaning and ": " .. option.meaning or "")) end
    value = option.default
    if value == nil then return nil end
  end
  local kind, result = option.check or values[option.kind], value
  if kind then result = kind(check, value, option, path) end
  if option.live and type(result) ~= "boolean" then
    check.live[path] = {value = result, low = option.min or option.above, high = option.max}
  end
  return result
end

--- What the checks share. given: {trust, folder, files, env_spec, saved} of a recipe (recipe/validate.lua); none of a record.
--- refused: the list of what is wrong, to which the checks add and go on; without it the first ends them.
local function new_check(given, refused)
  local check = {trust = given.trust, folder = given.folder or "", files = given.files or {},
    env_spec = given.env_spec, saved = given.saved, live = {}}

  local function add(refusal)
    refused[#refused + 1] = refusal
    if #refused == MOST then error(ENOUGH, 0) end
  end

  local function settle(ok, result, ...)
    if ok then return result, ... end
    if getmetatable(result) ~= Refusal then error(result, 0) end
    add(result)
  end

  --- What fn(…) gives; nothing where it refuses, and the checks go on with what does not depend on it.
  function check.try(fn, ...)
    if not refused then return fn(...) end
    return settle(pcall(fn, ...))
  end

  --- How much is refused so far: what compares values with one another looks first whether they are sound.
  function check.count() return refused and #refused or 0 end

  function check.fail(path, message) error(setmetatable({path = path, message = message}, Refusal), 0) end

  --- The same where the rest of the value can still be checked.
  function check.note(path, message) check.try(check.fail, path, message) end

  --- A response's name is wrong: the place is where the reward reads it.
  function check.note_read(path, name, message)
    check.try(error, setmetatable({path = path, read = name, message = message}, Refusal), 0)
  end

  --- Refuses the keys of a table that are none of these names. Returns the names that they seem to mean, as a set.
  function check.known(value, names, path)
    local meant = {}
    for key in pairs(value) do
      local known = false
      for _, name in ipairs(names) do known = known or name == key end
      if not known then
        local at = (path == "" and "" or path .. ".") .. tostring(key)
        check.note(at, type(key) == "number" and ("a value without a name (%s)"):format(values.show(value[key])) ..
          nearest.hint_or_list("", names) or "unknown key" .. nearest.hint_or_list(key, names))
        meant[nearest.find(key, names) or key] = true
      end
    end
    return meant
  end

  --- The options of a section, each checked or given its default. also: further keys that the caller checks itself.
  --- Returns them, and the names that misspelt ones mean.
  function check.section(options, value, path, also)
    if value == nil then value = {} end
    if type(value) ~= "table" then values.wrong(check, path, "a table of options", value) end
    local names = schema.names(options)
    for _, name in ipairs(also or {}) do names[#names + 1] = name end
    local meant, result = check.known(value, names, path), {}
    for _, option in ipairs(options) do
      local name = option.name
      if value[name] ~= nil or not (option.required and meant[name]) then
        result[name] = check.option(option, value[name], (path == "" and "" or path .. ".") .. name)
      end
    end
    return result, meant
  end

  --- One option. Where its value is refused, the default, so that the checks can go on.
  function check.option(option, value, path)
    local result = check.try(resolve, check, option, value, path)
    if result == nil and value ~= nil and not option.required then result = resolve(check, option, nil, path) end
    return result
  end

  return check
end

--- body(check, data); or nil and {path, message, read} of the first that is wrong.
function checks.run(given, body, data)
  local ok, result = pcall(body, new_check(given), data)
  if ok then return result end
  if getmetatable(result) == Refusal then return nil, result end
  error(result, 0)
end

--- The same of everything that is wrong: body(check, data), or nil and a list.
function checks.all(given, body, data)
  local refused = {}
  local check = new_check(given, refused)
  local ok, result = pcall(check.try, body, check, data)
  if not ok and result ~= ENOUGH then error(result, 0) end
  if #refused > 0 then return nil, refused end
  return result
end

return checks
