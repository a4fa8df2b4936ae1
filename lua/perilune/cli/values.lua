--- `perilune values A [B]`: what runs' critics expect, beside the returns that came, and what of an observation moves it.

local failure = require "perilune.failure"
local options = require "perilune.cli.options"
local terminal = require "perilune.terminal"

local values = {summary = "judge a run's value estimates beside returns, and by observations; or compare two runs'"}

local function patterns(text)
  local list = {}
  for pattern in text:gmatch "[^,%s]+" do list[#list + 1] = pattern end
  if #list == 0 then return nil, ("--group: expected patterns as in 'fast_*,slow_*', got '%s'"):format(text) end
  return list
end

local function parse(argv)
  local parser = options.parser("values", "Plays policies, as they explore, on users (instances) and chances that nobody was trained "
    .. "on, and compares what critics expected at each step with the discounted rewards that came: of each critic, and of the "
    .. "weighted sum that the actor maximises; and shows how much their values move when a group of a user's observations is exchanged "
    .. "for another user's. Two runs are compared; folders of runs seed by seed.")
  parser:argument("a", "A run's folder, or a folder of runs.")
  parser:argument("b", "Another of the same kind, to compare with."):args "?"
  parser:option("--group", "A group of observations, as in 'mean_action_*' or 'fast_*,slow_*'; several times for several. The "
    .. "others are in groups by their names."):argname("PATTERNS"):convert(patterns):count "*"
  parser:option("--policy", "Whose policy acts: each run's own, whose value its critics estimate; or that of A, or of B, for both.")
    :choices {"own", "a", "b"}:default("own")
  parser:option("--users", "Users, or instances of another env."):argname("N"):convert(options.whole):default("256")
  parser:option("--steps", "Steps of each that count."):argname("N"):convert(options.whole):default("64")
  parser:option("--horizon", "Steps that are played beyond them, so that their returns are known. Steps are left out whose return is not "
    .. "known to a thousandth of its weights."):argname("N"):convert(options.whole):default("128")
  parser:option("--seed", "Seed of users and chances; default: that of A's evaluations."):argname("N"):convert(options.whole)
  parser:flag("--trust", "Run the environment if it is a C or Lua file.")
  parser:flag("--json", "Print one JSON object.")
  parser:flag("-q --quiet", "No progress line.")
  local words = options.parse(options.memory(parser), argv)
  for name, least in pairs {users = 2, steps = 1, horizon = 0} do
    if words[name] < least then failure.usage(("--%s must be at least %d"):format(name, least)) end
  end
  if words.seed and words.seed < 0 then failure.usage("--seed must be at least 0") end
  return words
end

function values.run(argv)
  local words = parse(argv)
  local line = require("perilune.trainer.progress").work(words.quiet)
  words.watch = function(...) line:part("rollout", ...) end
  words.groups = words.group
  local found = require("perilune.trainer.values").compare({words.a, words.b}, words)
  line:clear()
  if words.json then
    terminal.json(found)
  else
    terminal.out(require("perilune.report.values").text(found))
  end
  return 0
end

return values
