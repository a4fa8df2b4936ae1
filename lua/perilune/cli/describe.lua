--- `perilune describe [TOPIC] [NAME]`: every option with type, default, unit, live or structural, and meaning.

local failure = require "perilune.failure"
local options = require "perilune.cli.options"
local terminal = require "perilune.terminal"

local command = {summary = "list what a recipe may say: options of algorithms, envs, critics, the policy, …"}

function command.run(argv)
  local parser = options.parser("describe", "Lists options with type, default, unit, live or structural, and meaning.")
  local describe = require "perilune.recipe.describe"
  require "perilune.fit.describe" -- its topics are among them
  parser:argument("topic", "One of " .. table.concat(describe.topics, ", ") .. "."):args("?")
  parser:argument("name", "An algorithm, env or optimizer, or the file of an algorithm or an env."):args("?")
  parser:flag("--trust", "Run the file of an algorithm or an env, which is code.")
  local words = options.parse(parser, argv)
  terminal.out((failure.check_recipe(describe.text(words.topic, words.name, words.trust))))
  return 0
end

return command
