--- A run's journal: whatever is done to its lines is found, and said by the line.
local failure = require "perilune.failure"
local files = require "support.files"
local journal = require "perilune.records.journal"
local mutations = require "support.mutations"
local page = require "perilune.report.journal"
local prl = require "perilune"
local show = require("perilune.cli.entry").show

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
    folder = files.folder()
    lines, last = lines_of {{reason = "one"}, {reason = "two"}, {reason = "three", changes = {{option = "x", after = "1"}}}}
  end)

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
    refuses(with {kind = "swop"}, ':1: kind: expected one of check, swap, shadow, confirm, ramp, guard, refit, rollback, set, resume, got '
      .. '"swop"', {})
    refuses(with {after = "b"}, ":1: after: expected a hash of 32 hexadecimal digits", {})
    refuses(with {author = "a\nb"}, ":1: author: expected one line of at most 400 bytes", {})
    refuses(with {autor = "a"}, ':1: autor: unknown key; the nearest is "author"', {})
    refuses(with {step = -1}, ":1: step: expected a whole number ≥ 0, got -1", {})
  end)

  -- What the commands and the report make of a journal that was read.
  local function shown(entries)
    local stdout = io.stdout
    io.stdout = assert(io.open("/dev/null", "w")) -- luacheck: ignore
    local ok, message = pcall(function()
      for _, entry in ipairs(entries) do show(entry) end
      page.marks {journal = entries}
      page.section {journal = entries}
    end)
    io.stdout:close()
    io.stdout = stdout -- luacheck: ignore
    return ok, message
  end

  -- A changed text is refused by one sentence that names its line, or it is read and can be shown. Returns what was read.
  local function survives(what, text, info)
    local path = folder .. "/journal.jsonl"
    assert(prl.io.write(path, text))
    local ok, entries = xpcall(journal.read, failure.handler, folder, info)
    if ok then
      assert.is_true(shown(entries), what)
      return entries
    end
    assert.equal("table", type(entries), what)
    assert.truthy(entries.code == 1 and entries.message:find(path, 1, true) == 1 and not entries.message:find("\n"), what .. ": "
      .. tostring(entries.message))
  end

  local everything = {reason = "one", request = "1.2.3", changes = {{option = "x", before = "1", after = "2"}},
    plan = {{part = "critic", name = "watch", outcome = "rescaled", reason = "its reward", taken = 3, of = 4, before = 1, after = 2}},
    guards = {{name = "kl", at_most = 0.05, value = 0.1, users = 3, control_users = 4}}}

  it("is read the same or refused by a sentence, whatever was changed in its bytes", function()
    lines, last = lines_of {everything, {kind = "guard"}, {kind = "resume"}}
    local info, text, read_again = {journal = {lines = 3, hash = last}}, text_of(lines), 0
    local whole = journal.parse(text)
    math.randomseed(16)
    local random = math.random
    for number = 1, 3000 do
      local changed = text
      for _ = 1, random(3) do
        local at = random(#changed)
        local to = math.min(at + random(20) - 1, #changed)
        changed = ({
          changed:sub(1, at - 1) .. string.char(random(256) - 1) .. changed:sub(at + 1),
          changed:sub(1, at - 1) .. changed:sub(to + 1),
          changed:sub(1, to) .. changed:sub(at),
          changed:sub(1, at),
        })[random(4)]
      end
      local entries = survives("mutation " .. number, changed, info)
      if entries then
        read_again = read_again + 1
        assert.same(whole, {unpack(entries, 1, 3)}, number) -- whole lines behind those that run.json counts are of a kill
      end
    end
    assert.is_true(read_again < 30, read_again)
  end)

  it("is shown or refused, whatever stands in an entry whose hashes are right", function()
    local refused, read_well = 0, 0
    local fields = {number = 1, previous = journal.first, time = "2026-01-01T00:00:00Z", kind = "swap", author = "ada", step = 100,
      before = a, after = b, outcome = "in force"}
    for name, value in pairs(everything) do fields[name] = value end
    for _, mutation in ipairs(mutations.of_json(prl.to_json(fields))) do
      if type(mutation[2]) == "string" and not mutation[2]:find "\n" then
        if survives(mutation[1], mutation[2] .. "\n", {}) then read_well = read_well + 1 else refused = refused + 1 end
      end
    end
    assert.is_true(refused > 100 and read_well > 10, ("%d, %d"):format(refused, read_well))
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
