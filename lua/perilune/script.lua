--- Scripts: programs of a user's own (prl.run), which begin with "#!" as scripts do. Anything else is taken for a recipe.

local script = {}

--- Whether the file of this path is one.
function script.is(path)
  local file = io.open(path, "rb")
  local start = file and file:read(2)
  if file then file:close() end
  return start == "#!"
end

return script
