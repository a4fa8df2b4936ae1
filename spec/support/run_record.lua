--- A run.json for specs, with these fields in place of its own; those of `evaluation` one by one.
local schema = require "perilune.recipe.schema"

return function(fields)
  local record = {
    format = 1, name = "run", hash = ("0"):rep(32), seed = 1, env = "shortvideo",
    environment = {kind = "builtin", name = "shortvideo", n = 10, options = {}}, responses = {{name = "reward", unit = ""}},
    critics = {}, checkpoint = 0, evaluation = {}, updates_per_row = 1, steps = 4000, status = "finished", step = 0,
    updates = 0, seconds = 0,
  }
  for name, value in pairs(fields) do record[name] = value end
  local evaluation = {}
  for _, option in ipairs(schema.eval) do evaluation[option.name] = option.default end
  for name, value in pairs(record.evaluation) do evaluation[name] = value end
  record.evaluation = evaluation
  return record
end
