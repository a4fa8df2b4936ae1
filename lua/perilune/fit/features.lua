--- From a log to what the ranker reads: ids, numbers and sequences of each impression, made in one pass in order of
--- time. A row sees what was known before its own moment: rows of the same millisecond do not see each other.
local prl = require "perilune"
local log_reader = require "perilune.fit.log"
local sorted_keys = require "perilune.keys"

local features = {}

local CHUNK = 4096
local floor, log1p_of = math.floor, function(x) return math.log(1 + x) end

-- ---- Fields: an id for each row ----

local function texts_of_column(source, reference)
  local name, column = log_reader.split(reference)
  local from = name and source.tables[name] or source
  return from.texts[column], from.columns[column], name and from.row_of, name and source.columns[from.key]
end

--- A function of the row that gives its value, or `absent` where the table has no such row.
local function getter(source, reference, absent)
  local _, values, row_of, keys = texts_of_column(source, reference)
  if not row_of then return function(i) return values[i] end end
  return function(i)
    local row = row_of[keys[i]]
    if row then return values[row] end
    return absent
  end
end

--- {id = function(i), texts = {text, …} of ids from 0}. An absent row has the id of "".
local function new_field(source, entry)
  if not (entry.divide or entry.log_bins) then
    local texts = texts_of_column(source, entry[1])
    if texts then
      local absent, copy = #texts, {}
      for i, text in ipairs(texts) do
        copy[i] = text
        if text == "" then absent = i - 1 end
      end
      copy[absent + 1] = ""
      return {id = getter(source, entry[1], absent), texts = copy}
    end
  end
  local value, ids, texts = getter(source, entry[1], 0), {}, {}
  local divide, bins = entry.divide or 1, entry.log_bins
  return {
    texts = texts,
    id = function(i)
      local x = value(i) / divide
      x = floor(bins and bins * log1p_of(math.max(x, 0)) or x)
      local id = ids[x]
      if not id then
        id = #texts
        ids[x] = id
        texts[id + 1] = ("%d"):format(x)
      end
      return id
    end,
  }
end

--- Every field of the recipe: {name = {id = function(row), texts}}.
function features.fields(source, recipe)
  local fields = {}
  for name, entry in pairs(recipe.fields) do fields[name] = new_field(source, entry) end
  return fields
end

-- ---- Numbers ----

local function count_words(text)
  local count = 0
  for _ in (text or ""):gmatch "%S+" do count = count + 1 end
  return count
end

--- Values of a column of words, one for each row of its table, counted once.
local function word_counts(source, reference)
  local name, column = log_reader.split(reference)
  local from, counts = source.tables[name], {}
  for row, text in ipairs(from.columns[column]) do counts[row] = count_words(text) end
  local keys = source.columns[from.key]
  return function(i)
    local row = from.row_of[keys[i]]
    return row and counts[row] or 0
  end
end

local function new_number(source, entry)
  local value = entry.words and word_counts(source, entry[1]) or getter(source, entry[1], 0)
  local over = entry.over and word_counts(source, entry.over)
  local divide, log1p = entry.divide, entry.log1p
  return function(i)
    local x = value(i)
    if over then x = (x + 1) / (over(i) + 3) end
    x = x / divide
    return log1p and log1p_of(math.max(x, 0)) or x
  end
end

-- ---- State: what earlier rows leave behind. Each has read(i, out, at) → next place, and update(i) ----

local function key_of(fields, by)
  local a, b = fields[by[1]].id, by[2] and fields[by[2]].id
  if not b then return a end
  return function(i) return a(i) * 67108864 + b(i) end
end

--- log1p of the count, then (sum + prior·strength) / (count + strength) of each head.
local function new_rate(build, name, entry)
  local key, heads, counts, sums = key_of(build.fields, entry.by), sorted_keys(entry.of), {}, {}
  local labels, strengths, priors = {}, {}, {}
  build.add_number("count/" .. name)
  for k, head in ipairs(heads) do
    labels[k], strengths[k], priors[k], sums[k] = build.labels[head], entry.of[head], build.priors[head], {}
    build.add_number(("rate/%s/%s"):format(name, head))
  end
  local n = #heads
  return {
    read = function(i, out, at)
      local cell = key(i)
      local count = counts[cell] or 0
      out[at] = log1p_of(count)
      for k = 1, n do
        local sum = count > 0 and sums[k][cell] or 0
        out[at + k] = (sum + priors[k] * strengths[k]) / (count + strengths[k] + 1e-9)
      end
      return at + n + 1
    end,
    update = function(i)
      local cell = key(i)
      counts[cell] = (counts[cell] or 0) + 1
      for k = 1, n do sums[k][cell] = (sums[k][cell] or 0) + labels[k][i] end
    end,
  }
end

