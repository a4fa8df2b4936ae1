--- What an experiment shows of an arm beside the table of lifts, where it asks for it: its policy as it is served, with its
--- exploration; and what its critics expect beside the returns that came.

local folder = require "perilune.trainer.folder"
local lift = require "perilune.stats.lift"
local panel = require "perilune.trainer.panel"
local values = require "perilune.trainer.values"

local further = {}

-- The panel of a run's policy with its exploration.
local function served(run)
  local options = setmetatable({action = "sample"}, {__index = run.info.evaluation})
  return panel.run(run.info, options, {agent = (folder.open(run.folder):newest())})
end

--- What exploration costs users: of each arm, by metric, the lift of its policies with their exploration over themselves without.
--- done(): after each run.
function further.served(arms, metrics, done)
  local result = {}
  for i, arm in ipairs(arms) do
    local panels = {}
    for s, run in ipairs(arm.runs) do
      panels[s] = served(run)
      done()
    end
    result[i] = {name = arm.name}
    for m, metric in ipairs(metrics) do result[i][m] = (lift.of(panels, arm.panels, metric)) end
  end
  return result
end

--- The estimates of each arm's critics beside those of the control, or of the first arm where that is none: [{name, beside, found =
--- of trainer/values.lua}]. said: the experiment's.
function further.values(said, arms, control, options)
  local beside, result = arms[1], {}
  for _, arm in ipairs(arms) do
    if arm == control then beside = arm end
  end
  for _, arm in ipairs(arms) do
    if arm ~= beside then
      local pairs_ = {}
      for s, run in ipairs(arm.runs) do pairs_[s] = {beside.runs[s].folder, run.folder} end
      result[#result + 1] = {name = arm.name, beside = beside.name, found = values.of_places(pairs_, {users = said.users,
        steps = said.steps, horizon = said.horizon, seed = said.seed, policy = said.policy == "control" and "a" or "own",
        trust = options.trust, watch = options.watch})}
    end
  end
  return result
end

return further
