--- `perilune report RUN …`: writes the report of a run anew.

local failure = require "perilune.failure"
local options = require "perilune.cli.options"
local paths = require "perilune.paths"
local terminal = require "perilune.terminal"

local report = {summary = "rewrite the report of a run"}

function report.run(argv)
  local parser = options.parser("report", "Rewrites report.html of each run from the data in its folder.")
  parser:argument("run", "A run's folder."):args("+")
  local words = options.parse(parser, argv)
  local prl = require "perilune"
  local line = require("perilune.trainer.progress").work()
  for i, path in ipairs(words.run) do
    line:part("report", i - 1, #words.run, path)
    local run = failure.check_recipe(require("perilune.records.run").load(path))
    line:clear()
    paths.clear_halves(run.folder)
    terminal.out(failure.check(require("perilune.report.page").write(run, prl.io.write)), "\n")
  end
  return 0
end

return report
