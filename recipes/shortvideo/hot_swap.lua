#!/usr/bin/env perilune
--- A running policy gets another objective: its share constraint is tightened, a critic is added, the weights of interactions
-- double, or a discount changes. For each: the user-days until the new optimum is reached, beside a fresh start with the new
-- objective, and what was lost on the way. All agents learn side by side, those that were swapped from one policy that ran before.
-- options.refit: updates for which their actors may wait for critics of another discount (agent.refit).
--
--     perilune recipes/shortvideo/hot_swap.lua [--seed 2] [--set options.before=1e6] [--set options.refit=50]
local prl = require "perilune"

local here = arg[0]:match "^(.*/)" or ""
local world, instances, slack = {preset = "strong"}, 256, 0.85

-- ---- what is measured: lifts over the supervised ranker's order, of the same users with the same chances ----

--- Means of a user-day by response, and its requests. judged: {agent = FILE} or {constant = an action}.
local function measure(options, judged)
  judged.users, judged.days, judged.seed, judged.threads = options.users, options.days, 900001, 2
  local columns = {}
  for i, response in ipairs(prl.env_spec("shortvideo", world).responses) do columns[i] = response.name end
  columns[2 * #columns + 1] = "requests" -- after how often each response came
  local means = {}
  for _, user in ipairs(assert(prl.panel("shortvideo", world, judged)):totable()) do
    for _, day in ipairs(user) do
      for i, name in pairs(columns) do means[name] = (means[name] or 0) + day[i] / (options.users * options.days) end
    end
  end
  return means
end

-- ---- the objectives ----

--- What a recipe says beyond a2c_multi_critic: a live policy, whose step sizes do not fall, under a constraint on shares.
local function settings(ltr, bound, more)
  local set = {
    ("env.n=%d"):format(instances), "train.steps=1e7", "algorithm.lr=3e-4", "algorithm.critic_lr=6e-4",
    ("objective.constraints={share = {at_least = %.17g, per = \"step\", window = 5e4, multiplier = learned {lr = 5e-4, kp = 1, max = 1}}}")
      :format(bound * ltr.share / ltr.requests),
  }
  for _, one in ipairs(more or {}) do set[#set + 1] = one end
  return set
end

local weights = {watch_time = 1, video_views = 0.1, like = 0.05, follow = 0.02, share = 0.02, comment = 0.02}

--- The changes: each a bound on shares (over LTR's), what is set, and the weights of the objective.
local function changes_of(ltr)
  local doubled, double = {}, {watch_time = 1, video_views = 0.1}
  for _, name in ipairs {"like", "follow", "share", "comment"} do
    double[name] = 2 * weights[name]
    doubled[#doubled + 1] = ("objective.critics.%s.weight=%g"):format(name, double[name])
  end
  local with_download = {download = 0.1}
  for name, weight in pairs(weights) do with_download[name] = weight end
  return {
    {name = "constraint", bound = 1, weights = weights},
    {name = "critic", bound = slack, weights = with_download, set = {
      ("objective.critics.download={gamma = 0.5, weight = 0.1, scale = %.17g}"):format(ltr.download / ltr.requests)}},
    {name = "weights", bound = slack, weights = double, set = doubled},
    {name = "discount", bound = slack, weights = weights, set = {"objective.critics.watch_time.gamma=0.8"}},
  }
end

--- The Lagrangian with its greatest multiplier: weighted lifts in percent, less what shares lack of their bound.
local function score(change, ltr, means)
  local sum = 0
  for name, weight in pairs(change.weights) do sum = sum + weight * 100 * (means[name] / ltr[name] - 1) end
  return sum - math.max(0, 100 * (change.bound - means.share / ltr.share))
end

-- ---- the agents ----

local function plan_of(seed, set)
  return prl.recipe.plan(assert(prl.recipe.load(here .. "a2c_multi_critic.lua", {set = set, seed = seed})))
end

local function new_env(seed) return prl.env("shortvideo", {n = instances, seed = seed, preset = world.preset}) end

--- The agents of all changes: {change, kind = "swap" or "fresh", agent, env, scores}.
local function agents_of(run, ltr, changes)
  local before, all = run.folder .. "/before.safetensors", {}
  local agent, env = prl.agent(plan_of(run.seed, settings(ltr, slack))), new_env(run.seed)
  agent:drive(env, run.options.before)
  assert(agent:save(before, env))
  for _, change in ipairs(changes) do
    local set = settings(ltr, change.bound, change.set)
    local plan = plan_of(run.seed, set)
    if run.options.refit > 0 then set[#set + 1] = ("agent.refit={updates = %d}"):format(run.options.refit) end
    local refitted = plan_of(run.seed, set)
    local swapped, its = assert(prl.load_agent(before)), new_env(run.seed)
    assert(swapped:load_env(before, its))
    swapped:swap(refitted)
    all[#all + 1] = {change = change, kind = "swap", agent = swapped, env = its, scores = {}}
    all[#all + 1] = {change = change, kind = "fresh", agent = prl.agent(plan), env = new_env(run.seed), scores = {}}
  end
  return all
end

local function judge(run, one, ltr)
  local file = run.folder .. "/judged.safetensors"
  assert(one.agent:save(file))
  local reached = score(one.change, ltr, measure(run.options, {agent = file}))
  one.scores[#one.scores + 1] = reached
  return reached
end

-- ---- what came of it ----

--- The mean of the last three scores of both: where either of them has come to.
local function optimum(a, b)
  local function last(scores) return (scores[#scores] + scores[#scores - 1] + scores[#scores - 2]) / 3 end
  return math.max(last(a.scores), last(b.scores))
end

--- How many pieces until 95 % of the optimum are reached for good (nil: not), and what was missing of it on the way.
local function course(scores, best)
  local reached, lost
  for i = #scores, 1, -1 do
    if scores[i] < 0.95 * best then break end
    reached = i - 1
  end
  lost = 0
  for i = 2, #scores do lost = lost + math.max(0, best - (scores[i - 1] + scores[i]) / 2) end
  return reached, lost
end

local function print_table(run, all, ltr)
  local days = run.options.every / ltr.requests
  print(("%-11s %8s  %21s  %21s"):format("", "", "user-days to 95 %", "lost, points × days"))
  print(("%-11s %8s  %10s %10s  %10s %10s"):format("change", "optimum", "swap", "fresh", "swap", "fresh"))
  for i = 1, #all, 2 do
    local swapped, fresh = all[i], all[i + 1]
    local best = optimum(swapped, fresh)
    local cells = {}
    for k, one in ipairs {swapped, fresh} do
      local reached, lost = course(one.scores, best)
      cells[k] = reached and ("%.0f"):format(reached * days) or "not"
      cells[k + 2] = ("%.0f"):format(lost * days)
    end
    print(("%-11s %+8.2f  %10s %10s  %10s %10s"):format(swapped.change.name, best, unpack(cells)))
  end
  print(("optimum: the mean of the last three scores, of the better of the two; not: not for good within %.0f user-days"):format(
    (#all[1].scores - 1) * days))
end

prl.run {
  name = "hot_swap", env = "shortvideo", arguments = arg, steps = 1.5e6,
  options = {before = 2.5e6, every = 1e5, users = 4096, days = 2, refit = 0},
  metrics = {
    constraint = {"Objective, shares bound to those of LTR", "weighted lifts over LTR in percent, less what shares lack of their bound"},
    critic = {"Objective, downloads count too", "weighted lifts over LTR in percent, less what shares lack of their bound"},
    weights = {"Objective, interactions count double", "weighted lifts over LTR in percent, less what shares lack of their bound"},
    discount = {"Objective, watch time discounted by .8", "weighted lifts over LTR in percent, less what shares lack of their bound"},
  },
  loop = function(run)
    local ltr = measure(run.options, {constant = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0}})
    local all = agents_of(run, ltr, changes_of(ltr))
    for _, one in ipairs(all) do judge(run, one, ltr) end
    while run:going() do
      local metrics = {}
      for _, one in ipairs(all) do
        one.agent:drive(one.env, run.options.every)
        metrics[one.change.name .. "/" .. one.kind] = judge(run, one, ltr)
      end
      run:step(run.options.every, metrics)
    end
    print_table(run, all, ltr)
  end,
}
