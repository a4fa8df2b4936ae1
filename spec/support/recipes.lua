--- Recipes of the specs: written into a folder that goes away, and loaded there.

local files = require "support.files"
local prl = require "perilune"

local recipes = {}

--- A new folder, which is removed when the spec's file ends.
function recipes.folder() return files.folder() .. "/" end

function recipes.write(folder, name, text)
  local file = assert(io.open(folder .. name, "w"))
  file:write(text)
  file:close()
  return folder .. name
end

--- Loads a recipe's text. Returns what prl.recipe.load does, with the folder cut out of a message.
function recipes.load(folder, text, options)
  local loaded, message, code = prl.recipe.load(recipes.write(folder, "x.lua", text), options)
  if message then
    local at = message:find(folder, 1, true)
    while at do
      message = message:sub(1, at - 1) .. message:sub(at + #folder)
      at = message:find(folder, 1, true)
    end
  end
  return loaded, message, code
end

return recipes
