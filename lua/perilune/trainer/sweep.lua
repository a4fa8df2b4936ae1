--- Sweeps: a recipe trained at every point of a grid, each on the same seeds, and the best point once more on seeds
--- that it was not chosen by.
---
--- A plan is {name, path (of the recipe), set = [overrides of every point], axes = [{path, values = [{text (as Lua),
--- label, number or nil}]}], points = [{index = [of each axis], values = [of each axis], set = [overrides], hash,
--- steps, base (whether it is the base itself)}], seeds, first, metric, minimise, trust, base (loaded)}. Seeds are not
--- ranked, and none is left out: a point is the mean over all of them.

local failure = require "perilune.failure"
local nearest = require "perilune.nearest"
local paths = require "perilune.paths"
local printer = require "perilune.recipe.print"
local locate = require "perilune.recipe.locate"
local measure = require "perilune.trainer.measure"
local jobs = require "perilune.trainer.jobs"
local judges = require "perilune.trainer.judges"
local ratios = require "perilune.stats.ratios"
local source = require "perilune.trainer.source"

local sweep = {}

sweep.most_points, sweep.most_seeds = 256, 1000
sweep.default_seeds = 5
local longest_label = 28

-- ---- words ----

--- Splits "a,b,{c,d}" at its commas outside brackets and quotes.
function sweep.split(text)
  local parts, depth, from, quote, i = {}, 0, 1, nil, 1
  while i <= #text do
    local c = text:sub(i, i)
    if quote then
      if c == "\\" then i = i + 1 elseif c == quote then quote = nil end
    elseif c == '"' or c == "'" then
      quote = c
    elseif c:find("[%({%[]") then
      depth = depth + 1
    elseif c:find("[%)}%]]") then
      depth = depth - 1
    elseif c == "," and depth == 0 then
      parts[#parts + 1] = text:sub(from, i - 1)
      from = i + 1
    end
    i = i + 1
  end
  parts[#parts + 1] = text:sub(from)
  for k, part in ipairs(parts) do parts[k] = part:match("^%s*(.-)%s*$") end
  return parts
end

-- The value as its table, its folder and its picture name it: number i of its axis.
local function value_of(text, i)
  local number = tonumber(text)
  local label = number and printer.number(number) or text:match('^"([^"\\]*)"$') or text
  if #label > longest_label then
    label = ("%d: %s…"):format(i, label:sub(1, longest_label):gsub("[\194-\244][\128-\191]*$", ""))
  end
  return {text = text, label = label, number = number}
end

-- ---- the axes ----

--- A refusal with the place of a key of the sweep's file.
local function refuse(loaded, keys, message)
  local file, line = locate.key(loaded.files, keys)
  failure.usage(("%s:%d: %s: %s"):format(file, line, table.concat(keys, "."), message))
end

local function whole(loaded, name, least, most)
  local value = loaded.sweep[name]
  if value == nil or (type(value) == "number" and value % 1 == 0 and value >= least and value <= most) then
    return value
  end
  refuse(loaded, {name}, ("expected a whole number from %.0f to %.0f, got %s"):format(least, most, tostring(value)))
end

local function check_fields(loaded)
  local metric, direction = loaded.sweep.metric, loaded.sweep.direction
  if metric ~= nil and type(metric) ~= "string" then refuse(loaded, {"metric"}, "expected the name of a response") end
  if direction ~= nil and direction ~= "maximise" and direction ~= "minimise" then
    refuse(loaded, {"direction"}, ('expected "maximise" or "minimise", got %s'):format(tostring(direction)))
  end
end

local function grid_axes(loaded)
  local grid, axes = loaded.sweep.grid, {}
  if grid == nil then return axes end
  if type(grid) ~= "table" or #grid > 0 then
    refuse(loaded, {"grid"}, 'expected axes, as in {["algorithm.lr"] = {1e-3, 1e-4}}')
  end
  for path, list in pairs(grid) do
    local count = 0
    for _ in pairs(type(list) == "table" and list or {}) do count = count + 1 end
    if type(list) ~= "table" or count ~= #list then
      refuse(loaded, {"grid", path}, "expected a list of values, as in {1e-3, 1e-4}")
    end
    local axis = {path = path, values = {}, file = true}
    for i, value in ipairs(list) do axis.values[i] = value_of(printer.value(value, path), i) end
    axes[#axes + 1] = axis
  end
  table.sort(axes, function(a, b) return a.path < b.path end)
  return axes
end

-- --set of the command line: several values make an axis, one value is an override; both win over the file's grid.
local function add_words(axes, words)
  local plain, given = {}, {}
  for _, word in ipairs(words) do
    local path, text = word:match("^([^=]+)=(.*)$")
    if not path then
      failure.usage(("--set %s: expected a path and values, such as algorithm.lr=1e-3,1e-4"):format(word))
    end
    if given[path] then failure.usage(("--set %s: %s was set before"):format(word, path)) end
    given[path] = true
    local values, at = {}, nil
    for i, part in ipairs(sweep.split(text)) do
      if part == "" then failure.usage(("--set %s: a value between its commas is empty"):format(word)) end
      values[i] = value_of(part, i)
    end
    for i, axis in ipairs(axes) do at = axis.path == path and i or at end
    if #values == 1 then
      if at then table.remove(axes, at) end
      plain[#plain + 1] = word
    else
      axes[at or #axes + 1] = {path = path, values = values}
    end
  end
  return plain
end

-- What a refusal of an axis begins with.
local function axis_refusal(plan, axis, message)
  if axis.file then refuse(plan.base, {"grid", axis.path}, message) end
  failure.usage(("--set %s: %s"):format(axis.path, message))
end

-- Options that would make points incomparable, or that are not the recipe's.
local function check_meaning(plan, axis)
  local first, second = axis.path:match("^([^.]*)%.?([^.]*)")
  local seed = axis.path == "train.seed" or axis.path == "seed" -- of a recipe, of a script
  if first == "name" or first == "tags" or seed then
    axis_refusal(plan, axis, seed and "seeds are not an axis: all points share them, and --seeds says how many"
      or "it is no part of what is trained")
  end
  if first == "eval" then axis_refusal(plan, axis, "points that are judged differently cannot be compared") end
  if first == "env" and second ~= "n" then
    axis_refusal(plan, axis, "points of different environments cannot be compared")
  end
end

-- Every path is an option of the base, whose defaults are all filled in.
local function check_path(plan, axis)
  local here, walked = plan.base.recipe, {}
  for part in (axis.path .. "."):gmatch("([^.]*)%.") do
    local name = tonumber(part) or part
    if type(here) ~= "table" then
      axis_refusal(plan, axis, ("the base's %s is %s, and has no %s"):format(table.concat(walked, "."), tostring(here), part))
    end
    if here[name] == nil then
      local names = {}
      for key in pairs(here) do
        if type(key) == "string" then names[#names + 1] = key end
      end
      table.sort(names)
      axis_refusal(plan, axis, ("the base has no option %s%s"):format(axis.path,
        #names > 0 and nearest.hint_or_list(part, names) or ""))
    end
    here, walked[#walked + 1] = here[name], part
  end
end

local function check_axis(plan, axis)
  if #axis.values == 0 then axis_refusal(plan, axis, "the axis has no values") end
  check_meaning(plan, axis)
  check_path(plan, axis)
  local declared = (plan.base.algorithm.options or {})[axis.path:match("^algorithm%.([^.]+)$")]
  axis.by_factors = declared ~= nil and declared.scale == "log"
  local seen = {}
  for _, value in ipairs(axis.values) do
    if seen[value.number or value.text] then axis_refusal(plan, axis, ("%s appears twice"):format(value.label)) end
    seen[value.number or value.text] = true
  end
end

-- ---- the points ----

local function load(plan, set)
  return source.load(plan.path, {set = set, trust = plan.trust})
end

-- A mistake of a point: a value of the file's grid is refused at its place there; where several values clash, the point is
-- named.
local function at_point(plan, point, sentence)
  for i, axis in ipairs(plan.axes) do
    local start = ("--set %s=%s: "):format(axis.path, point.values[i].text)
    if sentence:sub(1, #start) == start then
      local rest, place = sentence:sub(#start + 1), start
      if axis.file then place = ("%s:%d: "):format(locate.key(plan.base.files, {"grid", axis.path})) end
      if rest:sub(1, #axis.path) == axis.path then return place .. rest end
      sentence = place .. rest
    end
  end
  return ("%s (at the point %s)"):format(sentence, sweep.label(plan, point))
end

local function point_refusal(plan, point, message)
  local lines, many = {}, message:find("\n", 1, true) -- under how many there are
  for sentence in message:gmatch "[^\n]+" do
    lines[#lines + 1] = many and #lines == 0 and sentence or at_point(plan, point, sentence)
  end
  failure.usage(table.concat(lines, "\n"))
end

local function point_at(plan, number)
  local point, rest = {index = {}, values = {}, set = {}}, number - 1
  for i = #plan.axes, 1, -1 do
    local axis = plan.axes[i]
    point.index[i] = rest % #axis.values + 1
    point.values[i] = axis.values[point.index[i]]
    rest = math.floor(rest / #axis.values)
  end
  for i, text in ipairs(plan.set) do point.set[i] = text end
  local order = {} -- a choice such as algorithm=ppo comes before options within it
  for i in ipairs(plan.axes) do order[i] = i end
  table.sort(order, function(a, b) return plan.axes[a].path < plan.axes[b].path end)
  for _, i in ipairs(order) do
    point.set[#point.set + 1] = ("%s=%s"):format(plan.axes[i].path, point.values[i].text)
  end
  return point
end

local function make_points(plan)
  local count = 1
  for _, axis in ipairs(plan.axes) do count = count * #axis.values end
  if count > sweep.most_points then
    failure.usage(("the grid has %d points, and a sweep at most %d: leave values out, or sweep one axis after another")
      :format(count, sweep.most_points))
  end
  local by_hash = {}
  for number = 1, count do
    local point = point_at(plan, number)
    local loaded, message = load(plan, point.set)
    if not loaded then point_refusal(plan, point, message) end
    point.hash, point.base, point.steps = loaded.hash, loaded.hash == plan.base.hash, jobs.steps(loaded)
    local same = by_hash[point.hash]
    if same then
      failure.usage(("%s and %s are the same recipe"):format(sweep.label(plan, same), sweep.label(plan, point)))
    end
    by_hash[point.hash], plan.points[number] = point, point
  end
end

local function short_name(path) return path:match("([^.]+)$") end

--- The axes' short names: the last part of their paths, or the whole where two would be the same.
function sweep.names(plan)
  local count, names = {}, {}
  for _, axis in ipairs(plan.axes) do count[short_name(axis.path)] = (count[short_name(axis.path)] or 0) + 1 end
  for i, axis in ipairs(plan.axes) do
    names[i] = count[short_name(axis.path)] == 1 and short_name(axis.path) or axis.path
  end
  return names
end

--- "gamma=0.5 lr=0.001".
function sweep.label(plan, point)
  local parts = {}
  for i, name in ipairs(sweep.names(plan)) do parts[i] = ("%s=%s"):format(name, point.values[i].label) end
  return table.concat(parts, " ")
end

--- Checks everything before the first run begins. options: set, trust; seeds, first, metric, minimise in place of what
--- the file says. Raises what is wrong as one sentence.
function sweep.plan(path, options)
  local plan = {path = path, trust = options.trust, points = {}}
  plan.base = failure.check_recipe(source.load(path, {trust = options.trust}))
  plan.base.sweep = plan.base.sweep or {}
  check_fields(plan.base)
  local said = plan.base.sweep
  plan.seeds = options.seeds or whole(plan.base, "seeds", 1, sweep.most_seeds) or sweep.default_seeds
  plan.first = options.first or whole(plan.base, "first_seed", 0, 2 ^ 52) or 1
  local own_metric = options.metric == nil or options.metric == said.metric -- the direction is that of the file's metric
  plan.minimise = options.minimise or (own_metric and said.direction == "minimise") or false
  plan.axes = grid_axes(plan.base)
  plan.set = add_words(plan.axes, options.set or {})
  if #plan.axes == 0 then
    failure.usage(path .. ": there is nothing to sweep: a sweep has a grid, or --set PATH=A,B,C")
  end
  if #plan.set > 0 then
    plan.base = failure.check_recipe(load(plan, plan.set))
    plan.base.sweep = said
  end
  plan.name = plan.base.recipe.name
  for _, axis in ipairs(plan.axes) do check_axis(plan, axis) end
  local message
  plan.metric, message = measure.find(plan.base, options.metric or said.metric)
  if not plan.metric then
    if options.metric or not said.metric then failure.usage("--metric: " .. message) end
    refuse(plan.base, {"metric"}, message)
  end
  make_points(plan)
  return plan
end

-- ---- the runs ----

local function folder_name(plan, point)
  return ("%s-%s"):format(paths.word(sweep.label(plan, point)):sub(1, 80), point.hash:sub(1, 8))
end

-- Of these points on seeds first … first + seeds − 1. Seed by seed: a sweep that is stopped has some of every point.
local function jobs_of(plan, points, first, root)
  local list = {}
  for seed = first, first + plan.seeds - 1 do
    for _, point in ipairs(points) do
      list[#list + 1] = {recipe = plan.path, script = plan.base.script, set = point.set, hash = point.hash, seed = seed,
        runs = ("%s/%s"):format(root, folder_name(plan, point)), steps = point.steps, point = point,
        name = ("%s with seed %.0f"):format(sweep.label(plan, point), seed)}
    end
  end
  return list
end

--- The jobs of the whole grid.
function sweep.grid_jobs(plan, root) return jobs_of(plan, plan.points, plan.first, root) end

--- The jobs of one point on fresh seeds: as many, beyond those of the grid.
function sweep.fresh_jobs(plan, point, root) return jobs_of(plan, {point}, plan.first + plan.seeds, root) end

--- An index of the runs in a sweep's folder, for jobs.find.
function sweep.index(root)
  return jobs.index(paths.folders(root))
end

--- Trains what is left of these jobs. Returns the failures.
function sweep.train(list, root, options)
  local index = sweep.index(root)
  return jobs.train(list, {jobs = options.jobs, quiet = options.quiet, trust = options.trust, root = root, go_on = true,
    find = function(job) return jobs.find(index, job) end})
end

--- What the finished runs of these jobs measured, in their order: [{seed, folder, value, panel or nil}]; nil and a
--- sentence where some did not finish or have no number, and whether it is that the metric is undefined.
function sweep.measured(plan, list, point, index)
  local found, missing = {}, 0
  for _, job in ipairs(list) do
    if job.point == point then
      local run = jobs.find(index, job)
      if run and run.status == "finished" then
        local one = measure.read(run.path, plan.metric, job.seed)
        if one.value ~= one.value then
          return nil, ("%s, in %s"):format(plan.metric.per and ratios.undefined(plan.metric)
            or ("undefined: there is no number for %s"):format(plan.metric.name), run.path), true
        end
        found[#found + 1] = one
      else
        missing = missing + 1
      end
    end
  end
  if missing > 0 then return nil, ("%d of its runs did not finish"):format(missing) end
  return found
end

--- The lift table of these runs over their baseline, every metric of it; nil where they were judged by episodes.
function sweep.lift(plan, list, name)
  return judges.of(plan.base.recipe.eval).lift(list, sweep.baseline(plan), name)
end

--- The baseline's name; nil where runs are judged by episodes.
function sweep.baseline(plan)
  local eval = plan.base.recipe.eval
  return judges.of(eval).baseline(eval)
end

return sweep
