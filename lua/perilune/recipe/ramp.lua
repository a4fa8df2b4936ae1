--- The ramp of a recipe, `agent.ramp`: how it comes to serve everybody where it is swapped in by `perilune swap --mode ramp`
--- (runtime/agent/ramp.h).

local format = require "perilune.format"
local schema = require "perilune.recipe.schema"
local values = require "perilune.recipe.values"

local ramp = {}

local MOST = 16 -- PRL_SHARES_MOST
local LEAST = 1e-4 -- one bucket of prl.bucket

local function is_ascending(shares)
  local before = 0
  for _, share in ipairs(shares) do
    if type(share) ~= "number" or not (share >= LEAST and share > before and share <= 1) then return false end
    before = share
  end
  return before == 1
end

function ramp.resolve(check, value, path)
  local result = check.section(schema.ramp, value, path)
  local shares = result.shares
  if type(shares) ~= "table" or not values.holds(shares, #shares) or #shares > MOST or not is_ascending(shares) then
    values.wrong(check, path .. ".shares", ("ascending shares of the users from %g to 1, at most %d of them, the last one 1, as in "
      .. "{0.01, 0.1, 1}"):format(LEAST, MOST), shares)
  end
  return result
end

--- What compares it with the rest of the recipe. algorithm: the table of its file.
function ramp.check(check, recipe, algorithm)
  local path, given = "agent.ramp", recipe.agent.guards or {}
  if not recipe.agent.baseline then
    check.note(path, 'a ramp goes on by guards, which compare with a control group, and there is none: agent.baseline = {policy = '
      .. '"zero"} makes one')
  end
  local measured = false
  for _, name in ipairs(recipe.agent.guards and require("perilune.recipe.guards").names(given) or {}) do
    measured = measured or name ~= "kl"
  end
  if not measured then
    check.note(path, "a ramp goes on to the next share when its guards on responses hold, and there is none, as in agent.guards = "
      .. "{watch_time = {at_least = relative(-0.005)}}")
  end
  if algorithm.pairs then check.note(path, "a ramp parts users, and the algorithm learns from pairs of them") end
end

--- `ramp` of the plan.
function ramp.document(recipe) return {shares = recipe.agent.ramp.shares, after = recipe.agent.ramp.after} end

--- What `check` says of a recipe's ramp.
function ramp.text(recipe)
  local shares = {}
  for i, share in ipairs(recipe.agent.ramp.shares) do shares[i] = format.share(share) end
  return ("ramp: %s of the users, each share after %.0f users and when the guards hold; for `perilune swap --mode ramp`"):format(
    table.concat(shares, ", "), recipe.agent.ramp.after)
end

return ramp