local function new_recent(build, name, entry)
  local key, keep, n = build.fields[entry.by].id, entry.keep, #entry.of
  local labels, means, priors = {}, {}, {}
  for k, head in ipairs(entry.of) do
    labels[k], means[k], priors[k] = build.labels[head], {}, build.priors[head]
    build.add_number(("recent/%s/%s"):format(name, head))
  end
  return {
    read = function(i, out, at)
      local cell = key(i)
      for k = 1, n do out[at + k - 1] = means[k][cell] or priors[k] end
      return at + n
    end,
    update = function(i)
      local cell = key(i)
      for k = 1, n do means[k][cell] = keep * (means[k][cell] or priors[k]) + (1 - keep) * labels[k][i] end
    end,
  }
end

local function new_gap(build, name, entry)
  local key, time, last = build.fields[entry.by].id, build.time, {}
  local start = entry.start and getter(build.source, entry.start, 0) or function() return 0 end
  build.add_number("gap/" .. name)
  return {
    read = function(i, out, at)
      local before = last[key(i)] or start(i)
      local gap = before > 0 and time[i] - before or 3 * 864e5 -- three days for "never"
      out[at] = log1p_of(math.max(gap, 0) / 1000)
      return at + 1
    end,
    update = function(i) last[key(i)] = time[i] end,
  }
end

--- The newest `length` items, as rows of the table of embeddings; row 0 means none.
local function new_sequence(build, entry)
  local key, item, length = build.fields[entry.by].id, build.fields[entry.of], entry.length
  local where, row = entry.where and build.labels[entry.where], build.row_of[entry.of]
  local id_of, texts, queues = {}, item.texts, {}
  for k, text in ipairs(texts) do id_of[text] = k - 1 end
  local start = entry.start and getter(build.source, entry.start, "") or function() return "" end
  local function queue(i)
    local cell = key(i)
    local q = queues[cell]
    if not q then
      q = {n = 0}
      for word in start(i):gmatch "%S+" do
        local id = id_of[word]
        if id then q.n = q.n + 1; q[(q.n - 1) % length + 1] = row(id) end
      end
      queues[cell] = q
    end
    return q
  end
  return {
    length = length,
    read = function(i, out, at)
      local q = queue(i)
      for k = 0, length - 1 do out[at + k] = k < q.n and q[(q.n - 1 - k) % length + 1] or 0 end
      return at + length
    end,
    update = function(i)
      if where and where[i] == 0 then return end
      local q = queue(i)
      q.n = q.n + 1
      q[(q.n - 1) % length + 1] = row(item.id(i))
    end,
  }
end

-- ---- The whole ----

--- Labels of each head in its own unit.
local function make_labels(source, recipe)
  local labels = {}
  for name, head in pairs(recipe.heads) do
    local from, to = source.columns[head[1]], {}
    for i = 1, source.rows do
      local x = from[i] / head.divide
      to[i] = head.log1p and log1p_of(math.max(x, 0)) or x
      if head.loss == "logistic" and x ~= 0 and x ~= 1 then
        log_reader.refuse(('heads.%s: the column %s holds %g; a logistic head needs 0 and 1'):format(name, head[1], x))
      end
    end
    labels[name] = to
  end
  return labels
end

