--- What is wrong with a recipe, as text: one sentence where it is one thing; else up to ten, a line each, in the order of
--- the files after those of overrides, each with its place: the line of its key or of a reward's read, or the override that
--- brought it in.

local locate = require "perilune.recipe.locate"

local mistakes = {}

local MOST = 10

local function under(path, above) return path == above or above == "" or path:sub(1, #above + 1) == above .. "." end

--- Whether what lies at an override's path is all its own: a table is merged into what was there.
local function replaces(recipe, path)
  local value = recipe
  for name in path:gmatch "[^.]+" do
    if type(value) ~= "table" then return true end
    value = value[tonumber(name) or name]
  end
  if type(value) ~= "table" then return true end
  for key in pairs(value) do
    if type(key) ~= "number" then return false end
  end
  return true
end

local function holds(refusals, refusal)
  for _, one in ipairs(refusals) do
    if one.path == refusal.path and one.message == refusal.message then return true end
  end
  return false
end

--- The path of the override that is at fault; nil: the files are. An override is where it wrote the value itself; else where
--- the refusal is not there without it. without(paths as a set): what is wrong with the recipe then; where nobody can say,
--- an override that wrote there is it.
local function override_of(evaluated, refusal, without)
  if next(evaluated.set) == nil then return nil end
  for path in pairs(evaluated.set) do
    if under(refusal.path, path) and (not without or replaces(evaluated.recipe, path)) then return path end
  end
  if not without then return nil end
  if holds(without(evaluated.set), refusal) then return nil end
  for path in pairs(evaluated.set) do
    if not holds(without {[path] = true}, refusal) then return path end
  end
  return next(evaluated.set) -- each would do harm alone
end

--- The file or override and the line where a refusal belongs.
local function place_of(evaluated, refusal, without)
  if refusal.file then return evaluated.files[refusal.file], refusal.line end
  for _, read in ipairs(refusal.read and evaluated.reads[refusal.path] or {}) do
    if read.name == refusal.read and evaluated.files[read.file] then return evaluated.files[read.file], read.line end
  end
  local override = not refusal.within and override_of(evaluated, refusal, without)
  for _, file in ipairs(evaluated.files) do
    if override and file.override and file.path == evaluated.set[override] then return file, 1 end
  end
  local path, line = locate.key(evaluated.files, refusal.axis and {"grid", refusal.axis} or refusal.path, refusal.within)
  for _, file in ipairs(evaluated.files) do
    if file.path == path and not file.override then return file, line end
  end
end

local function shown_place(file, line)
  return file.override and "--set " .. file.path or ("%s:%d"):format(file.path, line)
end

--- "file:line" of a key of a recipe that was loaded, or the override that wrote it.
function mistakes.place(loaded, path)
  local file, line = place_of(loaded, {path = path})
  return shown_place(file, line)
end

local function one_line(text) return (text:gsub("[\n\r\t]", " ")) end

local function sentence(file, line, refusal)
  local path = refusal.path == "" and "the recipe" or refusal.path
  return one_line(("%s: %s: %s"):format(shown_place(file, line),
    #path > 80 and path:sub(1, 80) .. "…" or path, refusal.message))
end

--- Defects of the values (recipe_eval), and what else is wrong but with those, or with what holds them. unknown(path) →
--- the hint where that is no key: a function under a misspelt key, as in rewrd = function(r) … end, is a misspelt key.
function mistakes.joined(defects, refusals, unknown)
  local all = {}
  for i, defect in ipairs(defects) do
    local hint = unknown and defect.kind == "function" and unknown(defect.path)
    all[i] = hint and {path = defect.path, message = "unknown key" .. hint, axis = defect.axis} or defect
  end
  for _, refusal in ipairs(refusals) do
    local new = true
    for _, defect in ipairs(defects) do
      new = new and not under(defect.path, refusal.path) and not under(refusal.path, defect.path)
    end
    if new then all[#all + 1] = refusal end
  end
  return all
end

--- evaluated: of recipe_eval; refusals: a list, not empty; without: see override_of.
function mistakes.text(evaluated, refusals, without)
  local ranks, found, said = {}, {}, {}
  for i, file in ipairs(evaluated.files) do ranks[file] = i end
  for i, refusal in ipairs(refusals) do
    local file, line = place_of(evaluated, refusal, without)
    local text = sentence(file, line, refusal)
    if not said[text] then
      said[text] = true
      found[#found + 1] = {text = text, rank = ranks[file] - (file.override and #evaluated.files or 0), line = line, i = i}
    end
  end
  table.sort(found, function(a, b)
    if a.rank ~= b.rank then return a.rank < b.rank end
    if a.line ~= b.line then return a.line < b.line end
    return a.i < b.i
  end)
  if #found == 1 then return found[1].text end
  local lines = {("%s: %d mistakes%s"):format(evaluated.files[1].path, #found, #found > MOST and
    (", of which these are the first %d"):format(MOST) or "")}
  for i = 1, math.min(#found, MOST) do lines[i + 1] = found[i].text end
  return table.concat(lines, "\n")
end

return mistakes
