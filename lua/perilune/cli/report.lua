--- `perilune report RUN …`: writes the report of a run anew.

local failure = require "perilune.failure"
local options = require "perilune.cli.options"

local report = {summary = "write the report of a run anew"}

function report.run(argv)
  local parser = options.parser("report", "Writes report.html of each run anew, from the numbers in its folder.")
  parser:argument("run", "A run's folder."):args("+")
  local words = options.parse(parser, argv)
  local prl = require "perilune"
  for _, path in ipairs(words.run) do
    local run = failure.check_recipe(require("perilune.report.run").load(path))
    require("perilune.paths").clear_halves(run.folder)
    io.write(failure.check(require("perilune.report.page").write(run, prl.io.write)), "\n")
  end
  return 0
end

return report
