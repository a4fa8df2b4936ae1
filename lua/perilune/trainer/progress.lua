--- The progress line of a training run: in place on a terminal, a line now and then elsewhere.

local posix = require "posix"
local format = require "perilune.report.format"
local stats = require "perilune.report.stats"

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

--- total: env steps of the run, or what unit says; step: where it begins; critics: their names, of which the line shows the
--- first two. quiet: no line at all.
function progress.new(total, step, critics, quiet, unit)
  local returns = {}
  for _, critic in ipairs(critics) do returns[critic] = {} end
  local terminal = posix.isatty(2) == 1
  local now = progress.now()
  return setmetatable({
    total = total, first = step, start = now, shown = terminal and -math.huge or now, returns = returns,
    critics = critics, quiet = quiet, unit = unit or "steps", terminal = terminal, pause = terminal and 0.1 or 10,
    width = terminal and columns() or math.huge,
  }, Progress)
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

--- Shows the line if it is time for it, or at once where `now` is given.
function Progress:show(step, at_once)
  if self.quiet then return end
  local now = progress.now()
  if not at_once and now - self.shown < self.pause then return end
  self.shown = now
  local text = self:text(step, now - self.start)
  if self.terminal then
    io.stderr:write("\r\27[K", cut(text, self.width))
  else
    io.stderr:write(text, "\n")
  end
end

--- The line of a comparison: so many runs of so many have ended.
function Progress:runs(ended, total)
  if self.quiet then return end
  local seconds = self:seconds()
  local text = ("%d of %d runs"):format(ended, total)
  if ended > 0 and ended < total then text = ("%s · %s left"):format(text, format.duration(seconds / ended * (total - ended))) end
  io.stderr:write(self.terminal and "\r\27[K" or "", text, self.terminal and "" or "\n")
end

--- Makes room for another text: the line in place is wiped.
function Progress:clear()
  if self.terminal and not self.quiet then io.stderr:write("\r\27[K") end
end

function Progress:seconds() return progress.now() - self.start end

return progress
