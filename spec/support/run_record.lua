--- A run.json for specs, with these fields in place of its own.
return function(fields)
  local record = {
    format = 1, name = "run", hash = ("0"):rep(32), seed = 1, env = "shortvideo",
    environment = {kind = "builtin", name = "shortvideo", n = 10, options = {}}, responses = {{name = "reward", unit = ""}},
    critics = {}, checkpoint = 0, evaluation = {}, updates_per_row = 1, steps = 4000, status = "finished", step = 0,
    updates = 0, seconds = 0,
  }
  for name, value in pairs(fields) do record[name] = value end
  return record
end
