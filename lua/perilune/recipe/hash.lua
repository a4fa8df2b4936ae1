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

local function copied(values)
  local copy = {}
  for key, value in pairs(values) do copy[key] = value end
  return copy
end

-- The options, in whose values a saved agent is its content (its digest), not its place. place: what says that.
local function of_content(options, place)
  local copy = copied(options)
  for key, value in pairs(options) do
    if type(value) == "table" and value[place] ~= nil and value.digest then
      copy[key] = copied(value)
      copy[key][place] = nil
    end
  end
  return copy
end

--- What the hash covers: everything but name, tags and seed, and the code that the recipe names; what that code loads in
--- its turn is not covered. Of a file from which the env is made it covers the content (its digest), not the place.
local function covered(recipe, code)
  local copy, train, env = copied(recipe), copied(recipe.train), copied(recipe.env)
  copy.name, copy.tags, train.seed = nil, nil, nil
  if env.digest then env.world = nil end
  copy.policy, copy.algorithm = of_content(recipe.policy, "run"), of_content(recipe.algorithm, "run")
  copy.agent = of_content(recipe.agent, "policy")
  copy.train, copy.env, copy.code = train, env, code
  return copy
end

--- 32 hexadecimal digits. recipe: resolved; code: of hash.code.
function hash.of(recipe, code) return prl.hash(covered(recipe, code)) end

return hash
