--- What a shadow is worth: a running policy of a feed gets another objective, likes count so much more. The new recipe learns beside
--- from what the running one does, and is confirmed; or it comes into force at the same step without having learned.
---
---     build/perilune lua spec/bench/shadow.lua [BEFORE [BESIDE [WEIGHT [SEED …]]]]
---
--- BEFORE: steps by the old objective; BESIDE: steps that the shadow learns; WEIGHT: of likes, in place of 0.05. Prints, for each
--- seed, how near the shadow came to what acts, and the new objective that the policies come to: weighted lifts over the ranker's
--- own order, in percent, of the same users with the same chances, at once and so many steps later.
local prl = require "perilune"

local before, beside, weight = tonumber(arg[1] or 1e6), tonumber(arg[2] or 3e5), tonumber(arg[3] or 1)
local seeds = {unpack(arg, 4)}
if #seeds == 0 then seeds = {1, 2, 3} end
local world, instances, users, days, later = {preset = "strong"}, 64, 8192, 2, {0, 1e5, 3e5}
local weights = {watch_time = 1, video_views = 0.1, like = weight, follow = 0.02, share = 0.02, comment = 0.02}
local file = os.tmpname()

local function plan_of(seed, ...)
  local set = {"env.n=" .. instances, "train.steps=1e7", "algorithm.lr=3e-4", "algorithm.critic_lr=6e-4", ...}
  return prl.recipe.plan(assert(prl.recipe.load("recipes/shortvideo/a2c_multi_critic.lua", {set = set, seed = tonumber(seed)})))
end

local function other(seed)
  return plan_of(seed, 'algorithm.correction={"vtrace"}', ("objective.critics.like.weight=%g"):format(weight))
end

-- ---- what a policy comes to ----

local function measure(judged)
  judged.users, judged.days, judged.seed, judged.threads = users, days, 900001, 1
  local means, responses = {}, prl.env_spec("shortvideo", world).responses
  for _, user in ipairs(assert(prl.panel("shortvideo", world, judged)):totable()) do
    for _, day in ipairs(user) do
      for i, response in ipairs(responses) do means[response.name] = (means[response.name] or 0) + day[i] / (users * days) end
    end
  end
  return means
end

local base = measure {constant = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}

local function score(agent)
  assert(agent:save(file))
  local means, sum = measure {agent = file}, 0
  for name, part in pairs(weights) do sum = sum + part * 100 * (means[name] / base[name] - 1) end
  return sum
end

-- ---- the policies ----

local function new_env(seed) return prl.env("shortvideo", {n = instances, seed = tonumber(seed), preset = world.preset}) end

local function course(seed, label, agent, env)
  local made, cells = 0, {}
  agent:drive(env, 1e6, true)
  for i, steps in ipairs(later) do
    if steps > made then agent:drive(env, steps - made) end
    made, cells[i] = steps, ("%+8.2f"):format(score(agent))
  end
  print(("seed %s  %-26s %s"):format(seed, label, table.concat(cells, " ")))
end

print(("likes weigh %g in place of 0.05; steps after the change: %s"):format(weight, table.concat(later, ", ")))
for _, seed in ipairs(seeds) do
  local agent, env = prl.agent(plan_of(seed)), new_env(seed)
  agent:drive(env, before)
  agent:swap(other(seed), {mode = "shadow"})
  agent:drive(env, beside)
  local shadow, kept = agent:shadow(), file .. ".agent"
  print(("seed %s  %.0f updates beside: effective sample size %.1f %%, overlap %.1f %%"):format(seed, shadow.updates, 100 * shadow.ess,
    100 * shadow.overlap))
  assert(agent:save(kept, env))
  local again, its = assert(prl.load_agent(kept)), new_env(seed)
  assert(again:load_env(kept, its))
  agent:confirm()
  course(seed, "confirmed", agent, env)
  again:rollback()
  again:swap(other(seed))
  course(seed, "in force at the same step", again, its)
  os.remove(kept)
end
os.remove(file)
