--- The driver of a script's own loop: it calls the loop once, and the loop says what it did by the methods of `run`.
---
---     loop = function(run)
---       run.save, run.evaluate = …, …              -- what a checkpoint holds; the responses of some episodes
---       while run:going() do
---         …
---         run:step(n, {loss = …})                  -- evaluations and checkpoints that are due are made here
---       end
---     end

local failure = require "perilune.failure"
local format = require "perilune.format"
local invocation = require "perilune.invocation"
local keys = require "perilune.keys"
local options = require "perilune.options"
local progress = require "perilune.trainer.progress"
local prl = require "perilune"
local agent = require "perilune.trainer.drivers.agent"

local script = {code_goes_on = true}

function script.constant() return false end

local Script = {}
Script.__index = Script

local rows_of_metrics = 5000 -- at most about as many, however long the run
local tensors_format = "perilune script 1"

function script.takes(algorithm) return algorithm.loop ~= nil end
function script.made(info) return info.environment.kind == "script" end
function script.planned(loaded) return {steps = loaded.recipe.steps} end
script.extend, script.ended = agent.extend, agent.ended

function script.ended_text(info, state, path)
  return ("%s is finished: it made %s of %s steps. To go further:\n  %s\n"):format(path, format.grouped(state.step),
    format.grouped(info.steps), invocation.line(info.recipe or "SCRIPT", "--resume", path, "--steps",
      ("%.0f"):format(2 * math.max(info.steps, state.step))))
end

-- ---- what the loop sees ----

local Handle = {}

--- Whether to go on: false where the steps are made, or Ctrl-C came.
function Handle:going()
  local run = rawget(self, "driver").run
  return run.state.step < run.info.steps and not run:stop_asked()
end

local function check_metrics(metrics)
  for _, name in ipairs(keys(metrics)) do
    if type(name) ~= "string" or #name > 128 or not name:find("^[%a_][%w_./-]*$") or name == "step" then
      options.refuse("run:step: %q is no name of a metric; letters, digits, _ and / are needed, as in value_loss/watch",
        tostring(name))
    end
    if type(metrics[name]) ~= "number" then
      options.refuse("run:step: the metric %s is a %s; a number is needed", name, type(metrics[name]))
    end
  end
end

--- n more steps were made. metrics: {name = number} of an update; what is not finite has no value.
function Handle:step(n, metrics)
  if type(n) ~= "number" or n % 1 ~= 0 or n < 1 or n > 2 ^ 50 then
    options.refuse("run:step: how many steps were made is %s; a whole number ≥ 1 is needed", tostring(n))
  end
  if metrics ~= nil then
    options.need_kind("run:step: metrics", metrics, "table")
    check_metrics(metrics)
  end
  rawget(self, "driver"):made(n, metrics)
end

--- What the checkpoint holds that the run goes on from, {agent, tensors, state, file}; nil in a run that begins.
function Handle:saved() return rawget(self, "driver").restored end

local settable = {evaluate = true, save = true}
local shown = {made = function(driver) return driver.run.state.step end, steps = function(driver) return driver.run.info.steps end,
  seed = function(driver) return driver.settings.seed end, options = function(driver) return driver.options end,
  folder = function(driver) return driver.run.folder.path end}

