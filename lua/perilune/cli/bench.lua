--- `perilune bench [ROW …]`: how fast this build is, beside yardsticks; one JSON object a line. The rows are in
--- perilune_bench (spec/bench), which is beside the executable in a build from source.

local failure = require "perilune.failure"
local options = require "perilune.cli.options"

local bench = {summary = "time this build against yardsticks; one JSON object per line"}

function bench.run(argv)
  local parser = options.parser("bench", "Prints one JSON object per line: name, case, value, unit, and ratio = product ÷ "
    .. "yardstick. spec/bench/README.md says what the rows mean and what they must reach.")
  parser:argument("rows", "The rows; default: all."):args("*")
  parser:option("--data", "The folder with the CSVs of KuaiRand-Pure, for csv_rows and fit_rows."):argname("FOLDER")
  parser:option("--kernels", "Both sides take the kernels of this table (avx2, avx512) in place of the processor's widest.")
    :argname("TABLE")
  local words = options.parse(parser, argv)
  local posix = require "posix"
  local path = posix.readlink("/proc/self/exe"):gsub("[^/]*$", "") .. "perilune_bench"
  if not posix.stat(path) then
    failure.run(("there is no %s: build it in the source's folder with cmake --preset release && cmake --build "
      .. "--preset release --target perilune_bench"):format(path))
  end
  local rest = {}
  for _, name in ipairs {"data", "kernels"} do
    if words[name] then rest[#rest + 1], rest[#rest + 2] = "--" .. name, words[name] end
  end
  for _, row in ipairs(words.rows) do rest[#rest + 1] = row end
  io.stdout:flush()
  local _, reason = posix.execp(path, rest)
  failure.run(("cannot run %s: %s"):format(path, reason))
end

return bench
