--- Twenty rooms, four rows of five, with a door in each wall between two: from a corner of the first room to the far corner of the last
--- one. Nothing is paid but for being there.
local ACROSS, DOWN, SIZE = 5, 4, 7 -- rooms, and cells of one in each direction

local rooms = {
  summary = "Find a corner twenty rooms away",
  observation = {{"x", low = -1, high = 1}, {"y", low = -1, high = 1}}, -- within the room; then 1 for the room that it is
  influenced = {"x", "y"},
  action = {"discrete", go = {"east", "west", "south", "north"}},
  responses = {found = {unit = "count"}},
  max_steps = 150,
}
for room = 1, ACROSS * DOWN do
  rooms.observation[room + 2] = {"room_" .. room, low = 0, high = 1}
  rooms.influenced[room + 2] = "room_" .. room
end

local moves = {{1, 0}, {-1, 0}, {0, 1}, {0, -1}}

--- Which cell along the wall between two rooms is the door, from 0; walls are numbered.
local function door(wall) return wall * 5 % SIZE end

--- A step from cell (x, y), of all rooms' cells from 0, to the one beside it: whether there is no wall between.
local function open(x, y, dx, dy)
  local to_x, to_y = x + dx, y + dy
  if to_x < 0 or to_y < 0 or to_x >= ACROSS * SIZE or to_y >= DOWN * SIZE then return false end
  local column, row = math.floor(math.min(x, to_x) / SIZE), math.floor(math.min(y, to_y) / SIZE)
  if math.floor(to_x / SIZE) ~= math.floor(x / SIZE) then return y % SIZE == door(row * ACROSS + column) end
  if math.floor(to_y / SIZE) ~= math.floor(y / SIZE) then return x % SIZE == door(row * ACROSS + column + 3) end
  return true
end

local function observe(self)
  local list = {self.x % SIZE / 3 - 1, self.y % SIZE / 3 - 1}
  for room = 1, ACROSS * DOWN do list[room + 2] = 0 end
  list[math.floor(self.y / SIZE) * ACROSS + math.floor(self.x / SIZE) + 3] = 1
  return list
end

function rooms.reset(self)
  self.x, self.y = 0, 0
  return observe(self)
end

function rooms.step(self, action)
  local move = moves[action.go + 1]
  if open(self.x, self.y, move[1], move[2]) then self.x, self.y = self.x + move[1], self.y + move[2] end
  local found = self.x == ACROSS * SIZE - 1 and self.y == DOWN * SIZE - 1
  return observe(self), {found = found and 1 or 0}, found
end

function rooms.save(self) return {x = self.x, y = self.y} end
function rooms.load(data) return {x = data.x, y = data.y} end

return rooms