local function refuse_field(key)
  local names = {"going", "step", "saved"}
  for name in pairs(settable) do names[#names + 1] = name end
  for name in pairs(shown) do names[#names + 1] = name end
  prl.refuse(prl.no_name("run", "field", tostring(key), names))
end

local function new_handle(driver)
  return setmetatable({driver = driver}, {
    __index = function(_, key)
      if Handle[key] then return Handle[key] end
      if shown[key] then return shown[key](driver) end
      if not settable[key] then refuse_field(key) end
      return nil
    end,
    __newindex = function(_, key, value)
      if not settable[key] then refuse_field(key) end
      options.need_kind("run." .. key, value, "function")
      rawset(driver.given, key, value)
    end,
  })
end

-- ---- the driver ----

--- checked: of trainer/script.lua; saved: of Folder:last_checkpoint, where the run goes on.
function script.new(run, checked, saved)
  local self = setmetatable({run = run, settings = checked.settings, loop = checked.loop, given = {}, finished = false}, Script)
  local names = keys(checked.settings.options)
  self.options = options.strict("run.options", "option", checked.settings.options, names)
  self.restored = saved and {agent = saved.agent, tensors = saved.tensors, file = saved.file, state = run.state.own} or nil
  self.row_every = math.max(1, math.floor(run.info.steps / rows_of_metrics))
  self.handle = new_handle(self)
  return self
end

--- The whole loop, which itself asks whether to go on.
function Script:advance()
  self.run.log.every = math.huge -- rows by steps, not by updates
  self.loop(self.handle)
  self.finished = true
end

function Script:made(n, metrics)
  local run, state = self.run, self.run.state
  local before = state.step
  state.step = before + n
  if metrics then
    state.updates = state.updates + 1
    local defined = {updates = state.updates}
    for name, value in pairs(metrics) do
      if value == value and math.abs(value) < math.huge then defined[name] = value end
    end
    run.log:update(state.step, defined)
    if math.floor(state.step / self.row_every) > math.floor(before / self.row_every) then run.log:row(state.step) end
    run.progress:update(defined)
  end
  run.progress:show(state.step)
  run:due()
end

function Script:long_enough() return self.run.state.step >= self.run.info.steps end
function Script:over() return self.finished end
function Script:position() return self.run.state.step end
function Script:place() return ("step %d"):format(self:position()) end
function Script:progress(quiet) return progress.new(self.run.info.steps, self:position(), {}, quiet) end
function Script:user_days() return nil end -- luacheck: no self
function Script:scale() end
function Script:tried_updates() end
function Script:summary() end
function Script:importance() end
function Script:close() end
function Script:between() return nil end -- luacheck: no self
function Script:follow() end

function Script:closing_text(seconds)
  return ("%s made %s steps in %s.\n"):format(self.run.info.name, format.count(self:position()), seconds)
end

-- ---- checkpoints ----

--- Where the loop says what a checkpoint holds.
function Script:saved()
  if self.given.save then return self end
end

-- What one of the loop's functions gave is refused where it stands in the script. given: {save, evaluate}; name: of the function.
local function refuse_given(given, name, text, ...)
  local where = debug.getinfo(given[name], "S")
  failure.run(("%s:%d: run.%s: %s"):format(where.short_src, where.linedefined, name, text:format(...)))
end

local function write_tensors(file, tensors, refuse)
  local list = {}
  for i, name in ipairs(keys(tensors)) do
    if type(name) ~= "string" or type(tensors[name]) ~= "userdata" then
      refuse("tensors.%s is a %s; a tensor with a name is needed", tostring(name), type(tensors[name]))
    end
    list[i] = {name, tensors[name]}
  end
  return prl.io.safetensors_write(file, list, {format = tensors_format})
end

--- Folder:save_checkpoint asks this of it, as of an agent.
function Script:save(file)
  local function refuse(...) refuse_given(self.given, "save", ...) end
  local saved = self.given.save()
  if type(saved) ~= "table" then refuse("it gave a %s; a table {agent, env, tensors, state} is needed", type(saved)) end
  for _, name in ipairs(keys(saved)) do
    if name ~= "agent" and name ~= "env" and name ~= "tensors" and name ~= "state" then
      refuse("%s", prl.no_name("what it gave", "field", tostring(name), {"agent", "env", "tensors", "state"}))
    end
  end
  if saved.agent and saved.tensors then refuse("an agent or tensors, not both: a checkpoint is one file") end
  local plain, message = pcall(prl.to_json, saved.state)
  if not plain then refuse("state: %s", (tostring(message):gsub("^[^:]+:%d+: ", ""))) end
  self.run.state.own = saved.state or {}
  if saved.agent then return saved.agent:save(file, saved.env) end
  return write_tensors(file, saved.tensors or {}, refuse)
end

--- What Script:save wrote: {agent} or {tensors}, and the file; or nil, message, code.
function script.load(file)
  local tensors, words, _, sealed = prl.io.safetensors_read(file)
  if not tensors then return nil, words, sealed end
  if words.format == tensors_format then return {tensors = tensors, file = file} end
  local made, message, code = prl.load_agent(file)
  if not made then return nil, message, code end
  return {agent = made, file = file}
end

-- ---- evaluations ----

-- The numbers of a response, one for each episode: of a number, a list or a tensor.
local function numbers_of(values, name, refuse)
  if type(values) == "number" then values = {values} end
  if type(values) == "userdata" then values = values:totable() end -- a tensor
  if type(values) ~= "table" or #values == 0 then
    refuse("%s is %s; a number for each episode is needed", name, values == nil and "missing" or type(values) == "table"
      and "an empty list" or "a " .. type(values))
  end
  for i, value in ipairs(values) do
    if type(value) ~= "number" or value ~= value or math.abs(value) == math.huge then
      refuse("%s.%d is %s; a finite number is needed", name, i,
        type(value) == "number" and (tostring(value):gsub("^-nan", "nan")) or "a " .. type(value))
    end
  end
  return values
end

--- What run.evaluate gives, checked: {episodes, values = {response = {each episode's}}}; nil where the loop says nothing of it.
function Script:evaluation()
  if not self.given.evaluate then return nil end
  local function refuse(...) refuse_given(self.given, "evaluate", ...) end
  local found, result, names = self.given.evaluate(), {values = {}}, {}
  if type(found) ~= "table" then refuse("it gave no table {response = {a number for each episode}}") end
  for i, response in ipairs(self.run.info.responses) do
    local values = numbers_of(found[response.name], response.name, refuse)
    result.episodes = result.episodes or #values
    if #values ~= result.episodes then
      refuse("%s has %d episodes, and the response before it %d", response.name, #values, result.episodes)
    end
    result.values[response.name], names[i] = values, response.name
  end
  for _, name in ipairs(keys(found)) do
    if not result.values[name] then refuse("%s", prl.no_name("the run", "response", tostring(name), names)) end
  end
  return result.episodes and result
end

return script
