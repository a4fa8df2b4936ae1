--- `perilune eval RUN`: evaluates a run's policy on its environment.

local failure = require "perilune.failure"
local options = require "perilune.cli.options"

local eval = {summary = "evaluate the policy of a run, or of one of its checkpoints"}

-- The run's folder and the checkpoint in it that the word names.
local function find(word)
  local folder = require "perilune.trainer.folder"
  if not word:find("%.safetensors$") then
    local place = folder.open(word)
    local checkpoint = place:last_checkpoint()
    if not checkpoint then failure.run(word .. " has no checkpoint to evaluate") end
    return place, checkpoint
  end
  local run = ("./" .. word):match("^(.*)/checkpoints/[^/]+$")
  if not run then
    failure.usage(word .. " is not in the checkpoints of a run's folder: its environment is not known")
  end
  return folder.open(run), word
end

function eval.run(argv)
  local parser = options.parser("eval", "Runs whole episodes with a policy as it is; nothing is learned.")
  parser:argument("run", "A run's folder, or a file in its checkpoints/.")
  parser:option("--episodes", "Episodes; default: as the recipe says."):argname("N"):convert(options.whole)
  parser:option("--seed", "Seed of the episodes' starts; default: as the recipe says."):argname("N")
    :convert(options.whole)
  parser:option("--action", "The mean (or most probable) action, or a sample."):choices {"mean", "sample"}
  parser:flag("--json", "Print one JSON object, with every episode's values.")
  local words = options.parse(parser, argv)
  if words.episodes and words.episodes < 1 then failure.usage("--episodes must be at least 1") end
  local prl = require "perilune"
  local evaluation = require "perilune.trainer.evaluation"
  local place, checkpoint = find(words.run)
  local info = place.info
  local agent = failure.check(prl.load_agent(checkpoint))
  local result = evaluation.run(agent, {
    env = info.environment, responses = info.responses, episodes = words.episodes or info.evaluation.episodes,
    seed = words.seed or info.evaluation.seed, action = words.action or info.evaluation.action,
  })
  if words.json then
    io.write(prl.to_json {checkpoint = checkpoint, episodes = result.episodes, values = result.values,
      length = result.length}, "\n")
  else
    io.write(("%s, %d episodes\n"):format(checkpoint, result.episodes), evaluation.text(result, info.responses))
  end
  return 0
end

return eval
