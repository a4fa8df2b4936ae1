--- `perilune swap RUN RECIPE`: gives a training that is at work in another process a new recipe.

local failure = require "perilune.failure"
local options = require "perilune.cli.options"
local show = require("perilune.cli.entry").show

local swap = {summary = "give a training at work another recipe"}

local function one_line(word)
  if word == "" or #word > 400 or word:find("%c") then return nil, "it must be one line of at most 400 bytes" end
  return word
end

-- Adds who asks and why.
local function asks(parser)
  parser:option("--reason", "Why, for the run's journal."):argname("TEXT"):convert(one_line)
  parser:option("--author", "Who, for the run's journal; default: the user."):argname("NAME"):convert(one_line)
  return parser
end

-- Asks it of the training, and shows the journal's line. Returns the exit code.
local function ask(path, request)
  local folder = require("perilune.trainer.folder").open(path)
  if folder.info.environment.kind == "script" or folder.info.search then
    failure.usage(("%s was made by a %s: only a training by an algorithm that learns takes another recipe"):format(folder.path,
      folder.info.search and "search" or "script"))
  end
  request.author = request.author or require("perilune.trainer.journal").author()
  local entry = require("perilune.trainer.requests").ask(folder, request)
  local refused = entry.outcome:match("^refused: (.*)$") or entry.outcome:match("^failed: (.*)$")
  if refused then failure.usage(refused) end
  show(entry)
  return 0
end

function swap.run(argv)
  local parser = asks(options.parser("swap", "Gives a training that is at work another recipe, between two updates. The "
    .. "parameters, moments and statistics that fit stay; the journal of the run has a line for it. Code beside the recipe runs "
    .. "where the training was begun with --trust."))
  parser:argument("run", "The run's folder.")
  parser:argument("recipe", "The new recipe's file, or the name of one that comes with Perilune.")
  parser:option("--set", "Override one option of the new recipe, as in algorithm.lr=1e-3; may be repeated."):argname("PATH=VALUE")
    :count("*"):default({})
  parser:flag("--check", "Only say whether it can be carried out, and what it would change.")
  local words = options.parse(parser, argv)
  local file = options.recipe_only(words.recipe)
  return ask(words.run, {kind = words.check and "check" or "swap", recipe = require("posix").realpath(file), set = words.set,
    author = words.author, reason = words.reason})
end

return swap
