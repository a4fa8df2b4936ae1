--- `perilune confirm RUN`: what has learned beside a training at work comes into force.

local options = require "perilune.cli.options"
local request = require "perilune.cli.request"

local confirm = {summary = "bring the shadow of a training at work into force"}

function confirm.run(argv)
  local parser = request.parser("confirm", "Brings into force what learns beside a training that is at work (perilune swap --mode "
    .. "shadow), with all that it has learned, between two updates. perilune rollback goes back to before it; without a confirm, it "
    .. "drops the shadow.")
  return request.ask(options.parse(parser, argv), {kind = "confirm"})
end

return confirm
