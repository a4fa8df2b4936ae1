--- The score of a search's trial: the objective of a user and day, or of a request, Σ weight · reward / scale over the critics.

local failure = require "perilune.failure"
local recipe_search = require "perilune.recipe.search"

local score = {}

--- The critics' rewards as linear forms (recipe/search.lua) with their names, weights and scales, by name.
function score.forms(recipe)
  local forms = {}
  for name, critic in pairs(recipe.objective.critics) do
    local form = recipe_search.linear(critic.reward)
    if form then
      form.name, form.weight, form.scale = name, critic.weight, critic.scale
      forms[#forms + 1] = form
    end
  end
  table.sort(forms, function(a, b) return a.name < b.name end)
  return forms
end

--- The response that the run is about: the first that a reward reads.
function score.main_response(spec, forms)
  for _, response in ipairs(spec.responses) do
    for _, form in ipairs(forms) do
      if form.of[response.name] then return response.name end
    end
  end
  return spec.responses[1].name
end

--- Sums of a panel over its users: {response = number, requests = number}.
function score.totals(spec, judged)
  local function total(name)
    local sum = 0
    for _, value in ipairs(judged.columns[name]) do sum = sum + value end
    return sum
  end
  local result = {requests = total "requests"}
  for _, response in ipairs(spec.responses) do result[response.name] = total(response.name) end
  return result
end

local function reward(form, sums) return recipe_search.total(form, sums.requests, sums) end

--- What each critic's reward is divided by, {name = number}: the scale "baseline" is the mean of a request under the
--- starting vector, whose sums these are.
function score.scales(forms, sums)
  local scales = {}
  for _, form in ipairs(forms) do
    scales[form.name] = form.scale
    if form.scale == "baseline" then
      scales[form.name] = math.abs(reward(form, sums)) / sums.requests
      if scales[form.name] == 0 then
        failure.run(("the reward of the critic %s was 0 over %d requests of the starting vector, so scale \"baseline\" "
          .. "would divide by 0; give a number"):format(form.name, sums.requests))
      end
    end
  end
  return scales
end

--- The score of a trial with these sums over so many user-days, or requests.
function score.of(forms, scales, sums, count)
  local total = 0
  for _, form in ipairs(forms) do
    total = total + form.weight * (reward(form, sums) / scales[form.name] / count)
  end
  if total ~= total or math.abs(total) == math.huge then failure.run("the score of a trial is not a finite number") end
  return total
end

return score
