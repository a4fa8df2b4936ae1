--- Drivers: what a run does between two looks of its loop (trainer/run.lua). There are three, an agent that trains, a
--- search that tries, and a script's own loop; each is one file of this folder, and a further kind is one more in the list.
---
--- A driver's file gives
---   takes(algorithm), made(info)      whether it is the one for an algorithm's table, for a run.json
---   planned(loaded)                   what run.json says of it before it begins: {steps} or {search}
---   meanings(agent, algorithm)        what the metrics mean, in their order: [{kind, title, text}]
---   check(info, state, path)          raises where a checkpoint's state is not of it
---   extend(run, steps)                a length in place of the recipe's
---   ended(info, state), ended_text(info, state, path)   whether nothing is left to do, and what is said then
---   constant(info)                    whether a run's policy is one action for everybody
---   code_goes_on                      the algorithm's file runs again when the run goes on; else it is in the checkpoint
---   start(run, env, loaded)           the driver of a run that begins: an object with the methods below
---   resume(run, env, options, path)   of one that goes on; path: of the checkpoint's state
---
---   driver:advance()          one piece of work: to the next stop or the end of an update, or a trial
---   driver:long_enough()      whether the run is as long as it is to be; driver:over(): and there is nothing to finish
---   driver:position(), driver:place()    how far it is: a number for the progress line, "step 1200" for a sentence
---   driver:progress(quiet)    the progress line (trainer/progress.lua)
---   driver:user_days()        how many days of users it has had; nil where nobody counts them
---   driver:scale(critic)      what a critic's scale "baseline" came to; nil before that is known
---   driver:tried_updates()    only a checkpoint of fewer updates than these was learned from since; nil: all are as good
---   driver:summary()          for run.json's `search`
---   driver:importance(watch)  what moves the critics' values (trainer/values.lua); nil where there are none
---   driver:saved()            what a checkpoint holds, an agent and what is saved beside it; nil: there are none
---   driver:closing_text(seconds)         what it did, for a terminal
---   driver:close()            its files, whole
---   driver:between()          whether another recipe (trainer/operator.lua) would be in force at once; nil: it takes none
---   driver:follow()           another recipe is in force now

local drivers = {}

local kinds = {require "perilune.trainer.drivers.script", require "perilune.trainer.drivers.search",
  require "perilune.trainer.drivers.agent"}

local function first(asked, about)
  for _, kind in ipairs(kinds) do
    if kind[asked](about) then return kind end
  end
end

--- The kind that runs an algorithm: the table of its file.
function drivers.of_algorithm(algorithm) return first("takes", algorithm) end

--- The kind that made a run, by its run.json.
function drivers.of_run(info) return first("made", info) end

return drivers
