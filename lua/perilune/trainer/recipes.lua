--- The recipes of a run: the one in force is in the run's folder, as it was written and resolved, and run.json says more of
--- it. Each that was in force before or after a swap is in the folder of its hash under `recipes` as well, with that part of
--- run.json as about.json.

local posix = require "posix"
local failure = require "perilune.failure"
local about = require "perilune.trainer.about"
local paths = require "perilune.paths"
local prl = require "perilune"
local records = require "perilune.records"

local recipes = {}

local texts = {"recipe.lua", "recipe.json", "resolved.lua"}

local function place_of(hash) return ("recipes/%s/"):format(hash) end

-- As it was written. A change of the running recipe says nothing without that, and is what came of it.
local function written(loaded, resolved)
  if loaded.changes_running then return resolved end
  return loaded.files and loaded.files[1] and loaded.files[1].path == loaded.path and loaded.files[1].text
    or failure.check(prl.io.read(loaded.path))
end

--- The files of a loaded recipe, under a folder of the run ("": itself).
function recipes.write(folder, under, loaded)
  local resolved = ("-- %s resolved; hash %s\n%s"):format(loaded.path, loaded.hash, prl.recipe.text(loaded.recipe))
  folder:write(under .. "recipe.lua", written(loaded, resolved))
  folder:write_json(under .. "recipe.json", loaded.recipe)
  folder:write(under .. "resolved.lua", resolved)
end

local function write_about(folder, under, from)
  local said = {}
  for _, name in ipairs(about.recipe_fields) do said[name] = from[name] end
  folder:write_json(under .. "about.json", said)
end

--- Keeps the recipe in force, whose files are the run's own.
function recipes.keep(run)
  local folder, under = run.folder, place_of(run.info.hash)
  paths.make(folder:file(under))
  for _, name in ipairs(texts) do folder:write(under .. name, failure.check(prl.io.read(folder:file(name)))) end
  write_about(folder, under, run.info)
end

--- Keeps a recipe that has come into force. said: of about.recipe.
function recipes.keep_new(run, loaded, said)
  local under = place_of(loaded.hash)
  paths.make(run.folder:file(under))
  recipes.write(run.folder, under, loaded)
  write_about(run.folder, under, said)
end

--- The resolved recipe in force, as it was written; hash: of one that was kept.
function recipes.resolved(run, hash)
  local path = run.folder:file((hash and place_of(hash) or "") .. "recipe.json")
  return records.read(path) or failure.run(path .. " is not there")
end

--- The run's folder says that the recipe of this hash is in force, which was kept. run.json is the last.
function recipes.put(run, hash)
  local folder, info, under = run.folder, run.info, place_of(hash)
  if not posix.stat(folder:file(under .. "about.json")) then
    failure.run(("%s is not there, and the recipe in force is %s"):format(folder:file(under .. "about.json"), hash))
  end
  local said = records.read(folder:file(under .. "about.json"), "about")
  for _, name in ipairs(texts) do folder:write(name, failure.check(prl.io.read(folder:file(under .. name)))) end
  for _, name in ipairs(about.recipe_fields) do info[name] = said[name] end
  folder:write_json("run.json", info)
end

return recipes
