--- What has changed since a run began, said on stderr when it goes on.

local prl = require "perilune"
local drivers = require "perilune.trainer.drivers"
local terminal = require "perilune.terminal"

local changes = {}

--- What runs here of the files of code is what they say now; what makes a plan is in the checkpoint.
function changes.code(info)
  local function look(part, path, then_)
    local digest = path and (info.code or {})[part]
    local text = digest and prl.io.read(path)
    if not digest or (text and prl.hash_bytes(text) == digest) then return end
    terminal.err(("perilune: %s %s since this run began: %s\n"):format(path, text and "has changed" or "is gone", then_))
  end
  local as_it_is = "the run goes on with it as it is now"
  look("env", info.environment.path, as_it_is)
  look("algorithm", info.algorithm_file, drivers.of_run(info).code_goes_on and as_it_is or
    "the run goes on with the algorithm as it was")
  look("policy", info.policy_file, "the run goes on with the network as it was")
end

--- The tables of kernels round differently: a run that began under another one goes on from the same state, and its bytes
--- are no longer those of a run that never stopped.
function changes.kernels(info)
  if info.kernels and info.kernels ~= prl.kernels() then
    terminal.err(("perilune: this run began with the kernels %s and goes on with %s: what follows differs in the last "
      .. "digits from a run that stayed with %s\n"):format(info.kernels, prl.kernels(), info.kernels))
  end
end

return changes
