--- CSVs of records: what is wrong in one is one sentence.
local files = require "support.files"
local message_of = require "support.refusal"
local csv = require "perilune.records.csv"

describe("a table of a run", function()
  local path = files.path()

  local function write(text)
    local file = assert(io.open(path, "w"))
    file:write(text)
    file:close()
  end

  local function refused(text, rows)
    write(text)
    local message, code = message_of(function() return rows and csv.first(path, rows) or csv.read(path) end)
    assert.equal(1, code)
    return (message:gsub(path, "F", 1))
  end

  it("has empty cells, and a last line that was cut is none of it", function()
    write("step,loss,entropy\n10,0.5,1\n20,,0.9\n30,0.1")
    local found = csv.read(path)
    assert.same({"step", "loss", "entropy"}, found.names)
    assert.equal(2, found.rows)
    assert.same({10, 20}, found.columns.step)
    assert.is_true(found.columns.loss[2] ~= found.columns.loss[2])
    assert.same({1, 0.9}, found.columns.entropy)
  end)

  it("is read as a spreadsheet saves it", function()
    write("\239\187\191step,\"a, \"\"b\"\"\"\r\n10,1\r\n")
    local found = csv.read(path)
    assert.same({"step", 'a, "b"'}, found.names)
    assert.same({10}, found.columns.step)
    assert.same({1}, found.columns['a, "b"'])
    local names, text = csv.first(path, 1)
    assert.same(found.names, names)
    assert.equal("step,\"a, \"\"b\"\"\"\n10,1\n", text)
  end)

  it("has no number that is not finite", function()
    write("step,loss,gain\n10,1e999,nan\n")
    local columns = csv.read(path).columns
    assert.is_true(columns.loss[1] ~= columns.loss[1] and columns.gain[1] ~= columns.gain[1])
  end)

  it("is refused by its line where it is none", function()
    assert.is_nil(csv.read(path .. "-nowhere"))
    assert.equal("F: empty; a header line was expected", refused "")
    assert.equal("F:1: column 2 has no name", refused "step,,a\n")
    assert.equal('F:1: the column "step" appears twice', refused "step,step\n")
    assert.equal('F:3: loss: expected a number, got "much"', refused "step,loss\n1,2\n2,much\n")
    assert.equal("F:2: expected a cell for each of 2 columns, got 1", refused "step,loss\n1\n2,3\n")
    assert.equal('F:2: column 3: expected a number, got "x"', refused "step,loss\n1,2,x\n")
  end)

  it("goes on only where the rows are that a checkpoint counts", function()
    write("step,loss\n1,2\n2,3\n3,4\n")
    local names, text = csv.first(path, 2)
    assert.same({"step", "loss"}, names)
    assert.equal("step,loss\n1,2\n2,3\n", text)
    assert.equal("F has 1 of the 3 rows that the checkpoint counts: it was cut since; put it back as it was",
      refused("step,loss\n1,2\n2,", 3))
    os.remove(path)
    assert.truthy(message_of(function() csv.first(path, 3) end):find("is not there, and the checkpoint counts 3", 1, true))
  end)
end)
