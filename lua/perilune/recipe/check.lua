--- The machine that checks plain data against lists of options (schema.lua): those of recipes, and the records of runs
--- (records/schema.lua). A value that is wrong is refused with its path and a sentence.

local nearest = require "perilune.nearest"
local schema = require "perilune.recipe.schema"
local values = require "perilune.recipe.values"

local checks = {}

local Refusal = {__tostring = function(self) return self.path .. ": " .. self.message end}

--- What the checks share. given: {trust, folder, files, env_spec} of a recipe (recipe/validate.lua); none of a record.
local function new_check(given)
  local check = {trust = given.trust, folder = given.folder or "", files = given.files or {},
    env_spec = given.env_spec, responses = {}, live = {}}

  function check.fail(path, message) error(setmetatable({path = path, message = message}, Refusal), 0) end

  --- A response's name is wrong: the place is where the reward reads it.
  function check.fail_read(path, name, message)
    error(setmetatable({path = path, read = name, message = message}, Refusal), 0)
  end

  --- The options of a section, each checked or given its default. also: further keys that the caller checks itself.
  function check.section(options, value, path, also)
    if value == nil then value = {} end
    if type(value) ~= "table" then values.wrong(check, path, "a table of options", value) end
    local names = schema.names(options)
    for _, name in ipairs(also or {}) do names[#names + 1] = name end
    for key in pairs(value) do
      local known = false
      for _, name in ipairs(names) do known = known or name == key end
      if not known then
        local at = (path == "" and "" or path .. ".") .. tostring(key)
        check.fail(at, type(key) == "number" and ("a value without a name (%s)"):format(values.show(value[key])) ..
          nearest.hint_or_list("", names) or "unknown key" .. nearest.hint_or_list(key, names))
      end
    end
    local result = {}
    for _, option in ipairs(options) do
      local at = (path == "" and "" or path .. ".") .. option.name
      result[option.name] = check.option(option, value[option.name], at)
    end
    return result
  end

  function check.option(option, value, path)
    if option.kind == "section" and option.fields then return check.section(option.fields, value, path) end
    if value == nil then
      if option.required then
        check.fail(path, "this is missing" .. (option.meaning and ": " .. option.meaning or ""))
      end
      value = option.default
      if value == nil then return nil end
    end
    local kind = option.check or values[option.kind]
    local result = kind and kind(check, value, option, path) or value
    if option.live and type(result) ~= "boolean" then
      check.live[path] = {value = result, low = option.min or option.above, high = option.max}
    end
    return result
  end

  return check
end

--- body(check, data); or nil and {path, message, read} of what is wrong.
function checks.run(given, body, data)
  local check = new_check(given)
  local ok, result = pcall(body, check, data)
  if ok then return result end
  if getmetatable(result) == Refusal then return nil, result end
  error(result, 0)
end

return checks
