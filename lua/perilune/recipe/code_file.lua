--- Code files beside a recipe, which run when they are trusted: an algorithm, a policy's network.

local code_file = {}

--- What the trusted file at this path returns; or nil, message. Its pairs are those of the library's own files.
function code_file.load(path)
  local chunk, message = loadfile(path)
  if not chunk then return nil, message end
  local ok, value = pcall(setfenv(chunk, getfenv()))
  if not ok then return nil, tostring(value) end
  return value
end

return code_file
