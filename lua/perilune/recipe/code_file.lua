--- Code files beside a recipe, which run when they are trusted: an algorithm, a policy's network.

local prl = require "perilune"

local code_file = {}

local GREATEST = 2 ^ 22 -- bytes; as much as an environment in Lua may have

--- What the trusted file at this path returns; or nil, message. Its pairs are those of the library's own files.
function code_file.load(path)
  local text, message = prl.io.read(path, GREATEST)
  if not text then return nil, message end
  local chunk
  chunk, message = loadstring(text, "@" .. path)
  if not chunk then return nil, message end
  local ok, value = pcall(setfenv(chunk, getfenv()))
  if not ok then return nil, tostring(value) end
  return value
end

return code_file
