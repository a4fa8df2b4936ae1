--- What guards of a hot swap (agent.guards) are worth: users of a feed are recorded under a policy and under the base order, and drawn
--- again, with replacement, for swaps whose true lift is known.
---
---     build/perilune lua spec/bench/guards.lua [WORLD]
---
--- WORLD: a world of kuairand that was fitted (recipes/kuairand/world.lua); without it the users are those of shortvideo. Prints
--- three tables: of swaps at a lift of exactly the bounds, how many fire; how soon a lift far below a bound is caught; and the
--- user-days that it takes for every response, by the equation of the sequence (runtime/rl/confidence.h).
local prl = require "perilune"

local world = arg and arg[1]
local name, options = "shortvideo", {}
if world then name, options = "kuairand", {world = world} end

local days, users, seed = 3, 16384, 20261129
local bounds = {{"share", -0.02}, {"watch_time", -0.005}}
local confidence, tight = 0.95, 10000
local level = (1 - confidence) / #bounds

-- ---- the users ----

local function constant(values)
  local spec, list = prl.env_spec(name, options), {}
  for i, dimension in ipairs(spec.action.names) do list[i] = values[dimension] or 0 end
  return list, spec
end

-- Each user's sums over the days: a float32 matrix (users, responses).
local function record(values, first)
  local vector, spec = constant(values)
  local sums = assert(prl.panel(name, options, {users = users, days = days, seed = seed, stream = first, threads = 2,
    constant = vector}))
  local pool = prl.zeros(users, #spec.responses)
  for day = 1, days do
    pool:add_(sums:narrow(2, day, day):narrow(3, 1, #spec.responses):clone():to("float32"):view({users, #spec.responses}))
  end
  return pool, spec
end

-- ---- swaps ----

local look = 100 -- users of each arm between two looks: an update's worth

-- Places of so many users, drawn with replacement.
local function draw(count) return (prl.rand(count) * users):clamp(0, users - 1):cast("int32") end

-- The users at which each guard of one swap decided: {{fired = users of an arm or nil, held = …}}. guards: {{policy, baseline, bound}},
-- with the values of all users.
local function swap(guards, most, stop)
  local sequences, found = {}, {}
  for g, guard in ipairs(guards) do
    sequences[g] = prl.confidence_sequence {bound = guard.bound, level = level, users = tight}
    found[g] = {}
  end
  for n = look, most, look do
    local own, other = draw(look), draw(look)
    for g, guard in ipairs(guards) do
      sequences[g]:add(guard.policy:index_select(1, own), guard.baseline:index_select(1, other))
      local now = sequences[g]:interval()
      if now and now.high < guard.bound and not found[g].fired then found[g].fired = n end
      if now and now.low > guard.bound and not found[g].held then found[g].held = n end
      if stop and found[g].fired then return found end
    end
  end
  return found
end

local policy, spec = record({watch = 0.3}, 0) -- a vector that changes who watches what
local baseline = record({}, users)
local columns = {}
for r, one in ipairs(spec.responses) do
  local own, other = policy:narrow(2, r, r):reshape(users):detach(), baseline:narrow(2, r, r):reshape(users):detach()
  columns[one.name] = {own = own, other = other, m1 = own:mean():item(), m0 = other:mean():item(),
    s1 = own:var():item(), s0 = other:var():item()}
end

-- A guard, and the policy's users at a lift of exactly its bound and `shift`.
local function guard_at(response, bound, shift)
  local of = columns[response]
  return {bound = bound, baseline = of.other, policy = (of.own * ((1 + bound + shift) * of.m0 / of.m1)):detach()}
end

local swaps = 1000

-- ---- at a lift of exactly the bounds ----

local function at_the_bounds(most)
  local guards, fired, each = {}, 0, {}
  for g, bound in ipairs(bounds) do guards[g], each[g] = guard_at(bound[1], bound[2], 0), 0 end
  for number = 1, swaps do
    prl.seed(number)
    local any = false
    for g, one in ipairs(swap(guards, most)) do
      if one.fired then each[g], any = each[g] + 1, true end
    end
    if any then fired = fired + 1 end
  end
  print(("%d swaps at a true lift of exactly the bounds, looked at every %d users of an arm up to %d: %.1f %% fired"):format(
    swaps, look, most, 100 * fired / swaps))
  for g, bound in ipairs(bounds) do print(("  %-12s bound %+.1f %%: %.1f %%"):format(bound[1], 100 * bound[2], 100 * each[g] / swaps)) end
end

-- ---- below them ----

local function below(response, bound, shift, most)
  local guard, at = {guard_at(response, bound, shift)}, {}
  for number = 1, swaps do
    prl.seed(swaps + number)
    at[number] = swap(guard, most, true)[1].fired or math.huge
  end
  table.sort(at)
  local caught = 0
  for _, n in ipairs(at) do if n < math.huge then caught = caught + 1 end end
  print(("%s %.0f points below its bound of %+.1f %%: %.1f %% of %d swaps caught within %d users of an arm"):format(response,
    -100 * shift, 100 * bound, 100 * caught / swaps, swaps, most))
  local nine = at[0.9 * swaps]
  print(("  half by %.0f users of an arm, 9 of 10 by %.0f (%.0f user-days)"):format(at[swaps / 2], nine, 2 * days * nine))
end

-- ---- what it takes ----

-- The users in all, of whom the control group has this share, with whom 9 of 10 swaps so far below the bound are caught: the
-- boundary and 1.28 deviations of the estimate are as large as the shift.
local function users_for(of, bound, shift, traffic)
  local k = (1 + bound + shift) * of.m0 / of.m1
  local log = -2 * math.log(2 * level)
  local rho = (log + math.log(1 + log)) / tight
  local function short(n)
    local v = k * k * of.s1 / ((1 - traffic) * n) + (1 + bound) ^ 2 * of.s0 / (traffic * n)
    local x = rho * n * traffic * (1 - traffic)
    local radius = math.sqrt(2 * v * (1 + 1 / x) * math.log(1 + math.sqrt(1 + x) / (2 * level)))
    return radius + 1.2816 * math.sqrt(v) > math.abs(shift * of.m0)
  end
  local low, high = 1, 1e12
  for _ = 1, 100 do
    local middle = math.sqrt(low * high)
    if short(middle) then low = middle else high = middle end
  end
  return high
end

local function what_it_takes(shift)
  print(("user-days until 9 of 10 swaps are caught that are %.0f points below a bound of −0.5 %%, by the equation:"):format(-100 * shift))
  print(("  %-14s %12s %14s %18s %18s"):format("response", "a user", "deviation", "control of 50 %", "control of 2 %"))
  for _, one in ipairs(spec.responses) do
    local of = columns[one.name]
    print(("  %-14s %12.4g %12.2f × %18.3g %18.3g"):format(one.name, of.m0, math.sqrt(of.s0) / of.m0,
      days * users_for(of, -0.005, shift, 0.5), days * users_for(of, -0.005, shift, 0.02)))
  end
end

at_the_bounds(100000)
below("watch_time", -0.005, -0.03, 200000)
what_it_takes(-0.03)
