--- What the commands have in common that ask something of a training at work in another process.

local failure = require "perilune.failure"
local options = require "perilune.cli.options"
local show = require("perilune.cli.entry").show
local terminal = require "perilune.terminal"

local request = {}

-- Converter of argparse.
local function one_line(word)
  local wrong = word:find("%c") and "a line break or another control character" or #word > 400 and #word
    or terminal.escape(word) ~= word and "a byte that is no UTF-8, or a character that breaks lines or turns the direction of text"
  if not wrong then return word end
  return nil, "it must be one line of at most 400 bytes, and this one has " .. wrong
end

--- A parser whose command says who asks, and why, and of which run.
function request.parser(name, text)
  local parser = options.parser(name, text)
  parser:argument("run", "The run's folder.")
  parser:option("--reason", "Why, for the run's journal."):argname("TEXT"):convert(one_line)
  parser:option("--author", "Who, for the run's journal; default: the user."):argname("NAME"):convert(one_line)
  parser:flag("--json", "The journal's line as a JSON object.")
  return parser
end

--- Asks it of the training, with the words that were parsed, and shows the journal's line. Returns the exit code.
function request.ask(words, asked)
  local folder = require("perilune.trainer.folder").open(words.run)
  if folder.info.environment.kind == "script" or folder.info.search then
    failure.usage(("%s was made by a %s: only a training by an algorithm that learns takes another recipe"):format(folder.path,
      folder.info.search and "search" or "script"))
  end
  asked.author, asked.reason = words.author or require("perilune.trainer.journal").author(), words.reason
  local entry = require("perilune.trainer.requests").ask(folder, asked)
  local refused = entry.outcome:match("^refused: (.*)$") or entry.outcome:match("^failed: (.*)$")
  if words.json then terminal.json(entry) elseif not refused then show(entry) end
  if refused then failure.usage(refused) end
  return 0
end

return request
