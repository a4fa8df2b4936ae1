--- `perilune eval RUN`: evaluates a run's policy on its environment; `eval FILE --recipe RECIPE` an agent that a host saved.

local failure = require "perilune.failure"
local options = require "perilune.cli.options"
local terminal = require "perilune.terminal"

local eval = {summary = "evaluate the policy of a run, of one of its checkpoints, or of an agent's file"}

-- What an agent's file is judged by: a recipe. The run's folder may be anywhere.
local function by_recipe(words)
  local environment, folder = require "perilune.trainer.environment", require "perilune.trainer.folder"
  local loaded = failure.check_recipe(require("perilune").recipe.load(options.recipe_only(words.recipe),
    {set = words.set, trust = words.trust}))
  options.note_sweep(loaded)
  local file, agent = folder.agent(words.run)
  environment.check_agent(agent, loaded.spec, file)
  return require("perilune.trainer.about").judged(loaded), file, agent
end

-- What the run says that it is judged by, the checkpoint in it that the word names, and its agent where that is loaded
-- already.
local function by_run(word, trust)
  local folder = require "perilune.trainer.folder"
  if not word:find("%.safetensors$") then
    local stat = require("posix").stat(word)
    if stat and stat.type ~= "directory" then
      failure.usage(word .. " is a file: a run's folder is needed, or a file in its checkpoints/")
    end
    local place = folder.open_to_run(word, trust)
    return place.info, place:newest()
  end
  local run = ("./" .. word):match("^(.*)/checkpoints/[^/]+$")
  if not run then
    failure.usage(word .. " is not in the checkpoints of a run's folder: its environment is not known; --recipe names it")
  end
  return folder.open_to_run(run, trust).info, word
end

-- The lift table of the checkpoint.
local function lift_of(info, checkpoint, words, line)
  local lift = require "perilune.stats.lift"
  local judgement = require "perilune.trainer.judgement"
  local judged = {}
  for _, name in ipairs {"users", "days", "seed", "action", "threads", "baseline", "beside"} do
    judged[name] = name ~= "beside" and words[name] or info.evaluation[name]
  end
  if #words.beside > 0 then judged.beside = {} end
  for _, path in ipairs(words.beside) do judged.beside[path:gsub("(.)/+$", "%1"):match("[^/]+$")] = path end
  if words.users and words.users < 2 then failure.usage("--users must be at least 2") end
  if judged.users < 1 then failure.usage("--days, --baseline and --beside go with --users") end
  judged.watch = function(...) line:part("evaluation", ...) end
  local compared = judgement.new(info, judged):whole(checkpoint).lift
  line:clear()
  if words.json then
    terminal.json {checkpoint = checkpoint, lift = compared}
  else
    terminal.out(checkpoint, "\n", lift.text(compared))
  end
  return 0
end

function eval.run(argv)
  local parser = options.parser("eval", "Judges a policy as it is, by whole episodes or by user and simulated day, as "
    .. "its recipe says; nothing is learned.")
  parser:argument("run", "A run's folder, a file in its checkpoints/, or, with --recipe, any agent's file.")
  parser:option("--recipe", "Judge by the env and eval of this recipe instead of the run's own.")
  parser:option("--set", "Override one option of that recipe; may be repeated."):argname("PATH=VALUE"):count("*"):default({})
  parser:option("--episodes", "Episodes; default: the recipe's."):argname("N"):convert(options.whole)
  parser:option("--seed", "Seed of the episodes' starts; default: the recipe's."):argname("N")
    :convert(options.whole)
  parser:option("--action", "The mean (or most probable) action, or a sample."):choices {"mean", "sample"}
  parser:option("--users", "Evaluate by user and simulated day, against a baseline, on this many users."):argname("N")
    :convert(options.whole)
  parser:option("--days", "Simulated days of each user."):argname("N"):convert(options.whole)
  parser:option("--baseline", "ltr or zero (the zero action), or the folder of a run."):argname("WHAT")
  parser:option("--beside", "The folder of a run whose policy is evaluated too; may be repeated. Default: the recipe's.")
    :argname("RUN"):count("*"):default({})
  parser:option("--threads", "Threads; they change no number."):argname("N"):convert(options.whole)
  parser:flag("--trust", "Run the environment if it is a C or Lua file.")
  parser:flag("--json", "Print one JSON object, with every episode's values.")
  local words = options.parse(options.memory(parser), argv)
  if words.episodes and words.episodes < 1 then failure.usage("--episodes must be at least 1") end
  local prl = require "perilune"
  local episodes, users = require "perilune.trainer.judges.episodes", require "perilune.trainer.judges.users"
  if #words.set > 0 and not words.recipe then failure.usage("--set goes with --recipe: a run is judged as its own recipe says") end
  local info, checkpoint, agent
  if words.recipe then info, checkpoint, agent = by_recipe(words) else info, checkpoint, agent = by_run(words.run, words.trust) end
  local by_day = words.users or words.days or words.baseline or #words.beside > 0 or users.asked(info.evaluation)
  local line = require("perilune.trainer.progress").work()
  if by_day and not words.episodes then return lift_of(info, checkpoint, words, line) end
  local message
  if not agent then agent, message = prl.load_agent(checkpoint) end
  if not agent then failure.run(message .. "; give the folder of the run for its newest valid checkpoint") end
  local result = episodes.run(agent, {
    env = info.environment, responses = info.responses, episodes = words.episodes or info.evaluation.episodes,
    seed = words.seed or info.evaluation.seed, action = words.action or info.evaluation.action,
    watch = function(...) line:part("evaluation", ...) end,
  })
  line:clear()
  result.ratios = episodes.ratios(result, info)
  if words.json then
    terminal.json {checkpoint = checkpoint, episodes = result.episodes, values = result.values, length = result.length,
      metrics = episodes.intervals(result.ratios)}
  else
    terminal.out(("%s, %d episodes\n"):format(checkpoint, result.episodes), episodes.text(result, info.responses))
  end
  return 0
end

return eval
