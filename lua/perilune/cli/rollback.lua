--- `perilune rollback RUN`: a training that is at work in another process goes back to before its last swap.

local options = require "perilune.cli.options"
local request = require "perilune.cli.request"

local rollback = {summary = "take back the last swap of a training at work"}

function rollback.run(argv)
  local parser = request.parser("rollback", "Takes back the last swap of a training that is at work, between two updates: the recipe "
    .. "before it, with all that had been learned then, is in force again. Steps, experience and time go on; what was learned since "
    .. "the swap is gone.")
  return request.ask(options.parse(parser, argv), {kind = "rollback"})
end

return rollback
