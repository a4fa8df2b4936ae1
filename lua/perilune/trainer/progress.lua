--- The progress line of a training run: in place on a terminal, a line now and then elsewhere.

local posix = require "posix"
local format = require "perilune.format"
local stats = require "perilune.stats"
local terminal = require "perilune.terminal"

local progress = {}

local Progress = {}
Progress.__index = Progress

local window = 50 -- updates whose returns give the mean and the spread

--- The monotonic clock, in seconds.
function progress.now()
  local seconds, nanoseconds = posix.clock_gettime("monotonic")
  return seconds + nanoseconds * 1e-9
end

local function columns()
  local pipe = io.popen("stty size 2>/dev/null </dev/tty")
  local size = pipe and pipe:read("*l") or ""
  if pipe then pipe:close() end
  return tonumber((size or ""):match("%d+ (%d+)")) or 80
end

-- The line of whatever is at work. quiet: there is none.
local function new(quiet)
  local shows, now = posix.isatty(2) == 1, progress.now()
  return setmetatable({
    quiet = quiet, start = now, shown = shows and -math.huge or now, terminal = shows, pause = shows and 0.1 or 10,
    width = shows and not quiet and columns() or math.huge,
  }, Progress)
end

--- The line of work that has parts: Progress:part.
progress.work = new

--- total: env steps of the run, or what unit says; step: where it begins; critics: their names, of which the line shows the
--- first two. quiet: no line at all.
function progress.new(total, step, critics, quiet, unit)
  local self, returns = new(quiet), {}
  for _, critic in ipairs(critics) do returns[critic] = {} end
  self.total, self.first, self.returns, self.critics, self.unit = total, step, returns, critics, unit or "steps"
  return self
end

--- From here on it shows these critics.
function Progress:follow(critics)
  local returns = {}
  for _, critic in ipairs(critics) do returns[critic] = self.returns[critic] or {} end
  self.critics, self.returns = critics, returns
end

--- Notes the returns of one update.
function Progress:update(metrics)
  for _, critic in ipairs(self.critics) do
    local value = metrics["episodic_return/" .. critic]
    if value then
      local values = self.returns[critic]
      if #values == window then table.remove(values, 1) end
      values[#values + 1] = value
    end
  end
end

--- The line at this step, after so many seconds of this process.
function Progress:text(step, seconds)
  local speed = seconds > 0 and (step - self.first) / seconds or 0
  local parts = {("%3.0f %%"):format(math.min(1, step / self.total) * 100),
    ("%s of %s %s"):format(format.count(step), format.count(self.total), self.unit),
    ("%s %s/s"):format(format.count(speed), self.unit)}
  for i = 1, math.min(2, #self.critics) do
    local critic = self.critics[i]
    if #self.returns[critic] > 0 then
      local mean, sd = stats.mean_sd(self.returns[critic])
      parts[#parts + 1] = ("return%s %s"):format(#self.critics > 1 and " of " .. critic or "",
        format.with_error(mean, sd))
    end
  end
  if speed > 0 and step < self.total then
    parts[#parts + 1] = format.duration((self.total - step) / speed) .. " left"
  end
  return table.concat(parts, " · ")
end

-- Cuts at a character's start, since the text is UTF-8.
local function cut(text, width)
  local count = 0
  for position in text:gmatch("()[%z\1-\127\194-\244]") do
    count = count + 1
    if count == width then return text:sub(1, position - 1) .. "…" end
  end
  return text
end

-- Whether it is time for the line again.
function Progress:due()
  local now = progress.now()
  if self.quiet or now - self.shown < self.pause then return false end
  self.shown = now
  return true
end

function Progress:write(text)
  if self.terminal then
    terminal.line(cut(terminal.escape(text), self.width))
  else
    terminal.err(text, "\n")
  end
end

--- Shows the line if it is time for it, or at once.
function Progress:show(step, at_once)
  if self.quiet or not (at_once or self:due()) then return end
  self:write(self:text(step, progress.now() - self.start))
end

--- A part of the work: so much of it is done, "evaluation: 34 % · 17 of 50". detail: a text more.
function Progress:part(what, done, total, detail)
  if not self:due() then return end
  local share = total and total > 0 and (": %.0f %%"):format(100 * math.min(done / total, 1)) or ""
  local count = total and total > 1 and (" · %s of %s"):format(format.count(done), format.count(total)) or ""
  self:write(what .. share .. count .. (detail and detail ~= "" and " · " .. detail or ""))
end

--- The line of a comparison: so many runs of so many have ended.
function Progress:runs(ended, total)
  if self.quiet then return end
  local seconds = self:seconds()
  local text = ("%d of %d runs"):format(ended, total)
  if ended > 0 and ended < total then text = ("%s · %s left"):format(text, format.duration(seconds / ended * (total - ended))) end
  self:write(text)
end

--- Makes room for another text: the line in place is wiped.
function Progress:clear()
  if self.terminal and not self.quiet then terminal.line() end
end

function Progress:seconds() return progress.now() - self.start end

return progress
