--- `perilune journal RUN`: what was done to a run, and whether its journal is as it was written.

local format = require "perilune.format"
local options = require "perilune.cli.options"
local show = require("perilune.cli.entry").show
local terminal = require "perilune.terminal"

local journal = {summary = "show and verify what was done to a run"}

function journal.run(argv)
  local parser = options.parser("journal", "Shows what was done to a run while it trained: checks, swaps, rollbacks, options set. "
    .. "Every line is verified by the hash of the one before; a journal that was edited or cut is refused by its line.")
  parser:argument("run", "The run's folder.")
  parser:flag("--json", "One JSON object a line, as in the file.")
  local words = options.parse(parser, argv)
  local folder = require("perilune.trainer.folder").open(words.run)
  local entries, hash = require("perilune.records.journal").read(folder.path, folder.info)
  for _, entry in ipairs(entries) do
    if words.json then terminal.json(entry) else show(entry) end
  end
  if words.json then return 0 end
  if #entries == 0 then
    terminal.out("Nothing was done to this run: it has no journal.\n")
  else
    terminal.out(("%s, each with the hash of the one before; the last one's: %s\n"):format(format.plural(#entries, "line"), hash))
  end
  return 0
end

return journal
