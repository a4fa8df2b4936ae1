--- Files and the output of commands, as specs look at them, and files of their own, which go away.

local posix = require "posix"

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

-- ---- files of a spec's own ----

local root, count

--- A path where nothing is yet, of letters that patterns take as they are. What comes to stand there or beside it is removed when
--- the spec's file ends, also after a failure.
function files.path()
  if not root then
    root, count = assert(posix.mkdtemp "/tmp/perilune_spec_XXXXXX"), 0
    posix.chmod(root, "rwx--x--x") -- some specs look at their files as another user
  end
  count = count + 1
  return ("%s/%d"):format(root, count)
end

--- A new folder, which is removed in the same way.
function files.folder()
  local path = files.path()
  assert(posix.mkdir(path))
  return path
end

--- A file of this text, which is removed in the same way; its path.
function files.write(text)
  local path = files.path()
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

--- Removes them all: spec/helper.lua calls it at the end of each spec's file.
function files.remove()
  if root then os.execute(("rm -rf '%s'"):format(root)) end
  root = nil
end

return files
