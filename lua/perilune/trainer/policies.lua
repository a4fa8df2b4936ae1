--- The policies that a recipe names to be judged beside its own: the baseline, further ones, vectors of the front.

local failure = require "perilune.failure"
local nearest = require "perilune.nearest"
local folder = require "perilune.trainer.folder"

local policies = {}

--- The whole action of one given by dimension: a list. at: its place in the recipe.
function policies.constant(info, given, at)
  local constant, place = {}, {}
  for i, name in ipairs(info.actions) do constant[i], place[name] = 0, i end
  for name, value in pairs(given) do
    if not place[name] then
      failure.usage(("%s: the action has no dimension %s%s"):format(at, tostring(name),
        nearest.hint_or_list(tostring(name), info.actions)))
    end
    constant[place[name]] = value
  end
  return constant
end

-- The zero action is the base order: the supervised ranker's own, or that of the base weights which the recipe gives.
local zero_names = {ltr = "ltr", zero = "the zero action"}

--- What a recipe's policy names ("ltr" or "zero", a constant action, a run's folder, an agent's file): a policy for
--- panel.run, and its name. at: its place in the recipe.
function policies.of(info, given, at)
  if type(given) == "table" then return {constant = policies.constant(info, given, at)}, "a constant action" end
  local zero = zero_names[given]
  if zero then return {constant = policies.constant(info, {}, at)}, zero end
  if given:find("%.safetensors$") then return {agent = given}, given end
  local checkpoint = folder.open(given):last_checkpoint()
  if not checkpoint then failure.run(("%s: the run %s has no checkpoint"):format(at, given)) end
  return {agent = checkpoint}, given
end

return policies
