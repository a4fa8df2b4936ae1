--- How this program was called, so that a hint can be typed as it is: "./dev train --resume …".
---
--- PERILUNE_COMMAND holds the word: `./dev` sets it to its own name, the executable to argv[0], and runs that it starts
--- inherit it.

local invocation = {}

--- `word` as a shell reads it back.
function invocation.quoted(word)
  if word:find("^[%w_./:,=@%%+-]+$") then return word end
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

--- The program as it was typed.
function invocation.program() return invocation.quoted(os.getenv("PERILUNE_COMMAND") or "perilune") end

--- Whether another Lua than the executable is at work.
function invocation.elsewhere() return os.getenv("PERILUNE_COMMAND") == nil end

--- The command line of a script, by whatever runs it: invocation.script("mine.lua", "--resume", run).
function invocation.script(...)
  local words, arguments = invocation.line(...), arg
  local lua = invocation.elsewhere() and type(arguments) == "table" and arguments[-1]
  return lua and invocation.quoted(lua) .. words:sub(#invocation.program() + 1) or words
end

--- A command line to type: invocation.line("train", "--resume", run).
function invocation.line(...)
  local words = {invocation.program()}
  for i = 1, select("#", ...) do words[i + 1] = invocation.quoted((select(i, ...))) end
  return table.concat(words, " ")
end

return invocation
