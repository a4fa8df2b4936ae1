--- The tuning of an experiment's arms, with one budget for all: each arm is trained at every point of its grid, which has as many points
--- as those of the others, on seeds of its own, and its best point is chosen by users who judge nothing else. In each world anew.

local measure = require "perilune.trainer.measure"
local points = require "perilune.stats.points"
local printer = require "perilune.recipe.print"
local experiment = require "perilune.trainer.experiment"
local keys = require "perilune.keys"

local tuning = {}

-- The points of a grid, each as options by path; the last path changes first.
local function points_of(grid)
  local list = {{}}
  for _, path in ipairs(keys(grid)) do
    local longer = {}
    for _, point in ipairs(list) do
      for _, value in ipairs(grid[path]) do
        local one = {[path] = value}
        for name, other in pairs(point) do one[name] = other end
        longer[#longer + 1] = one
      end
    end
    list = longer
  end
  return list
end

-- A point as a text: "algorithm.lr = 0.001, …".
local function text_of(point)
  local parts = {}
  for i, path in ipairs(keys(point)) do parts[i] = ("%s = %s"):format(path, printer.value(point[path], path)) end
  return table.concat(parts, ", ")
end

-- An experiment whose arms are the points of the arms of another one.
local function plan_of(plan)
  local said, list = plan.said, {}
  local tune = experiment.budget(plan)
  for _, arm in ipairs(said.arms) do
    for i, point in ipairs(points_of(arm.grid or tune.grid)) do
      local one = {}
      for name, value in pairs(arm) do one[name] = value end
      one.name, one.recipe_of, one.of, one.point = ("%s point %d"):format(arm.name, i), arm.name, arm, point
      list[#list + 1] = one
    end
  end
  local inner = setmetatable({arms = list, user_seed = tune.user_seed, groups = {}}, {__index = said})
  local result = {path = plan.path, trust = plan.trust, said = inner, fast = plan.fast, users = tune.users, days = tune.days, seeds = {},
    arms = {}, files = plan.files, root = plan.root .. "/tuning", tuned = {}, set = plan.set}
  for _, world in ipairs(said.worlds) do
    local settings = {}
    for _, arm in ipairs(list) do settings[arm.name] = arm.point end
    result.tuned[world.name] = settings
  end
  for i = 1, tune.seeds do result.seeds[i] = tune.first_seed + i - 1 end
  experiment.load(result)
  return result
end

-- What the runs of a point measured, seed by seed.
local function measured(plan, trained, world, arm, metric)
  local list = {}
  for i, seed in ipairs(plan.seeds) do
    list[i] = measure.read(trained[experiment.key(world, arm, seed)], metric, seed)
  end
  return list
end

--- Refuses points that no recipe of an arm takes, before anything is trained.
function tuning.check(plan)
  if experiment.budget(plan) then plan_of(plan) end
end

--- Tunes the arms of a plan, which takes the points chosen (`tuned`), and loads its arms with them. options: of experiment.train.
--- Without a budget it does nothing.
function tuning.run(plan, options)
  local tune = experiment.budget(plan)
  if not tune then return end
  local inner = plan_of(plan)
  local trained = experiment.train(inner, options)
  local metric = experiment.metric(plan, tune.metric, "tune.metric")
  for _, world in ipairs(plan.said.worlds) do
    local chosen = {}
    for _, arm in ipairs(plan.said.arms) do
      local candidates, found = {}, {}
      for _, one in ipairs(inner.said.arms) do
        if one.of == arm then
          candidates[#candidates + 1] = one.point
          found[#candidates] = measured(inner, trained, world, one, metric)
        end
      end
      chosen[arm.name] = candidates[points.judge(found, metric, tune.direction == "minimise").winner]
    end
    plan.tuned[world.name] = chosen
  end
  experiment.load(plan)
end

--- What each arm was tuned to in a world, as texts by its name; nil without a budget.
function tuning.texts(plan, world)
  if not plan.tuned[world.name] then return nil end
  local result = {}
  for name, point in pairs(plan.tuned[world.name]) do result[name] = text_of(point) end
  return result
end

return tuning
