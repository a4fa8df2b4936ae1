--- The one check of tables that a caller fills in: options that nobody reads, of another type, or missing. What is wrong
--- is raised in one sentence at the caller's line (runtime/bind/keys.c).
---
---     function nn.linear(inputs, outputs, given)
---       local o = options.check("prl.nn.linear", given, {activation = "string", bias = "boolean"})
local prl = require "perilune"

local options = {}

--- Raises a sentence at the line of whoever called the library.
function options.refuse(text, ...) prl.refuse(text:format(...)) end

local function kind_of(value)
  local kind = type(value)
  return kind == "userdata" and "tensor" or kind
end

--- The options that were given; {} where none were. fields: {name = kinds}, kinds being Lua's types or "tensor", as in
--- "number or function", or "any". positions: how many values without a name are taken (0).
function options.check(about, given, fields, positions)
  if given == nil then return {} end
  if type(given) ~= "table" then options.refuse("%s takes its options as a table, not a %s", about, kind_of(given)) end
  local message = prl.unknown_key(about, "option", given, fields, positions)
  if message then prl.refuse(message) end
  for name, kinds in pairs(fields) do
    local value = given[name]
    if value ~= nil and kinds ~= "any" and not kinds:find(kind_of(value), 1, true) then
      options.refuse("%s: %s is a %s; a %s is needed", about, name, kind_of(value), kinds)
    end
  end
  return given
end

--- A table that holds nothing but a list.
function options.list(about, given)
  if type(given) ~= "table" then options.refuse("%s takes a table, not a %s", about, kind_of(given)) end
  return options.check(about, given, {}, #given)
end

--- Raises where an argument is of none of these kinds.
function options.need_kind(about, value, kinds)
  if not kinds:find(kind_of(value), 1, true) then options.refuse("%s is a %s; a %s is needed", about, kind_of(value), kinds) end
end

--- Raises where one of these is not given.
function options.need(about, given, names)
  for _, name in ipairs(names) do
    if given[name] == nil then options.refuse("%s: %s is missing; it takes %s", about, name, table.concat(names, ", ")) end
  end
end

--- The word, which must be one of these, or nil.
function options.word(about, word, words)
  if word == nil then return nil end
  for _, known in ipairs(words) do
    if known == word then return word end
  end
  prl.refuse(prl.no_name(about, "choice", tostring(word), words))
end

--- strict(about, noun, table, names) → the table, which refuses to be asked for a name that it does not have. names: a
--- table whose names the sentence offers, in place of its own.
options.strict = prl.strict

return options
