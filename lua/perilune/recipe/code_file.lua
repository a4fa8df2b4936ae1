--- Code files beside a recipe, which run when they are trusted: an algorithm, a policy's network. A file's argument (`...`) is
--- its folder, with a slash at the end, so that it finds what lies beside it; an environment in Lua gets the same.

local prl = require "perilune"

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

--- What the trusted file at this path returns; or nil, message.
function code_file.load(path)
  local chunk, message = compile(path)
  if not chunk then return nil, message end
  local ok, value = pcall(chunk, path:match("^.*/") or "./")
  if not ok then return nil, tostring(value) end
  return value
end

return code_file
