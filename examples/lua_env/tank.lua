--- A leaking tank: open the valve just enough to hold the level at 1 m. An environment in Lua; see README.md.
local tank = {
  summary = "Hold the level of a leaking tank",
  observation = {{"level", unit = "m", low = 0, high = 2}, {"inflow", unit = "m3/s", low = 0, high = 1}},
  influenced = {"level"},
  action = {"continuous", valve = {-1, 1, unit = "1/s"}},
  responses = {
    deviation = {unit = "m"},
    spilled = {unit = "count"},
  },
  options = {
    leak = {0.2, "1/s", "share of the level that leaks in a second", low = 0, high = 5},
  },
  max_steps = 200,
  clock = true,
}

local seconds = 0.1

--- The table of one instance, made once.
function tank.new(options) return {leak = options.leak, level = 0, inflow = 0} end

--- Begins an episode; returns the observation.
function tank.reset(self)
  self.level, self.inflow = 0.5 + math.random(), 0.2
  return {self.level, self.inflow}
end

--- One step: observation, responses by name, whether the episode ended of itself, and the seconds that passed.
function tank.step(self, action)
  self.inflow = math.max(0, math.min(1, self.inflow + action.valve * seconds))
  local gust = 0.02 * (math.random() - 0.5)
  self.level = math.max(0, self.level + (self.inflow - self.leak * self.level) * seconds + gust)
  local spilled = self.level > 2
  local responses = {deviation = math.abs(self.level - 1), spilled = spilled and 1 or 0}
  return {self.level, self.inflow}, responses, spilled, seconds
end

--- Plain data from which load makes the instance again, for checkpoints.
function tank.save(self) return {level = self.level, inflow = self.inflow} end

function tank.load(data, options) return {leak = options.leak, level = data.level, inflow = data.inflow} end

return tank
