--- The hash of a resolved recipe: what it covers, and the digests of the code that the recipe names.

local keys = require "perilune.keys"
local prl = require "perilune"

local hash = {}

--- The digest of each file of code, {env = digits, algorithm = digits, policy = digits}; nil where the recipe has none.
function hash.code(result, folder)
  local function beside(name) return name and folder .. name:gsub("^%./", "") end
  local paths, code = {env = result.env.path, algorithm = beside(result.recipe.algorithm.lua),
    policy = beside(result.recipe.policy.lua)}, nil
  for _, part in ipairs(keys(paths)) do
    local text, message, reason = prl.io.read(paths[part])
    if not text then return nil, message, reason end
    code = code or {}
    code[part] = prl.hash_bytes(text)
  end
  return code
end

-- Of a saved agent, whether it is the control group's policy or where one begins, the content.
local function covered_agent(agent)
  local copy, baseline = {}, {}
  for key, value in pairs(agent) do copy[key] = value end
  for key, value in pairs(agent.baseline) do baseline[key] = value end
  if baseline.digest then baseline.policy = nil end
  copy.baseline = baseline
  return copy
end

local function covered_policy(policy)
  local copy, start = {}, {}
  for key, value in pairs(policy) do copy[key] = value end
  for key, value in pairs(policy.start) do start[key] = value end
  if start.digest then start.run = nil end
  copy.start = start
  return copy
end

--- What the hash covers: everything but name, tags and seed, and the code that the recipe names; what that code loads in
--- its turn is not covered. Of a file from which the env is made it covers the content (its digest), not the place.
local function covered(recipe, code)
  local copy, train, env = {}, {}, {}
  for key, value in pairs(recipe) do copy[key] = value end
  for key, value in pairs(recipe.train) do train[key] = value end
  for key, value in pairs(recipe.env) do env[key] = value end
  copy.name, copy.tags, train.seed = nil, nil, nil
  if env.digest then env.world = nil end
  if recipe.policy.start then copy.policy = covered_policy(recipe.policy) end
  if recipe.agent.baseline then copy.agent = covered_agent(recipe.agent) end
  copy.train, copy.env, copy.code = train, env, code
  return copy
end

--- 32 hexadecimal digits. recipe: resolved; code: of hash.code.
function hash.of(recipe, code) return prl.hash(covered(recipe, code)) end

return hash
