--- The metrics of a run, to metrics.csv and to TensorBoard's event files. Neither holds the wall clock in its numbers,
--- so that a resumed run leaves the same metrics.csv as one that never stopped. What none of a row's updates defines (a
--- return when no episode ended) is an empty cell and no event.

local posix = require "posix"
local failure = require "perilune.failure"
local csv = require "perilune.records.csv"
local prl = require "perilune"
local terminal = require "perilune.terminal"

local log = {}

local Log = {}
Log.__index = Log

-- Counted since the run began: a row has the last value; other metrics are averaged over the row's updates.
local counters = {steps = true, updates = true, version = true, dropped_steps = true, late_feedback = true,
  duplicate_feedback = true, stale_steps = true, idle_streams = true}

-- Where TensorBoard's users look for it.
local charts = {episodic_return = true, episode_length = true, updates = true}
local losses = {policy_loss = true, value_loss = true, entropy = true, approx_kl = true, clip_fraction = true,
  explained_variance = true, grad_norm = true, loss = true}

--- The tag of a metric in TensorBoard: charts/episodic_return, losses/value_loss/watch, …
function log.tag(name)
  local kind = name:match("^[^/]+")
  if kind:find "^shadow_" then return "shadow/" .. name:sub(#"shadow_" + 1) end
  if charts[kind] then return "charts/" .. name end
  if losses[kind] then return "losses/" .. name end
  return name:find("/", 1, true) and name or "counters/" .. name
end

--- A table with fixed columns in the run's folder, going on after its first `rows` rows: a prl.io.csv_writer.
function log.table(folder, name, columns, rows)
  if rows > 0 then
    local names, text = csv.first(folder:file(name), rows)
    local found, expected = table.concat(names, ", "), table.concat(columns, ", ")
    if found ~= expected then
      failure.run(("%s has the columns %s, and this run's are %s"):format(folder:file(name), found, expected))
    end
    folder:write(name, text)
  end
  return failure.check(prl.io.csv_writer(folder:file(name), columns, {fresh = rows == 0}))
end

-- The event file of a resumed run, cut to what the checkpoint counts, so that its readers see each point once.
local function take_up_events(folder, state)
  local path = state and state.events and folder:file(state.events.name)
  if not path then return prl.io.events(folder.path) end
  local found = posix.stat(path)
  if found and found.type == "regular" and found.size >= state.events.size then
    return prl.io.events_again(path, state.events.size)
  end
  terminal.err(("perilune: %s %s: TensorBoard's points up to here are lost, and metrics.csv has them\n"):format(path,
    found and ("has less than the %d bytes that the checkpoint counts"):format(state.events.size) or "is gone"))
  return prl.io.events(folder.path)
end

--- folder: of the run. updates_per_row: so many updates make one row. state: of a resumed run, from Log:state.
function log.open(folder, updates_per_row, state)
  local self = setmetatable({folder = folder, every = updates_per_row, sums = {}, counts = {}, pending = 0, rows = 0,
    names = {}, known = {}}, Log)
  if state then
    self.sums, self.counts, self.pending, self.rows = state.sums, state.counts, state.pending, state.rows
    self:take_up(state.rows)
  end
  self.events = failure.check(take_up_events(folder, state))
  return self
end

-- Continues an existing metrics.csv after its first `rows` rows: later ones are made again.
function Log:take_up(rows)
  local path = self.folder:file("metrics.csv")
  if rows == 0 then
    os.remove(path) -- of updates behind the checkpoint, if it is there
    return
  end
  local names, text = csv.first(path, rows)
  if names[1] ~= "step" then failure.run(("%s:1: the first column is %q, and \"step\" was expected"):format(path, names[1])) end
  for _, name in ipairs(names) do self:add_name(name) end
  self.folder:write("metrics.csv", text)
end

function Log:add_name(name)
  self.names[#self.names + 1] = name
  self.known[name] = true
end

local function lines_of(text)
  local lines = {}
  for line in text:gmatch("([^\n]*)\n") do lines[#lines + 1] = line end
  return lines
end

-- A metric that appears late (a return, when the first episode ends) makes the file anew with one column more.
function Log:widen(fresh)
  if self.writer then failure.check(self.writer:close()) end
  self.writer = nil
  local path = self.folder:file("metrics.csv")
  local text = self.rows > 0 and failure.check(prl.io.read(path)) or nil
  for _, name in ipairs(fresh) do self:add_name(name) end
  if text then
    local lines = lines_of(text)
    lines[1] = table.concat(self.names, ",")
    local empty = (","):rep(#fresh)
    for i = 2, #lines do lines[i] = lines[i] .. empty end
    self.folder:write("metrics.csv", table.concat(lines, "\n") .. "\n")
  end
end

--- Takes the metrics of one update: {name = value}.
function Log:update(step, metrics)
  self.pending = self.pending + 1
  for name, value in pairs(metrics) do
    if counters[name] then
      self.sums[name], self.counts[name] = value, 1
    else
      self.sums[name] = (self.sums[name] or 0) + value
      self.counts[name] = (self.counts[name] or 0) + 1
    end
  end
  if self.pending >= self.every then self:row(step) end
end

function Log:row(step)
  local fresh = {}
  for name in pairs(self.counts) do
    if not self.known[name] and name ~= "steps" then fresh[#fresh + 1] = name end
  end
  table.sort(fresh)
  if #self.names == 0 then table.insert(fresh, 1, "step") end
  if #fresh > 0 then self:widen(fresh) end
  self.writer = self.writer or
    failure.check(prl.io.csv_writer(self.folder:file("metrics.csv"), self.names, {fresh = self.rows == 0}))
  local cells, now = {step}, os.time()
  for i = 2, #self.names do
    local name = self.names[i]
    if self.counts[name] then
      cells[i] = self.sums[name] / self.counts[name]
      failure.check(self.events:scalar(log.tag(name), step, cells[i], now))
    end
  end
  failure.check(self.writer:row(cells))
  self.rows = self.rows + 1
  self.sums, self.counts, self.pending = {}, {}, 0
end

--- One scalar for TensorBoard alone; none of what is undefined.
function Log:scalar(tag, step, value)
  if value then failure.check(self.events:scalar(tag, step, value, os.time())) end
end

function Log:flush() failure.check(self.events:flush()) end

--- What a checkpoint must hold, so that the rows after it come out the same.
function Log:state()
  return {sums = self.sums, counts = self.counts, pending = self.pending, rows = self.rows,
    events = {name = self.events:path():match("[^/]+$"), size = self.events:size()}}
end

function Log:close()
  if self.writer then failure.check(self.writer:close()) end
  self.writer = nil
  failure.check(self.events:close())
end

return log
