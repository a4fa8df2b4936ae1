--- What the algorithm of a search (drivers/search.lua) sees of it:
---   search.dimensions         {name, low, high, half, start}, …: the dimensions that are free
---   search:meet(users, days)  from here on trials are on these users, met by no trial before
---   search:try(vector)        the score of a vector: its trial is served to those users
---   search:adopt(vector, more)  the policy is now this vector; more: {name = {number of each dimension}} for the metrics
---   search:normal()           a standard normal draw

local options = require "perilune.options"
local prl = require "perilune"

local door = {}

local block = 256 -- draws that are made at once

local Door = {}
Door.__index = Door

--- A seed of its own for each use: 52 bits of a hash, so that it meets no seed that a recipe names.
function door.seed_of(use, seed, number)
  return tonumber(prl.hash({"perilune search", use, seed, number}):sub(1, 13), 16)
end

--- Numbers as the agent and the panel hold them, so that what is found is what was tried.
function door.single(numbers) return prl.tensor(numbers):totable() end

--- dimensions: of recipe/search.lua; counted: whether the algorithm says how many trials there will be. Its fields `cohort`
--- and `adopted` say what was asked for.
function door.new(dimensions, seed, counted)
  return setmetatable({dimensions = dimensions, seed = seed, drawn = 0, counted = counted, cohort = false, adopted = false},
    Door)
end

function Door:meet(users, days)
  self.cohort = {number = (self.cohort and self.cohort.number or 0) + 1, users = users, days = days}
end

local function of_dimensions(self, vector)
  if #vector == #self.dimensions then return door.single(vector) end
  options.refuse("search: a vector has a number for each of %d dimensions, and this one has %d", #self.dimensions, #vector)
end

function Door:try(vector)
  if not self.cohort then options.refuse("search:try before search:meet: there are no users to try a vector on") end
  if not self.counted then
    options.refuse("search:try in an algorithm without `trials`, the function that says how many trials there will be")
  end
  return coroutine.yield(of_dimensions(self, vector))
end

function Door:adopt(vector, more) self.adopted = {vector = of_dimensions(self, vector), more = more or {}} end

function Door:normal()
  local place = self.drawn % block
  if place == 0 then
    prl.seed(door.seed_of("draws", self.seed, self.drawn / block))
    self.draws = prl.randn(block):totable()
  end
  self.drawn = self.drawn + 1
  return self.draws[place + 1]
end

options.strict("search", "method", Door, {"dimensions", "meet", "try", "adopt", "normal"})

return door
