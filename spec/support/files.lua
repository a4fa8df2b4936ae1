--- Files and the output of commands, as specs look at them.

local files = {}

--- The whole content of a file, byte for byte.
function files.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

--- The lines that a shell command prints.
function files.lines(command)
  local pipe, found = assert(io.popen(command)), {}
  for line in pipe:lines() do found[#found + 1] = line end
  pipe:close()
  return found
end

return files
