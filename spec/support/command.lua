--- The executable as its users call it.
local posix = require "posix"
local read = require("support.files").read

local command = {path = (os.getenv("PERILUNE_BUILD") or "build") .. "/perilune"}
if not command.path:find("^/") then command.path = posix.getcwd() .. "/" .. command.path end

--- Output, errors and exit code of `perilune WORDS` in a folder. input: a text for it; variables: "NAME=value …" before it.
function command.run(folder, words, input, variables)
  local status = os.execute(("cd '%s' && %s %s '%s' %s >out 2>err"):format(folder,
    input and ("printf '%s' |"):format(input) or "", variables or "", command.path, words))
  return read(folder .. "/out"), read(folder .. "/err"), status > 255 and status / 256 or status
end

return command
