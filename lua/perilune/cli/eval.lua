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

-- --front watch_time,like,share --vectors FOLDER, in place of the recipe's; or either of them alone, of the recipe's front.
local function front_of(words, front)
  if not words.front and not words.vectors then return front end
  local result = {x = front and front.x, y = front and front.y, vectors = words.vectors or front and front.vectors}
  if words.front then
    result.y = {}
    for name in words.front:gmatch("[^,]+") do result.y[#result.y + 1] = name end
    result.x = table.remove(result.y, 1)
  end
  if not result.vectors then failure.usage("--front goes with --vectors: the recipe names no vectors") end
  if not result.x then failure.usage("--vectors goes with --front: the recipe has no eval.front") end
  return result
end

-- The recipe's eval with what the command line says of it.
local function judged_by(info, words)
  local judged = {}
  for key, value in pairs(info.evaluation) do judged[key] = value end
  for _, name in ipairs {"users", "days", "seed", "action", "threads", "baseline"} do judged[name] = words[name] or judged[name] end
  if #words.beside > 0 then judged.beside = {} end
  for _, path in ipairs(words.beside) do judged.beside[path:gsub("(.)/+$", "%1"):match("[^/]+$")] = path end
  if #words.groups > 0 then judged.groups = words.groups end
  judged.front = front_of(words, judged.front)
  if words.users and words.users < 2 then failure.usage("--users must be at least 2") end
  if judged.users < 1 then failure.usage("--days, --baseline, --beside, --groups and --front go with --users") end
  require("perilune.trainer.environment").check_evaluation(info, judged)
  return judged
end

-- The lift table of the checkpoint, and what else its recipe or the command line asks for.
local function lift_of(info, checkpoint, words, line)
  local judged = judged_by(info, words)
  judged.watch = function(...) line:part("evaluation", ...) end
  local found = require("perilune.trainer.judgement").new(info, judged):whole(checkpoint)
  line:clear()
  if words.json then
    terminal.json {checkpoint = checkpoint, lift = found.lift, groups = found.groups, front = found.front}
    return 0
  end
  terminal.out(checkpoint, "\n")
  for _, part in ipairs {"lift", "groups", "front"} do
    if found[part] then terminal.out(require("perilune.stats." .. part).text(found[part])) end
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
  parser:option("--groups", "An observation: actions by thirds of users who differ in it; may be repeated. Default: the recipe's.")
    :argname("OBSERVATION"):count("*"):default({})
  parser:option("--front", "A front of global vectors and all policies: a response against the sum of others. Default: the recipe's.")
    :argname("X,Y,…")
  parser:option("--vectors", "The vectors of the front: the folder of a cem run, or of runs."):argname("FOLDER")
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
  local by_day = words.users or words.days or words.baseline or #words.beside > 0 or #words.groups > 0 or words.front or
    words.vectors or users.asked(info.evaluation)
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
