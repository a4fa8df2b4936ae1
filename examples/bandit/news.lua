--- The news of Vowpal Wabbit's tutorial on contextual bandits: a reader comes at a time of the day, one of seven articles
--- is shown, and it is read or not. news_vw.py is the same with Vowpal Wabbit.
---
---     perilune lua examples/bandit/news.lua [SEEDS [ROUNDS [RECIPE]]]
---
--- prints the share of clicks in each tenth of the rounds, over seeds 1 to SEEDS.
local prl = require "perilune"

local seeds, rounds, recipe = tonumber(arg[1]) or 10, tonumber(arg[2]) or 5000, arg[3] or "examples/bandit/recipe.lua"
local POLITICS, SPORTS, MUSIC = 0, 1, 2
local likes = {tom = {morning = POLITICS, afternoon = MUSIC}, anna = {morning = SPORTS, afternoon = POLITICS}}
local names, times = {"tom", "anna"}, {"morning", "afternoon"}

--- The rounds of one seed; adds its clicks to each tenth.
local function serve(seed, tenths)
  local agent = prl.agent(prl.recipe.plan(assert(prl.recipe.load(recipe, {seed = seed}))))
  math.randomseed(seed)
  for round = 1, rounds do
    local who, when = math.random(2), math.random(2)
    local context = prl.tensor {{who == 1 and 1 or 0, who == 2 and 1 or 0, when == 1 and 1 or 0, when == 2 and 1 or 0}}
    local action, decisions = agent:act(1, context)
    local click = action:get(1, 1) == likes[names[who]][times[when]] and 1 or 0
    agent:feedback(decisions, {click = click}) -- may as well come an hour later
    agent:finish(1, "terminated")
    agent:learn()
    local tenth = math.ceil(10 * round / rounds)
    tenths[tenth] = tenths[tenth] + click
  end
end

local tenths = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
for seed = 1, seeds do serve(seed, tenths) end
print "up to round   clicks"
for i, clicks in ipairs(tenths) do print(("%11d   %5.1f %%"):format(i * rounds / 10, 1000 * clicks / (rounds * seeds))) end
