--- A run's journal: whatever is done to its lines is found, and said by the line.
local posix = require "posix"
local journal = require "perilune.records.journal"
local prl = require "perilune"

local a, b = ("a"):rep(32), ("b"):rep(32)

-- A journal of these entries: its lines, whole.
local function lines_of(entries)
  local lines, previous = {}, journal.first
  for i, fields in ipairs(entries) do
    local entry = {number = i, previous = previous, time = "2026-01-01T00:00:00Z", kind = "swap", author = "ada", step = 100 * i,
      before = a, after = b, outcome = "in force"}
    for name, value in pairs(fields) do entry[name] = value end
    lines[i] = prl.to_json(entry)
    previous = prl.hash_bytes(lines[i])
  end
  return lines, previous
end

local function text_of(lines) return table.concat(lines, "\n") .. "\n" end

describe("a run's journal", function()
  local folder, lines, last

  before_each(function()
    folder = assert(posix.mkdtemp("/tmp/perilune-journal-XXXXXX"))
    lines, last = lines_of {{reason = "one"}, {reason = "two"}, {reason = "three", changes = {{option = "x", after = "1"}}}}
  end)
  after_each(function() os.execute("rm -rf '" .. folder .. "'") end)

  local function read(text, info)
    if text then assert(prl.io.write(folder .. "/journal.jsonl", text)) end
    return journal.read(folder, info or {journal = {lines = 3, hash = last}})
  end
  local function refuses(text, message, info)
    local ok, err = pcall(read, text, info)
    assert.is_false(ok)
    assert.equal(1, err.code)
    assert.truthy(err.message:find(folder .. "/journal.jsonl" .. message, 1, true), err.message)
  end

  it("is read as it was written", function()
    local entries, hash = read(text_of(lines))
    assert.same({"one", "two", "three"}, {entries[1].reason, entries[2].reason, entries[3].reason})
    assert.equal(last, hash)
    assert.same({}, (journal.read(folder .. "/none", {})))
  end)

  it("shows a line that was edited, whichever it is", function()
    for i, word in ipairs {"one", "two"} do
      local old = lines[i]
      lines[i] = old:gsub(word, "other")
      refuses(text_of(lines), (":%d: it comes after a line with the hash %s"):format(i + 1, prl.hash_bytes(old)))
      lines[i] = old
    end
    lines[3] = lines[3]:gsub("three", "tree")
    refuses(text_of(lines), (":3: its hash is not %s, as run.json says: it was changed"):format(last))
  end)

  it("shows lines that are missing or were moved", function()
    refuses(text_of {lines[2], lines[3]}, ":1: its number is 2, and line 1 was expected here")
    refuses(text_of {lines[1], lines[3]}, ":2: its number is 3, and line 2 was expected here")
    refuses(text_of {lines[2], lines[1], lines[3]}, ":1: its number is 2")
    refuses(text_of {lines[1], lines[1], lines[2]}, ":2: its number is 1")
  end)

  it("shows an end that was cut off", function()
    refuses(text_of {lines[1], lines[2]}, ":2: this is the last line, and run.json counts 3: the end was cut off")
    refuses(text_of(lines):sub(1, -2), ":2: this is the last line, and run.json counts 3")
    refuses("", ":0: this is the last line, and run.json counts 3")
    os.remove(folder .. "/journal.jsonl")
    refuses(nil, " is not there, and run.json counts 3 lines of it")
  end)

  it("shows a last line that does not end, and gives what is before it to a run that goes on", function()
    local before = text_of {lines[1], lines[2]}
    local text, hash = before .. lines[3]:sub(1, 40), prl.hash_bytes(lines[2])
    refuses(text, ":3: the line does not end", {journal = {lines = 2, hash = hash}})
    local entries, found, whole = journal.read(folder, {journal = {lines = 2, hash = hash}}, true)
    assert.same({2, hash, before}, {#entries, found, whole})
  end)

  it("refuses what is no entry by its path", function()
    local function with(fields) return text_of((lines_of {fields})) end
    refuses("{}\n", ":1: after: this is missing", {})
    refuses("[\n", ":1: ", {})
    refuses(with {kind = "swop"}, ':1: kind: expected one of check, swap, guard, rollback, set, resume, got "swop"', {})
    refuses(with {after = "b"}, ":1: after: expected a hash of 32 hexadecimal digits", {})
    refuses(with {author = "a\nb"}, ":1: author: expected one line of at most 400 bytes", {})
    refuses(with {autor = "a"}, ':1: autor: unknown key; the nearest is "author"', {})
    refuses(with {step = -1}, ":1: step: expected a whole number ≥ 0, got -1", {})
  end)

  it("tells which swaps a run still has after it went on from an older checkpoint", function()
    local entries = {{kind = "swap", step = 10, outcome = "in force"}, {kind = "swap", step = 20, outcome = "refused: no"},
      {kind = "check", step = 25, outcome = "can be carried out"}, {kind = "swap", step = 30, outcome = "in force"},
      {kind = "resume", step = 20, outcome = ""}, {kind = "swap", step = 40, outcome = "in force"}}
    local steps = {}
    for i, entry in ipairs(journal.swaps(entries)) do steps[i] = entry.step end
    assert.same({10, 40}, steps)
    local function swap(step, after) return {kind = "swap", step = step, after = after, outcome = "in force"} end
    entries = {swap(10, b), swap(20, a), swap(20, b), {kind = "resume", step = 20, after = a, outcome = ""}} -- saved between the two
    assert.equal(entries[2], journal.swaps(entries)[2])
    assert.equal(2, #journal.swaps(entries))
  end)
end)
