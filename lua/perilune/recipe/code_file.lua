--- Code files of a recipe: found in its folder, and run where they are trusted: an algorithm, a policy's network. A file's
--- argument (`...`) is its folder, with a slash at the end, so that it finds what lies beside it; an environment in Lua gets
--- the same.

local prl = require "perilune"
local values = require "perilune.recipe.values"

local code_file = {}

local GREATEST = 2 ^ 22 -- bytes; as much as an environment in Lua may have
local globals -- of code files

-- The function that the file is; or nil, message.
local function compile(path)
  local text, message = prl.io.read(path, GREATEST)
  if not text then return nil, message end
  local chunk
  chunk, message = loadstring(text, "@" .. path)
  return chunk and setfenv(chunk, globals), message
end

-- Their pairs are those of the library's own files, in what they load in their turn, too.
globals = setmetatable({
  dofile = function(path)
    if type(path) ~= "string" then error('dofile takes a path, as in dofile((...) .. "mine.lua")', 2) end
    local chunk, message = compile(path)
    if not chunk then error(message, 2) end
    return chunk()
  end,
}, {__index = getfenv(), __newindex = getfenv()})

--- The path of the code file that a recipe names: in the recipe's folder or below it, and only where it is trusted.
function code_file.find(check, value, path)
  values.text(check, value, nil, path)
  if value:sub(1, 1) == "/" or ("/" .. value .. "/"):find("/../", 1, true) then
    check.fail(path, ("the file %q is not in the recipe's folder"):format(value))
  end
  if not check.trust then check.fail(path, ("%s is code: it runs only with --trust"):format(value)) end
  return check.files[value] or check.folder .. (value:gsub("^%./", ""))
end

--- What the trusted file at this path returns; or nil, message.
function code_file.load(path)
  local chunk, message = compile(path)
  if not chunk then return nil, message end
  local ok, value = pcall(chunk, path:match("^.*/") or "./")
  if not ok then return nil, tostring(value) end
  return value
end

return code_file
