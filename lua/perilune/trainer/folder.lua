--- The folder of a run: runs/NAME-DATE-HASH-sSEED, its files, and its checkpoints.
---
---   run.json          what runs, how far it is, how it ended
---   recipe.lua        the recipe as it was written; recipe.json: resolved, every default filled in
---   metrics.csv       one row for each update, or for a few; evaluations.csv: one for each evaluation
---   events.out.…      the same for TensorBoard
---   checkpoints/      step-N.safetensors (the agent and its environments) with step-N.json (the trainer's own state,
---                     written last: a checkpoint without it does not count); both carry digests of their bytes
---   lift.json, groups.json, front.json, panels.safetensors   the last evaluation by user and day
---   importance.json   what moves the critics' values at the end (importance.lua)
---   standing.json     where guards and a ramp stand while it trains (standing.lua)
---   journal.jsonl     what was done to the run while it trained (records/journal.lua); recipes/: what was in force (recipes.lua)
---   report.html

local posix = require "posix"
local failure = require "perilune.failure"
local invocation = require "perilune.invocation"
local paths = require "perilune.paths"
local terminal = require "perilune.terminal"
local prl = require "perilune"
local saved = require "perilune.saved"
local records = require "perilune.records"
local environment = require "perilune.trainer.environment"
local locks = require "perilune.trainer.locks"

local folder = {}

local kept_checkpoints = 3

local Folder = {}
Folder.__index = Folder

-- Removes what processes that were killed left in a folder: files that were not whole yet, and halves of checkpoints.
local function tidy(path)
  os.remove(path .. "/judged.safetensors")
  paths.clear_halves(path)
  for _, kept in ipairs(paths.folders(path .. "/recipes")) do paths.clear_halves(kept) end
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
  local file = locks.take(path, ".lock") or failure.run("another process is training in " .. path)
  tidy(path)
  return file
end

folder.unlock = locks.release

