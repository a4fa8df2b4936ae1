--- The traffic of an A/B test: users of one world, each of one share, and a learner for each share that serves it alone.
---
--- All users' clocks go together: an hour of the world is over when each user's clock is beyond it, and whoever is not there yet has
--- the next request. Requests of a round are decided by share, each by its own agent, which learns as soon as its next update is
--- whole. The agents' own time goes by the hour.

local failure = require "perilune.failure"
local interruption = require "perilune.interruption"
local prl = require "perilune"
local environment = require "perilune.trainer.environment"

local traffic = {}

local hour_us, day_us = 3600e6, 86400e6

local Traffic = {}
Traffic.__index = Traffic

--- The columns of what is counted of a user and day, as of a panel: each response, how often it came, requests, sessions.
function traffic.columns(spec)
  local names, n = {}, #spec.responses
  for i, response in ipairs(spec.responses) do names[i], names[n + i] = response.name, "count/" .. response.name end
  names[2 * n + 1], names[2 * n + 2] = "requests", "sessions"
  return names
end

--- options: about (the environment, recipe/load.lua's `env`), spec, users, seed (of the world), days; shares = [{users = {numbers, from
--- 1}, agent = nil for the zero action}].
function traffic.new(options)
  local self = setmetatable({spec = options.spec, users = options.users, days = options.days, shares = options.shares,
    clock = {}, sums = {}, seat = {}, place = {}}, Traffic)
  local env, message = environment.make(options.about, options.users, options.seed, 0, options.users)
  self.env = env or failure.run(message)
  self.names = traffic.columns(self.spec)
  for c = 1, #self.names do
    self.sums[c] = {}
    for i = 1, self.users * self.days do self.sums[c][i] = 0 end
  end
  for i, response in ipairs(self.spec.responses) do
    if response.name == self.spec.session then self.session = i end
  end
  for user = 1, self.users do self.clock[user] = 0 end
  for s, share in ipairs(self.shares) do
    for _, user in ipairs(share.users) do self.seat[user] = s end
  end
  self.action = prl.zeros(self.users, #self.spec.action.names)
  return self
end

-- ---- one round ----

-- Those whose clocks are before this time: all of them, and by share.
local function due(self, time)
  local all, by_share = {}, {}
  for s in ipairs(self.shares) do by_share[s] = {} end
  for user = 1, self.users do
    if self.clock[user] < time then
      all[#all + 1] = user
      local list = by_share[self.seat[user]]
      list[#list + 1] = user
    end
  end
  return all, by_share
end

local function index(users)
  local rows = {}
  for i, user in ipairs(users) do rows[i] = user - 1 end
  return prl.tensor(rows, "int64")
end

-- Each agent's actions into the rows of its users; their decisions and rows by share.
local function act(self, by_share)
  local parts, from, decided = {prl.zeros(1, #self.spec.action.names)}, {}, {}
  for user = 1, self.users do from[user] = 0 end
  local at = 1
  for s, share in ipairs(self.shares) do
    local users = by_share[s]
    if share.agent and #users > 0 then
      local rows = index(users)
      local action, decisions = share.agent:act(users, self.observation:index_select(1, rows))
      decided[s] = {rows = rows, decisions = decisions}
      parts[#parts + 1] = action
      for i, user in ipairs(users) do from[user] = at + i - 1 end
      at = at + #users
    end
  end
  self.action:take_(#parts > 1 and prl.concat(parts, 1) or parts[1], prl.tensor(from, "int64"))
  return decided
end

-- A step of these users into their day's sums; their clocks go on.
local function count(self, all, response, flags, elapsed)
  local rows, responses = index(all), self.spec.responses
  local values, passed, n = response:index_select(1, rows):totable(), elapsed:index_select(1, rows):totable(), #responses
  for i, user in ipairs(all) do
    local own, place = values[i], (user - 1) * self.days + math.floor(self.clock[user] / day_us) + 1
    for r = 1, n do
      self.sums[r][place] = self.sums[r][place] + own[r]
      if own[r] ~= responses[r].missing then self.sums[n + r][place] = self.sums[n + r][place] + 1 end
    end
    local requests, sessions = self.sums[2 * n + 1], self.sums[2 * n + 2]
    requests[place] = requests[place] + 1
    local ended
    if self.session then
      ended = own[self.session] ~= responses[self.session].missing
    else
      ended = flags[1][user] ~= 0 or flags[2][user] ~= 0
    end
    if ended then sessions[place] = sessions[place] + 1 end
    self.clock[user] = self.clock[user] + passed[i]
  end
end

-- What came of a share's decisions: responses, ends of episodes, the observations that are next.
local function report(share, users, decided, response, flags, final, observation)
  share.agent:feedback(decided.decisions, response:index_select(1, decided.rows))
  local ended, going = {{}, {}}, {}
  for _, user in ipairs(users) do
    local list = flags[1][user] ~= 0 and ended[1] or flags[2][user] ~= 0 and ended[2] or going
    list[#list + 1] = user
  end
  for k, reason in ipairs {"terminated", "truncated"} do
    if #ended[k] > 0 then share.agent:finish(ended[k], reason, final:index_select(1, index(ended[k]))) end
  end
  if #going > 0 then share.agent:observe(going, observation:index_select(1, index(going))) end
  share.agent:learn()
end

local function round(self, all, by_share)
  local decided = act(self, by_share)
  local observation, response, flags, final, elapsed = self.env:step(self.action, all)
  flags = flags:totable()
  self.observation = observation
  count(self, all, response, flags, elapsed)
  for s, share in ipairs(self.shares) do
    if decided[s] then report(share, by_share[s], decided[s], response, flags, final, observation) end
  end
end

-- ---- the whole ----

-- Refuses a world whose clocks stand still.
local function check_moved(self, rounds, hour)
  if rounds < 1e5 then return end
  failure.run(("%s: a user's clock has not passed hour %d in %d requests; its days cannot be counted"):format(self.spec.name, hour,
    rounds))
end

--- Serves all users for all days. Returns the sums (columns, users × days), each user's days one after the other.
function Traffic:serve()
  self.observation = self.env:reset()
  for hour = 1, 24 * self.days do
    local all, by_share = due(self, hour * hour_us)
    local rounds = 0
    while #all > 0 do
      round(self, all, by_share)
      if interruption.came() then interruption.leave() end
      rounds = rounds + 1
      check_moved(self, rounds, hour)
      all, by_share = due(self, hour * hour_us)
    end
    for _, share in ipairs(self.shares) do
      if share.agent then share.agent:time(hour * hour_us) end
    end
  end
  return prl.tensor(self.sums, "float64")
end

return traffic
