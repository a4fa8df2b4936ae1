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
local records = require "perilune.records"
local world = require "perilune.trainer.world"

local folder = {}

local kept_checkpoints = 3

local Folder = {}
Folder.__index = Folder

-- Removes what processes that were killed left in a folder: files that were not whole yet, and halves of checkpoints.
local function tidy(path)
  os.remove(path .. "/judged.safetensors")
  paths.clear_halves(path)
  local checkpoints = path .. "/checkpoints"
  if not posix.stat(checkpoints) then return end
  paths.clear_halves(checkpoints)
  for _, name in ipairs(posix.dir(checkpoints)) do
    local base, ending = name:match("^(step%-%d+)%.(%a+)$")
    local other = ({json = "safetensors", safetensors = "json"})[ending]
    if other and not posix.stat(("%s/%s.%s"):format(checkpoints, base, other)) then
      os.remove(("%s/%s"):format(checkpoints, name))
    end
  end
end

--- Keeps other processes from training in this folder, until folder.unlock or the end of this one. Returns what unlock
--- takes; raises where another is at work there.
function folder.lock(path)
  local file = posix.open(path .. "/.lock", posix.O_WRONLY + posix.O_CREAT, "rw-r--r--")
  if not file then failure.run("cannot write in the folder " .. path) end
  local whole = {l_type = posix.F_WRLCK, l_whence = posix.SEEK_SET, l_start = 0, l_len = 0}
  if not posix.fcntl(file, posix.F_SETLK, whole) then failure.run("another process is training in " .. path) end
  tidy(path)
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

--- An existing run's folder, to read what it holds.
function folder.open(path)
  path = path:gsub("(.)/+$", "%1")
  local self = setmetatable({path = path}, Folder)
  if not posix.stat(path) then failure.usage(("there is no run %s"):format(path)) end
  self.info = records.read(self:file("run.json"), "run")
  if not self.info then failure.usage(("%s: no run of perilune (there is no run.json in it)"):format(path)) end
  return self
end

--- An existing run's folder, to run its environment, which must be what run.json says of it. Where it is code (a C or Lua
--- file) it runs only with `trust`: run.json may come from anybody.
function folder.open_to_run(path, trust)
  local self = folder.open(path)
  local environment = self.info.environment
  if not trust and environment.kind ~= "builtin" then
    failure.usage(("%s: its environment, %s, is code: it runs only with --trust"):format(path, environment.path))
  end
  self.spec = world.check(self.info, self:file("run.json"))
  return self
end

--- The finished runs in a folder of runs, or in folders in it (a sweep's, a comparison's), by path.
function folder.finished(path)
  local found = {}
  local function look(at, depth)
    local info = records.read(at .. "/run.json", "run")
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

--- What was appended to these files, of which some may not be there, is on the disk.
function Folder:sync(names)
  for _, name in ipairs(names) do
    local file = posix.open(self:file(name), posix.O_RDONLY)
    if file then
      local done, message = posix.fsync(file)
      posix.close(file)
      if not done then failure.run(message or ("cannot write " .. self:file(name))) end
    end
  end
end

function Folder:write_json(name, value) self:write(name, prl.to_json(value, 2) .. "\n") end

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
  local state = records.read(base .. ".json", "state")
  if state.step ~= tonumber(base:match("(%d+)$")) then
    failure.run(("%s.json: step: its name says %s, and it %.0f"):format(base, base:match("(%d+)$"), state.step))
  end
  return base .. ".safetensors", state
end

return folder
