--- The trainer: begins a run of a recipe, or continues one, and keeps its folder. It has no acting and no learning code.
---
---     local run = trainer.start(loaded, {root = "runs"})      -- or trainer.resume("runs/…", {})
---     run:train()                                             -- "finished" or "interrupted"
---
--- run.lua is the loop, drivers/ what works in it, judges/ what evaluates, ending.lua how it ends; about.lua says what is noted
--- of a run, start.lua what it began with of another's, changes.lua what became of it since;
--- operator.lua is what an operator asks of it while it trains.

local failure = require "perilune.failure"
local prl = require "perilune"
local about = require "perilune.trainer.about"
local changes = require "perilune.trainer.changes"
local drivers = require "perilune.trainer.drivers"
local folder = require "perilune.trainer.folder"
local operator = require "perilune.trainer.operator"
local recipes = require "perilune.trainer.recipes"
local runs = require "perilune.trainer.run"
local start = require "perilune.trainer.start"
local environment = require "perilune.trainer.environment"
local workers = require "perilune.trainer.workers"

local trainer = {}

--- A new run of a loaded recipe (recipe/load.lua). options: root (the folder of runs), quiet, set (the overrides), start_from
--- (a run's folder or an agent's file: begin with what that has learned), threads (of evaluations, in place of the recipe's:
--- how a run is carried out is no part of what it is), trust (what an operator swaps in may be code), watch (swap when the
--- recipe's file changes), schedules ("go_on" or "restart": what such a swap does to those that differ), workers (that train at
--- once, 1 unless given; an algorithm that is asynchronous), lag (updates between acting and learning, 0 unless given),
--- report(run), which writes the report of a run (records/run.lua) and returns its path, or nil and a message; without it there
--- is none.
function trainer.start(loaded, options)
  local recipe, driver = loaded.recipe, drivers.of_algorithm(loaded.algorithm)
  local option, against = workers.refused(loaded, options)
  if option then failure.usage(("--%s %.0f: %s"):format(option, options[option], against)) end
  local env, message = environment.make(loaded.env, loaded.env.n, recipe.train.seed, loaded.env.twins, options.workers,
    loaded.env.couples)
  if not env then failure.usage(("%s: %s"):format(loaded.path, message)) end
  local agent, plan = failure.check_recipe(failure.of_recipe(loaded.path, prl.recipe.agent, loaded))
  local info = about.run(loaded, plan, agent, driver, options)
  if info.lag then agent:lag(info.lag) end
  if options.start_from then
    if info.search then failure.usage("--start-from: a search learns no networks: it begins at the action nearest to zero") end
    info.start = start.from(agent, options.start_from)
  end
  local run = runs.new({agent = agent, info = info}, options)
  run:prepare()
  run.folder = folder.create(options.root or "runs", recipe.name, loaded.hash, recipe.train.seed)
  info.folder, run.lock = run.folder.path, folder.lock(run.folder.path)
  recipes.write(run.folder, "", loaded)
  run.folder:write_json("run.json", info)
  run.state = {step = 0, updates = 0, evaluations = 0, user_days = 0,
    next_evaluation = info.evaluation.every > 0 and 0 or nil,
    next_checkpoint = info.checkpoint > 0 and info.checkpoint or nil}
  run.driver = driver.start(run, env, loaded)
  run.operator = operator.new(run, options, loaded.files)
  run:open_log()
  return run
end

-- What a checkpoint's state says is due is what the run has.
local function check_due(info, state, path)
  for _, due in ipairs {{"next_evaluation", info.evaluation.every}, {"next_checkpoint", info.checkpoint}} do
    local name, every = due[1], due[2]
    if (every > 0) ~= (state[name] ~= nil) then
      failure.run(("%s: %s: %s, and run.json has one every %.0f steps"):format(path, name,
        state[name] and "it is given" or "it is missing", every))
    end
  end
end

--- Continues a run from its newest checkpoint that is whole (run.checkpoint), as if it had never stopped. options: quiet,
--- threads, report, trust, watch and schedules as for trainer.start; steps (train up to so many in place of the recipe's
--- train.steps); set (live options from here on, ["algorithm.lr=1e-3"]). A run that has ended is left alone: run:ended().
function trainer.resume(path, options)
  local place = folder.open_to_run(path, options.trust)
  local info, lock = place.info, folder.lock(path)
  local checkpoint, state, agent = place:last_checkpoint()
  if not checkpoint then failure.run(("%s has no checkpoint to go on from"):format(path)) end
  local beside = checkpoint:gsub("%.safetensors$", ".json")
  local run = runs.new({folder = place, info = info, state = state, agent = agent, checkpoint = checkpoint, lock = lock},
    options)
  local driver = drivers.of_run(info)
  if info.lag then agent:lag(info.lag) end
  changes.code(info)
  operator.reconcile(run)
  local made = changes.options(run, options.set or {})
  if options.steps then driver.extend(run, options.steps) end
  if run:ended() then return run end
  changes.kernels(info)
  driver.check(info, state, beside)
  check_due(info, state, beside)
  local env = failure.check(environment.make(info.environment, info.environment.n, info.seed, info.environment.twins,
    info.workers, info.environment.couples))
  run:prepare()
  info.folder, info.message = place.path, nil
  run.driver = driver.resume(run, env, options, beside)
  if #made > 0 then
    operator.note_set(run, made)
    place:write_json("run.json", info)
  end
  run.operator = operator.new(run, options)
  run:open_log(state)
  return run
end

return trainer
