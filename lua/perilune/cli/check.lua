--- `perilune check RECIPE`: the resolved recipe, every default filled in, with its hash and what its agent takes of memory.

local failure = require "perilune.failure"
local options = require "perilune.cli.options"
local terminal = require "perilune.terminal"

local check = {summary = "check a recipe and print it with every default, its hash and its memory", at_once = true}

-- A recipe that learns from logs has a schema and a loader of its own; one that cannot be read is refused by the usual one.
local function load(words)
  local prl = require "perilune"
  local loaded, message, code = prl.recipe.load(words.recipe, {set = words.set, seed = words.seed, trust = words.trust})
  local evaluated = not loaded and prl.recipe_eval(words.recipe, words.set)
  local recipe = evaluated and evaluated.recipe
  if not recipe or not require("perilune.fit.schema").knows(recipe.kind) then return loaded, message, code end
  if words.seed then words.set[#words.set + 1] = ("train.seed=%.0f"):format(words.seed) end
  return require("perilune.fit").load(words.recipe, {set = words.set, seed = words.seed, trust = words.trust})
end

-- A recipe that resolves may still ask for what its algorithm cannot build or an agent cannot hold. Returns its plan.
local function check_agent(loaded)
  local prl = require "perilune"
  local agent, plan = failure.check_recipe(failure.of_recipe(loaded.path, function()
    return prl.rough_weights(prl.recipe.agent, loaded)
  end))
  agent:free()
  return plan
end

-- Steps stay in memory until the waits of their responses are over, and nobody has said how many come in until then.
local function note_waits(loaded)
  local agent = loaded.recipe.agent
  if agent.rows > 0 or agent.interval or loaded.algorithm.search then return end
  local _, response = require("perilune.recipe.memory").waiting(agent, loaded.spec.responses)
  if not response then return end
  local stale = require("perilune.recipe.algorithms").stale(loaded.algorithm, loaded.recipe.algorithm)
  terminal.err(("perilune: note: a step waits %g s for %s and is held so long; the steps of two updates have room, and no more "
    .. "are recorded (dropped_steps): agent.interval, the time between two decisions of a stream, makes room for what "
    .. "waits%s\n"):format(response.wait_us / 1e6, response.name, stale == "drop" and "; "
    .. (loaded.recipe.algorithm[1] or "this algorithm")
    .. " learns only from steps that close before the next update (stale_steps)" or ""))
end

function check.run(argv)
  if jit then jit.off() end -- a check ends before compiled code pays
  local parser = options.parser("check", "Checks a recipe and prints it resolved, as a Lua recipe with every default filled in.")
  parser:argument("recipe", "The recipe's file, or the name of one that comes with Perilune, as in shortvideo/a2c.")
  options.recipe(parser)
  parser:flag("--hash", "Print only the hash.")
  local words = options.parse(parser, argv)
  words.recipe = options.recipe_only(words.recipe)
  local prl = require "perilune"
  local loaded = failure.check_recipe(load(words))
  local plan = loaded.algorithm and check_agent(loaded)
  options.note_sweep(loaded)
  options.note_rewards(loaded)
  options.note_start(loaded)
  if words.hash then
    terminal.out(loaded.hash, "\n")
  else
    terminal.out("-- ", words.recipe, " resolved; hash ", loaded.hash, "\n")
    if plan then terminal.out("-- the agent takes ", require("perilune.recipe.memory").line(plan), "\n") end
    if plan and loaded.recipe.agent.ramp then terminal.out("-- ", require("perilune.recipe.ramp").text(loaded.recipe), "\n") end
    if plan and loaded.recipe.agent.guards then terminal.out("-- ", require("perilune.recipe.guards").text(loaded.recipe), "\n") end
    terminal.out(prl.recipe.text(loaded.recipe))
    if plan then note_waits(loaded) end
  end
  return 0
end

return check
