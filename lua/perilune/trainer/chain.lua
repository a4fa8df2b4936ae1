--- Whether each stage of an experiment's chains can begin with the policy that the one before leaves, before anything is trained: an
--- agent that has learned nothing stands in for its run.

local failure = require "perilune.failure"
local prl = require "perilune"
local experiment = require "perilune.trainer.experiment"

local chain = {}

-- What fn(…) gives. The file is nobody's, and a failure that names it means the run that it stands for.
local function without_file(file, fn, ...)
  local ok, result = pcall(fn, ...)
  if ok then return result end
  if failure.is_defect(result) then error(result, 0) end
  local message = tostring(result)
  local at, stop = message:find(file, 1, true)
  failure.usage(at and message:sub(1, at - 1) .. "the run of the stage before" .. message:sub(stop + 1) or message)
end

-- An agent of a stage, in the file.
local function leave(plan, arm, loaded, stage, file)
  local ok, made, message = pcall(prl.recipe.agent, loaded)
  if not ok and failure.is_defect(made) then error(made, 0) end
  if not (ok and made) then
    experiment.refuse(plan, arm.at .. ".stages", ("stage %d of the arm %s: %s"):format(stage, arm.name, ok and message or tostring(made)))
  end
  made:save(file)
  made:free()
end

local function check_arm(plan, arm, world, file)
  for stage = 1, arm.stages do
    local loaded = without_file(file, experiment.recipe_of_stage, plan, arm, world, stage, stage > 1 and file or nil)
    without_file(file, leave, plan, arm, loaded, stage, file)
  end
end

--- Refuses a plan with a chain that would end where its second stage begins.
function chain.check(plan)
  for _, arm in ipairs(plan.said.arms) do
    local passes = arm.stages > 1 and arm.into ~= experiment.whole
    for _, world in ipairs(passes and plan.said.worlds or {}) do
      local file = os.tmpname()
      local ok, err = pcall(check_arm, plan, arm, world, file)
      os.remove(file)
      if not ok then error(err, 0) end
    end
  end
end

return chain