--- Rows of the table of embeddings: 0 is "none"; then for each category one for whatever is rare or new, and one for
--- each id that the training rows hold at least min_count times.
local function make_vocabulary(build, recipe, training)
  local vocabulary, next_row = {}, 1
  for _, name in ipairs(recipe.categories) do
    local field, counts, map, kept = build.fields[name], {}, {}, {}
    for _, i in ipairs(training) do
      local id = field.id(i)
      counts[id] = (counts[id] or 0) + 1
    end
    local base = next_row
    for id = 0, #field.texts - 1 do
      if (counts[id] or 0) >= recipe.model.min_count then
        kept[#kept + 1] = field.texts[id + 1]
        map[id] = base + #kept
      end
    end
    next_row = base + #kept + 1
    build.row_of[name] = function(id) return map[id] or base end
    vocabulary[name] = {base = base, texts = kept}
  end
  return vocabulary, next_row
end

local function mean(values, rows)
  local sum = 0
  for _, i in ipairs(rows) do sum = sum + values[i] end
  return sum / #rows
end

local function new_build(source, recipe, training)
  local build = {source = source, fields = features.fields(source, recipe), row_of = {}, labels = make_labels(source, recipe), priors = {},
    time = source.columns[recipe.log.time], numbers = {}}
  for name in pairs(recipe.heads) do build.priors[name] = mean(build.labels[name], training) end
  function build.add_number(name) build.numbers[#build.numbers + 1] = name end
  return build
end

local function make_state(build, recipe)
  local numbers, sequences = {}, {}
  for _, name in ipairs(sorted_keys(recipe.rates)) do numbers[#numbers + 1] = new_rate(build, name, recipe.rates[name]) end
  for _, name in ipairs(sorted_keys(recipe.recent)) do numbers[#numbers + 1] = new_recent(build, name, recipe.recent[name]) end
  for _, name in ipairs(sorted_keys(recipe.gaps or {})) do numbers[#numbers + 1] = new_gap(build, name, recipe.gaps[name]) end
  for _, name in ipairs(sorted_keys(recipe.sequences)) do
    sequences[#sequences + 1] = new_sequence(build, recipe.sequences[name])
  end
  return numbers, sequences
end

--- Copies flat Lua values into rows first … of a tensor.
local function flush(tensor, first, rows, values, width, dtype)
  if width == 0 then return end
  for i = #values, rows * width + 1, -1 do values[i] = nil end
  tensor:narrow(1, first, first + rows - 1):copy_(prl.tensor(values, dtype):view(rows, width))
end

--- Names of the heads in the order of the ranker's outputs: logistic ones first.
function features.heads(recipe)
  local heads = sorted_keys(recipe.heads)
  table.sort(heads, function(a, b)
    local x, y = recipe.heads[a].loss, recipe.heads[b].loss
    return x < y or (x == y and a < b)
  end)
  return heads
end

--- Makes everything. training: the rows that the vocabulary, the priors and the scale of numbers may come from.
--- snapshot: {day =, probes = {row, …}}: rows from that day on leave nothing behind, so that they all see what was known
--- when it began; after the log's rows come the probes' once more, as they would be read at that moment.
--- Returns {ids (N, C), numbers (N, X), sequences (N, S), labels (N, H), number_names, vocabulary, table_rows,
--- sequence_lengths, fields, and by head: values, priors}.
function features.make(source, recipe, training, progress, snapshot)
  local build = new_build(source, recipe, training)
  local plain, heads = {}, features.heads(recipe)
  for _, name in ipairs(sorted_keys(recipe.numbers)) do
    plain[#plain + 1] = new_number(source, recipe.numbers[name])
    build.add_number(name)
  end
  local vocabulary, table_rows = make_vocabulary(build, recipe, training)
  local states, sequences = make_state(build, recipe)
  local probes, frozen = snapshot and snapshot.probes or {}, snapshot and snapshot.day or math.huge
  local logged, days, time, categories = source.rows, source.columns[recipe.log.day], build.time, recipe.categories
  local rows = logged + #probes
  local C, X, H, S, lengths = #categories, #build.numbers, #heads, 0, {}
  for k, sequence in ipairs(sequences) do S, lengths[k] = S + sequence.length, sequence.length end
  local result = {
    rows = rows, ids = prl.zeros({rows, C}, "int32"), numbers = prl.zeros(rows, math.max(X, 1)),
    sequences = prl.zeros({rows, math.max(S, 1)}, "int32"), labels = prl.zeros(rows, H), heads = heads,
    number_names = build.numbers, vocabulary = vocabulary, table_rows = table_rows, sequence_lengths = lengths,
    fields = build.fields, values = build.labels, priors = build.priors,
  }
  local ids, numbers, items, labels = {}, {}, {}, {}
  local id_of, row_of, value_of = {}, {}, {}
  for k, name in ipairs(categories) do id_of[k], row_of[k] = build.fields[name].id, build.row_of[name] end
  for k, head in ipairs(heads) do value_of[k] = build.labels[head] end
  local function read(i, at)
    local place = at * C
    for k = 1, C do ids[place + k] = row_of[k](id_of[k](i)) end
    place = at * X + 1
    for k = 1, #plain do numbers[place] = plain[k](i); place = place + 1 end
    for k = 1, #states do place = states[k].read(i, numbers, place) end
    place = at * S + 1
    for k = 1, #sequences do place = sequences[k].read(i, items, place) end
    place = at * H
    for k = 1, H do labels[place + k] = value_of[k][i] end
  end
  local seen = 1 -- rows before this one have left their answers behind
  local function pass()
    if days[seen] < frozen then
      for k = 1, #states do states[k].update(seen) end
      for k = 1, #sequences do sequences[k].update(seen) end
    end
    seen = seen + 1
  end
  for first = 1, rows, CHUNK do
    local count = math.min(CHUNK, rows - first + 1)
    for i = first, first + count - 1 do
      if i <= logged then
        while time[seen] < time[i] do pass() end
      else
        while seen <= logged do pass() end
      end
      read(i <= logged and i or probes[i - logged], i - first)
    end
    flush(result.ids, first, count, ids, C, "int32")
    flush(result.numbers, first, count, numbers, X, "float32")
    flush(result.sequences, first, count, items, S, "int32")
    flush(result.labels, first, count, labels, H, "float32")
    if progress then progress("features", first + count - 1, rows) end
  end
  return result
end

return features
