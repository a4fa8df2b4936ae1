--- The words of a command, parsed by lua-argparse; wrong words are a usage failure instead of an exit.

local argparse = require "perilune.argparse" -- lua-argparse, built in
local failure = require "perilune.failure"
local invocation = require "perilune.invocation"
local terminal = require "perilune.terminal"

local options = {}

--- A parser for `perilune NAME`, whose usage shows the program as it was called.
function options.parser(name, summary)
  return argparse(invocation.program() .. " " .. name, summary):usage_max_width(100):help_max_width(100)
end

-- A variable that is not set leaves an empty word, which names no file, folder or option: as a folder it would be `/`.
local function refuse_empty(argv)
  for i, word in ipairs(argv) do
    local option = word == "" and (argv[i - 1] or ""):match("^%-.+$") or word:match("^(%-%-[^=]+)=$")
    if option then failure.usage(("%s is empty: it needs a value"):format(option)) end
    if word == "" then failure.usage("a word of the command line is empty: it names no file, folder or run") end
  end
end

-- A number below 0 behind an option is its value, which its converter refuses, and no option.
local function with_values(argv)
  local words = {}
  for _, word in ipairs(argv) do
    local before = words[#words]
    if word:find("^%-[%d.]") and before and before:find("^%-%-[%w-]+$") then
      words[#words] = before .. "=" .. word
    else
      words[#words + 1] = word
    end
  end
  return words
end

-- What a converter refuses is said with the option that it is of, which argparse leaves out.
local function name_refusals(parser)
  for _, option in ipairs(parser._options) do
    local convert, name = option._convert, option._aliases[#option._aliases]
    if type(convert) == "function" then
      option._convert = function(word)
        local value, message = convert(word)
        return value, value == nil and message and ("%s: %s"):format(name, message) or nil
      end
    end
  end
end

--- The parsed words, as argparse gives them.
function options.parse(parser, argv)
  refuse_empty(argv)
  name_refusals(parser)
  local ok, result = parser:pparse(with_values(argv))
  if not ok then
    failure.usage(("%s\n%s"):format(result, parser:get_usage()))
  end
  if result.memory then require("perilune").memory(result.memory) end
  return result
end

--- Adds --memory, which options.parse puts into force.
function options.memory(parser)
  parser:option("--memory", "Memory budget, as in 8GB; default: the machine's memory. An agent or network that would exceed it "
    .. "is refused before it is allocated."):argname("SIZE"):convert(options.size)
  return parser
end

--- The file of the recipe that a word names: a path, or the name of one that comes with Perilune. what: "recipe", or what
--- else it may be.
function options.recipe_file(word, what)
  -- As nearly always: the module that loads POSIX is not needed then.
  if word:find("%.lua$") and require("perilune").io.read(word) then return word end
  local path, hint = require("perilune.share").find(word)
  return path or failure.usage(("there is no %s %s%s"):format(what or "recipe", word, hint))
end

--- The same for a command that takes no script.
function options.recipe_only(word)
  local path = options.recipe_file(word)
  if not require("perilune.script").is(path) then return path end
  failure.usage(("%s is a script, since it begins with #!, and no recipe: `%s` runs it; compare and sweep take it, too"):format(path,
    invocation.line(path)))
end

--- Adds what every command that reads a recipe takes: --set, --seed, --trust and --memory.
function options.recipe(parser)
  parser:option("--set", "Override one option of the recipe, as in algorithm.lr=1e-3; may be repeated. A table is merged "
    .. "into the existing one, a list replaces it, and PATH=remove deletes.")
    :argname("PATH=VALUE"):count("*"):default({})
  parser:option("--seed", "Seed, instead of train.seed."):argname("N"):convert(options.whole)
  parser:flag("--trust", "Run code files beside the recipe (environments, algorithms and policy networks).")
  return options.memory(parser)
end

--- Says of a file that is a sweep that its base is what is taken here.
function options.note_sweep(loaded)
  if loaded.experiment then
    terminal.err(("perilune: note: %s is an experiment; this is one arm of it (--set arm=NAME). All: %s\n"):format(loaded.path,
      require("perilune.invocation").line("experiment", loaded.path)))
  end
  if not loaded.sweep then return end
  terminal.err(("perilune: note: %s is a sweep; this is its base. Its grid: %s\n"):format(loaded.path,
    require("perilune.invocation").line("sweep", loaded.path)))
end

--- Says of a reward that reads no response what it comes to: steps may be meant to be counted, or a response is forgotten.
function options.note_rewards(loaded)
  local formula = require "perilune.recipe.formula"
  local critics = loaded.recipe.objective and loaded.recipe.objective.critics or {} -- a recipe of `fit` has none
  for _, name in ipairs(require "perilune.keys"(critics)) do
    local path, reads = ("objective.critics.%s.reward"):format(name), false
    formula.reads(critics[name].reward, function() reads = true end)
    if not reads then
      local text = formula.to_lua(critics[name].reward, require("perilune.recipe.print").number)
      terminal.err(("perilune: note: %s: %s: it reads no response of the env, and is %s at every step\n"):format(
        require("perilune.recipe.mistakes").place(loaded, path), path, #text > 60 and text:sub(1, 60) .. "…" or text))
    end
  end
end

--- Says of a training that ends before its first update that nothing will be learned.
function options.note_start(loaded)
  local given, train = loaded.recipe.algorithm, loaded.recipe.train
  if type(given) ~= "table" or type(given.start) ~= "number" or train.steps > train.warmup + given.start then return end
  terminal.err(("perilune: note: train.steps is %.0f, and the first update comes after %.0f: nothing is learned "
    .. "(algorithm.start = %.0f%s)\n"):format(train.steps, train.warmup + given.start, given.start,
    train.warmup > 0 and (", and a warm-up of %.0f"):format(train.warmup) or ""))
end

--- Converter of argparse: a whole number ≥ 0.
function options.whole(word)
  local number = tonumber(word)
  if not number or number < 0 or number % 1 ~= 0 or number > 2 ^ 53 then
    return nil, ("'%s' is not a whole number ≥ 0"):format(word)
  end
  return number
end

local UNITS = {[""] = 1, b = 1, kb = 1e3, mb = 1e6, gb = 1e9, tb = 1e12}

--- Converter of argparse: bytes, as in 500MB.
function options.size(word)
  local number, unit = word:match("^([%d.]+)%s*(%a*)$")
  local bytes = tonumber(number) and UNITS[unit:lower()] and math.floor(tonumber(number) * UNITS[unit:lower()])
  if not bytes or bytes < 1 or bytes > 2 ^ 53 then
    return nil, ("'%s' is not a size such as 500MB or 8GB"):format(word)
  end
  return bytes
end

return options
