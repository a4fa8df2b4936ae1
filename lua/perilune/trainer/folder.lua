--- The folder of a run: runs/NAME-DATE-HASH-sSEED, its files, and its checkpoints.
---
---   run.json          what runs, how far it is, how it ended
---   recipe.lua        the recipe as it was written; recipe.json: resolved, every default filled in
---   metrics.csv       one row for each update, or for a few; evaluations.csv: one for each evaluation
---   events.out.…      the same for TensorBoard
---   checkpoints/      step-N.safetensors (the agent and its environments) with step-N.json (the trainer's own state,
---                     written last: a checkpoint without it does not count)
---   lift.json, groups.json, front.json, panels.safetensors   the last evaluation by user and day
---   report.html

local posix = require "posix"
local failure = require "perilune.failure"
local paths = require "perilune.paths"
local prl = require "perilune"

local folder = {}

local kept_checkpoints = 3

local Folder = {}
Folder.__index = Folder

--- Keeps other processes from training in this folder, until folder.unlock or the end of this one. Returns what unlock
--- takes; raises where another is at work there.
function folder.lock(path)
  local file = posix.open(path .. "/.lock", posix.O_WRONLY + posix.O_CREAT, "rw-r--r--")
  if not file then failure.run("cannot write in the folder " .. path) end
  local whole = {l_type = posix.F_WRLCK, l_whence = posix.SEEK_SET, l_start = 0, l_len = 0}
  if not posix.fcntl(file, posix.F_SETLK, whole) then failure.run("another process is training in " .. path) end
  return file
end

function folder.unlock(file) posix.close(file) end

--- A new folder under `root`; a name that is taken gets a number behind it.
function folder.create(root, name, hash, seed, time)
  local path = paths.fresh(("%s/%s-%s-%s-s%d"):format(root, name:gsub("[^%w._-]", "_"), os.date("%Y%m%d-%H%M%S", time),
    hash:sub(1, 8), seed))
  paths.make(path .. "/checkpoints")
  return setmetatable({path = path}, Folder)
end

--- An existing run's folder. A run whose environment is code (a C or Lua file) is opened only with `trust`: what
--- run.json names would run.
function folder.open(path, trust)
  path = path:gsub("(.)/+$", "%1")
  local self = setmetatable({path = path}, Folder)
  if not posix.stat(path) then failure.usage(("there is no run %s"):format(path)) end
  self.info = self:read_json("run.json")
  if not self.info then failure.usage(("%s: no run of perilune (there is no run.json in it)"):format(path)) end
  local environment = self.info.environment or {}
  if not trust and (environment.kind == "c" or environment.kind == "lua") then
    failure.usage(("%s: its environment, %s, is code: it runs only with --trust"):format(path, environment.path))
  end
  return self
end

--- The finished runs in a folder of runs, or in folders in it (a sweep's, a comparison's), by path.
function folder.finished(path)
  local found = {}
  local function look(at, depth)
    local info = posix.stat(at .. "/run.json") and prl.from_json(failure.check(prl.io.read(at .. "/run.json")))
    if info then
      if info.status == "finished" then found[#found + 1] = {path = at, info = info} end
      return
    end
    for _, inner in ipairs(depth > 0 and paths.folders(at) or {}) do look(inner, depth - 1) end
  end
  look(path:gsub("(.)/+$", "%1"), 2)
  return found
end

function Folder:file(name) return self.path .. "/" .. name end

--- Writes a file of the run, whole or not at all.
function Folder:write(name, text) failure.check(prl.io.write(self:file(name), text)) end

function Folder:write_json(name, value) self:write(name, prl.to_json(value, 2) .. "\n") end

--- The file's data, or nil where it is not there.
function Folder:read_json(name)
  local text = prl.io.read(self:file(name))
  if not text then return nil end
  return failure.check(prl.from_json(text))
end

--- Saves the agent, its environments and the trainer's state at this step, and removes the oldest checkpoints.
function Folder:save_checkpoint(agent, env, state)
  local name = ("checkpoints/step-%012d"):format(state.step)
  failure.check(agent:save(self:file(name .. ".safetensors"), env))
  self:write_json(name .. ".json", state)
  local all = self:checkpoints()
  for i = 1, #all - kept_checkpoints do
    os.remove(all[i] .. ".json")
    os.remove(all[i] .. ".safetensors")
  end
  return self:file(name .. ".safetensors")
end

--- The checkpoints that are whole, oldest first: paths without their endings.
function Folder:checkpoints()
  local found = {}
  for name in posix.files(self:file("checkpoints")) do
    local base = name:match("^(step%-%d+)%.json$")
    if base and posix.stat(self:file("checkpoints/" .. base .. ".safetensors")) then
      found[#found + 1] = self:file("checkpoints/" .. base)
    end
  end
  table.sort(found)
  return found
end

--- The newest checkpoint: its safetensors file and the trainer's state with it; nil where there is none.
function Folder:last_checkpoint()
  local all = self:checkpoints()
  local base = all[#all]
  if not base then return nil end
  local text = failure.check(prl.io.read(base .. ".json"))
  return base .. ".safetensors", failure.check(prl.from_json(text))
end

return folder
