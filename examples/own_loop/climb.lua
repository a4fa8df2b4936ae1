#!/usr/bin/env perilune
--- A loop of one's own: hill climbing over the weights of a linear policy for cartpole. No recipe, no agent; the run's folder,
-- metrics, checkpoints, progress line and report are those of any run.
--
--     perilune examples/own_loop/climb.lua --seed 7 --set options.noise=0.5
--     perilune examples/own_loop/climb.lua --resume runs/…
--     perilune compare A.lua B.lua --seeds 5 --trust
--     perilune sweep examples/own_loop/climb.lua --set options.trials=1,4 --trust
local prl = require "perilune"

local episodes = 32

--- The steps that the policy of these weights, (4, 1), balances the pole in each of some episodes.
local function play(weights, seed)
  local env = prl.env("cartpole", {n = episodes, seed = seed})
  local observation, lengths, going = env:reset(), {}, episodes
  while going > 0 do
    local scores, action = prl.matmul(observation, weights):totable(), {}
    for i = 1, episodes do action[i] = {scores[i][1] > 0 and 1 or 0} end
    local _, flags
    observation, _, flags = env:step(prl.tensor(action))
    flags = flags:totable() -- {terminated, truncated}
    for i = 1, episodes do
      lengths[i] = lengths[i] or {0}
      if not lengths[i].over then
        lengths[i][1] = lengths[i][1] + 1
        lengths[i].over = flags[1][i] + flags[2][i] > 0
        going = lengths[i].over and going - 1 or going
      end
    end
  end
  local values, total = {}, 0
  for i = 1, episodes do values[i], total = lengths[i][1], total + lengths[i][1] end
  return values, total
end

prl.run {
  name = "climb", env = "cartpole", arguments = arg,
  steps = 1e5, checkpoint = 2.5e4, eval = {every = 2.5e4},
  options = {noise = 0.3, trials = 4},
  responses = {{"reward", unit = "steps"}},
  metrics = {score = {"Score", "mean steps of an episode by the best weights, and by those of the last trial"}},
  loop = function(run)
    local saved = run:saved()                              -- nil in a run that begins
    local best = saved and saved.tensors.weights or prl.zeros(4, 1)
    local score = saved and saved.state.score or -1
    run.save = function() return {tensors = {weights = best}, state = {score = score}} end
    run.evaluate = function() return {reward = (play(best, 900001))} end
    while run:going() do
      local weights, reached, steps = best + run.options.noise * prl.randn(4, 1), 0, 0
      for trial = 1, run.options.trials do
        local _, total = play(weights, run.seed * 1000 + trial)
        reached, steps = reached + total / episodes / run.options.trials, steps + total
      end
      if reached > score then best, score = weights, reached end
      run:step(steps, {["score/best"] = score, ["score/trial"] = reached})
    end
  end,
}
