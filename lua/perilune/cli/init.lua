--- The command line: `perilune COMMAND …`. Each command is one file beside this one and gives
--- {summary = "one line", run = function(argv) return exit_code end}; argv holds the words after its name. A command with
--- `at_once` has written what it has to say and leaves nothing that must be closed: its memory goes with the process.
---
--- Exit codes: 0 done; 1 it failed while running; 2 the recipe or the words of the command line are wrong.

local failure = require "perilune.failure"
local invocation = require "perilune.invocation"
local terminal = require "perilune.terminal"

local cli = {}

--- In the order in which the help shows them; a further one is its file and its name here.
cli.commands = {"train", "eval", "compare", "values", "sweep", "experiment", "fit", "report", "swap", "confirm", "rollback", "status",
  "journal", "check", "describe", "bench", "lua"}

local function find(name)
  for _, known in ipairs(cli.commands) do
    if known == name then return require("perilune.cli." .. name) end
  end
end

local function help()
  local lines = {
    ("usage: %s COMMAND …"):format(invocation.program()),
    "",
    "Reinforcement learning from Lua recipes.",
    "",
  }
  for _, name in ipairs(cli.commands) do
    lines[#lines + 1] = ("  %-10s %s"):format(name, find(name).summary)
  end
  lines[#lines + 1] = ""
  lines[#lines + 1] = ("`%s COMMAND --help` lists the options of a command."):format(invocation.program())
  return table.concat(lines, "\n") .. "\n"
end

-- A path is no misspelt command.
local function refuse_file(name)
  local file = io.open(name)
  if file then
    file:close()
    failure.usage(("%s is no command and no script, which would begin with #!, as in #!/usr/bin/env perilune; a recipe is for `%s`, "
      .. "and `%s` runs any Lua file"):format(name, invocation.line("train", name), invocation.line("lua", name)))
  end
  if name:find("%.lua$") or name:find("/", 1, true) then failure.usage(("there is no script %s"):format(name)) end
end

local function dispatch(argv)
  local name = argv[1]
  if name == nil or name == "help" or name == "--help" or name == "-h" then
    terminal.out(help())
    return 0
  end
  if name == "--version" then
    terminal.out("perilune ", tostring(require("perilune").version), "\n")
    return 0
  end
  local command = find(name)
  if not command and require("perilune.script").is(name) then return require("perilune.cli.lua").run(argv) end
  if not command then
    refuse_file(name)
    local nearest = require("perilune.nearest").find(name, cli.commands)
    failure.usage(("there is no command '%s'%s; the commands are %s"):format(
      name, nearest and (" (did you mean '" .. nearest .. "'?)") or "", table.concat(cli.commands, ", ")))
  end
  local rest = {}
  for i = 2, #argv do rest[i - 1] = argv[i] end
  return command.run(rest) or 0, command.at_once
end

--- Runs one command line; argv[1] is the command. Returns the exit code, and whether the process may end at once. A failure
--- that the user can mend is one sentence on standard error; a defect also shows where it happened.
function cli.main(argv)
  local ok, result, at_once = xpcall(dispatch, failure.handler, argv)
  if ok then return result, at_once end -- what it wrote is flushed at the exit, which sees whether that failed (main.c)
  io.stdout:flush()
  terminal.err("perilune: ", result.message, "\n")
  return result.code
end

return cli
