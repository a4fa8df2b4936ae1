--- The files of a recipe, looked at while a run trains by it (`train --watch`): an edit is a request to swap.

local posix = require "posix"
local prl = require "perilune"
local journal = require "perilune.trainer.journal"

local watch = {}

local most_bytes = 2 ^ 20

local Watch = {}
Watch.__index = Watch

-- The texts of all files in one; a file that is gone has none, as in the moment in which an editor puts another in its place.
local function digest_of(files)
  local texts = {}
  for i, path in ipairs(files) do texts[i] = prl.io.read(path, most_bytes) or "" end
  return prl.hash_bytes(table.concat(texts, "\0"))
end

-- The paths of [{path, text}].
local function paths_of(files)
  local list = {}
  for i, file in ipairs(files) do list[i] = file.path end
  return list
end

--- info: run.json's, whose overrides (set) stay. options: schedules, of every request, as it says them; trust (code beside the
--- recipe may run). files: [{path, text}] that the recipe was made of; without them, in a run that goes on, they are looked up,
--- and where that fails it is the recipe's own file alone.
function watch.new(info, options, files)
  local self = setmetatable({recipe = info.recipe, set = info.set, schedules = options.schedules, trust = options.trust}, Watch)
  local loaded = self:load()
  self.hash = loaded and loaded.hash
  files = files or loaded and loaded.files or {{path = info.recipe}}
  self.files = paths_of(files)
  self.known = digest_of(self.files)
  self.seen = self.known
  return self
end

function Watch:load() return prl.recipe.load(self.recipe, {set = self.set, trust = self.trust}) end

--- What an edit asks for: {kind, recipe, set, author, reason, schedules}; nil where there is none. An edit counts when two looks find the
--- same text, so that a file that is being written is not taken for a whole one. One that leaves the file's own recipe as it was asks
--- for nothing, since an operator or a guard may have brought another into force; nor does one that comes to `hash`, the recipe in
--- force. The second result says so.
function Watch:request(hash)
  local digest = digest_of(self.files)
  local settled = digest == self.seen
  self.seen = digest
  if digest == self.known or not settled or not posix.stat(self.recipe) then return nil end
  self.known = digest
  local loaded = self:load()
  if loaded then
    self.files = paths_of(loaded.files)
    self.known = digest_of(self.files)
    self.seen = self.known
    local was = self.hash
    self.hash = loaded.hash
    if loaded.hash == hash then
      return nil, ("%s says what is in force already: nothing is changed"):format(self.recipe)
    elseif loaded.hash == was then
      return nil, ("%s says the recipe that it said before, and another is in force: nothing is changed"):format(self.recipe)
    end
  end
  return {kind = "swap", recipe = self.recipe, set = self.set, schedules = self.schedules, author = journal.author(),
    reason = "its file was edited (--watch)"}
end

return watch
