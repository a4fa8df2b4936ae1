--- Failures that the user can mend: one sentence and an exit code, raised as a table.

local format = require "perilune.format"

local failure = {}

local Failure = {__tostring = function(self) return self.message end}

--- Raises a failure with this exit code.
function failure.raise(message, code)
  error(setmetatable({message = message, code = code}, Failure), 0)
end

--- The recipe or the words of the command line are wrong: exit code 2.
function failure.usage(message) failure.raise(message, 2) end

--- It failed while running: exit code 1.
function failure.run(message) failure.raise(message, 1) end

--- The value, or a failure at run time with the message of `nil, message, code`.
function failure.check(value, message, ...)
  if value == nil then failure.run(tostring(message)) end
  return value, message, ...
end

--- The value, or a failure of the recipe with the message of `nil, message, code`.
function failure.check_recipe(value, message, ...)
  if value == nil then failure.usage(tostring(message)) end
  return value, message, ...
end

--- Whether an error is the library's own, and not that of a file or an argument that somebody gave it.
function failure.is_defect(err)
  if type(err) ~= "string" then return getmetatable(err) ~= Failure and getmetatable(err) ~= nil end
  return err:find("^[^:\n]*lua/perilune/[%w_/]+%.lua:%d+: ") ~= nil
end

-- What an error says: it need be no text, as of error({}).
local function words_of(err)
  local has_words = type(err) == "string" or type(err) == "number" or (getmetatable(err) or {}).__tostring
  return has_words and tostring(err) or ("an error that is a %s, and no text"):format(type(err))
end

--- What fn(argument) gives for a recipe of this path. What its code does wrong is a failure of the recipe, one sentence.
function failure.of_recipe(path, fn, argument)
  local ok, result, more, code = xpcall(function() return fn(argument) end, function(err)
    if failure.is_defect(err) then return failure.handler(err) end
    return getmetatable(err) == Failure and err or words_of(err)
  end)
  if ok then return result, more, code end
  if type(result) == "table" then error(result, 0) end
  failure.usage(("%s: no agent can be made of it: %s"):format(path, result))
end

--- What is said where memory ended, of C's blocks or of Lua's own; nil of another error.
local function out_of_memory(text)
  local sentence = text:match("out of memory: .*") or text:find("not enough memory", 1, true) and "out of memory: Lua got no more"
  return sentence and ("%s; the budget is %s (--memory)"):format(sentence,
    format.bytes(require("perilune").memory().budget_bytes))
end

-- An error with where it happened: of somebody's own code (a script, an environment) its own lines alone, and none where the
-- message says them all.
local function traced(err)
  local message = words_of(err)
  local text = debug.traceback(message, 3)
  if failure.is_defect(err) then return text end
  local trace, kept = text:sub(#message + 2), {}
  for line in trace:gmatch("[^\n]+") do
    if not line:find("lua/perilune/", 1, true) and not line:find("^%s*%[C%]") then kept[#kept + 1] = line end
  end
  local place = message:match("^[^:\n]+:%d+: ")
  if #kept == 1 or (#kept == 2 and place and kept[2]:find(place, 1, true)) then return message end
  return message .. "\n" .. table.concat(kept, "\n")
end

--- Message handler of xpcall: a failure passes, and a lack of memory is one; anything else keeps its traceback, of a defect
--- all of it.
function failure.handler(err)
  if type(err) == "table" and err.message and err.code then return err end
  return setmetatable({message = out_of_memory(words_of(err)) or traced(err), code = 1}, Failure)
end

return failure
