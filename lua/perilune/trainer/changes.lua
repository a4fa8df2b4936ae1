--- What has changed since a run began: code and kernels, said on stderr when it goes on, and live options, which its record
--- keeps.

local failure = require "perilune.failure"
local invocation = require "perilune.invocation"
local prl = require "perilune"
local difference = require "perilune.recipe.difference"
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
  local as_it_is = "the run continues with it as it is now"
  look("env", info.environment.path, as_it_is)
  look("algorithm", info.algorithm_file, drivers.of_run(info).code_goes_on and as_it_is or
    "the run continues with the algorithm as it was")
  look("policy", info.policy_file, "the run continues with the network as it was")
end

--- The tables of kernels round differently: a run that began under another one goes on from the same state, and its bytes
--- are no longer those of a run that never stopped.
function changes.kernels(info)
  if info.kernels and info.kernels ~= prl.kernels() then
    terminal.err(("perilune: this run began with the kernels %s and continues with %s: what follows differs in the last "
      .. "digits from a run that stayed with %s\n"):format(info.kernels, prl.kernels(), info.kernels))
  end
end

-- Refuses one option. Only what is structural has to be another run, which may begin with this one's policy.
local function refuse(run, text, at, name, message)
  if name == "train.steps" then message = "how long a run is to be is said by --steps N" end
  local advice = name ~= "train.steps" and message:find("is structural", 1, true) and
    (". Another recipe takes a run of its own, which may begin with this one's policy:\n  "
      .. invocation.line("train", run.info.recipe or "RECIPE", "--start-from", run.folder.path)) or ""
  failure.usage(("%s %s: %s%s"):format(at, text, message, advice))
end

-- One option, as in algorithm.lr=1e-3. at: where it stands. Returns the change, as the journal has it.
local function set(run, text, at)
  local name, value = text:match("^%s*([^=]-)%s*=%s*(.-)%s*$")
  if not name then refuse(run, text, at, name, "expected a live option and a number, as in algorithm.lr=1e-3") end
  if run.info.search then refuse(run, text, at, name, "a search has no live options") end
  local number = tonumber(value)
  local ok, message = pcall(run.agent.get, run.agent, name)
  local before = ok and message
  if ok and not number then refuse(run, text, at, name, "expected a number, as in algorithm.lr=1e-3") end
  if ok then ok, message = pcall(run.agent.set, run.agent, name, number) end
  if not ok then refuse(run, text, at, name, message) end
  return {option = name, before = difference.text(before, name), after = value}
end

--- Live options from here on, for the run's record. What was changed before stays so, whichever checkpoint the run goes on
--- from. Returns what the texts have changed, [{option, before, after}].
function changes.options(run, texts)
  local info, made = run.info, {}
  local list = info.changes or {}
  for _, change in ipairs(list) do set(run, change.set, run.folder:file("run.json") .. ": changes:") end
  for _, text in ipairs(texts) do
    made[#made + 1] = set(run, text, "--set")
    list[#list + 1] = {step = run.state.step, set = text}
  end
  info.changes = #list > 0 and list or nil
  return made
end

return changes
