--- `perilune swap RUN [RECIPE]`: gives a training that is at work in another process a new recipe.

local failure = require "perilune.failure"
local options = require "perilune.cli.options"
local folder = require "perilune.trainer.folder"
local modes = require "perilune.trainer.modes"
local request = require "perilune.cli.request"

local swap = {summary = "give a training at work another recipe"}

function swap.run(argv)
  local parser = request.parser("swap", "Gives a training that is at work another recipe, between two updates. The "
    .. "parameters, moments and statistics that fit stay; the journal of the run has a line for it. Code beside the recipe runs "
    .. "where the training was begun with --trust.")
  parser:argument("recipe", "The new recipe's file, in which `running` is the recipe in force, as in return extend(running, {…}), "
    .. "or the name of one that comes with Perilune; without it, the recipe in force, changed by --set."):args "?"
  parser:option("--set", "Override one option of the new recipe, as in algorithm.lr=1e-3; may be repeated."):argname("PATH=VALUE")
    :count("*"):default({})
  parser:option("--mode", "How: " .. modes.text() .. "."):argname("MODE"):choices(modes.names()):default "apply"
  parser:flag("--check", "Only say whether it can be carried out in that mode; alone, as --mode check.")
  parser:option("--schedules", "Where a schedule of the new recipe is another one than runs: go-on, at the step that schedules "
    .. "have come to, or restart, all of the recipe's from their start; refused without it where that makes a difference.")
    :choices {"go-on", "restart"}
  local words = options.parse(parser, argv)
  if not words.recipe and #words.set == 0 then
    failure.usage("a new recipe is needed, or what to change of the one in force, as in --set algorithm.lr=1e-3")
  end
  local file = words.recipe and options.recipe_only(words.recipe) or folder.open(words.run):file "resolved.lua"
  local asks = modes.asks(words.mode)
  return request.ask(words, {kind = words.check and "check" or asks.kind, mode = asks.mode,
    recipe = require("posix").realpath(file), set = words.set, schedules = words.schedules and words.schedules:gsub("-", "_") or nil})
end

return swap
