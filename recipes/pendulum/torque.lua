--- Pendulum-v1 with the torque among its responses, so that an objective can say what it may cost. The dynamics are those of the
--- built-in `pendulum`; see it for their source.
local pendulum = {
  summary = "Pendulum-v1, which reports its torque",
  observation = {{"cos_angle", low = -1, high = 1}, {"sin_angle", low = -1, high = 1},
    {"angular_velocity", unit = "rad/s", low = -8, high = 8}},
  action = {"continuous", torque = {-2, 2, unit = "N m"}},
  responses = {reward = {}, torque = {unit = "N m"}}, -- its size
  max_steps = 200,
}

local function observe(self) return {math.cos(self.angle), math.sin(self.angle), self.velocity} end

function pendulum.new() return {angle = 0, velocity = 0} end

function pendulum.reset(self)
  self.angle, self.velocity = math.pi * (2 * math.random() - 1), 2 * math.random() - 1
  return observe(self)
end

function pendulum.step(self, action)
  local torque = math.max(-2, math.min(2, action.torque))
  local angle = (self.angle + math.pi) % (2 * math.pi) - math.pi
  local reward = -(angle * angle + 0.1 * self.velocity * self.velocity + 0.001 * torque * torque)
  self.velocity = math.max(-8, math.min(8, self.velocity + (15 * math.sin(self.angle) + 3 * torque) * 0.05))
  self.angle = self.angle + self.velocity * 0.05
  return observe(self), {reward = reward, torque = math.abs(torque)}, false
end

function pendulum.save(self) return {angle = self.angle, velocity = self.velocity} end
function pendulum.load(data) return {angle = data.angle, velocity = data.velocity} end

return pendulum
