--- `perilune check RECIPE`: the resolved recipe, every default filled in, with its hash.

local failure = require "perilune.failure"
local options = require "perilune.cli.options"

local check = {summary = "check a recipe and print it resolved, every default filled in, with its hash"}

-- The recipe's loader: one that learns from logs has a schema of its own. A recipe that cannot be read is refused by the usual one.
local function loader_of(words)
  local evaluated = require("perilune").recipe_eval(words.recipe, words.set)
  local recipe = evaluated and evaluated.recipe
  if not recipe or not require("perilune.fit.schema").knows(recipe.kind) then return require("perilune").recipe.load end
  if words.seed then words.set[#words.set + 1] = ("train.seed=%.0f"):format(words.seed) end
  return require("perilune.fit").load
end

-- A recipe that resolves may still ask for what its algorithm cannot build or an agent cannot hold.
local function check_agent(loaded)
  local prl = require "perilune"
  local ok, result = pcall(prl.recipe.plan, loaded)
  if ok then ok, result = pcall(prl.agent, result) end
  if not ok then failure.usage(("%s: no agent can be made of it: %s"):format(loaded.path, tostring(result))) end
  result:free()
end

function check.run(argv)
  local parser = options.parser("check", "Checks a recipe and prints it resolved: Lua that is a recipe again.")
  parser:argument("recipe", "The recipe's file.")
  options.recipe(parser)
  parser:flag("--hash", "Print the hash alone.")
  local words = options.parse(parser, argv)
  local prl = require "perilune"
  local loaded = failure.check_recipe(loader_of(words)(words.recipe, {
    set = words.set, seed = words.seed, trust = words.trust,
  }))
  if loaded.algorithm then check_agent(loaded) end
  if words.hash then
    io.write(loaded.hash, "\n")
  else
    io.write("-- ", words.recipe, " resolved; hash ", loaded.hash, "\n", prl.recipe.text(loaded.recipe))
  end
  return 0
end

return check
