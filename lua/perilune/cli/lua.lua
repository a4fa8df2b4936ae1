--- `perilune lua`: a console where expressions print themselves. With a file it runs the file instead.

local failure = require "perilune.failure"
local options = require "perilune.cli.options"
local show = require "perilune.cli.show"

local console = {summary = "an interactive Lua console; or run a Lua file"}

local function pass(...) return ... end

--- The chunk for these lines, or nil and whether more lines may complete it, and the message.
local function compile(text)
  -- An expression goes through `pass`: as a tail call it would leave no line to name in an error.
  if loadstring("return " .. text, "=console") then
    local chunk = loadstring("local pass = ...; return pass(" .. text .. "\n)", "=console")
    if chunk then return function() return chunk(pass) end end
  end
  local chunk, message = loadstring(text, "=console")
  if chunk then return chunk end
  return nil, message:find("'<eof>'", 1, true) ~= nil, message
end

local function print_results(ok, ...)
  if not ok then
    local err = (...)
    io.stderr:write(type(err) == "string" and err or "an error that is no text: " .. show.text(err), "\n")
    return
  end
  local texts = {}
  for i = 1, select("#", ...) do texts[i] = show.text((select(i, ...))) end
  if #texts > 0 then print(table.concat(texts, "\t")) end
end

--- read(prompt) → a line or nil, and save() for the history; by readline where it is installed and someone types.
local function reader()
  local interactive = require("posix").isatty(0) == 1
  local ok, readline = pcall(require, "readline")
  if not interactive then return function() return io.read("*l") end, function() end end
  if not ok then
    return function(prompt)
      io.write(prompt)
      io.flush()
      return io.read("*l")
    end, function() end
  end
  readline.set_readline_name("perilune")
  readline.set_options {histfile = (os.getenv("HOME") or ".") .. "/.perilune_history", keeplines = 1000,
                        completion = false, auto_add = true}
  return readline.readline, readline.save_history
end

local function converse()
  local read, save = reader()
  local held
  while true do
    local line = read(held and ".. " or "> ")
    if not line then break end
    local text = held and (held .. "\n" .. line) or line:gsub("^=", "")
    local chunk, unfinished, message = compile(text)
    if chunk then
      held = nil
      print_results(pcall(chunk))
    elseif unfinished and line ~= "" then
      held = text
    else
      held = nil
      io.stderr:write(message, "\n")
    end
  end
  save()
  return 0
end

-- Runs a chunk to its end: a failure stays one sentence, another error keeps its traceback.
local function run_chunk(chunk, message, words)
  if not chunk then failure.usage(message) end
  rawset(_G, "arg", words)
  local ok, err = xpcall(function() return chunk(unpack(words)) end, failure.handler)
  if not ok then error(err, 0) end
  return 0
end

-- A file with all words behind it, whatever they are: they are its own.
local function run_file(argv)
  local words = {[0] = argv[1]}
  for i = 2, #argv do words[i - 1] = argv[i] end
  local chunk, message = loadfile(argv[1])
  return run_chunk(chunk, message, words)
end

function console.run(argv)
  local parser = options.parser("lua", "A Lua console: `prl` is the perilune module, expressions print themselves.")
  parser:argument("file", "A Lua file to run instead."):args("?")
  parser:argument("words", "Its arguments, in `arg` and `...`, whatever they are."):args("*")
  parser:option("-e", "Run this text and exit."):argname("TEXT"):target("text")
  local is_file = argv[1] and argv[1]:sub(1, 1) ~= "-"
  local words = is_file and {file = argv[1]} or options.parse(parser, argv)
  rawset(_G, "prl", require "perilune")
  if words.file then return run_file(is_file and argv or {words.file, unpack(words.words)}) end
  if not words.text then return converse() end
  local chunk, message = loadstring(words.text, "=-e")
  return run_chunk(chunk, message, {})
end

return console
