--- Folders that commands write into.

local posix = require "posix"
local failure = require "perilune.failure"

local paths = {}

-- Whether the folder was made; false where it is there already.
local function make(path)
  if posix.mkdir(path) then return true end
  local reason, found = posix.errno(), posix.stat(path)
  if found and found.type == "directory" then return false end
  failure.run(("cannot make the folder %s: %s"):format(path, reason))
end

--- Makes a folder and those above it, where they are missing.
function paths.make(path)
  local made = path:match("^/*")
  for part in path:gmatch("[^/]+/*") do
    made = made .. part
    make(made)
  end
end

--- A text as the name of a file.
function paths.word(text) return (text:gsub("[^%w._=+-]", "_")) end

--- The folder that a file is in; "." where its path names none.
function paths.parent(path) return path:match("^(.*)/[^/]*$") or "." end

--- The folders in a folder, in order of their names, without hidden ones; none where there is no such folder.
function paths.folders(path)
  local found, here = {}, posix.stat(path)
  for _, name in ipairs(here and here.type == "directory" and posix.dir(path) or {}) do
    local inner = name:sub(1, 1) ~= "." and posix.stat(path .. "/" .. name)
    if inner and inner.type == "directory" then found[#found + 1] = path .. "/" .. name end
  end
  table.sort(found)
  return found
end

--- Removes what processes that were killed left in a folder: files that were not whole yet, which io/file.c names after the
--- process.
function paths.clear_halves(path)
  for _, name in ipairs(posix.stat(path) and posix.dir(path) or {}) do
    local process = tonumber(name:match("%.(%d+)%.%d+%.tmp$"))
    local reason = process and select(3, posix.kill(process, 0))
    if reason == posix.ESRCH then os.remove(path .. "/" .. name) end
  end
end

--- Makes a folder that was not there: `base`, with a number behind it where that name is taken. Returns its path.
function paths.fresh(base)
  paths.make(paths.parent(base))
  for i = 1, 1000 do
    local path = i == 1 and base or ("%s-%d"):format(base, i)
    if make(path) then return path end
  end
  failure.run("cannot find a free name for " .. base)
end

return paths
