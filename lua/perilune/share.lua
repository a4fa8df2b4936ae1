--- The recipes, templates and pages that come with Perilune, and recipes found there by name: `perilune train shortvideo/a2c`.
---
--- They stand in share/perilune beside the bin of an installed executable; one that runs where it was built has them in the
--- folder of its source.

local nearest = require "perilune.nearest"
local posix = require "posix"

local share = {}

-- The source's folder, as CMake wrote it beside what it builds; nil where nothing was built.
local function source_of(build)
  local file = io.open(build .. "CMakeCache.txt")
  if not file then return nil end
  local folder = file:read("*a"):match("\nCMAKE_HOME_DIRECTORY:INTERNAL=([^\n]+)")
  file:close()
  return folder
end

local function is_folder(path)
  local found = posix.stat(path)
  return found ~= nil and found.type == "directory"
end

--- Their folder; nil where there is none.
function share.folder()
  local place = (posix.readlink("/proc/self/exe") or ""):match("^.*/") or "./"
  for _, folder in ipairs {(place:gsub("[^/]*/$", "share/perilune")), source_of(place)} do
    if is_folder(folder .. "/recipes") then return folder end
  end
end

--- The names of the recipes, "shortvideo/a2c", in order.
function share.recipes()
  local names, root = {}, (share.folder() or "") .. "/recipes"
  local function walk(below)
    for _, name in ipairs(is_folder(root .. below) and posix.dir(root .. below) or {}) do
      local path = below .. "/" .. name
      if name:sub(1, 1) == "." then path = nil end
      if path and is_folder(root .. path) then walk(path) end
      if path and name:find("%.lua$") then names[#names + 1] = path:sub(2, -5) end
    end
  end
  walk ""
  table.sort(names)
  return names
end

--- The file that a word of the command line stands for: that of this path, with .lua behind it or not, or one that comes
--- with Perilune, named below its folder or below its recipes. nil and a hint at the nearest name where there is none.
function share.find(word)
  if posix.stat(word) then return word end
  local places, folder = {""}, share.folder()
  if folder and not word:find("^%.*/") then places = {"", folder .. "/recipes/", folder .. "/"} end
  for _, place in ipairs(places) do
    for _, ending in ipairs {"", ".lua"} do
      local found = posix.stat(place .. word .. ending)
      if found and found.type ~= "directory" then return place .. word .. ending end
    end
  end
  local name, names = word:gsub("%.lua$", ""):gsub("^recipes/", ""), share.recipes()
  for _, known in ipairs(names) do -- without its folder
    if known:match("[^/]*$") == name then return nil, ('; the nearest is "%s"'):format(known) end
  end
  return nil, nearest.hint(name, names)
end

return share
