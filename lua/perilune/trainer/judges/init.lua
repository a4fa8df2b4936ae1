--- Judges: how a policy is judged. There are three, by whole episodes, by user and simulated day, and a script's own; each is
--- one file of this folder, and a further kind is one more in the list.
---
--- A judge's file gives
---   asked(evaluation, kind)     whether the `eval` of a recipe asks for it; kind: of the environment
---   new(info, options)          the judge of a run; whatever the recipe names for it is looked up here, before anything
---                               runs. options: threads, in place of the recipe's; watch(done, total), which may raise
---   metrics(responses, evaluation)  what a sweep may judge points by: [{name, unit, of, per}] (stats/lift.lua)
---   measure(run, metric, means)  what a run (records/run.lua) measured: {value, panel and baseline where there are such}
---   lift(list, baseline, name)  the lift table of what several runs measured; nil where there is none
---   baseline(evaluation)        what it judges against, by name; nil: nothing
---   compare(places, responses, options)  two runs beside each other (trainer/comparison.lua), of the folders `places`:
---                               {unit, pairs, responses, lift}
---
---   judge:columns()             those of evaluations.csv
---   judge:evaluate(run, last)   the policy of a run as it stands: a result, and its row, with nil where something cannot be
---                               told; nil: there is nothing to judge; last: no other comes after it
---   judge:text(result)          for a terminal
---   judge.last_apart            the last evaluation is on more than those on the way, and so is one of its own

local judges = {}

local kinds = {require "perilune.trainer.judges.script", require "perilune.trainer.judges.users",
  require "perilune.trainer.judges.episodes"}

--- The kind that these options, the `eval` of a recipe, ask for. env_kind: of its environment, of which a script's has a judge of
--- its own.
function judges.of(evaluation, env_kind)
  for _, kind in ipairs(kinds) do
    if kind.asked(evaluation, env_kind) then return kind end
  end
end

return judges
