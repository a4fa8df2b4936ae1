--- Failures that the user can mend: one sentence and an exit code, raised as a table.

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

--- Message handler of xpcall: a failure passes; anything else is a defect and keeps its traceback.
function failure.handler(err)
  if type(err) == "table" and err.message and err.code then return err end
  return {message = debug.traceback(tostring(err), 2), code = 1}
end

return failure