--- A new folder under `root`; a name that is taken gets a number behind it.
function folder.create(root, name, hash, seed, time)
  local path = paths.fresh(("%s/%s-%s-%s-s%d"):format(root, paths.word(name), os.date("%Y%m%d-%H%M%S", time),
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

-- Only its script knows what a script's run holds.
function Folder:refuse_script()
  failure.usage(("%s was made by a script, which alone can play and continue it:\n  %s"):format(self.path,
    invocation.line(self.info.recipe or self.info.environment.path, "--resume", self.path)))
end

--- An existing run's folder, to run its environment, which must be what run.json says of it. Where it is code (a C or Lua
--- file) it runs only with `trust`: run.json may come from anybody.
function folder.open_to_run(path, trust)
  local self = folder.open(path)
  local about = self.info.environment
  if about.kind == "script" then self:refuse_script() end
  if not trust and about.kind ~= "builtin" then
    failure.usage(("%s: its environment, %s, is code: it runs only with --trust"):format(path, about.path))
  end
  self.spec = environment.check(self.info, self:file("run.json"))
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

-- The trainer's state as a file: JSON whose first entry is the digest of the text without it.
local function state_text(state)
  local text = prl.to_json(state, 2) .. "\n"
  return (text:gsub("^{\n", ('{\n  "digest": "%s",\n'):format(prl.hash_bytes(text)), 1))
end

-- The state in such a file; or nil, message, code.
local function read_state(path)
  local text, message, code = prl.io.read(path)
  if not text then return nil, message, code end
  local digest, rest = text:match('^{\n  "digest": "(%x+)",\n(.*)$')
  if not digest then return nil, path .. " carries no digest: it is cut or damaged, or older than digests", "EFORMAT" end
  text = "{\n" .. rest
  if digest ~= prl.hash_bytes(text) then
    return nil, ("%s is damaged or was changed: its bytes are not those of the digest %s"):format(path, digest), "EFORMAT"
  end
  local state
  state, message = records.parse(text, "state")
  if not state then return nil, ("%s: %s"):format(path, message), "EFORMAT" end
  local named = path:match("(%d+)%.json$")
  if state.step ~= tonumber(named) then
    return nil, ("%s: step: its name says %s, and it %.0f"):format(path, named, state.step), "EFORMAT"
  end
  return state
end

-- Which of these checkpoints is the newest that an update has been learned from: `updates` are finished by now.
local function newest_tried(all, updates)
  for i = #all, 1, -1 do
    local state = read_state(all[i] .. ".json")
    if state and state.updates < updates then return i end
  end
end

--- Saves the agent, its environments and the trainer's state at this step, and removes the oldest checkpoints: not the
--- newest that has been tried, nor later ones than this, which a run that went back to it makes anew.
function Folder:save_checkpoint(agent, env, state)
  local name = ("checkpoints/step-%012d"):format(state.step)
  failure.check(agent:save(self:file(name .. ".safetensors"), env))
  self:write(name .. ".json", state_text(state))
  local all = self:checkpoints(self:file(name))
  local tried = newest_tried(all, state.updates)
  for i = 1, #all - kept_checkpoints do
    if i ~= tried then
      os.remove(all[i] .. ".json")
      os.remove(all[i] .. ".safetensors")
    end
  end
  return self:file(name .. ".safetensors")
end

--- The checkpoints that have both files, up to the one given if one is, oldest first: paths without their endings.
function Folder:checkpoints(last)
  local found = {}
  for _, path in ipairs(saved.checkpoints(self.path)) do
    if not last or path <= last then found[#found + 1] = path end
  end
  return found
end

-- What is wrong where the trainer's state and the agent are not of one moment; nil where they are. A search makes its agent
-- anew with each policy; a script (state.own) counts for itself.
local function other_moment(base, state, agent)
  if state.own then return nil end
  local metrics = agent:metrics()
  for _, name in ipairs(state.search and {} or {"steps", "updates"}) do
    local said = name == "steps" and state.step - (state.undecided or 0) or state.updates
    if said ~= metrics[name] then
      return ("%s.json counts %.0f %s, and %s.safetensors beside it %.0f"):format(base, said, name, base, metrics[name])
    end
  end
end

-- The agent, by its reader, and the trainer's state of a checkpoint; or nil and a message that names the file.
local function load(base, read)
  local state, message, code = read_state(base .. ".json")
  local agent
  if state then agent, message, code = read(base .. ".safetensors") end
  if agent then
    message = other_moment(base, state, agent)
    if not message then return agent, state end
  end
  if code == "ENOMEM" then failure.run(message) end
  return nil, message:find(base, 1, true) and message or ("%s.safetensors: %s"):format(base, message)
end

--- The newest checkpoint that is whole: its safetensors file, the trainer's state with it, and the agent that was loaded
--- from it; nil where there is none. Newer ones that are damaged are named on stderr; where all are, it fails.
--- updates: so many are finished, and only one that an update has been learned from since is taken. Where the folder's
--- checkpoints are no agents, its field `read` says what reads them.
function Folder:last_checkpoint(updates)
  local all, newest = self:checkpoints(), nil
  for i = #all, 1, -1 do
    local agent, state = load(all[i], self.read or prl.load_agent)
    local file = all[i] .. ".safetensors"
    if not agent then
      terminal.err("perilune: ", state, "\n")
      newest = newest or state
    elseif not updates or state.updates < updates then
      if newest then terminal.err("perilune: the newest whole checkpoint before it is ", file, "\n") end
      return file, state, agent
    end
  end
  if newest and not updates then failure.run(("%s has no checkpoint that is whole: %s"):format(self.path, newest)) end
end

--- The agent's file that a path names, a run's folder or the file itself, and the agent.
function folder.agent(path)
  local stat = posix.stat(path)
  if not stat then failure.usage(("there is no run or agent %s"):format(path)) end
  if stat.type == "directory" then return folder.open(path):newest() end
  local agent, message = prl.load_agent(path)
  if not agent then failure.run(message) end
  return path, agent
end

--- The newest checkpoint that is whole, of which there must be one: its file and the agent that was loaded from it.
function Folder:newest()
  local script = self.info.environment.kind == "script" and require "perilune.trainer.drivers.script"
  if script then self.read = script.load end
  local checkpoint, _, found = self:last_checkpoint()
  if not checkpoint then failure.run(self.path .. " has no checkpoint to evaluate") end
  if script and not found.agent then self:refuse_script() end
  return checkpoint, script and found.agent or found
end

return folder
